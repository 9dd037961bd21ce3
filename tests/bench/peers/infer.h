/* What the programs share that time other libraries' inference: MobileNet V1 with its batch norms folded, as
 * a list of convolutions; weights and pictures that are the same numbers in every program, and in
 * infer_onnx.py; the clock; one flat JSON object as the answer. Knows no library. */
#ifndef TESTS_BENCH_PEERS_INFER_H
#define TESTS_BENCH_PEERS_INFER_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "common/cli.h"
#include "common/measure.h"

/* A convolution followed by ReLU6; the classifier, which is the last, is one without, on 1 x 1 pixels. */
typedef struct infer_layer {
    int64_t c_in, c_out, groups, kernel, stride, in, out;
    int64_t pad; /* right and below; on the left and above it is (kernel - 1) / 2 for stride 1, 0 for 2 */
    uint32_t seed;
} infer_layer;

enum { INFER_BLOCKS = 13, INFER_LAYERS = 2 * INFER_BLOCKS + 2, INFER_MAX_RUNS = 100000 };

typedef struct infer_work {
    double alpha, seconds;
    int64_t size, batch, threads, classes;
    const char *model; /* a file, for whom reads one */
    infer_layer layers[INFER_LAYERS];
    float *input;  /* [batch, size, size, 3], or [batch, 3, size, size] */
    float *output; /* [batch, classes] */
} infer_work;

typedef struct infer_peer {
    const char *name;
    const char *(*version)(void);
    int channels_first;
    void (*load)(infer_work *work);
    void (*run)(const infer_work *work);
} infer_peer;

/* Where weights of [c_out, c_in / groups, kernel, kernel] go. */
typedef enum infer_order { INFER_OIHW, INFER_OHWI, INFER_HWO /* depthwise only */ } infer_order;

static double infer_making_ms; /* spent on making weights up, which is no loading */

static inline void infer_check(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "bench: %s failed (%d)\n", what, failed);
        exit(1);
    }
}

/* The index-th number from -1 to 1 of a sequence. */
static inline float infer_value(uint32_t seed, uint32_t index)
{
    uint32_t x = (index + 1) * 2654435761u + seed * 2246822519u;
    x ^= x >> 15;
    x *= 3266489917u;
    x ^= x >> 13;
    return (float)(x >> 8) / 8388608.0f - 1.0f;
}

/* To be freed. Sized so that activations neither die nor all reach 6. */
static inline float *infer_weights(const infer_layer *l, infer_order order)
{
    const double began = measure_now_ms();
    const int64_t ci = l->c_in / l->groups, k = l->kernel;
    const float scale = (float)sqrt(6.0 / (double)(ci * k * k));
    float *w = malloc(sizeof *w * (size_t)(l->c_out * ci * k * k) + 64);
    infer_check(!w, "memory");
    uint32_t index = 0;
    for (int64_t o = 0; o < l->c_out; o++)
        for (int64_t i = 0; i < ci; i++)
            for (int64_t y = 0; y < k; y++)
                for (int64_t x = 0; x < k; x++, index++) {
                    const int64_t at = order == INFER_OIHW   ? (int64_t)index
                                       : order == INFER_OHWI ? ((o * k + y) * k + x) * ci + i
                                                             : (y * k + x) * l->c_out + o;
                    w[at] = scale * infer_value(l->seed, index);
                }
    infer_making_ms += measure_now_ms() - began;
    return w;
}

static inline float *infer_bias(const infer_layer *l)
{
    float *b = malloc(sizeof *b * (size_t)l->c_out + 64);
    infer_check(!b, "memory");
    for (int64_t o = 0; o < l->c_out; o++)
        b[o] = 0.1f * infer_value(l->seed + 1, (uint32_t)o);
    return b;
}

static inline void infer_list_layers(infer_work *work)
{
    static const int64_t FILTERS[] = {64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024};
    static const int64_t STRIDES[] = {1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1};
    infer_layer *l = work->layers;
    int64_t c = (int64_t)(32 * work->alpha), size = work->size;
    *l++ = (infer_layer){.c_in = 3, .c_out = c, .groups = 1, .kernel = 3, .stride = 2};
    for (int i = 0; i < INFER_BLOCKS; i++) {
        const int64_t filters = (int64_t)((double)FILTERS[i] * work->alpha);
        *l++ = (infer_layer){.c_in = c, .c_out = c, .groups = c, .kernel = 3, .stride = STRIDES[i]};
        *l++ = (infer_layer){.c_in = c, .c_out = filters, .groups = 1, .kernel = 1, .stride = 1};
        c = filters;
    }
    *l = (infer_layer){.c_in = c, .c_out = work->classes, .groups = 1, .kernel = 1, .stride = 1};
    for (uint32_t i = 0; i < INFER_LAYERS; i++) {
        l = &work->layers[i];
        l->seed = 2 * i + 1;
        l->in = i + 1 < INFER_LAYERS ? size : 1;
        l->out = size = (l->in + l->stride - 1) / l->stride;
        l->pad = l->kernel / 2;
    }
}

