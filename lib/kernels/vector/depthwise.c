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
    V_EACH (i, stride * (height - 1) + 3) {
        if (!(rows >> i & 1))
            continue;
        const vf v = ISA(lanes_load)(partial, lanes, x + i * pitch);
        V_EACH (r, height) {
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
    V_EACH (r, height) {
        vf v = column->row[r];
        if (e->on)
            v = v_min(e->high, v_max(e->low, v_fma(v, e->scale, e->shift)));
        ISA(lanes_store)(partial, lanes, y + r * pitch, v);
    }
}

/* For each output column. */
V_OP void ISA(fetch_rows)(const int height, const int stride, mbni_band *band)
{
    mbni_fetch_ahead(&band->x_ahead, stride * stride * height * VW);
    mbni_fetch_ahead(&band->y_ahead, height * VW);
}

/* Stride 1, padding 0 to 2. Columns a, b, c are the outputs whose right, middle and left the input is. */
V_OP void ISA(slide1)(const int height, const int partial, int64_t lanes, mbni_band *band, const float *x,
                      const float *kernel, const ISA(ending) * e, float *y)
{
    const vf z = v_zero();
    const ISA(column) none = {{z, z}};
    ISA(column) a = none, b = none, c = none;
    vf k[9];
    V_EACH (t, 9)
        k[t] = ISA(lanes_load)(partial, lanes, kernel + t * band->tap);
    const int64_t out_w = band->out_w, pad = band->pad, x_pitch = band->x_pitch, y_pitch = band->y_pitch;
    const int64_t channels = band->channels;
    const unsigned rows = band->rows;
    const int64_t whole = mbni_min64(band->in_w, out_w - pad);
    const int64_t end = mbni_min64(band->in_w, out_w - pad + 2);
    int64_t j = 0;
#define ADD(left, middle, right) \
    ISA(add_column)(height, 1, partial, lanes, rows, x, x_pitch, k, left, middle, right)
#define PUT         \
    ISA(put_column) \
    (height, partial, lanes, e, &a, y, y_pitch), y += channels, ISA(fetch_rows)(height, 1, band)
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
V_OP void ISA(slide2)(const int height, const int partial, int64_t lanes, mbni_band *band, const float *x,
                      const float *kernel, const ISA(ending) * e, float *y)
{
    const vf z = v_zero();
    const ISA(column) none = {{z, z}};
    ISA(column) a = none, b = none;
    vf k[9];
    V_EACH (t, 9)
        k[t] = ISA(lanes_load)(partial, lanes, kernel + t * band->tap);
    const int64_t x_pitch = band->x_pitch, y_pitch = band->y_pitch, channels = band->channels;
    const unsigned rows = band->rows;
    int64_t j = 1 - band->pad, o = 0;
#define ADD(left, middle, right) \
    ISA(add_column)(height, 2, partial, lanes, rows, x, x_pitch, k, left, middle, right), x += channels
#define PUT         \
    ISA(put_column) \
    (height, partial, lanes, e, &a, y, y_pitch), y += channels, ISA(fetch_rows)(height, 2, band)
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

/* Adds `pixels` of y, just stored, to a group's moments: four sums of each, as many as hide the time of an
 * addition, whatever the cut. */
V_OP void ISA(add_moments)(const int partial, int64_t lanes, int64_t pixels, int64_t channels, int first,
                           const float *y, float *moments)
{
    float *sums = moments + channels, *squares = sums + channels;
    const vf origin = ISA(lanes_load)(partial, lanes, first ? y : moments);
    vf sum[4], square[4];
    V_EACH (i, 4)
        sum[i] = square[i] = v_zero();
    int64_t p = 0;
#define ADD(i)                                                                           \
    do {                                                                                 \
        const vf d = ISA(lanes_load)(partial, lanes, y + (p + (i)) * channels) - origin; \
        sum[i] = sum[i] + d;                                                             \
        square[i] = v_fma(d, d, square[i]);                                              \
    } while (0)
    for (; p + 4 <= pixels; p += 4) {
        V_EACH (i, 4)
            ADD(i);
    }
    V_EACH (i, 3) {
        if (p + i < pixels)
            ADD(i);
    }
#undef ADD
    sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    square[0] = (square[0] + square[1]) + (square[2] + square[3]);
    if (!first) {
        sum[0] = sum[0] + ISA(lanes_load)(partial, lanes, sums);
        square[0] = square[0] + ISA(lanes_load)(partial, lanes, squares);
    }
    ISA(lanes_store)(partial, lanes, moments, origin);
    ISA(lanes_store)(partial, lanes, sums, sum[0]);
    ISA(lanes_store)(partial, lanes, squares, square[0]);
}

static void ISA(moments_of_group)(int64_t lanes, int64_t pixels, int64_t channels, int first, const float *y,
                                  float *moments)
{
    if (lanes == VW)
        ISA(add_moments)(0, lanes, pixels, channels, first, y, moments);
    else
        ISA(add_moments)(1, lanes, pixels, channels, first, y, moments);
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

/* What a band is worked on with: where its first input row is, or would be, and its first output. */
typedef struct ISA(job) {
    const float *x, *kernel;
    const mbni_epilogue *epilogue;
    float *y;
    int first; /* moments begin anew */
    float *moments;
} ISA(job);

/* One group of channels of a band, from channel c on. */
V_OP void ISA(group)(const int stride, const int height, const int partial, mbni_band *band, int64_t c,
                     const ISA(job) * job)
{
    const int64_t lanes = partial ? band->channels - c : VW;
    const ISA(ending) e = ISA(ending_of)(partial, lanes, c, job->epilogue);
    if (stride == 1)
        ISA(slide1)(height, partial, lanes, band, job->x + c, job->kernel + c, &e, job->y + c);
    else
        ISA(slide2)(height, partial, lanes, band, job->x + c, job->kernel + c, &e, job->y + c);
    const int64_t pixels = height * band->out_w;
    if (job->moments)
        ISA(moments_of_group)(lanes, pixels, band->channels, job->first, job->y + c, job->moments + c);
}

/* A band, all channels; those behind the last whole vector row by row, which is code enough for them. */
V_OP void ISA(groups)(const int stride, const int height, const mbni_band *band, const ISA(job) * job)
{
    mbni_band b = *band;
    int64_t c = 0;
    for (; c + VW <= b.channels; c += VW)
        ISA(group)(stride, height, 0, &b, c, job);
    if (c < b.channels) {
        ISA(job) row = *job;
        for (int r = 0; r < height; r++) {
            ISA(group)(stride, 1, 1, &b, c, &row);
            b.rows >>= stride;
            row.x += stride * b.x_pitch;
            row.y += b.y_pitch;
            row.first = 0;
        }
    }
}

/* The same where it is two rows of this small map, or returns 0: sizes that the compiler knows dissolve the
 * loops, and what lies outside costs nothing. Not worth its code without wide vectors. */
V_OP int ISA(small)(const int stride, const int side, const unsigned rows, const mbni_band *band,
                    const ISA(job) * job)
{
    mbni_band b = *band;
    const int64_t out = side / stride, pad = stride == 1;
    if (VW * VREGS <= 64 || b.in_w != side || b.out_w != out || b.pad != pad || b.rows != rows)
        return 0;
    b.in_w = side, b.out_w = out, b.pad = pad, b.rows = rows;
    ISA(groups)(stride, 2, &b, job);
    return 1;
}

V_OP void ISA(band)(const int64_t stride, const int height, const mbni_band *band, const ISA(job) * job)
{
    if (stride == 1 && height == 2) {
        if (ISA(small)(1, 2, 6, band, job) || ISA(small)(1, 4, 14, band, job) ||
            ISA(small)(1, 4, 7, band, job))
            return;
        ISA(groups)(1, 2, band, job);
    } else if (stride == 1) {
        ISA(groups)(1, 1, band, job);
    } else if (height == 2) {
        if (!ISA(small)(2, 4, 15, band, job))
            ISA(groups)(2, 2, band, job);
    } else {
        ISA(groups)(2, 1, band, job);
    }
}

void ISA(depthwise_rows)(const mbni_window *w, int turned, int64_t pictures, const float *x,
                         const float *kernel, const mbni_epilogue *epilogue, float *y, int64_t row_begin,
                         int64_t row_end, float *moments)
{
    const int64_t stride = w->stride_h, channels = w->channels;
    const int64_t x_pitch = w->in_w * channels, y_pitch = w->out_w * channels;
    const int64_t in = w->in_h * x_pitch, out = w->out_h * y_pitch;
    /* A call for some pictures is rarely the last of its batch: one more counts as near. Behind the rows of a
     * call for one picture may be what another thread is writing. */
    const int64_t x_rows = mbni_min64(w->in_h, (row_end - 1) * stride - w->pad_top + 3);
    const float *x_end = x + (pictures > 1 ? (pictures + 1) * in : x_rows * x_pitch);
    const float *y_end = y + (pictures > 1 ? (pictures + 1) * out : row_end * y_pitch);
    const float *first_tap = turned ? kernel + 8 * channels : kernel;
    ISA(job) job = {.kernel = first_tap, .epilogue = epilogue, .moments = moments};
    mbni_band band = {.in_w = w->in_w,
                      .out_w = w->out_w,
                      .pad = w->pad_left,
                      .channels = channels,
                      .x_pitch = x_pitch,
                      .y_pitch = y_pitch,
                      .tap = turned ? -channels : channels};
    for (int64_t i = 0; i < pictures; i++, x += in, y += out)
        for (int64_t oh = row_begin; oh < row_end; oh += 2) {
            const int height = oh + 1 < row_end ? 2 : 1;
            const int64_t ih = oh * stride - w->pad_top, ih_count = stride * (height - 1) + 3;
            job.x = x + ih * x_pitch;
            job.y = y + oh * y_pitch;
            job.first = i == 0 && oh == row_begin;
            band.rows = mbni_rows_inside(w, ih, ih_count);
            band.x_ahead = job.x + ih_count * x_pitch;
            band.y_ahead = job.y + height * y_pitch;
            if (x_end - band.x_ahead < stride * height * x_pitch)
                band.x_ahead = x;
            if (y_end - band.y_ahead < height * y_pitch)
                band.y_ahead = job.y;
            ISA(band)(stride, height, &band, &job);
        }
}

void ISA(depthwise)(const mbni_window *w, int64_t pictures, const float *x, const float *kernel,
                    const mbni_epilogue *epilogue, float *y, int64_t row_begin, int64_t row_end,
                    float *moments)
{
    x -= w->x_row * w->in_w * w->channels;
    y -= w->y_row * w->out_w * w->channels * w->multiplier;
    if (mbni_depthwise_slides(w))
        ISA(depthwise_rows)(w, 0, pictures, x, kernel, epilogue, y, row_begin, row_end, moments);
    else
        mbni_depthwise_any(w, pictures, x, kernel, epilogue, y, row_begin, row_end, moments);
}

#endif
