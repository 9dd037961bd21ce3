/* Depthwise convolution forward, 3 x 3 with stride 1 or 2; other windows go to plain C. A group of channels
 * slides along two output rows at once with its nine weights in registers: each input column is loaded once
 * and added to the outputs that it touches. What lies outside the picture is passed over, not multiplied. An
 * output's products are added up column by column, from the top down, wherever it lies, so that its bits
 * depend on no cut. */
#define MBNI_THIS_FILE "kernels/vector/depthwise.c"
#include "kernels/generic/generic.h"
#include "kernels/vector/depthwise.h"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA

#define UNROLL _Pragma("GCC unroll 8")

/* A sum for each row of an output column. */
typedef struct ISA(column) {
    vf row[2];
} ISA(column);

/* What a group of channels is ended with. */
typedef struct ISA(ending) {
    int on;
    vf scale, shift, low, high;
} ISA(ending);

V_OP vf ISA(lanes_load)(const int partial, int64_t lanes, const float *p)
{
    return partial ? v_load_n(p, lanes) : v_load(p);
}

V_OP void ISA(lanes_store)(const int partial, int64_t lanes, float *p, vf v)
{
    if (partial)
        v_store_n(p, lanes, v);
    else
        v_store(p, v);
}

/* Adds the input column at x to the output columns whose left, middle and right it is; NULL: none. */
V_OP void ISA(add_column)(const int height, const int stride, const int partial, int64_t lanes, unsigned rows,
                          const float *x, int64_t pitch, const vf *k, ISA(column) * left,
                          ISA(column) * middle, ISA(column) * right)
{
    UNROLL for (int i = 0; i < stride * (height - 1) + 3; i++)
    {
        if (!(rows >> i & 1))
            continue;
        const vf v = ISA(lanes_load)(partial, lanes, x + i * pitch);
        UNROLL for (int r = 0; r < height; r++)
        {
            const int kh = i - stride * r;
            if (kh < 0 || kh > 2)
                continue;
            if (right)
                right->row[r] = v_fma(v, k[3 * kh + 2], right->row[r]);
            if (middle)
                middle->row[r] = v_fma(v, k[3 * kh + 1], middle->row[r]);
            if (left)
                left->row[r] = v_fma(v, k[3 * kh], left->row[r]);
        }
    }
}

V_OP void ISA(put_column)(const int height, const int partial, int64_t lanes, const ISA(ending) * e,
                          const ISA(column) * column, float *y, int64_t pitch)
{
    UNROLL for (int r = 0; r < height; r++)
    {
        vf v = column->row[r];
        if (e->on)
            v = v_min(e->high, v_max(e->low, v_fma(v, e->scale, e->shift)));
        ISA(lanes_store)(partial, lanes, y + r * pitch, v);
    }
}

/* Stride 1, padding 0 to 2. Columns a, b, c are the outputs whose right, middle and left the input is. */
V_OP void ISA(slide1)(const int height, const int partial, int64_t lanes, const mbni_band *band,
                      const float *x, const float *kernel, const ISA(ending) * e, float *y)
{
    const vf z = v_zero();
    const ISA(column) none = {{z, z}};
    ISA(column) a = none, b = none, c = none;
    vf k[9];
    UNROLL for (int t = 0; t < 9; t++) k[t] = ISA(lanes_load)(partial, lanes, kernel + t * band->tap);
    const int64_t out_w = band->out_w, pad = band->pad, x_pitch = band->x_pitch, y_pitch = band->y_pitch;
    const int64_t channels = band->channels;
    const unsigned rows = band->rows;
    const int64_t whole = mbni_min64(band->in_w, out_w - pad);
    const int64_t end = mbni_min64(band->in_w, out_w - pad + 2);
    int64_t j = 0;
#define ADD(left, middle, right) \
    ISA(add_column)(height, 1, partial, lanes, rows, x, x_pitch, k, left, middle, right)
#define PUT ISA(put_column)(height, partial, lanes, e, &a, y, y_pitch), y += channels
#define NEXT a = b, b = c, c = none, j++, x += channels
    if (pad == 0) {
        ADD(&c, NULL, NULL);
        NEXT;
    }
    if (pad <= 1 && j < end) {
        ADD(&c, &b, NULL);
        NEXT;
    }
    for (; j < whole;) {
        ADD(&c, &b, &a);
        PUT;
        NEXT;
    }
    for (; j < end;) {
        ADD(NULL, &b, &a);
        PUT;
        NEXT;
    }
    for (; j + pad - 2 < out_w;) {
        if (j + pad >= 2)
            PUT;
        NEXT;
    }
#undef ADD
#undef PUT
#undef NEXT
}

/* Stride 2, padding 0 or 1. */
V_OP void ISA(slide2)(const int height, const int partial, int64_t lanes, const mbni_band *band,
                      const float *x, const float *kernel, const ISA(ending) * e, float *y)
{
    const vf z = v_zero();
    const ISA(column) none = {{z, z}};
    ISA(column) a = none, b = none;
    vf k[9];
    UNROLL for (int t = 0; t < 9; t++) k[t] = ISA(lanes_load)(partial, lanes, kernel + t * band->tap);
    const int64_t x_pitch = band->x_pitch, y_pitch = band->y_pitch, channels = band->channels;
    const unsigned rows = band->rows;
    int64_t j = 1 - band->pad, o = 0;
#define ADD(left, middle, right) \
    ISA(add_column)(height, 2, partial, lanes, rows, x, x_pitch, k, left, middle, right), x += channels
#define PUT ISA(put_column)(height, partial, lanes, e, &a, y, y_pitch), y += channels
    if (!band->pad)
        ADD(&a, NULL, NULL);
    for (; o + 1 < band->out_w && j + 1 < band->in_w; o++, j += 2) {
        ADD(NULL, &a, NULL);
        ADD(&b, NULL, &a);
        PUT;
        a = b;
        b = none;
    }
    if (o < band->out_w) {
        if (j < band->in_w)
            ADD(NULL, &a, NULL);
        if (j + 1 < band->in_w)
            ADD(NULL, NULL, &a);
        PUT;
    }
#undef ADD
#undef PUT
}

