/* Gradients of depthwise convolution, 3 x 3 with stride 1 or 2; other windows go to plain C. Towards the
 * input, stride 1 is a convolution with the turned kernel, and stride 2 goes by the parity of the pixel: one
 * output and its neighbours above and to the left reach a square of four pixels by one, two, two and four
 * taps. Towards the kernel nine sums of a group of channels stay in registers over some 64 outputs and are
 * then added to d_kernel. Products that do not exist are passed over, so that no 0 * inf arises. */
#define MBNI_THIS_FILE "kernels/vector/depthwise_gradient.c"
#include "kernels/generic/generic.h"
#include "kernels/vector/depthwise.h"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA

#define SMALL _Pragma("GCC unroll 64")

V_OP vf ISA(gradient_load)(const int partial, int64_t lanes, const float *p)
{
    return partial ? v_load_n(p, lanes) : v_load(p);
}

V_OP void ISA(gradient_store)(const int partial, int64_t lanes, float *p, vf v)
{
    if (partial)
        v_store_n(p, lanes, v);
    else
        v_store(p, v);
}

/* Four pixels at d_x from the outputs at d_y, before and above it. */
V_OP void ISA(square)(const int partial, int64_t lanes, int has, const vf *k, const float *d_y,
                      int64_t y_pitch, float *d_x, int64_t x_pitch, int64_t channels)
{
    vf top_left = v_zero(), top_right = v_zero(), bottom_left = v_zero(), bottom_right = v_zero();
    if ((has & MBNI_HAS_ROW) && (has & MBNI_HAS_HERE)) {
        const vf d = ISA(gradient_load)(partial, lanes, d_y);
        top_left = v_fma(d, k[0], top_left);
        top_right = v_fma(d, k[1], top_right);
        bottom_left = v_fma(d, k[3], bottom_left);
        bottom_right = v_fma(d, k[4], bottom_right);
    }
    if ((has & MBNI_HAS_ABOVE) && (has & MBNI_HAS_HERE)) {
        const vf d = ISA(gradient_load)(partial, lanes, d_y - y_pitch);
        top_left = v_fma(d, k[6], top_left);
        top_right = v_fma(d, k[7], top_right);
    }
    if ((has & MBNI_HAS_ROW) && (has & MBNI_HAS_BEFORE)) {
        const vf d = ISA(gradient_load)(partial, lanes, d_y - channels);
        top_left = v_fma(d, k[2], top_left);
        bottom_left = v_fma(d, k[5], bottom_left);
    }
    if ((has & MBNI_HAS_ABOVE) && (has & MBNI_HAS_BEFORE))
        top_left = v_fma(ISA(gradient_load)(partial, lanes, d_y - y_pitch - channels), k[8], top_left);
    if ((has & MBNI_HAS_TOP) && (has & MBNI_HAS_LEFT))
        ISA(gradient_store)(partial, lanes, d_x, top_left);
    if ((has & MBNI_HAS_TOP) && (has & MBNI_HAS_RIGHT))
        ISA(gradient_store)(partial, lanes, d_x + channels, top_right);
    if ((has & MBNI_HAS_BOTTOM) && (has & MBNI_HAS_LEFT))
        ISA(gradient_store)(partial, lanes, d_x + x_pitch, bottom_left);
    if ((has & MBNI_HAS_BOTTOM) && (has & MBNI_HAS_RIGHT))
        ISA(gradient_store)(partial, lanes, d_x + x_pitch + channels, bottom_right);
}

/* What exists of the columns of square s. */
V_OP int ISA(columns_of)(const mbni_window *w, int64_t s)
{
    const int64_t left = 2 * s - w->pad_left;
    return (left >= 0 ? MBNI_HAS_LEFT : 0) | (left + 1 < w->in_w ? MBNI_HAS_RIGHT : 0) |
           (s < w->out_w ? MBNI_HAS_HERE : 0) | (s >= 1 && s - 1 < w->out_w ? MBNI_HAS_BEFORE : 0);
}

