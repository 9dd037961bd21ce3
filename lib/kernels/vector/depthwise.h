/* What the depthwise families share: which windows they take, and the rows that are worked on at a time. */
#ifndef MBNI_VECTOR_DEPTHWISE_H
#define MBNI_VECTOR_DEPTHWISE_H

#include "kernels/kernels.h"

/* 3 x 3, multiplier 1, stride 1 or 2, at most one position before the picture, no output wholly behind it.
 * Other windows go to plain C. */
static inline int mbni_depthwise_is_3x3(const mbni_window *w)
{
    const int64_t s = w->stride_h;
    return w->kernel_h == 3 && w->kernel_w == 3 && w->multiplier == 1 && w->stride_w == s &&
           (s == 1 || s == 2) && w->pad_top >= 0 && w->pad_top <= 1 && w->pad_left >= 0 && w->pad_left <= 1 &&
           w->in_h > 0 && w->in_w > 0 && (w->out_h - 1) * s < w->in_h + w->pad_top &&
           (w->out_w - 1) * s < w->in_w + w->pad_left;
}

/* One or two output rows and the input rows that they read. */
typedef struct mbni_band {
    int64_t in_w, out_w, pad, channels;
    int64_t x_pitch, y_pitch; /* floats from row to row */
    int64_t tap;              /* from weight to weight of a channel */
    unsigned rows;            /* bit i: input row i lies in the picture */
} mbni_band;

#endif
