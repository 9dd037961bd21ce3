/* What benchmarks measure with: a clock, quantiles, and the most memory that the process ever held. */
#ifndef EXAMPLES_COMMON_MEASURE_H
#define EXAMPLES_COMMON_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double measure_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static inline int measure_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that `share` of all are below, 0.5 being the median; sorts them. count is at least 1. */
static inline double measure_quantile(double *values, int64_t count, double share)
{
    qsort(values, (size_t)count, sizeof *values, measure_ascending);
    return values[(int64_t)(share * (double)(count - 1) + 0.5)];
}

/* Linux' VmHWM, the largest resident size so far; -1 where there is no such thing. (getrusage would answer
 * with the parent's, when that was larger.) */
static inline int64_t measure_peak_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long long kib = -1;
    while (file && kib < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lld kB", &kib) != 1)
            kib = -1;
    if (file)
        fclose(file);
    return kib < 0 ? -1 : 1024 * (int64_t)kib;
}

#endif
