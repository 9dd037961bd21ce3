/* Timing one piece of work, and its row in a table. */
#include "bench.h"
#include <math.h>
#include <string.h>
#include "common/measure.h"

enum { REPEATS = 9 };

int bench_small;

double bench_time_us(const bench_work *work, mbn_context *context)
{
    double us[REPEATS], began = measure_now_ms();
    work->run(context, work->data); /* warms up */
    if (bench_small)
        return 1e3 * (measure_now_ms() - began);
    began = measure_now_ms();
    work->run(context, work->data);
    const double once = measure_now_ms() - began, slice_ms = 2;
    const int calls = once > slice_ms ? 1 : (int)ceil(slice_ms / fmax(once, 1e-4));
    for (int r = 0; r < REPEATS; r++) {
        began = measure_now_ms();
        for (int i = 0; i < calls; i++)
            work->run(context, work->data);
        us[r] = 1e3 * (measure_now_ms() - began) / calls;
    }
    return measure_quantile(us, REPEATS, 0.5);
}

bench_table bench_table_begin(const char *title, const bench_isa *isa, int threads)
{
    printf("\n### %s, %s\n\n| work | Mflop | KB |", title, isa->name);
    for (int t = 1; t <= threads; t++)
        printf(" %d thread%s: us | floor us | of floor | GFLOP/s |", t, t > 1 ? "s" : "");
    printf("\n|---|---|---|");
    for (int t = 1; t <= threads; t++)
        printf("---|---|---|---|");
    puts("");
    return (bench_table){.isa = isa, .threads = threads};
}

void bench_table_row(bench_table *table, const bench_work *work)
{
    printf("| %s | %.2f | %.0f |", work->name, 1e-6 * work->flops, 1e-3 * work->bytes);
    for (int t = 0; t < table->threads; t++) {
        const double peak = bench_peak(table->isa->isa, t + 1);
        const double bandwidth = bench_bandwidth(table->isa->isa, t + 1, work->bytes);
        const double us = bench_time_us(work, table->isa->contexts[t]);
        const double flops_us = 1e-3 * work->flops / peak, bytes_us = 1e-3 * work->bytes / bandwidth;
        const double floor_us = fmax(flops_us, bytes_us);
        printf(" %.1f | %.1f %s | %.0f %% | %.1f |", us, floor_us, flops_us > bytes_us ? "flops" : "bytes",
               100 * floor_us / us, 1e-3 * work->flops / us);
        table->total_us[t] += work->weight * us;
        table->total_floor_us[t] += work->weight * floor_us;
    }
    table->flops += work->weight * work->flops;
    table->rows++;
    puts("");
    fflush(stdout);
}

void bench_table_end(const bench_table *table)
{
    printf("| **all** | %.1f | |", 1e-6 * table->flops);
    for (int t = 0; t < table->threads; t++)
        printf(" %.0f | %.0f | **%.0f %%** | %.1f |", table->total_us[t], table->total_floor_us[t],
               100 * table->total_floor_us[t] / table->total_us[t], 1e-3 * table->flops / table->total_us[t]);
    puts("");
}

int64_t bench_rows(int64_t rows)
{
    return bench_small ? (rows + 63) / 64 : rows;
}

float *bench_floats(int64_t count)
{
    void *memory = NULL;
    if (posix_memalign(&memory, 64, sizeof(float) * (size_t)count)) {
        fprintf(stderr, "bench: no memory for %lld floats\n", (long long)count);
        exit(1);
    }
    float *floats = memory;
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        floats[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    return floats;
}
