/* What the machine can do, measured in the same run as the kernels: its peak in multiply-adds, and the
 * bandwidth of whatever level of the memory holds a working set. */
#include "bench.h"
#include <math.h>
#include "common/peak.h"

enum { READ_UNROLL = 8, SLICES = 4 };

/* Sums, or copies the first half onto the second, `floats` floats; a multiple of 2 * READ_UNROLL * 16. */
#define BANDWIDTH_LOOPS(isa, attributes, vector)                                                      \
    attributes static float read_##isa(const float *p, int64_t floats)                                \
    {                                                                                                 \
        const vector *v = (const vector *)p;                                                          \
        const int64_t count = floats / (int64_t)(sizeof *v / sizeof *p);                              \
        vector sum[READ_UNROLL] = {{0}};                                                              \
        for (int64_t i = 0; i < count; i += READ_UNROLL) {                                            \
            _Pragma("GCC unroll 8") for (int k = 0; k < READ_UNROLL; k++) sum[k] += v[i + k];         \
        }                                                                                             \
        for (int k = 1; k < READ_UNROLL; k++)                                                         \
            sum[0] += sum[k];                                                                         \
        return sum[0][0];                                                                             \
    }                                                                                                 \
    attributes static void copy_##isa(float *p, int64_t floats)                                       \
    {                                                                                                 \
        vector *v = (vector *)p;                                                                      \
        const int64_t half = floats / (int64_t)(sizeof *v / sizeof *p) / 2;                           \
        for (int64_t i = 0; i < half; i += READ_UNROLL) {                                             \
            _Pragma("GCC unroll 8") for (int k = 0; k < READ_UNROLL; k++) v[half + i + k] = v[i + k]; \
        }                                                                                             \
    }

typedef float f32x4 __attribute__((vector_size(16)));
BANDWIDTH_LOOPS(v128, , f32x4)
#ifdef __x86_64__
typedef float f32x8 __attribute__((vector_size(32)));
typedef float f32x16 __attribute__((vector_size(64)));
BANDWIDTH_LOOPS(v256, __attribute__((target("avx2"))), f32x8)
BANDWIDTH_LOOPS(v512, __attribute__((target("avx512f"))), f32x16)
#endif

/* A thread's part of the working set. */
typedef struct stream {
    int32_t isa;
    int copies;
    int64_t floats;
    float *parts[BENCH_THREADS];
} stream;

static float pass(const stream *s, float *part)
{
#ifdef __x86_64__
    if (s->isa == MBN_ISA_AVX2)
        return s->copies ? (copy_v256(part, s->floats), 0) : read_v256(part, s->floats);
    if (s->isa == MBN_ISA_AVX512)
        return s->copies ? (copy_v512(part, s->floats), 0) : read_v512(part, s->floats);
#endif
    return s->copies ? (copy_v128(part, s->floats), 0) : read_v128(part, s->floats);
}

/* Bytes a millisecond, the best of some slices. */
static double stream_rate(const void *user, int32_t index)
{
    const stream *s = user;
    const double slice_ms = bench_small ? 0.05 : 2;
    double best = 0;
    float sink = 0;
    for (int slice = 0; slice <= SLICES; slice++) {
        const double began = measure_now_ms();
        double bytes = 0, ms = 0;
        while (ms < slice_ms) {
            /* Several passes between two looks at the clock, where a pass is short. */
            for (double step = 0; step < 128 * 1024; step += 4.0 * (double)s->floats) {
                sink += pass(s, s->parts[index]);
                bytes += 4.0 * (double)s->floats;
            }
            ms = measure_now_ms() - began;
        }
        if (slice > 0 && bytes / ms > best) /* the first one warms the caches */
            best = bytes / ms;
    }
    return sink == sink ? best : 0;
}

double bench_bandwidth(int32_t isa, int32_t threads, double bytes)
{
    static float *memory;
    static int64_t capacity;
    const int64_t granule = 2 * READ_UNROLL * 16;
    stream s = {.isa = isa, .floats = (int64_t)(bytes / 4 / threads) / granule * granule};
    if (bench_small)
        s.floats = granule;
    if (s.floats < granule)
        s.floats = granule;
    if (s.floats * threads > capacity) {
        free(memory);
        capacity = s.floats * threads;
        memory = bench_floats(capacity);
    }
    for (int32_t i = 0; i < threads; i++)
        s.parts[i] = memory + i * s.floats;
    const double reading = measure_rate(stream_rate, &s, threads);
    s.copies = 1;
    return 1e-6 * fmax(reading, measure_rate(stream_rate, &s, threads));
}

double bench_peak(int32_t isa, int32_t threads)
{
    static double known[MBN_ISA_NEON + 1][BENCH_THREADS + 1];
    if (!bench_small || known[isa][threads] == 0)
        known[isa][threads] = peak_gflops(isa, threads);
    return known[isa][threads];
}

void bench_limits(const bench_isa *isa)
{
    static const double KIB[] = {16, 256, 4096, 65536};
    printf("\n### Limits, %s\n\n| threads | GFLOP/s |", isa->name);
    for (int i = 0; i < 4; i++)
        printf(" GB/s in %g KiB |", KIB[i]);
    puts("\n|---|---|---|---|---|---|");
    for (int32_t threads = 1; threads <= BENCH_THREADS; threads++) {
        printf("| %d | %.1f |", (int)threads, bench_peak(isa->isa, threads));
        for (int i = 0; i < 4; i++)
            printf(" %.0f |", bench_bandwidth(isa->isa, threads, 1024 * (bench_small ? 4 : KIB[i])));
        puts("");
    }
}
