/* Options of the example programs: a table of "--name value" pairs, checked before the program starts. */
#ifndef EXAMPLES_COMMON_CLI_H
#define EXAMPLES_COMMON_CLI_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum cli_kind {
    CLI_FLAG,    /* int32_t, becomes 1; takes no value */
    CLI_INTEGER, /* int64_t, from low to high */
    CLI_NUMBER,  /* double, from low to high */
    CLI_TEXT,    /* const char * */
    CLI_TEXTS,   /* cli_list; may be given many times */
    CLI_CHOICE   /* int32_t, the place of the value in `choices` */
} cli_kind;

enum { CLI_LIST_CAPACITY = 16 };

typedef struct cli_list {
    const char *items[CLI_LIST_CAPACITY];
    int count;
} cli_list;

typedef struct cli_option {
    const char *name; /* without "--" */
    cli_kind kind;
    void *target;
    const char *help;
    double low, high;
    const char *choices; /* "adam|sgd"; for other kinds what stands for the value in the help */
} cli_option;

/* The place of `value` in "one|two|three", -1 if it is not there. */
static inline int32_t cli_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (int32_t place = 0; choices; place++) {
        size_t span = strcspn(choices, "|");
        if (span == length && !strncmp(choices, value, span))
            return place;
        choices = choices[span] ? choices + span + 1 : NULL;
    }
    return -1;
}

/* Reads one value into its target; 0, or -1 with a message. */
static inline int cli_value(const char *program, const cli_option *option, const char *value)
{
    char *end = NULL;
    errno = 0;
    if (option->kind == CLI_TEXT) {
        *(const char **)option->target = value;
        return 0;
    }
    if (option->kind == CLI_TEXTS) {
        cli_list *list = option->target;
        if (list->count == CLI_LIST_CAPACITY) {
            fprintf(stderr, "%s: --%s is given more than %d times\n", program, option->name,
                    CLI_LIST_CAPACITY);
            return -1;
        }
        list->items[list->count++] = value;
        return 0;
    }
    if (option->kind == CLI_CHOICE) {
        int32_t place = cli_choice(option->choices, value);
        if (place >= 0)
            *(int32_t *)option->target = place;
        else
            fprintf(stderr, "%s: --%s is \"%s\"; allowed are %s\n", program, option->name, value,
                    option->choices);
        return place >= 0 ? 0 : -1;
    }
    double number = option->kind == CLI_INTEGER ? (double)strtoll(value, &end, 10) : strtod(value, &end);
    if (end == value || *end || errno || !(number >= option->low && number <= option->high)) {
        fprintf(stderr, "%s: --%s is \"%s\"; allowed is %s from %.10g to %.10g\n", program, option->name,
                value, option->kind == CLI_INTEGER ? "a whole number" : "a number", option->low,
                option->high);
        return -1;
    }
    if (option->kind == CLI_INTEGER)
        *(int64_t *)option->target = strtoll(value, NULL, 10);
    else
        *(double *)option->target = number;
    return 0;
}

static inline void cli_help(const char *program, const char *about, const cli_option *options, size_t count)
{
    static const char *const VALUES[] = {"", "N", "X", "TEXT", "TEXT", ""};
    printf("usage: %s [options]\n%s\n", program, about);
    for (size_t i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", options[i].name,
                 options[i].choices ? options[i].choices : VALUES[options[i].kind]);
        printf("  %-26s  %s\n", left, options[i].help);
    }
}

/* Reads the command line. 0: go on; 1: help was printed, leave with success; -1: an error was printed. */
static inline int cli_parse(int argc, char **argv, const char *about, const cli_option *options, size_t count)
{
    for (int i = 1; i < argc; i++) {
        const cli_option *found = NULL;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            cli_help(argv[0], about, options, count);
            return 1;
        }
        for (size_t k = 0; k < count; k++)
            if (!strncmp(argv[i], "--", 2) && !strcmp(argv[i] + 2, options[k].name))
                found = &options[k];
        if (!found) {
            fprintf(stderr, "%s: \"%s\" is no option of this program; --help lists them\n", argv[0], argv[i]);
            return -1;
        }
        if (found->kind == CLI_FLAG) {
            *(int32_t *)found->target = 1;
            continue;
        }
        if (i + 1 == argc) {
            fprintf(stderr, "%s: --%s needs a value\n", argv[0], found->name);
            return -1;
        }
        if (cli_value(argv[0], found, argv[++i]))
            return -1;
    }
    return 0;
}

#define CLI_PARSE(argc, argv, about, options) \
    cli_parse((argc), (argv), (about), (options), sizeof(options) / sizeof *(options))

#endif
