/* Paths with numbers in them. Nothing of a template ever reaches printf: names are looked up, numbers written
 * by the library's own rules, and what they add to a path are digits, a point and a minus. */
#include "api/path_template.h"
#include <stdio.h>
#include <string.h>
#include "core/error.h"
#include "core/number.h"
#include "train/trainer.h"

enum { NAME_BYTES = 40, DEFAULT_DECIMALS = 4, MOST_DIGITS = 17 };

/* What stands in a pair of braces. */
typedef struct field {
    char name[NAME_BYTES];
    int digits; /* -1: not given */
} field;

/* Reads behind an opening brace; returns what follows the closing one, or NULL. */
static const char *read_field(const char *text, field *f)
{
    const size_t length = strcspn(text, ":{}");
    if (length == 0 || length >= sizeof f->name)
        return NULL;
    memcpy(f->name, text, length);
    f->name[length] = 0;
    f->digits = -1;
    text += length;
    if (*text == ':') {
        f->digits = 0;
        for (text++; *text >= '0' && *text <= '9' && f->digits <= MOST_DIGITS; text++)
            f->digits = f->digits * 10 + (*text - '0');
        if (text[-1] == ':' || f->digits > MOST_DIGITS)
            return NULL;
    }
    return *text == '}' ? text + 1 : NULL;
}

static int decimals(const field *f)
{
    return !strcmp(f->name, "epoch") ? 0 : f->digits < 0 ? DEFAULT_DECIMALS : f->digits;
}

mbn_status mbni_template_check(const char *path)
{
    field f;
    if (!path || !*path || strlen(path) >= MBNI_TEMPLATE_BYTES)
        return mbni_error(MBN_ERR_ARGUMENT, "option path is %s; allowed are 1 to %d bytes",
                          !path   ? "NULL"
                          : *path ? "too long"
                                  : "empty",
                          MBNI_TEMPLATE_BYTES - 1);
    for (const char *p = path; p && *p;) {
        if ((unsigned char)*p < ' ')
            return mbni_error(MBN_ERR_ARGUMENT, "option path has the control character %d", (int)*p);
        if ((*p != '{' && *p != '}') || p[0] == p[1]) {
            p += *p == '{' || *p == '}' ? 2 : 1;
            continue;
        }
        p = *p == '{' ? read_field(p + 1, &f) : NULL;
        if (!p)
            return mbni_error(
                MBN_ERR_ARGUMENT,
                "option path is '%.300s'; braces hold a name and at most a number up to %d, as in "
                "{epoch:3} and {val_loss}, or are doubled",
                path, MOST_DIGITS);
        if (decimals(&f) == 0 && ((*p == '{' && p[1] != '{') || (*p >= '0' && *p <= '9')))
            return mbni_error(
                MBN_ERR_ARGUMENT,
                "option path is '%.300s'; {%s} writes a whole number, and no digit may follow it", path,
                f.name);
    }
    return MBN_OK;
}

static mbn_status field_text(const field *f, int64_t epoch, const mbn_history *history,
                             char text[MBNI_NUMBER_BYTES])
{
    if (!strcmp(f->name, "epoch")) {
        snprintf(text, MBNI_NUMBER_BYTES, "%0*lld", f->digits < 0 ? 1 : f->digits, (long long)epoch);
        return MBN_OK;
    }
    const int64_t rows = mbni_history_epochs(history);
    for (int64_t i = 0; i < mbni_history_columns(history); i++)
        if (!strcmp(mbni_history_column_name(history, i), f->name)) {
            mbni_number_fixed(rows ? mbni_history_value(history, i, rows - 1) : 0, decimals(f), text);
            return MBN_OK;
        }
    return mbni_error(
        MBN_ERR_ARGUMENT,
        "option path asks for {%s}; this call of fit has epoch and the columns of its history%s", f->name,
        strncmp(f->name, "val_", 4) ? "" : ", without validation");
}

mbn_status mbni_template_fill(const char *path, int64_t epoch, const mbn_history *history,
                              char out[MBNI_TEMPLATE_BYTES])
{
    char text[MBNI_NUMBER_BYTES];
    size_t used = 0;
    for (const char *p = path; *p;) {
        if (*p == '{' && p[1] != '{') {
            field f;
            p = read_field(p + 1, &f);
            if (!p) /* the template was not checked */
                return mbni_error(MBN_ERR_ARGUMENT, "option path is '%.300s', which is no template", path);
            MBNI_TRY(field_text(&f, epoch, history, text));
        } else {
            text[0] = *p;
            text[1] = 0;
            p += *p == '{' || *p == '}' ? 2 : 1;
        }
        const size_t length = strlen(text);
        if (used + length >= MBNI_TEMPLATE_BYTES)
            return mbni_error(MBN_ERR_ARGUMENT, "option path is '%.300s', which becomes longer than %d bytes",
                              path, MBNI_TEMPLATE_BYTES - 1);
        memcpy(out + used, text, length);
        used += length;
    }
    out[used] = 0;
    return MBN_OK;
}

/* Passes over a number as the field writes it; NULL: there is none. */
static const char *skip_number(const field *f, const char *text)
{
    const int places = decimals(f);
    text += *text == '-';
    const size_t whole = strspn(text, "0123456789");
    if (whole == 0)
        return NULL;
    text += whole;
    if (places == 0)
        return text;
    return *text == '.' && strspn(text + 1, "0123456789") >= (size_t)places ? text + 1 + places : NULL;
}

bool mbni_template_fits(const char *path, const char *filled)
{
    field f;
    while (path && filled && *path) {
        if (*path == '{' && path[1] != '{') {
            path = read_field(path + 1, &f);
            filled = path ? skip_number(&f, filled) : NULL;
            continue;
        }
        if (*path != *filled++)
            return false;
        path += *path == '{' || *path == '}' ? 2 : 1;
    }
    return path && filled && !*filled;
}