/* One row of squares, one group of channels. */
V_OP void ISA(square_row)(const int partial, int64_t lanes, const mbni_window *w, const int rows,
                          mbni_band *ahead, const float *d_y, const float *kernel, float *d_x)
{
    enum { ALL = MBNI_HAS_LEFT | MBNI_HAS_RIGHT | MBNI_HAS_HERE | MBNI_HAS_BEFORE };
    const int64_t channels = w->channels, y_pitch = w->out_w * channels, x_pitch = w->in_w * channels;
    const int64_t squares = (w->in_w + w->pad_left + 1) / 2;
    const int64_t whole = mbni_min64(w->out_w, (w->in_w + w->pad_left) / 2);
    vf k[9];
    V_EACH (t, 9)
        k[t] = ISA(gradient_load)(partial, lanes, kernel + t * channels);
    int64_t s = 0;
    d_x -= w->pad_left * channels;
#define SQUARE(columns)                                                                                 \
    ISA(square)                                                                                         \
    (partial, lanes, rows | (columns), k, d_y + s * channels, y_pitch, d_x + 2 * s * channels, x_pitch, \
     channels),                                                                                         \
        mbni_fetch_ahead(&ahead->x_ahead, 4 * VW), mbni_fetch_ahead(&ahead->y_ahead, VW)
    SQUARE(ISA(columns_of)(w, s));
    for (s = 1; s < whole; s++)
        SQUARE(ALL);
    for (; s < squares; s++)
        SQUARE(ISA(columns_of)(w, s));
#undef SQUARE
}

/* One row of squares. */
V_OP void ISA(square_groups)(const mbni_window *w, const int rows, mbni_band *ahead, const float *d_y,
                             const float *kernel, float *d_x)
{
    const int64_t channels = w->channels;
    int64_t c = 0;
    for (; c + VW <= channels; c += VW)
        ISA(square_row)(0, VW, w, rows, ahead, d_y + c, kernel + c, d_x + c);
    if (c < channels)
        ISA(square_row)(1, channels - c, w, rows, ahead, d_y + c, kernel + c, d_x + c);
}

static void ISA(input_gradient_stride2)(const mbni_window *w, int64_t pictures, const float *d_y,
                                        const float *kernel, float *d_x)
{
    enum { WHOLE = MBNI_HAS_TOP | MBNI_HAS_BOTTOM | MBNI_HAS_ROW | MBNI_HAS_ABOVE };
    const int64_t x_pitch = w->in_w * w->channels, y_pitch = w->out_w * w->channels;
    const int64_t reach = pictures > 1 ? pictures + 1 : 1; /* as in depthwise.c */
    const float *x_end = d_x + reach * w->in_h * x_pitch, *y_end = d_y + reach * w->out_h * y_pitch;
    for (int64_t i = 0; i < pictures; i++, d_x += w->in_h * x_pitch, d_y += w->out_h * y_pitch)
        for (int64_t r = 0; 2 * r - w->pad_top < w->in_h; r++) {
            const int64_t top = 2 * r - w->pad_top;
            const int rows = (top >= 0 ? MBNI_HAS_TOP : 0) | (top + 1 < w->in_h ? MBNI_HAS_BOTTOM : 0) |
                             (r < w->out_h ? MBNI_HAS_ROW : 0) |
                             (r >= 1 && r - 1 < w->out_h ? MBNI_HAS_ABOVE : 0);
            const float *ds = d_y + r * y_pitch;
            float *xs = d_x + top * x_pitch;
            mbni_band ahead = {.x_ahead = xs + 2 * x_pitch, .y_ahead = ds + y_pitch};
            if (x_end - ahead.x_ahead < 2 * x_pitch)
                ahead.x_ahead = d_x;
            if (y_end - ahead.y_ahead < y_pitch)
                ahead.y_ahead = d_y;
            if (rows == WHOLE)
                ISA(square_groups)(w, WHOLE, &ahead, ds, kernel, xs);
            else
                ISA(square_groups)(w, rows, &ahead, ds, kernel, xs);
        }
}

