/* Draws columns of training histories (the CSV files of train_cifar10 --history) as an SVG chart.
 *   plot_history --title "CIFAR-10" --series "full=full.csv:val_acc" --reference "paper=0.66" --out chart.svg
 * Columns of one file share a colour; those that are not of the validation are dashed. The picture needs no
 * font of its own. */
#include <float.h>
#include <math.h>
#include "common/cli.h"

enum { WIDTH = 820, HEIGHT = 480, LEFT = 66, RIGHT = 24, BOTTOM = 56, MAX_POINTS = 4096 };

static const char *const PALETTE[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9"};
enum { COLOURS = sizeof PALETTE / sizeof *PALETTE };

typedef struct series {
    char label[128];
    char path[2048];
    int count, dashed, colour;
    double x[MAX_POINTS], y[MAX_POINTS];
} series;

typedef struct chart {
    const char *title, *x_label, *y_label;
    series *all;
    int count;
    cli_list references; /* "label=value" */
    double x_low, x_high, y_low, y_high, x_step, y_step;
    double top, right; /* of the plotting area, below title and legend, left of the references' labels */
} chart;

static double px(const chart *c, double x)
{
    return LEFT + (x - c->x_low) / (c->x_high - c->x_low) * (c->right - LEFT);
}

static double py(const chart *c, double y)
{
    return HEIGHT - BOTTOM - (y - c->y_low) / (c->y_high - c->y_low) * (HEIGHT - BOTTOM - c->top);
}

static void put_escaped(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        default:
            fputc(*text, out);
        }
}

static void put_text(FILE *out, double x, double y, const char *style, const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, style);
    put_escaped(out, text);
    fputs("</text>\n", out);
}

/* The place of a name in a CSV header line; -1: not there. */
static int column_of(const char *header, const char *name)
{
    for (int column = 0; header; column++) {
        size_t span = strcspn(header, ",\r\n");
        if (span == strlen(name) && !strncmp(header, name, span))
            return column;
        header = header[span] == ',' ? header + span + 1 : NULL;
    }
    return -1;
}

static double field(const char *line, int column)
{
    for (; line && column > 0; column--)
        line = (line = strchr(line, ',')) ? line + 1 : NULL;
    char *end = NULL;
    double value = line ? strtod(line, &end) : NAN;
    return end && end != line ? value : NAN;
}

/* Reads "label=file.csv:column". */
static int read_series(const char *text, series *s)
{
    char line[1024];
    const char *equals = strchr(text, '='), *colon = strrchr(text, ':');
    if (!equals || !colon || colon < equals || (size_t)(equals - text) >= sizeof s->label ||
        (size_t)(colon - equals) > sizeof s->path) {
        fprintf(stderr, "plot_history: --series is \"%s\"; allowed is LABEL=FILE.csv:COLUMN\n", text);
        return -1;
    }
    snprintf(s->label, sizeof s->label, "%.*s", (int)(equals - text), text);
    snprintf(s->path, sizeof s->path, "%.*s", (int)(colon - equals - 1), equals + 1);
    FILE *file = fopen(s->path, "r");
    if (!file) {
        perror(s->path);
        return -1;
    }
    int has_header = fgets(line, sizeof line, file) != NULL;
    int epoch = has_header ? column_of(line, "epoch") : -1;
    int column = has_header ? column_of(line, colon + 1) : -1;
    s->dashed = strncmp(colon + 1, "val_", 4) != 0;
    while (epoch >= 0 && column >= 0 && s->count < MAX_POINTS && fgets(line, sizeof line, file)) {
        s->x[s->count] = field(line, epoch);
        s->y[s->count] = field(line, column);
        if (isfinite(s->x[s->count]) && isfinite(s->y[s->count]))
            s->count++;
    }
    fclose(file);
    if (epoch < 0 || column < 0 || !s->count) {
        fprintf(stderr, "plot_history: %s has no numbers in columns epoch and %s\n", s->path, colon + 1);
        return -1;
    }
    return 0;
}

/* A colour for each file. */
static void set_colours(chart *c)
{
    int next = 0;
    for (int i = 0; i < c->count; i++) {
        int first = 0;
        while (strcmp(c->all[first].path, c->all[i].path))
            first++;
        c->all[i].colour = first < i ? c->all[first].colour : next++ % COLOURS;
    }
}

/* 1, 2 or 5 times a power of ten: at most `most` steps over `span`. */
static double step_for(double span, int most)
{
    double power = pow(10, floor(log10(span / most)));
    double scaled = span / most / power;
    return power * (scaled <= 1 ? 1 : scaled <= 2 ? 2 : scaled <= 5 ? 5 : 10);
}

