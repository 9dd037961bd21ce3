/* Depthwise convolution forward. Direct, channels innermost, any window; no im2col. */
#include "kernels/generic/generic.h"
#include "kernels/generic/taps.h"

typedef struct mbni_range {
    int64_t begin, end;
} mbni_range;

/* Kernel positions k for which begin + k lies in [0, length). */
static mbni_range inside(int64_t begin, int64_t kernel, int64_t length)
{
    return (mbni_range){mbni_max64(0, -begin), mbni_min64(kernel, length - begin)};
}

static void pixel_by_taps(const mbni_window *w, const float *x, const float *kernel, const float *bias,
                          int64_t ih, int64_t iw, mbni_range rows, mbni_range cols, float *y)
{
    mbni_taps taps;
    taps.count = 0;
    for (int64_t kh = rows.begin; kh < rows.end; kh++)
        for (int64_t kw = cols.begin; kw < cols.end; kw++) {
            taps.x[taps.count] = x + ((ih + kh) * w->in_w + iw + kw) * w->channels;
            taps.k[taps.count++] = kernel + (kh * w->kernel_w + kw) * w->channels;
        }
    mbni_taps_sum(&taps, w->channels, bias, y);
}

/* Any multiplier and any size of kernel: the output is added to once per tap, in the same order. */
static void pixel_general(const mbni_window *w, const float *x, const float *kernel, const float *bias,
                          int64_t ih, int64_t iw, mbni_range rows, mbni_range cols, float *restrict y)
{
    const int64_t multiplier = w->multiplier, c_out = w->channels * multiplier;
    for (int64_t c = 0; c < c_out; c++)
        y[c] = bias ? bias[c] : 0;
    for (int64_t kh = rows.begin; kh < rows.end; kh++)
        for (int64_t kw = cols.begin; kw < cols.end; kw++) {
            const float *restrict xs = x + ((ih + kh) * w->in_w + iw + kw) * w->channels;
            const float *restrict ks = kernel + (kh * w->kernel_w + kw) * c_out;
            for (int64_t c = 0; c < w->channels; c++)
                for (int64_t m = 0; m < multiplier; m++)
                    y[c * multiplier + m] += xs[c] * ks[c * multiplier + m];
        }
}

static void one_picture(const mbni_window *w, const float *x, const float *kernel, const float *bias,
                        float *y, int64_t row_begin, int64_t row_end)
{
    const int64_t c_out = w->channels * w->multiplier;
    const int by_taps = w->multiplier == 1 && w->kernel_h <= 8 && w->kernel_w <= 8;
    for (int64_t oh = row_begin; oh < row_end; oh++) {
        const int64_t ih = oh * w->stride_h - w->pad_top;
        const mbni_range rows = inside(ih, w->kernel_h, w->in_h);
        for (int64_t ow = 0; ow < w->out_w; ow++) {
            const int64_t iw = ow * w->stride_w - w->pad_left;
            const mbni_range cols = inside(iw, w->kernel_w, w->in_w);
            float *to = y + (oh * w->out_w + ow) * c_out;
            if (by_taps)
                pixel_by_taps(w, x, kernel, bias, ih, iw, rows, cols, to);
            else
                pixel_general(w, x, kernel, bias, ih, iw, rows, cols, to);
        }
    }
}

/* Adds rows of [c_out] to moments whose origin is the first row of all. */
static void add_moments(int64_t rows, int64_t channels, int first, const float *y, float *moments)
{
    float *sum = moments + channels, *squares = sum + channels;
    if (first) {
        memcpy(moments, y, (size_t)channels * sizeof *y);
        memset(sum, 0, (size_t)(2 * channels) * sizeof *sum);
    }
    for (int64_t r = 0; r < rows; r++, y += channels)
        for (int64_t c = 0; c < channels; c++) {
            const float d = y[c] - moments[c];
            sum[c] += d;
            squares[c] += d * d;
        }
}

void mbni_depthwise_any(const mbni_window *w, int64_t pictures, const float *x, const float *kernel,
                        const mbni_epilogue *epilogue, float *y, int64_t row_begin, int64_t row_end,
                        float *moments)
{
    const int64_t c_out = w->channels * w->multiplier;
    const int64_t rows = (row_end - row_begin) * w->out_w;
    for (int64_t i = 0; i < pictures; i++) {
        float *to = y + (i * w->out_h + row_begin) * w->out_w * c_out;
        one_picture(w, x + i * w->in_h * w->in_w * w->channels, kernel, NULL,
                    y + i * w->out_h * w->out_w * c_out, row_begin, row_end);
        if (epilogue)
            mbni_generic_affine(rows, c_out, to, epilogue->scale, epilogue->shift, epilogue->low,
                                epilogue->high, to);
        if (moments && rows > 0)
            add_moments(rows, c_out, i == 0, to, moments);
    }
}