void ISA(depthwise_input_gradient)(const mbni_window *w, int64_t pictures, const float *d_y,
                                   const float *kernel, float *d_x)
{
    mbni_window turned = *w; /* stride 1: from d_y to d_x */
    turned.in_h = w->out_h, turned.in_w = w->out_w;
    turned.out_h = w->in_h, turned.out_w = w->in_w;
    turned.pad_top = 2 - w->pad_top, turned.pad_left = 2 - w->pad_left;
    if (!mbni_depthwise_slides(w) || (w->stride_h == 1 && w->in_w > w->out_w + turned.pad_left)) {
        mbni_depthwise_input_gradient_any(w, pictures, d_y, kernel, d_x);
        return;
    }
    if (w->stride_h == 1)
        ISA(depthwise_rows)(&turned, 1, pictures, d_y, kernel, NULL, d_x, 0, w->in_h, NULL);
    else
        ISA(input_gradient_stride2)(w, pictures, d_y, kernel, d_x);
}

/* Adds to the nine sums what the input column x has with the outputs for which it is left, middle and right.
 * columns: bit kw when that output exists. */
V_OP void ISA(add_products)(const int partial, int64_t lanes, unsigned rows, int columns, const float *x,
                            int64_t pitch, const vf *d, vf *sum)
{
    V_EACH (kh, 3) {
        if (!(rows >> kh & 1))
            continue;
        const vf v = ISA(gradient_load)(partial, lanes, x + kh * pitch);
        V_EACH (kw, 3) {
            if (columns & (1 << kw))
                sum[3 * kh + kw] = v_fma(v, d[kw], sum[3 * kh + kw]);
        }
    }
}

/* One row of outputs, stride 1; d[kw] is the output that input column j reaches by tap kw. */
V_OP void ISA(products1)(const int partial, int64_t lanes, mbni_band *band, const float *x, const float *d_y,
                         vf *sum)
{
    const int64_t channels = band->channels, out_w = band->out_w, pad = band->pad, pitch = band->x_pitch;
    const int64_t end = mbni_min64(band->in_w, out_w - pad + 2), whole = mbni_min64(end, out_w - pad);
    const unsigned rows = band->rows;
    vf d[3] = {v_zero(), v_zero(), v_zero()};
    int64_t j = 0;
    if (pad == 1) {
        d[0] = ISA(gradient_load)(partial, lanes, d_y);
        d_y += channels;
    }
    for (; j < end; j++, x += channels, d_y += channels) {
        const int64_t o = j + pad;
        mbni_fetch_ahead(&band->x_ahead, VW);
        mbni_fetch_ahead(&band->y_ahead, VW);
        d[2] = d[1], d[1] = d[0];
        if (o < out_w)
            d[0] = ISA(gradient_load)(partial, lanes, d_y);
        if (o >= 2 && j < whole)
            ISA(add_products)(partial, lanes, rows, 7, x, pitch, d, sum);
        else
            ISA(add_products)
        (partial, lanes, rows, (o < out_w ? 1 : 0) | (o >= 1 && o - 1 < out_w ? 2 : 0) | (o >= 2 ? 4 : 0), x,
         pitch, d, sum);
    }
}

/* One row of outputs, stride 2: input columns 2 s - pad, of outputs s and s - 1, and the one behind it, of s.
 */
V_OP void ISA(products2)(const int partial, int64_t lanes, mbni_band *band, const float *x, const float *d_y,
                         vf *sum)
{
    const int64_t channels = band->channels, out_w = band->out_w, in_w = band->in_w, pitch = band->x_pitch;
    const unsigned rows = band->rows;
    vf d[3] = {v_zero(), v_zero(), v_zero()};
    int64_t j = -band->pad;
    x += j * channels;
    for (int64_t s = 0; s <= out_w && j < in_w; s++, j += 2, x += 2 * channels, d_y += channels) {
        mbni_fetch_ahead(&band->x_ahead, 4 * VW);
        mbni_fetch_ahead(&band->y_ahead, VW);
        d[2] = d[0];
        if (s >= 1 && s < out_w && j + 1 < in_w) {
            d[0] = d[1] = ISA(gradient_load)(partial, lanes, d_y);
            ISA(add_products)(partial, lanes, rows, 5, x, pitch, d, sum);
            ISA(add_products)(partial, lanes, rows, 2, x + channels, pitch, d, sum);
            continue;
        }
        if (s < out_w)
            d[0] = d[1] = ISA(gradient_load)(partial, lanes, d_y);
        if (j >= 0)
            ISA(add_products)(partial, lanes, rows, (s < out_w ? 1 : 0) | (s >= 1 ? 4 : 0), x, pitch, d, sum);
        if (j + 1 < in_w && s < out_w)
            ISA(add_products)(partial, lanes, rows, 2, x + channels, pitch, d, sum);
    }
}

