/* The matrix product over the 13 shapes of MobileNet V1's 1 x 1 convolutions (alpha 1, 224 x 224) against
 * libxsmm and OpenBLAS: all in turn, several rounds, medians, ratios; prints Markdown. products [threads]
 * [small] */
#include "peers.h"
#include <math.h>
#include <mobilenet/mobilenet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/bench.h"
#include "bench/shapes.h"
#include "common/measure.h"

enum { ROUNDS = 7, MAX_PEERS = 3 };

static mbn_context *context;

static int ours_open(const product *p, int threads)
{
    mbn_context_options options;
    (void)p;
    mbn_context_options_init(&options);
    options.threads = threads;
    return mbn_context_create(&options, &context) ? -1 : 0;
}

static void ours_close(void)
{
    mbn_context_destroy(context);
}

static void ours_run(const product *p)
{
    const mbni_matmul matmul = {.m = p->m,
                                .n = p->n,
                                .k = p->k,
                                .a = p->a,
                                .b = p->b,
                                .c = p->c,
                                .lda = p->k,
                                .ldb = p->n,
                                .ldc = p->n};
    mbni_matmul_run_rows(context, &matmul);
}

static const char *ours_describe(void)
{
    static const char *const ISAS[] = {"", "generic", "avx2", "avx512", "neon"};
    return ISAS[mbn_context_isa(context)];
}

static void nothing(void)
{
}

double peer_series_us(const peer *which, const product *p, double ms)
{
    which->begin();
    which->run(p);
    /* As long again before: until a system has moved a new thread to a core of its own. */
    double began = measure_now_ms(), once, spent;
    do {
        once = measure_now_ms();
        which->run(p);
        once = measure_now_ms() - once;
    } while (!bench_small && measure_now_ms() - began < ms);
    const int calls = bench_small || once > ms ? 1 : (int)(ms / fmax(once, 1e-4));
    began = measure_now_ms();
    for (int i = 0; i < calls; i++)
        which->run(p);
    spent = measure_now_ms() - began;
    which->end();
    return 1e3 * spent / calls;
}

/* Opens all peers for a product. What they compute must be ours up to rounding, or a peer's loops have gone
 * wrong. */
static void open_peers(const product *p, const peer *const *peers, int count, int threads)
{
    float *want = bench_floats(p->m * p->n);
    for (int i = 0; i < count; i++) {
        if (peers[i]->open(p, threads)) {
            fprintf(stderr, "bench: %s does not open\n", peers[i]->name);
            exit(1);
        }
        memset(p->c, 0, sizeof(float) * (size_t)(p->m * p->n));
        peer_series_us(peers[i], p, 0);
        if (i == 0)
            memcpy(want, p->c, sizeof(float) * (size_t)(p->m * p->n));
        for (int64_t e = 0; e < p->m * p->n; e++)
            if (!(fabsf(p->c[e] - want[e]) <= 1e-5f * (float)p->k)) {
                fprintf(stderr, "bench: %s computes something else\n", peers[i]->name);
                exit(1);
            }
    }
    free(want);
}

/* Times every peer in turn; sums what each took into total_us, weighed, and prints a row. */
static void shape_row(const product_shape *shape, const peer *const *peers, int count, int threads,
                      double *total_us)
{
    const int64_t m = bench_rows(shape->m), k = shape->k, n = shape->n;
    float *a = bench_floats(m * k), *b = bench_floats(k * n), *c = bench_floats(m * n);
    const product p = {.m = m, .k = k, .n = n, .a = a, .b = b, .c = c};
    const int rounds = bench_small ? 1 : ROUNDS;
    double us[MAX_PEERS][ROUNDS], ours = 0;
    open_peers(&p, peers, count, threads);
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < count; i++)
            us[i][round] = peer_series_us(peers[i], &p, threads > 1 ? 40 : 5);
    printf("| %lldx%lldx%lld |", (long long)m, (long long)k, (long long)n);
    for (int i = 0; i < count; i++) {
        const double median = measure_quantile(us[i], rounds, 0.5);
        ours = i ? ours : median;
        printf(" %.1f |", median);
        if (i)
            printf(" %.2f |", median / ours);
        printf(" %s |", peers[i]->describe());
        total_us[i] += shape->times * median;
        peers[i]->close();
    }
    puts("");
    fflush(stdout);
    free(a);
    free(b);
    free(c);
}

int main(int argc, char **argv)
{
    static const peer OURS = {"ours", ours_open, nothing, ours_run, nothing, ours_close, ours_describe};
    const int threads = argc > 1 ? atoi(argv[1]) : 1;
    const peer *const candidates[] = {&OURS, peer_libxsmm(), peer_openblas()};
    static const char *const NAMES[] = {"ours", "libxsmm", "OpenBLAS"};
    const peer *peers[MAX_PEERS];
    double total_us[MAX_PEERS] = {0}, flops = 0;
    int count = 0;
    bench_small = argc > 2 && !strcmp(argv[2], "small");
    for (int i = 0; i < MAX_PEERS; i++)
        if (candidates[i])
            peers[count++] = candidates[i];
        else
            printf("skipped: %s is not there\n", NAMES[i]);

    printf("\n### Matrix product MxKxN, %d thread%s: microseconds, and how many times ours\n\n| work |",
           threads, threads > 1 ? "s" : "");
    for (int i = 0; i < count; i++)
        printf(i ? " %s us | x ours | with |" : " %s us | with |", peers[i]->name);
    printf("\n|---|---|---|");
    for (int i = 1; i < count; i++)
        printf("---|---|---|");
    puts("");
    for (int i = 0; i < SHAPE_COUNT; i++) {
        const product_shape *s = &SHAPES_224[i];
        shape_row(s, peers, count, threads, total_us);
        flops += 2.0 * s->times * (double)bench_rows(s->m) * (double)s->k * (double)s->n;
    }
    printf("| **all 13** |");
    for (int i = 0; i < count; i++) {
        printf(" %.0f |", total_us[i]);
        if (i)
            printf(" **%.3f** |", total_us[i] / total_us[0]);
        printf(" %.1f GFLOP/s |", 1e-3 * flops / total_us[i]);
    }
    puts("");
    return 0;
}
