/* Draws a contact sheet of augmented pictures: a row for each picture, the original first, then copies by
 * different seeds.
 *   augment --data DIR --recipe strong --out sheet.png     CIFAR-10's pictures; without --data drawn ones
 * --help lists the options. */
#include <mobilenet/mobilenet.h>
#include "common/cli.h"
#include "common/png.h"

enum { GAP = 2, WIDE_GAP = 8 };

typedef struct settings {
    const char *data, *out;
    int64_t rows, columns, first, size, zoom, seed;
    int32_t recipe;
} settings;

typedef struct sheet {
    uint8_t *pixels; /* [height, width, 3] */
    int64_t height, width;
} sheet;

enum { STANDARD, REFLECT, RESIZED, POLICY, JITTER, CUTOUT, MIXUP, CUTMIX, STRONG };
static const char RECIPES[] = "standard|reflect|resized|policy|jitter|cutout|mixup|cutmix|strong";

/* All mirror and, but for `resized`, shift; for pictures of 32 pixels by 4, as CIFAR-10's recipe. */
static void set_recipe(int32_t recipe, int64_t side, mbn_augment_options *o)
{
    const int is_strong = recipe == STRONG;
    mbn_augment_standard_init(o);
    o->shift = recipe == RESIZED ? 0 : side / 8;
    o->shift_fill = recipe == STANDARD ? MBN_FILL_ZERO : MBN_FILL_REFLECT;
    o->resized_crop = recipe == RESIZED;
    o->scale_min = 0.25;
    o->policy_ops = recipe == POLICY || is_strong ? 2 : 0;
    if (recipe == JITTER) {
        o->brightness = o->contrast = o->saturation = 0.4;
        o->hue = 0.1;
    }
    o->cutout = recipe == CUTOUT ? 1 : is_strong ? 0.5 : 0;
    o->cutout_size = side / 2;
    o->mixup = recipe == MIXUP ? 1 : is_strong ? 0.25 : 0;
    o->mixup_alpha = 1;
    o->cutmix = recipe == CUTMIX ? 1 : is_strong ? 0.25 : 0;
}

/* Each pixel as a square of zoom x zoom. */
static void put(const sheet *s, const settings *o, const uint8_t *picture, int64_t row, int64_t column)
{
    const int64_t side = o->size * o->zoom;
    const int64_t top = GAP + row * (side + GAP);
    const int64_t left = GAP + column * (side + GAP) + (column ? WIDE_GAP : 0);
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = 0; x < side; x++)
            memcpy(s->pixels + ((top + y) * s->width + left + x) * 3,
                   picture + (y / o->zoom * o->size + x / o->zoom) * 3, 3);
}

static void put_column(const sheet *s, const settings *o, const mbn_tensor *pictures, int64_t column)
{
    const uint8_t *pixels = mbn_tensor_data(pictures);
    for (int64_t row = 0; row < o->rows; row++)
        put(s, o, pixels + row * o->size * o->size * 3, row, column);
}

static mbn_status draw(const settings *o, const sheet *s, const mbn_tensor *x, const mbn_tensor *y)
{
    const int64_t targets[2] = {o->rows, 10};
    mbn_tensor *changed = NULL, *changed_y = NULL;
    mbn_augment_options options;
    set_recipe(o->recipe, o->size, &options);
    put_column(s, o, x, 0);
    mbn_status status = mbn_tensor_create(NULL, MBN_U8, 4, mbn_tensor_dims(x), &changed);
    status = status ? status : mbn_tensor_create(NULL, MBN_F32, 2, targets, &changed_y);
    for (int64_t column = 1; column <= o->columns && !status; column++) {
        status = mbn_augment(NULL, &options, (uint64_t)(o->seed + column), x, y, changed, changed_y);
        if (!status)
            put_column(s, o, changed, column);
    }
    mbn_tensor_destroy(changed);
    mbn_tensor_destroy(changed_y);
    return status;
}

/* The pictures first, first + 1, ... without a copy. */
static mbn_status choose(const settings *o, const mbn_tensor *all_x, const mbn_tensor *all_y, mbn_tensor **x,
                         mbn_tensor **y)
{
    const int64_t *dims = mbn_tensor_dims(all_x);
    const int64_t count = dims[0], first = o->first < count - o->rows ? o->first : count - o->rows;
    const int64_t part[4] = {o->rows, dims[1], dims[2], dims[3]};
    uint8_t *pixels = mbn_tensor_data(all_x);
    int32_t *labels = mbn_tensor_data(all_y);
    mbn_status status =
        mbn_tensor_wrap(NULL, MBN_U8, 4, part, pixels + first * dims[1] * dims[2] * dims[3], NULL, NULL, x);
    return status ? status : mbn_tensor_wrap(NULL, MBN_I32, 1, part, labels + first, NULL, NULL, y);
}

int main(int argc, char **argv)
{
    settings o = {.out = "sheet.png", .rows = 8, .columns = 10, .size = 32, .zoom = 3, .seed = 1};
    const cli_option options[] = {
        {"data", CLI_TEXT, &o.data, "directory of CIFAR-10's binary files; drawn pictures", 0, 0, "DIR"},
        {"out", CLI_TEXT, &o.out, "file to write; sheet.png", 0, 0, "FILE.png"},
        {"recipe", CLI_CHOICE, &o.recipe, "what is done; standard", 0, 0, RECIPES},
        {"rows", CLI_INTEGER, &o.rows, "pictures; 8", 1, 100, 0},
        {"columns", CLI_INTEGER, &o.columns, "augmented copies of each; 10", 1, 100, 0},
        {"first", CLI_INTEGER, &o.first, "picture to begin with; 0", 0, 49999, 0},
        {"size", CLI_INTEGER, &o.size, "pixels a side of drawn pictures; 32", 8, 512, 0},
        {"zoom", CLI_INTEGER, &o.zoom, "pixels of the sheet for one of a picture; 3", 1, 16, 0},
        {"seed", CLI_INTEGER, &o.seed, "of the first column; 1", 0, 1e9, 0},
    };
    int go_on = CLI_PARSE(argc, argv, "Draws a contact sheet of augmented pictures.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;
    o.size = o.data ? 32 : o.size;
    mbn_tensor *all_x = NULL, *all_y = NULL, *x = NULL, *y = NULL;
    const int64_t side = o.size * o.zoom + GAP;
    sheet s = {NULL, GAP + o.rows * side, GAP + (o.columns + 1) * side + WIDE_GAP};
    int code = 1;
    mbn_status status = o.data ? mbn_cifar10_load(NULL, o.data, MBN_CIFAR10_TRAIN, &all_x, &all_y)
                               : mbn_shapes_create(NULL, o.first + o.rows, o.size, o.size, 1, &all_x, &all_y);
    status = status ? status : choose(&o, all_x, all_y, &x, &y);
    s.pixels = malloc((size_t)(s.height * s.width * 3));
    if (!status && s.pixels) {
        memset(s.pixels, 255, (size_t)(s.height * s.width * 3));
        status = draw(&o, &s, x, y);
        code = status || png_write(o.out, s.height, s.width, 3, s.pixels) ? 1 : 0;
    }
    if (status)
        fprintf(stderr, "augment: %s\n", mbn_last_error());
    else if (code)
        perror(o.out);
    free(s.pixels);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_tensor_destroy(all_x);
    mbn_tensor_destroy(all_y);
    mbn_default_context_shutdown();
    return code;
}
