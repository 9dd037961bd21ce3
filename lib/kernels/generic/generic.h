/* What the plain kernels share: C that the compiler vectorizes for the baseline of the target. Their
 * signatures are those of the tables. */
#ifndef MBNI_GENERIC_H
#define MBNI_GENERIC_H

#include "kernels/tables.h"
#include <string.h>

/* Rows that are added up in float before the partial sum goes into a wider total. */
enum { MBNI_ROW_BLOCK = 64 };

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
