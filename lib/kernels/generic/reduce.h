/* Sums over rows for a block of channels: float within a block of rows, four rows at a time, double beyond,
 * so that the error does not grow with the number of rows. */
#ifndef MBNI_REDUCE_H
#define MBNI_REDUCE_H

#include "kernels/generic/generic.h"

/* total[c] = sum over rows of x[r * stride + c], c < width <= MBNI_CHANNEL_BLOCK */
static inline void mbni_sum_block(int64_t rows, int64_t width, int64_t stride, const float *restrict x,
                                  double *restrict total)
{
    for (int64_t c = 0; c < width; c++)
        total[c] = 0;
    for (int64_t begin = 0; begin < rows; begin += MBNI_ROW_BLOCK) {
        const int64_t end = mbni_min64(begin + MBNI_ROW_BLOCK, rows);
        float partial[MBNI_CHANNEL_BLOCK];
        for (int64_t c = 0; c < width; c++)
            partial[c] = 0;
        int64_t r = begin;
        for (; r + 4 <= end; r += 4) {
            const float *restrict p = x + r * stride;
            const float *restrict q = p + stride, *restrict s = q + stride, *restrict t = s + stride;
            for (int64_t c = 0; c < width; c++)
                partial[c] += (p[c] + q[c]) + (s[c] + t[c]);
        }
        for (; r < end; r++) {
            const float *restrict p = x + r * stride;
            for (int64_t c = 0; c < width; c++)
                partial[c] += p[c];
        }
        for (int64_t c = 0; c < width; c++)
            total[c] += partial[c];
    }
}

#endif
