/* What the depthwise families share: which windows they take, the rows that are worked on at a time, and how
 * those behind them are fetched ahead. */
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

/* A square picture of this side, 3 x 3, padded as "same". */
static inline int mbni_depthwise_is_small(const mbni_window *w, int64_t stride, int64_t side)
{
    const int64_t out = (side + stride - 1) / stride, pad = stride == 1;
    return w->in_h == side && w->in_w == side && w->out_h == out && w->out_w == out && w->kernel_h == 3 &&
           w->kernel_w == 3 && w->stride_h == stride && w->stride_w == stride && w->pad_top == pad &&
           w->pad_left == pad && w->multiplier == 1;
}

/* One or two output rows and the input rows that they read. */
typedef struct mbni_band {
    int64_t in_w, out_w, pad, channels;
    int64_t x_pitch, y_pitch;       /* floats from row to row */
    int64_t tap;                    /* from weight to weight of a channel */
    const float *x_ahead, *y_ahead; /* what the rows behind these read and write */
    unsigned rows;                  /* bit i: input row i lies in the picture */
} mbni_band;

/* One output of few taps a picture: the plain C, which goes along the channels, takes less time than a window
 * that cannot slide. */
static inline int mbni_depthwise_slides(const mbni_window *w)
{
    return mbni_depthwise_is_3x3(w) && w->out_h * w->out_w > 1;
}

/* Brings the next `floats`, a constant, of what comes later towards the core. A group of channels goes from
 * pixel to pixel, strides that nothing in the machine foresees; so each of its columns fetches its share of
 * the rows behind, and the groups together all of them. */
__attribute__((always_inline)) static inline void mbni_fetch_ahead(const float **ahead, const int floats)
{
    for (int i = 0; i < floats; i += 16)
        __builtin_prefetch(*ahead + i);
    *ahead += floats;
}

/* Bit i: row ih + i of the input lies in the picture, of `count`. */
static inline unsigned mbni_rows_inside(const mbni_window *w, int64_t ih, int64_t count)
{
    unsigned rows = 0;
    for (int i = 0; i < count; i++)
        rows |= (unsigned)(ih + i >= 0 && ih + i < w->in_h) << i;
    return rows;
}

/* Output rows [row_begin, row_end) of each picture, by a window that mbni_depthwise_is_3x3, or with stride 1
 * and paddings up to 2 that leaves no output column wholly outside. turned: the kernel from its last tap to
 * its first. */
typedef void mbni_depthwise_rows(const mbni_window *w, int turned, int64_t pictures, const float *x,
                                 const float *kernel, const mbni_epilogue *epilogue, float *y,
                                 int64_t row_begin, int64_t row_end, float *moments);
mbni_depthwise_rows mbni_generic_depthwise_rows, mbni_avx2_depthwise_rows, mbni_avx512_depthwise_rows,
    mbni_neon_depthwise_rows;

/* With stride 2, what exists of a square of four input pixels and of the four outputs that reach it: one
 * output, and those before, above, and before and above it. */
enum {
    MBNI_HAS_TOP = 1,
    MBNI_HAS_BOTTOM = 2,
    MBNI_HAS_LEFT = 4,
    MBNI_HAS_RIGHT = 8,
    MBNI_HAS_ROW = 16, /* that of the output */
    MBNI_HAS_ABOVE = 32,
    MBNI_HAS_HERE = 64, /* the column of the output */
    MBNI_HAS_BEFORE = 128
};

#endif
