/* What the plain kernels share: C that the compiler vectorizes for the baseline of the target. Their
 * signatures are those of the tables. */
#ifndef MBNI_GENERIC_H
#define MBNI_GENERIC_H

#include "kernels/tables.h"
#include <string.h>

/* Channels that a reduction over rows works on at a time: its partial sums lie on the stack. */
enum { MBNI_CHANNEL_BLOCK = 256 };
/* Rows that are added up in float before the partial sum goes into a wider total. */
enum { MBNI_ROW_BLOCK = 64 };

/* Before a loop whose output may be one of its inputs, element for element: no iteration reads what another
 * writes, so the compiler need not look for overlap, which it would find and then not vectorize. */
#if defined(MBNI_SANITIZED)
#define MBNI_INDEPENDENT /* clang cannot vectorize what a sanitizer has instrumented, and would warn of each \
                            loop */
#elif defined(__clang__)
#define MBNI_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define MBNI_INDEPENDENT _Pragma("GCC ivdep")
#else
#define MBNI_INDEPENDENT
#endif

static inline int64_t mbni_min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t mbni_max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Depthwise convolution of any window: what the vector families leave. Contracts as in kernels.h. */
void mbni_depthwise_any(const mbni_window *w, int64_t pictures, const float *x, const float *kernel,
                        const mbni_epilogue *epilogue, float *y, int64_t row_begin, int64_t row_end,
                        float *moments);
void mbni_depthwise_input_gradient_any(const mbni_window *w, int64_t pictures, const float *d_y,
                                       const float *kernel, float *d_x);
void mbni_depthwise_kernel_gradient_any(const mbni_window *w, int64_t pictures, const float *x,
                                        const float *d_y, float *d_kernel);

#endif