/* NaN when it is no "label=number". */
static double reference_value(const char *item)
{
    const char *equals = strrchr(item, '=');
    char *end = NULL;
    double value = equals ? strtod(equals + 1, &end) : NAN;
    return end && end != equals + 1 && !*end && isfinite(value) ? value : NAN;
}

static int by_value_downwards(const void *a, const void *b)
{
    double x = reference_value(*(const char *const *)a), y = reference_value(*(const char *const *)b);
    return (x < y) - (x > y);
}

static int set_ranges(chart *c)
{
    double y_low = DBL_MAX, y_high = -DBL_MAX;
    c->x_low = DBL_MAX;
    c->x_high = -DBL_MAX;
    for (int i = 0; i < c->count; i++)
        for (int k = 0; k < c->all[i].count; k++) {
            c->x_low = fmin(c->x_low, c->all[i].x[k]);
            c->x_high = fmax(c->x_high, c->all[i].x[k]);
            y_low = fmin(y_low, c->all[i].y[k]);
            y_high = fmax(y_high, c->all[i].y[k]);
        }
    for (int i = 0; i < c->references.count; i++) {
        double value = reference_value(c->references.items[i]);
        if (isnan(value)) {
            fprintf(stderr, "plot_history: --reference is \"%s\"; allowed is LABEL=NUMBER\n",
                    c->references.items[i]);
            return -1;
        }
        y_low = fmin(y_low, value);
        y_high = fmax(y_high, value);
    }
    qsort(c->references.items, (size_t)c->references.count, sizeof *c->references.items, by_value_downwards);
    c->x_high = fmax(c->x_high, c->x_low + 1); /* a single point needs a width */
    c->y_step = step_for(fmax(y_high - y_low, 1e-6), 7);
    c->y_low = floor(y_low / c->y_step) * c->y_step;
    c->y_high = ceil(y_high / c->y_step + 1e-9) * c->y_step;
    c->x_step = fmax(1, step_for(c->x_high - c->x_low, 12));
    return 0;
}

static void draw_axes(FILE *out, const chart *c)
{
    char text[64];
    fputs("<g stroke=\"#e3e3e3\">\n", out);
    for (double y = c->y_low; y < c->y_high + c->y_step / 2; y += c->y_step)
        fprintf(out, "<path d=\"M%d %.1fH%.0f\"/>\n", LEFT, py(c, y), c->right);
    fprintf(out, "</g>\n<path d=\"M%d %.1fV%dH%.0f\" stroke=\"#555\" fill=\"none\"/>\n", LEFT, c->top,
            HEIGHT - BOTTOM, c->right);
    for (double y = c->y_low; y < c->y_high + c->y_step / 2; y += c->y_step) {
        snprintf(text, sizeof text, "%.6g", fabs(y) < c->y_step / 2 ? 0 : y);
        put_text(out, LEFT - 8, py(c, y) + 4, "text-anchor=\"end\"", text);
    }
    for (double x = ceil(c->x_low / c->x_step) * c->x_step; x < c->x_high + 1e-9; x += c->x_step) {
        snprintf(text, sizeof text, "%.6g", x);
        fprintf(out, "<path d=\"M%.1f %dv5\" stroke=\"#555\"/>\n", px(c, x), HEIGHT - BOTTOM);
        put_text(out, px(c, x), HEIGHT - BOTTOM + 20, "text-anchor=\"middle\"", text);
    }
    put_text(out, (LEFT + c->right) / 2, HEIGHT - 14, "text-anchor=\"middle\"", c->x_label);
    snprintf(text, sizeof text, "text-anchor=\"middle\" transform=\"rotate(-90 18 %.1f)\"",
             (c->top + HEIGHT - BOTTOM) / 2);
    put_text(out, 18, (c->top + HEIGHT - BOTTOM) / 2, text, c->y_label);
}

/* Room for the references' labels; about, as the font is the reader's. */
static double label_width(const chart *c)
{
    size_t longest = 0;
    for (int i = 0; i < c->references.count; i++)
        if (strlen(c->references.items[i]) > longest)
            longest = strlen(c->references.items[i]);
    return longest ? 7.0 * (double)longest : 0;
}

