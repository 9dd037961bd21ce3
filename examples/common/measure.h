/* What benchmarks measure with: a clock, quantiles, rates over several threads, and the most memory that the
 * process ever held. */
#ifndef EXAMPLES_COMMON_MEASURE_H
#define EXAMPLES_COMMON_MEASURE_H

#include <pthread.h>
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

/* How fast the calling thread does something, in units a millisecond; `index` counts the threads from 0. */
typedef double (*measure_rate_fn)(const void *user, int32_t index);

enum { MEASURE_MAX_THREADS = 256 };

typedef struct measure_worker {
    pthread_t thread;
    measure_rate_fn rate;
    const void *user;
    int32_t index;
    double answer;
} measure_worker;

static inline void *measure_work(void *data)
{
    measure_worker *worker = data;
    worker->answer = worker->rate(worker->user, worker->index);
    return NULL;
}

/* The sum of what `threads` threads answer that run at once. */
static inline double measure_rate(measure_rate_fn rate, const void *user, int32_t threads)
{
    static measure_worker workers[MEASURE_MAX_THREADS];
    int32_t started = 1;
    for (int32_t i = 0; i < threads && i < MEASURE_MAX_THREADS; i++)
        workers[i] = (measure_worker){.rate = rate, .user = user, .index = i};
    while (started < threads && started < MEASURE_MAX_THREADS &&
           !pthread_create(&workers[started].thread, NULL, measure_work, &workers[started]))
        started++;
    measure_work(&workers[0]);
    double sum = workers[0].answer;
    for (int32_t i = 1; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        sum += workers[i].answer;
    }
    return sum;
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
