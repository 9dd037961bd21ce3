/* ncnn through its C API. Its format is written to a file first, as ncnn frees weights that it has repacked
 * only when it reads them itself. It takes one picture at a time: a batch is a loop. */
#include <ncnn/c_api.h>
#include <stdarg.h>
#include <unistd.h>
#include "infer.h"

enum { TEXT_BYTES = 16384 };

static ncnn_net_t net;
static char text[TEXT_BYTES];

static void say(const char *format, ...)
{
    const size_t used = strlen(text);
    va_list values;
    va_start(values, format);
    const int wrote = vsnprintf(text + used, sizeof text - used, format, values);
    va_end(values);
    infer_check(wrote < 0 || (size_t)wrote >= sizeof text - used, "describing the network");
}

/* Blob i is what layer i reads. Keys are the format's: 3 stride, 4, 14, 15, 16 padding, 9 the activation. */
static void describe(const infer_work *w)
{
    say("7767517\n%d %d\nInput x 0 1 b0\n", INFER_LAYERS + 3, INFER_LAYERS + 3);
    for (int i = 0; i + 1 < INFER_LAYERS; i++) {
        const infer_layer *l = &w->layers[i];
        const int before = l->stride == 1 ? (int)l->pad : 0, after = (int)l->pad;
        say("%s c%d 1 1 b%d b%d 0=%d 1=%d 3=%d 4=%d 14=%d 15=%d 16=%d 5=1 6=%d 7=%d 9=3 -23310=2,0.0,6.0\n",
            l->groups > 1 ? "ConvolutionDepthWise" : "Convolution", i, i, i + 1, (int)l->c_out,
            (int)l->kernel, (int)l->stride, before, before, after, after,
            (int)(l->c_out * l->c_in / l->groups * l->kernel * l->kernel), (int)l->groups);
    }
    const infer_layer *l = &w->layers[INFER_LAYERS - 1];
    say("Pooling mean 1 1 b%d mean 0=1 4=1\n", INFER_LAYERS - 1);
    say("InnerProduct fc 1 1 mean logits 0=%d 1=1 2=%d\n", (int)l->c_out, (int)(l->c_in * l->c_out));
    say("Softmax softmax 1 1 logits y 0=0\n");
}

/* Before each layer's weights stands a word that says what they are: 0, floats. */
static void write_weights(const infer_work *w, int descriptor)
{
    const uint32_t floats = 0;
    FILE *file = fdopen(descriptor, "wb");
    infer_check(!file, "opening a file");
    for (int i = 0; i < INFER_LAYERS; i++) {
        const infer_layer *l = &w->layers[i];
        const size_t count = (size_t)(l->c_out * l->c_in / l->groups * l->kernel * l->kernel);
        float *weights = infer_weights(l, INFER_OIHW), *bias = infer_bias(l);
        infer_check(fwrite(&floats, sizeof floats, 1, file) != 1 ||
                        fwrite(weights, sizeof *weights, count, file) != count ||
                        fwrite(bias, sizeof *bias, (size_t)l->c_out, file) != (size_t)l->c_out,
                    "writing weights");
        free(weights);
        free(bias);
    }
    infer_check(fclose(file), "writing weights");
}

static void load(infer_work *w)
{
    const double began = measure_now_ms();
    char path[] = "/tmp/infer_ncnn_XXXXXX";
    const int descriptor = mkstemp(path);
    infer_check(descriptor < 0, "making a file");
    write_weights(w, descriptor);
    infer_making_ms = measure_now_ms() - began;

    ncnn_option_t options = ncnn_option_create();
    ncnn_option_set_num_threads(options, (int)w->threads);
    ncnn_option_set_use_fp16_packed(options, 0);
    ncnn_option_set_use_fp16_storage(options, 0);
    ncnn_option_set_use_fp16_arithmetic(options, 0);
    net = ncnn_net_create();
    ncnn_net_set_option(net, options);
    describe(w);
    infer_check(ncnn_net_load_param_memory(net, text), "reading the network");
    infer_check(ncnn_net_load_model(net, path), "reading weights");
    unlink(path);
}

static void run(const infer_work *w)
{
    const int size = (int)w->size;
    for (int64_t n = 0; n < w->batch; n++) {
        float *picture = w->input + n * 3 * w->size * w->size;
        ncnn_mat_t x = ncnn_mat_create_external_3d(size, size, 3, picture, NULL), y = NULL;
        ncnn_extractor_t extractor = ncnn_extractor_create(net);
        infer_check(ncnn_extractor_input(extractor, "b0", x), "giving a picture");
        infer_check(ncnn_extractor_extract(extractor, "y", &y), "running");
        memcpy(w->output + n * w->classes, ncnn_mat_get_data(y), sizeof(float) * (size_t)w->classes);
        ncnn_extractor_destroy(extractor);
        ncnn_mat_destroy(x);
        ncnn_mat_destroy(y);
    }
}

int main(int argc, char **argv)
{
    static const infer_peer NCNN = {"ncnn", ncnn_version, 1, load, run};
    return infer_main(argc, argv, &NCNN);
}