/* Level lines, highest first; their labels stand to the right, at least a line of text apart. */
static void draw_references(FILE *out, const chart *c)
{
    char text[160];
    double label_y = 0;
    for (int i = 0; i < c->references.count; i++) {
        const char *item = c->references.items[i], *equals = strrchr(item, '=');
        double y = py(c, reference_value(item));
        label_y = fmax(label_y, y - 4);
        fprintf(out,
                "<path d=\"M%d %.1fH%.0fL%.0f %.1f\" stroke=\"#777\" fill=\"none\" "
                "stroke-dasharray=\"2 3\"/>\n",
                LEFT, y, c->right, c->right + 12, label_y);
        snprintf(text, sizeof text, "%.*s %s", (int)(equals - item), item, equals + 1);
        put_text(out, c->right + 16, label_y + 4, "fill=\"#555\" font-size=\"12\"", text);
        label_y += 15;
    }
}

static void draw_series(FILE *out, const chart *c)
{
    for (int i = 0; i < c->count; i++) {
        const series *s = &c->all[i];
        const char *colour = PALETTE[s->colour];
        fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s points=\"", colour,
                s->dashed ? " stroke-dasharray=\"7 4\"" : "");
        for (int k = 0; k < s->count; k++)
            fprintf(out, "%.1f,%.1f ", px(c, s->x[k]), py(c, s->y[k]));
        fputs("\"/>\n", out);
        for (int k = 0; k < s->count && !s->dashed && s->count <= 60; k++)
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", px(c, s->x[k]),
                    py(c, s->y[k]), colour);
    }
}

/* Lays the legend out in rows; draws it when `out` is given. Returns its lower edge. */
static double lay_legend(FILE *out, const chart *c)
{
    double x = LEFT, y = 56;
    for (int i = 0; i < c->count; i++) {
        double width = 48 + 7.2 * (double)strlen(c->all[i].label);
        if (x > LEFT && x + width > WIDTH - RIGHT) {
            x = LEFT;
            y += 20;
        }
        if (out) {
            fprintf(out, "<path d=\"M%.1f %.1fh24\" stroke=\"%s\" stroke-width=\"2.5\"%s/>\n", x, y - 4,
                    PALETTE[c->all[i].colour], c->all[i].dashed ? " stroke-dasharray=\"7 4\"" : "");
            put_text(out, x + 30, y, "", c->all[i].label);
        }
        x += width;
    }
    return y;
}

static void draw(FILE *out, const chart *c)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
    put_text(out, LEFT, 28, "font-size=\"17\" font-weight=\"bold\"", c->title);
    lay_legend(out, c);
    draw_axes(out, c);
    draw_references(out, c);
    draw_series(out, c);
    fputs("</svg>\n", out);
}

int main(int argc, char **argv)
{
    cli_list names = {0};
    const char *path = NULL;
    chart c = {.title = "Training history", .x_label = "epoch", .y_label = "accuracy"};
    const cli_option options[] = {
        {"series", CLI_TEXTS, &names, "a curve, LABEL=FILE.csv:COLUMN; may be repeated", 0, 0, 0},
        {"reference", CLI_TEXTS, &c.references, "a level line, LABEL=NUMBER; may be repeated", 0, 0, 0},
        {"title", CLI_TEXT, &c.title, "above the chart", 0, 0, 0},
        {"x-label", CLI_TEXT, &c.x_label, "below the chart; epoch", 0, 0, 0},
        {"y-label", CLI_TEXT, &c.y_label, "left of the chart; accuracy", 0, 0, 0},
        {"out", CLI_TEXT, &path, "file to write; standard output", 0, 0, "FILE.svg"},
    };
    int go_on = CLI_PARSE(argc, argv, "Draws training histories as an SVG chart.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;
    if (!names.count) {
        fprintf(stderr, "%s: at least one --series LABEL=FILE.csv:COLUMN is needed\n", argv[0]);
        return 2;
    }
    int code = 1;
    FILE *out = NULL;
    c.all = calloc((size_t)names.count, sizeof *c.all);
    if (!c.all)
        goto done;
    for (c.count = 0; c.count < names.count; c.count++)
        if (read_series(names.items[c.count], &c.all[c.count]))
            goto done;
    set_colours(&c);
    if (set_ranges(&c))
        goto done;
    c.right = WIDTH - RIGHT - label_width(&c);
    c.top = lay_legend(NULL, &c) + 20;
    out = path ? fopen(path, "w") : stdout;
    if (out) {
        draw(out, &c);
        code = ferror(out) != 0;
    }
    if (out && out != stdout && fclose(out))
        code = 1;
    if (code)
        perror(path ? path : "standard output");
done:
    free(c.all);
    return code;
}
