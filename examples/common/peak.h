/* The processor's peak in f32 multiply-adds, measured: independent chains in registers, on as many threads as
 * asked for at once. For MBN_ISA_GENERIC what the build's baseline does with a multiplication and an addition
 * of four floats, the vector of the library's portable kernels. Knows no cache and no memory. */
#ifndef EXAMPLES_COMMON_PEAK_H
#define EXAMPLES_COMMON_PEAK_H

#include <mobilenet/types.h>
#include "measure.h"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Twelve chains cover the latency of every core that has two pipes (Zen 1's multiplication and addition: 2 x
 * 6 cycles) and fit into 16 registers with the factor. Their values converge to 1: no denormals, no infinity.
 */
enum { PEAK_CHAINS = 12, PEAK_ROUNDS = 20000, PEAK_SLICES = 6, PEAK_SLICE_MS = 4 };

#define PEAK_UNROLL _Pragma("GCC unroll 12")

typedef float peak_f32x4 __attribute__((vector_size(16)));

#define PEAK_LOOP(isa, attributes, vector, multiply_add)                           \
    attributes static inline double peak_flops_##isa(float *sink)                  \
    {                                                                              \
        vector half = {0}, chain[PEAK_CHAINS];                                     \
        half += 0.5f;                                                              \
        for (int i = 0; i < PEAK_CHAINS; i++)                                      \
            chain[i] = half * (float)i; /* equal chains would be computed once */  \
        for (int64_t round = 0; round < PEAK_ROUNDS; round++) {                    \
            PEAK_UNROLL                                                            \
            for (int i = 0; i < PEAK_CHAINS; i++)                                  \
                chain[i] = multiply_add(chain[i], half);                           \
        }                                                                          \
        for (int i = 0; i < PEAK_CHAINS; i++)                                      \
            *sink += chain[i][0];                                                  \
        return 2.0 * PEAK_ROUNDS * PEAK_CHAINS * (sizeof(vector) / sizeof(float)); \
    }

#define PEAK_PLAIN(c, half) ((c) * (half) + (half))
PEAK_LOOP(generic, , peak_f32x4, PEAK_PLAIN)
#if defined(__x86_64__)
#define PEAK_AVX2(c, half) _mm256_fmadd_ps((c), (half), (half))
#define PEAK_AVX512(c, half) _mm512_fmadd_ps((c), (half), (half))
PEAK_LOOP(avx2, __attribute__((target("avx2,fma"))), __m256, PEAK_AVX2)
PEAK_LOOP(avx512, __attribute__((target("avx512f"))), __m512, PEAK_AVX512)
#elif defined(__aarch64__)
#define PEAK_NEON(c, half) vfmaq_f32((half), (c), (half))
PEAK_LOOP(neon, , float32x4_t, PEAK_NEON)
#endif

static inline double peak_flops(int32_t isa, float *sink)
{
#if defined(__x86_64__)
    if (isa == MBN_ISA_AVX2)
        return peak_flops_avx2(sink);
    if (isa == MBN_ISA_AVX512)
        return peak_flops_avx512(sink);
#elif defined(__aarch64__)
    if (isa == MBN_ISA_NEON)
        return peak_flops_neon(sink);
#endif
    (void)isa;
    return peak_flops_generic(sink);
}

/* Of one thread, in flops a millisecond: the best of some short slices, since one in which the thread was
 * taken off its core says nothing. */
static inline double peak_rate(const void *isa, int32_t index)
{
    float sink = 0;
    double best = 0;
    (void)index;
    for (int slice = 0; slice < PEAK_SLICES; slice++) {
        double flops = 0, ms = 0;
        const double began = measure_now_ms();
        while (ms < PEAK_SLICE_MS) {
            flops += peak_flops(*(const int32_t *)isa, &sink);
            ms = measure_now_ms() - began;
        }
        if (flops / ms > best)
            best = flops / ms;
    }
    /* The chains' results must seem to matter, or the compiler drops them; they are numbers. */
    return sink == sink ? best : 0;
}

/* GFLOP/s of `threads` threads together, on an instruction set (MBN_ISA_...) that the machine has; takes a
 * fortieth of a second. */
static inline double peak_gflops(int32_t isa, int32_t threads)
{
    return 1e-6 * measure_rate(peak_rate, &isa, threads);
}

#endif
