/* The inner loop of depthwise convolution, forward and towards the input: a sum of products of rows of
 * channels. The taps that lie inside the picture are listed once per pixel, so that the loop over channels
 * has no branch, and borders cost what they compute. */
#ifndef MBNI_TAPS_H
#define MBNI_TAPS_H

#include <stdint.h>
#include "kernels/generic/vector.h"

enum { MBNI_TAPS_MAX = 64 };

typedef struct mbni_taps {
    const float *x[MBNI_TAPS_MAX];
    const float *k[MBNI_TAPS_MAX];
    int count;
} mbni_taps;

/* y[c] = first[c] + sum over taps of x[c] * k[c], in the order of the taps; first NULL: 0. */
static inline void mbni_taps_sum(const mbni_taps *taps, int64_t channels, const float *first,
                                 float *restrict y)
{
    const int count = taps->count;
    const mbni_f4 zero = {0, 0, 0, 0};
    int64_t c = 0;
    for (; c + 16 <= channels; c += 16) {
        mbni_f4 s0 = first ? mbni_load4(first + c) : zero, s1 = first ? mbni_load4(first + c + 4) : zero;
        mbni_f4 s2 = first ? mbni_load4(first + c + 8) : zero, s3 = first ? mbni_load4(first + c + 12) : zero;
        for (int t = 0; t < count; t++) {
            const float *x = taps->x[t] + c, *k = taps->k[t] + c;
            s0 += mbni_load4(x) * mbni_load4(k);
            s1 += mbni_load4(x + 4) * mbni_load4(k + 4);
            s2 += mbni_load4(x + 8) * mbni_load4(k + 8);
            s3 += mbni_load4(x + 12) * mbni_load4(k + 12);
        }
        mbni_store4(y + c, s0);
        mbni_store4(y + c + 4, s1);
        mbni_store4(y + c + 8, s2);
        mbni_store4(y + c + 12, s3);
    }
    for (; c + 4 <= channels; c += 4) {
        mbni_f4 s = first ? mbni_load4(first + c) : zero;
        for (int t = 0; t < count; t++)
            s += mbni_load4(taps->x[t] + c) * mbni_load4(taps->k[t] + c);
        mbni_store4(y + c, s);
    }
    for (; c < channels; c++) {
        float s = first ? first[c] : 0;
        for (int t = 0; t < count; t++)
            s += taps->x[t][c] * taps->k[t][c];
        y[c] = s;
    }
}

#endif
