/* Prints the layers of a MobileNet V1 with their shapes, parameters and multiply-adds, and the memory that
 * inference and training will need, all without training anything. --help lists the options. */
#include <mobilenet/mobilenet.h>
#include <inttypes.h>
#include "common/cli.h"

typedef struct settings {
    double alpha;
    int64_t size, classes, batch_size;
    int32_t shallow, no_top;
} settings;

static void print_bytes(const char *what, int64_t bytes)
{
    printf("%-40s %14" PRId64 " bytes (%.1f MiB)\n", what, bytes, (double)bytes / (1 << 20));
}

static mbn_status print_table(const mbn_model *model)
{
    size_t bytes = 0;
    mbn_status status = mbn_model_summary(model, NULL, 0, &bytes);
    char *text = status ? NULL : malloc(bytes);
    if (text && !(status = mbn_model_summary(model, text, bytes, NULL)))
        fputs(text, stdout);
    free(text);
    return status;
}

static mbn_status print_memory(mbn_model *model, const settings *s)
{
    const int64_t batches[2] = {1, s->batch_size};
    int64_t parameter_bytes = 0, workspace_bytes = 0, training_bytes = 0;
    char what[64];
    for (int i = 0; i < 2; i++) {
        mbn_status status = mbn_model_inference_memory(model, batches[i], &parameter_bytes, &workspace_bytes);
        if (status)
            return status;
        if (i == 0)
            print_bytes("parameters", parameter_bytes);
        snprintf(what, sizeof what, "inference beside them, batch of %" PRId64, batches[i]);
        print_bytes(what, workspace_bytes);
        if (s->batch_size == 1)
            break;
    }
    if (s->no_top) /* nothing to compile: a loss needs the softmax */
        return MBN_OK;
    mbn_compile_options compile;
    mbn_compile_options_init(&compile);
    compile.optimizer = MBN_OPTIMIZER_ADAM;
    mbn_status status = mbn_compile(model, &compile);
    if (!status)
        status = mbn_fit_memory(model, s->batch_size, &training_bytes);
    if (status)
        return status;
    snprintf(what, sizeof what, "training with Adam, batch of %" PRId64, s->batch_size);
    print_bytes(what, training_bytes);
    return MBN_OK;
}

int main(int argc, char **argv)
{
    settings s = {.alpha = 1, .size = 224, .batch_size = 128};
    const cli_option options[] = {
        {"alpha", CLI_NUMBER, &s.alpha, "width multiplier; 1", 0.001, 16, 0},
        {"size", CLI_INTEGER, &s.size, "height and width of the pictures; 224", 1, 65536, 0},
        {"classes", CLI_INTEGER, &s.classes, "of the classifier; 1000", 1, 1000000, 0},
        {"shallow", CLI_FLAG, &s.shallow, "without the five 512-channel stride-1 blocks", 0, 0, 0},
        {"no-top", CLI_FLAG, &s.no_top, "without pooling and classifier", 0, 0, 0},
        {"batch-size", CLI_INTEGER, &s.batch_size, "that memory is computed for; 128", 1, 1000000, 0},
    };
    int go_on = CLI_PARSE(argc, argv, "Describes a MobileNet V1.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;

    mbn_model *model = NULL;
    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.alpha = s.alpha;
    net.height = net.width = s.size;
    net.classes = s.classes; /* 0: the library's default */
    net.shallow = s.shallow;
    net.include_top = !s.no_top;
    int failed = mbn_mobilenet_create(NULL, &net, &model) || print_table(model) || print_memory(model, &s);
    if (failed)
        fprintf(stderr, "summary: %s\n", mbn_last_error());
    mbn_model_destroy(model);
    mbn_default_context_shutdown();
    return failed;
}