/* What one partial sum covers: rows of each of some pictures; and what the next one will read. */
typedef struct ISA(cover) {
    int64_t pictures, begin, end;
    const float *x, *d_y, *x_ahead, *y_ahead;
} ISA(cover);

/* One group of channels of a cover. */
V_OP void ISA(kernel_group)(const int stride, const int partial, int64_t lanes, const mbni_window *w,
                            ISA(cover) * cover, int64_t c, float *d_kernel)
{
    const int64_t channels = w->channels, in_w = w->in_w, out_w = w->out_w;
    mbni_band band = {.in_w = in_w,
                      .out_w = out_w,
                      .pad = w->pad_left,
                      .channels = channels,
                      .x_pitch = in_w * channels,
                      .x_ahead = cover->x_ahead,
                      .y_ahead = cover->y_ahead};
    vf sum[9];
    V_EACH (t, 9)
        sum[t] = v_zero();
    const float *x = cover->x + c, *d_y = cover->d_y + c;
    for (int64_t i = 0; i < cover->pictures;
         i++, x += w->in_h * in_w * channels, d_y += w->out_h * out_w * channels) {
        for (int64_t oh = cover->begin; oh < cover->end; oh++) {
            const int64_t ih = oh * stride - w->pad_top;
            const float *xs = x + ih * band.x_pitch, *ds = d_y + oh * out_w * channels;
            band.rows = mbni_rows_inside(w, ih, 3);
            if (stride == 1)
                ISA(products1)(partial, lanes, &band, xs, ds, sum);
            else
                ISA(products2)(partial, lanes, &band, xs, ds, sum);
        }
    }
    cover->x_ahead = band.x_ahead;
    cover->y_ahead = band.y_ahead;
    V_EACH (t, 9) {
        float *to = d_kernel + t * channels + c;
        ISA(gradient_store)(partial, lanes, to, ISA(gradient_load)(partial, lanes, to) + sum[t]);
    }
}

/* All products of a small square picture written out, padded as "same": the compiler knows each address. */
V_OP void ISA(small_products)(const int stride, const int side, int64_t channels, const float *x,
                              const float *d_y, vf *sum)
{
    const int out = (side + stride - 1) / stride, pad = stride == 1;
    SMALL for (int p = 0; p < side * side; p++)
    {
        const int ih = p / side, iw = p % side;
        const vf v = v_load(x + p * channels);
        V_EACH (t, 9) {
            const int oh = ih + pad - t / 3, ow = iw + pad - t % 3;
            if (oh >= 0 && oh % stride == 0 && oh / stride < out && ow >= 0 && ow % stride == 0 &&
                ow / stride < out)
                sum[t] = v_fma(v, v_load(d_y + (oh / stride * out + ow / stride) * channels), sum[t]);
        }
    }
}

/* The whole vectors of a cover of such pictures; returns the channels done, 0 if it is no such cover. `taps`
 * are those that meet the picture. */
