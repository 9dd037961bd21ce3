/* Products of matrices on the shapes that MobileNet V1's 1 x 1 convolutions have. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shapes.h"

static void multiply(mbn_context *context, void *data)
{
    mbni_matmul_run(context, data, NULL);
}

/* A row for c [m, n] = op(a) * op(b), operands dense as they are stored. */
static void product_row(bench_table *table, const char *what, mbni_matmul p, int weight)
{
    float *a = bench_floats(p.m * p.k), *b = bench_floats(p.k * p.n), *c = bench_floats(p.m * p.n);
    p.a = a;
    p.b = b;
    p.c = c;
    p.lda = p.trans_a ? p.m : p.k;
    p.ldb = p.trans_b ? p.k : p.n;
    p.ldc = p.n;
    bench_work work = {
        .flops = 2.0 * (double)p.m * (double)p.n * (double)p.k,
        .bytes = 4.0 * ((double)p.m * (double)p.k + (double)p.k * (double)p.n + (double)p.m * (double)p.n),
        .weight = weight,
        .run = multiply,
        .data = &p};
    snprintf(work.name, sizeof work.name, "%s%lldx%lldx%lld", what, (long long)p.m, (long long)p.k,
             (long long)p.n);
    bench_table_row(table, &work);
    free(a);
    free(b);
    free(c);
}

void bench_products(const bench_isa *isa)
{
    bench_table table =
        bench_table_begin("Matrix product MxKxN, the 13 of alpha 1 at 224", isa, BENCH_THREADS);
    for (size_t i = 0; i < SHAPE_COUNT; i++)
        product_row(
            &table, "",
            (mbni_matmul){.m = bench_rows(SHAPES_224[i].m), .k = SHAPES_224[i].k, .n = SHAPES_224[i].n},
            SHAPES_224[i].times);
    bench_table_end(&table);

    table = bench_table_begin("Matrix product MxKxN, training on 32 x 32, batch 128", isa, BENCH_THREADS);
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        const int64_t m = bench_rows(SHAPES_TRAIN[i].m), k = SHAPES_TRAIN[i].k, n = SHAPES_TRAIN[i].n;
        product_row(&table, "y ", (mbni_matmul){.m = m, .k = k, .n = n}, SHAPES_TRAIN[i].times);
        product_row(&table, "dX ", (mbni_matmul){.m = m, .k = n, .n = k, .trans_b = 1},
                    SHAPES_TRAIN[i].times);
        product_row(&table, "dW ", (mbni_matmul){.m = k, .k = m, .n = n, .trans_a = 1},
                    SHAPES_TRAIN[i].times);
    }
    bench_table_end(&table);
}
