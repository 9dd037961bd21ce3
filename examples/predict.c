/* Says what is in a picture: loads a .mbn into a predictor and prints the largest scores with their labels.
 *   predict --model FILE --picture RAW      u8 [height, width, channels] as in memory, or f32 with --f32
 * Without --picture the library draws one. Decodes no JPEG or PNG; other programs write raw pixels. */
#include <mobilenet/mobilenet.h>
#include <inttypes.h>
#include "common/cli.h"

enum { MAX_TOP = 20 };

typedef struct settings {
    const char *model, *picture;
    int64_t top, threads, seed;
    int32_t bf16, f32;
} settings;

static int fail(const char *what)
{
    fprintf(stderr, "predict: %s\n", what);
    return -1;
}

static int load(const settings *s, mbn_context **context, mbn_predictor **predictor)
{
    mbn_context_options own;
    mbn_context_options_init(&own);
    own.threads = (int32_t)s->threads;
    mbn_predictor_options options;
    mbn_predictor_options_init(&options);
    options.precision = s->bf16 ? MBN_PRECISION_BF16 : MBN_PRECISION_F32;
    options.input_type = s->f32 ? MBN_F32 : MBN_U8;
    options.layout = MBN_LAYOUT_NHWC;
    if (mbn_context_create(&own, context))
        return fail(mbn_last_error());
    options.context = *context;
    return mbn_predictor_load(s->model, &options, predictor) ? fail(mbn_last_error()) : 0;
}

/* A file of exactly one picture. */
static int read_picture(const char *path, void *picture, size_t bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail("--picture cannot be opened");
    const int fits = fread(picture, 1, bytes, file) == bytes && fgetc(file) == EOF;
    fclose(file);
    if (!fits)
        fprintf(stderr, "predict: %s does not have the %zu bytes of one picture\n", path, bytes);
    return fits ? 0 : -1;
}

/* A drawn picture, in the numbers that MobileNet takes where they are f32. */
static int draw_picture(const settings *s, const int64_t *dims, void *picture)
{
    mbn_tensor *images = NULL, *labels = NULL;
    if (dims[2] != 3)
        return fail("the model does not take colour pictures, which the library draws; give --picture");
    if (mbn_shapes_create(NULL, 1, dims[0], dims[1], (uint64_t)s->seed, &images, &labels))
        return fail(mbn_last_error());
    const uint8_t *pixels = mbn_tensor_data(images);
    for (int64_t i = 0; i < mbn_tensor_count(images); i++)
        if (s->f32)
            ((float *)picture)[i] = (float)pixels[i] / 127.5f - 1;
        else
            ((uint8_t *)picture)[i] = pixels[i];
    printf("a drawn picture: %s\n", mbn_shapes_label(*(const int32_t *)mbn_tensor_data(labels)));
    mbn_tensor_destroy(images);
    mbn_tensor_destroy(labels);
    return 0;
}

static int print_top(const settings *s, const mbn_predictor *predictor, const float *scores, int64_t classes)
{
    int64_t indices[MAX_TOP];
    float top[MAX_TOP];
    const char *labels[MAX_TOP];
    const int64_t k = s->top < classes ? s->top : classes;
    if (mbn_top_k(predictor, scores, classes, k, indices, top, labels))
        return fail(mbn_last_error());
    for (int64_t i = 0; i < k; i++)
        printf("%8.4f  class %" PRId64 "%s%s\n", (double)top[i], indices[i], labels[i] ? ", " : "",
               labels[i] ? labels[i] : "");
    return 0;
}

static int predict(const settings *s, mbn_predictor *predictor)
{
    const size_t in = mbn_predictor_input_bytes(predictor), out = mbn_predictor_output_bytes(predictor);
    void *picture = malloc(in);
    float *scores = malloc(out);
    int failed = picture && scores ? 0 : fail("no memory");
    if (!failed)
        failed = s->picture ? read_picture(s->picture, picture, in)
                            : draw_picture(s, mbn_predictor_input_dims(predictor), picture);
    if (!failed && mbn_predictor_run(predictor, 1, picture, in, scores, out))
        failed = fail(mbn_last_error());
    if (!failed)
        failed = print_top(s, predictor, scores, (int64_t)(out / sizeof *scores));
    free(picture);
    free(scores);
    return failed;
}

int main(int argc, char **argv)
{
    settings s = {.top = 5};
    const cli_option options[] = {
        {"model", CLI_TEXT, &s.model, "a model, as mbn_model_save writes it", 0, 0, "FILE"},
        {"picture", CLI_TEXT, &s.picture, "raw pixels, channels last; else one is drawn", 0, 0, "FILE"},
        {"f32", CLI_FLAG, &s.f32, "the picture is f32, as the first layer takes it; else u8", 0, 0, 0},
        {"bf16", CLI_FLAG, &s.bf16, "weights in bfloat16", 0, 0, 0},
        {"top", CLI_INTEGER, &s.top, "scores that are printed; 5", 1, MAX_TOP, 0},
        {"seed", CLI_INTEGER, &s.seed, "of the drawn picture; 0", 0, 1e9, 0},
        {"threads", CLI_INTEGER, &s.threads, "0: one per core", 0, 256, 0},
    };
    int go_on = CLI_PARSE(argc, argv, "Says what a picture shows.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;
    if (!s.model) {
        fail("--model is missing");
        return 2;
    }
    mbn_context *context = NULL;
    mbn_predictor *predictor = NULL;
    const int failed = load(&s, &context, &predictor) || predict(&s, predictor);
    mbn_predictor_destroy(predictor);
    mbn_context_destroy(context);
    mbn_default_context_shutdown();
    return failed;
}