V_OP int64_t ISA(kernel_small)(const int stride, const int side, const unsigned taps, const mbni_window *w,
                               ISA(cover) * cover, float *d_kernel)
{
    const int64_t out = (side + stride - 1) / stride, channels = w->channels;
    if (VW * VREGS <= 64 || !mbni_depthwise_is_small(w, stride, side))
        return 0;
    int64_t c = 0;
    for (; c + VW <= channels; c += VW) {
        vf sum[9];
        V_EACH (t, 9)
            sum[t] = v_zero();
        const float *x = cover->x + c, *d_y = cover->d_y + c;
        for (int64_t i = 0; i < cover->pictures;
             i++, x += side * side * channels, d_y += out * out * channels) {
            mbni_fetch_ahead(&cover->x_ahead, side * side * VW);
            mbni_fetch_ahead(&cover->y_ahead, (int)(out * out * VW));
            ISA(small_products)(stride, side, channels, x, d_y, sum);
        }
        V_EACH (t, 9) {
            float *to = d_kernel + t * channels + c;
            if (taps >> t & 1)
                v_store(to, v_load(to) + sum[t]);
        }
    }
    return c;
}

/* All channels of a cover. */
V_OP void ISA(kernel_groups)(const int stride, const mbni_window *w, ISA(cover) * cover, float *d_kernel)
{
    int64_t c = 0;
    if (stride == 1) {
        c = ISA(kernel_small)(1, 1, 1 << 4, w, cover, d_kernel);
        c = c ? c : ISA(kernel_small)(1, 2, 0x1ff, w, cover, d_kernel);
        c = c ? c : ISA(kernel_small)(1, 4, 0x1ff, w, cover, d_kernel);
    } else {
        c = ISA(kernel_small)(2, 2, 1 | 2 | 8 | 16, w, cover, d_kernel);
        c = c ? c : ISA(kernel_small)(2, 4, 0x1ff, w, cover, d_kernel);
        c = c ? c : ISA(kernel_small)(2, 8, 0x1ff, w, cover, d_kernel);
    }
    for (; c + VW <= w->channels; c += VW)
        ISA(kernel_group)(stride, 0, VW, w, cover, c, d_kernel);
    if (c < w->channels)
        ISA(kernel_group)(stride, 1, w->channels - c, w, cover, c, d_kernel);
}

void ISA(depthwise_kernel_gradient)(const mbni_window *w, int64_t pictures, const float *x, const float *d_y,
                                    float *d_kernel)
{
    if (!mbni_depthwise_is_3x3(w)) {
        mbni_depthwise_kernel_gradient_any(w, pictures, x, d_y, d_kernel);
        return;
    }
    const int64_t x_pitch = w->in_w * w->channels, y_pitch = w->out_w * w->channels;
    const int64_t in = w->in_h * x_pitch, out = w->out_h * y_pitch;
    const int64_t rows = mbni_max64(1, MBNI_ROW_BLOCK / w->out_w);
    /* Not more pictures than fit into the ways of a cache when all their pixels fall into the same set. */
    const int64_t group = mbni_max64(1, mbni_min64(8, rows / w->out_h));
    const int64_t reach = pictures > 1 ? 2 * pictures : 1; /* as in depthwise.c */
    const float *x_end = x + reach * in, *y_end = d_y + reach * out;
    for (int64_t i = 0; i < pictures; i += group)
        for (int64_t oh = 0; oh < w->out_h; oh += rows) {
            ISA(cover)
            cover = {.pictures = mbni_min64(group, pictures - i),
                     .begin = oh,
                     .end = mbni_min64(oh + rows, w->out_h),
                     .x = x + i * in,
                     .d_y = d_y + i * out};
            const int64_t count = cover.pictures * (cover.end - oh),
                          before = (cover.pictures - 1) * w->out_h + cover.end;
            cover.x_ahead = cover.x + before * w->stride_h * x_pitch;
            cover.y_ahead = cover.d_y + before * y_pitch;
            if (x_end - cover.x_ahead < count * w->stride_h * x_pitch)
                cover.x_ahead = cover.x;
            if (y_end - cover.y_ahead < count * y_pitch)
                cover.y_ahead = cover.d_y;
            if (w->stride_h == 1)
                ISA(kernel_groups)(1, w, &cover, d_kernel);
            else
                ISA(kernel_groups)(2, w, &cover, d_kernel);
        }
}

#undef SMALL
#endif
