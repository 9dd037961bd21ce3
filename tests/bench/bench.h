/* Times kernels beside their floors. A piece of work is a function with the flops and bytes that it cannot do
 * without; a table prints one row for each, in Markdown. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdint.h>
#include "kernels/kernels.h"

/* The most threads that are compared, 1 and this. */
enum { BENCH_THREADS = 2 };

extern int bench_small; /* everything once, on a fraction of the shapes' rows: does it run? */

typedef struct bench_work {
    char name[64];
    double flops;  /* a multiplication or an addition each, inside the picture only */
    double bytes;  /* each operand read once and each result written once, which is also the working set */
    double weight; /* how many times it counts in the table's total */
    void (*run)(mbn_context *context, void *data);
    void *data;
} bench_work;

/* One instruction set of this machine, with a context for each number of threads. */
typedef struct bench_isa {
    int32_t isa;
    const char *name;
    mbn_context *contexts[BENCH_THREADS];
    const mbni_kernels *kernels;
    const mbni_train_kernels *train;
} bench_isa;

typedef struct bench_table {
    const bench_isa *isa;
    int threads; /* columns: 1, or also 2 */
    double flops, total_us[BENCH_THREADS], total_floor_us[BENCH_THREADS];
    int rows;
} bench_table;

bench_table bench_table_begin(const char *title, const bench_isa *isa, int threads);
void bench_table_row(bench_table *table, const bench_work *work);
void bench_table_end(const bench_table *table); /* totals */

/* Microseconds a call, the median of some short runs. */
double bench_time_us(const bench_work *work, mbn_context *context);

/* Rows to work on: `rows`, of which a small run takes few. */
int64_t bench_rows(int64_t rows);

/* `count` floats in [-1, 1); ends the program when there is no memory. */
float *bench_floats(int64_t count);

/* GB/s at which a working set is read, or read and written, whichever is faster; `bytes` over all threads. */
double bench_bandwidth(int32_t isa, int32_t threads, double bytes);
/* GFLOP/s, measured now. */
double bench_peak(int32_t isa, int32_t threads);
/* The table of both. */
void bench_limits(const bench_isa *isa);

/* The families. */
void bench_products(const bench_isa *isa);
void bench_first(const bench_isa *isa);
void bench_depthwise(const bench_isa *isa);
void bench_passes(const bench_isa *isa);
void bench_denormals(const bench_isa *isa);
void bench_augment(const bench_isa *isa);

#endif