/* Adds `pixels` rows of y to a group's moments. */
V_OP void ISA(add_moments)(const int partial, int64_t lanes, int64_t pixels, int64_t channels, int first,
                           const float *y, float *moments)
{
    float *sums = moments + channels, *squares = sums + channels;
    const vf origin = ISA(lanes_load)(partial, lanes, first ? y : moments);
    vf sum = v_zero(), square = v_zero();
    for (int64_t p = 0; p < pixels; p++) {
        const vf d = ISA(lanes_load)(partial, lanes, y + p * channels) - origin;
        sum = sum + d;
        square = v_fma(d, d, square);
    }
    if (!first) {
        sum = sum + ISA(lanes_load)(partial, lanes, sums);
        square = square + ISA(lanes_load)(partial, lanes, squares);
    }
    ISA(lanes_store)(partial, lanes, moments, origin);
    ISA(lanes_store)(partial, lanes, sums, sum);
    ISA(lanes_store)(partial, lanes, squares, square);
}

V_OP ISA(ending) ISA(ending_of)(const int partial, int64_t lanes, int64_t c, const mbni_epilogue *epilogue)
{
    ISA(ending) e = {.on = epilogue != NULL};
    if (epilogue) {
        e.scale = epilogue->scale ? ISA(lanes_load)(partial, lanes, epilogue->scale + c) : v_set(1);
        e.shift = epilogue->shift ? ISA(lanes_load)(partial, lanes, epilogue->shift + c) : v_zero();
        e.low = v_set(epilogue->low);
        e.high = v_set(epilogue->high);
    }
    return e;
}

/* One group of channels of a band, from channel c on. */
V_OP void ISA(group)(const int stride, const int height, const int partial, const mbni_band *band, int64_t c,
                     const float *x, const float *kernel, const mbni_epilogue *epilogue, float *y, int first,
                     float *moments)
{
    const int64_t lanes = partial ? band->channels - c : VW;
    const ISA(ending) e = ISA(ending_of)(partial, lanes, c, epilogue);
    if (stride == 1)
        ISA(slide1)(height, partial, lanes, band, x + c, kernel + c, &e, y + c);
    else
        ISA(slide2)(height, partial, lanes, band, x + c, kernel + c, &e, y + c);
    if (moments)
        ISA(add_moments)(partial, lanes, height * band->out_w, band->channels, first, y + c, moments + c);
}

/* A band, all channels. */
V_OP void ISA(groups)(const int stride, const int height, const mbni_band *band, const float *x,
                      const float *kernel, const mbni_epilogue *epilogue, float *y, int first, float *moments)
{
    int64_t c = 0;
    for (; c + VW <= band->channels; c += VW)
        ISA(group)(stride, height, 0, band, c, x, kernel, epilogue, y, first, moments);
    if (c < band->channels)
        ISA(group)(stride, height, 1, band, c, x, kernel, epilogue, y, first, moments);
}

void ISA(depthwise_rows)(const mbni_window *w, int turned, const float *x, const float *kernel,
                         const mbni_epilogue *epilogue, float *y, int64_t row_begin, int64_t row_end,
                         int first, float *moments)
{
    mbni_band band = {.in_w = w->in_w,
                      .out_w = w->out_w,
                      .pad = w->pad_left,
                      .channels = w->channels,
                      .x_pitch = w->in_w * w->channels,
                      .y_pitch = w->out_w * w->channels,
                      .tap = turned ? -w->channels : w->channels};
    if (turned)
        kernel += 8 * w->channels;
    for (int64_t oh = row_begin; oh < row_end; oh += 2, first = 0) {
        const int64_t ih = oh * w->stride_h - w->pad_top;
        const float *xs = x + ih * band.x_pitch;
        float *ys = y + oh * band.y_pitch;
        band.rows = mbni_rows_inside(w, ih, 5);
        if (w->stride_h == 1 && oh + 1 < row_end)
            ISA(groups)(1, 2, &band, xs, kernel, epilogue, ys, first, moments);
        else if (w->stride_h == 1)
            ISA(groups)(1, 1, &band, xs, kernel, epilogue, ys, first, moments);
        else if (oh + 1 < row_end)
            ISA(groups)(2, 2, &band, xs, kernel, epilogue, ys, first, moments);
        else
            ISA(groups)(2, 1, &band, xs, kernel, epilogue, ys, first, moments);
    }
}

void ISA(depthwise)(const mbni_window *w, int64_t pictures, const float *x, const float *kernel,
                    const mbni_epilogue *epilogue, float *y, int64_t row_begin, int64_t row_end,
                    float *moments)
{
    if (!mbni_depthwise_slides(w)) {
        mbni_depthwise_any(w, pictures, x, kernel, epilogue, y, row_begin, row_end, moments);
        return;
    }
    const int64_t in = w->in_h * w->in_w * w->channels, out = w->out_h * w->out_w * w->channels;
    for (int64_t i = 0; i < pictures; i++, x += in, y += out)
        ISA(depthwise_rows)(w, 0, x, kernel, epilogue, y, row_begin, row_end, i == 0, moments);
}

#undef UNROLL
#endif