static inline void infer_draw(infer_work *work, int channels_first)
{
    const int64_t pixels = work->size * work->size;
    for (int64_t n = 0; n < work->batch; n++)
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = 0; c < 3; c++) {
                const int64_t nhwc = (n * pixels + p) * 3 + c, nchw = (n * 3 + c) * pixels + p;
                work->input[channels_first ? nchw : nhwc] = infer_value(0, (uint32_t)nhwc);
            }
}

/* The likeliest class of the last picture. Every picture's probabilities must sum to 1. */
static inline int64_t infer_top(const infer_work *work)
{
    const float *p = work->output;
    int64_t top = 0;
    for (int64_t n = 0; n < work->batch; n++, p += work->classes) {
        double sum = 0;
        top = 0;
        for (int64_t k = 0; k < work->classes; k++) {
            sum += p[k];
            top = p[k] > p[top] ? k : top;
        }
        infer_check(!(fabs(sum - 1) < 1e-3), "an answer's probabilities do not sum to 1: it");
    }
    return top;
}

static inline int infer_main(int argc, char **argv, const infer_peer *peer)
{
    static infer_work work = {
        .alpha = 1, .seconds = 2, .size = 224, .batch = 1, .threads = 1, .classes = 1000};
    const cli_option OPTIONS[] = {
        {"alpha", CLI_NUMBER, &work.alpha, "width", 0.25, 4, NULL},
        {"size", CLI_INTEGER, &work.size, "pictures' height and width, a multiple of 32", 32, 1024, NULL},
        {"batch", CLI_INTEGER, &work.batch, "pictures in a run", 1, 1024, NULL},
        {"threads", CLI_INTEGER, &work.threads, "that compute", 1, 64, NULL},
        {"classes", CLI_INTEGER, &work.classes, "of the classifier", 1, 100000, NULL},
        {"seconds", CLI_NUMBER, &work.seconds, "to time for", 0, 1000, NULL},
        {"model", CLI_TEXT, &work.model, "the ONNX graph, for ONNX Runtime", 0, 0, "FILE"},
    };
    static double ms[INFER_MAX_RUNS];
    const int parsed = CLI_PARSE(argc, argv, "Times one library's MobileNet V1.", OPTIONS);
    if (parsed)
        return parsed < 0;
    infer_check(work.size % 32 != 0, "--size, which is no multiple of 32,");
    work.input = malloc(sizeof(float) * (size_t)(work.batch * work.size * work.size * 3) + 64);
    work.output = calloc((size_t)(work.batch * work.classes) + 16, sizeof(float));
    infer_check(!work.input || !work.output, "memory");
    infer_list_layers(&work);
    infer_draw(&work, peer->channels_first);

    double began = measure_now_ms();
    peer->load(&work);
    peer->run(&work);
    const double load_ms = measure_now_ms() - began - infer_making_ms;
    for (began = measure_now_ms(); measure_now_ms() - began < 300 * work.seconds;)
        peer->run(&work);
    int64_t runs = 0;
    for (began = measure_now_ms();
         runs < 3 || (measure_now_ms() - began < 1e3 * work.seconds && runs < INFER_MAX_RUNS);) {
        const double start = measure_now_ms();
        peer->run(&work);
        ms[runs++] = measure_now_ms() - start;
    }
    const int64_t top = infer_top(&work);
    printf("{\"peer\": \"%s\", \"version\": \"%s\", \"alpha\": %g, \"size\": %lld, \"batch\": %lld, "
           "\"threads\": %lld, \"median_ms\": %.4f, \"p90_ms\": %.4f, \"load_ms\": %.2f, "
           "\"resident_bytes\": %lld, \"runs\": %lld, \"top\": %lld, \"probability\": %.6f}\n",
           peer->name, peer->version(), work.alpha, (long long)work.size, (long long)work.batch,
           (long long)work.threads, measure_quantile(ms, runs, 0.5), measure_quantile(ms, runs, 0.9), load_ms,
           (long long)measure_peak_bytes(), (long long)runs, (long long)top,
           (double)work.output[(work.batch - 1) * work.classes + top]);
    return 0;
}

#endif
