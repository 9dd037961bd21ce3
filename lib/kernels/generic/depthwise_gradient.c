/* Gradients of depthwise convolution. Towards the input it gathers: each input pixel sums the taps that
 * reached it, so that nothing is cleared or written twice. Towards the kernel it keeps three taps of sixteen
 * channels in registers over rows of pixels. */
#include "kernels/generic/generic.h"
#include "kernels/generic/taps.h"

/* The kernel positions through which outputs read an input position: `count` of them from `k` on, a stride
 * apart, each of the output position one below the last, from `out` down. */
typedef struct mbni_reach {
    int64_t k, out, count;
} mbni_reach;

static mbni_reach reach_of(int64_t in, int64_t pad, int64_t stride, int64_t kernel, int64_t out_length)
{
    mbni_reach r = {(in + pad) % stride, (in + pad) / stride, 0};
    const int64_t beyond = mbni_max64(0, r.out - out_length + 1);
    r.k += beyond * stride;
    r.out -= beyond;
    for (int64_t k = r.k; k < kernel && r.count <= r.out; k += stride)
        r.count++;
    return r;
}

static void input_pixel_by_taps(const mbni_window *w, const float *d_y, const float *kernel, mbni_reach rows,
                                mbni_reach cols, float *d_x)
{
    mbni_taps taps;
    taps.count = 0;
    for (int64_t i = 0; i < rows.count; i++)
        for (int64_t j = 0; j < cols.count; j++) {
            const int64_t output = (rows.out - i) * w->out_w + cols.out - j;
            const int64_t tap = (rows.k + i * w->stride_h) * w->kernel_w + cols.k + j * w->stride_w;
            taps.x[taps.count] = d_y + output * w->channels;
            taps.k[taps.count++] = kernel + tap * w->channels;
        }
    mbni_taps_sum(&taps, w->channels, NULL, d_x);
}

static void input_pixel_general(const mbni_window *w, const float *d_y, const float *kernel, mbni_reach rows,
                                mbni_reach cols, float *restrict d_x)
{
    const int64_t multiplier = w->multiplier, c_out = w->channels * multiplier;
    memset(d_x, 0, (size_t)w->channels * sizeof *d_x);
    for (int64_t i = 0; i < rows.count; i++)
        for (int64_t j = 0; j < cols.count; j++) {
            const int64_t output = (rows.out - i) * w->out_w + cols.out - j;
            const int64_t tap = (rows.k + i * w->stride_h) * w->kernel_w + cols.k + j * w->stride_w;
            const float *restrict ds = d_y + output * c_out, *restrict ks = kernel + tap * c_out;
            for (int64_t c = 0; c < w->channels; c++)
                for (int64_t m = 0; m < multiplier; m++)
                    d_x[c] += ds[c * multiplier + m] * ks[c * multiplier + m];
        }
}

static void input_gradient_picture(const mbni_window *w, const float *d_y, const float *kernel, float *d_x)
{
    const int by_taps = w->multiplier == 1 && w->kernel_h <= 8 && w->kernel_w <= 8;
    for (int64_t ih = 0; ih < w->in_h; ih++) {
        const mbni_reach rows = reach_of(ih, w->pad_top, w->stride_h, w->kernel_h, w->out_h);
        for (int64_t iw = 0; iw < w->in_w; iw++) {
            const mbni_reach cols = reach_of(iw, w->pad_left, w->stride_w, w->kernel_w, w->out_w);
            float *to = d_x + (ih * w->in_w + iw) * w->channels;
            if (by_taps)
                input_pixel_by_taps(w, d_y, kernel, rows, cols, to);
            else
                input_pixel_general(w, d_y, kernel, rows, cols, to);
        }
    }
}

/* Output positions [begin, end) whose input position for tap k lies in the picture. */
typedef struct mbni_span {
    int64_t begin, end;
} mbni_span;

static mbni_span span_of_tap(int64_t k, int64_t pad, int64_t stride, int64_t in, int64_t out)
{
    const int64_t low = pad - k;           /* out * stride >= low */
    const int64_t high = in - 1 + pad - k; /* out * stride <= high */
    mbni_span s = {low > 0 ? (low + stride - 1) / stride : 0, 0};
    s.end = high < 0 ? 0 : mbni_min64(out, high / stride + 1);
    if (s.end < s.begin)
        s.end = s.begin;
    return s;
}

/* One tap over one span of a row of outputs: sum[c] += x[c / multiplier] * d_y[c]. */
static void tap_row(int64_t count, int64_t channels, int64_t multiplier, const float *x, int64_t x_step,
                    const float *d_y, int64_t d_y_step, float *restrict sum)
{
    for (int64_t p = 0; p < count; p++, x += x_step, d_y += d_y_step) {
        const float *restrict xs = x;
        const float *restrict ds = d_y;
        if (multiplier == 1) {
            for (int64_t c = 0; c < channels; c++)
                sum[c] += xs[c] * ds[c];
        } else {
            for (int64_t c = 0; c < channels; c++)
                for (int64_t m = 0; m < multiplier; m++)
                    sum[c * multiplier + m] += xs[c] * ds[c * multiplier + m];
        }
    }
}

/* All taps, channels [c_begin, c_end): a partial sum for each tap and row of outputs, then added to d_kernel.
 */
static void kernel_gradient_general(const mbni_window *w, const float *x, const float *d_y, int64_t c_begin,
                                    int64_t c_end, float *d_kernel)
{
    enum { BLOCK = 64 };
    const int64_t multiplier = w->multiplier, c_out = w->channels * multiplier;
    const int64_t step = multiplier > BLOCK ? 0 : BLOCK / multiplier;
    for (int64_t tap = 0; tap < w->kernel_h * w->kernel_w; tap++) {
        const int64_t kh = tap / w->kernel_w, kw = tap % w->kernel_w;
        const mbni_span rows = span_of_tap(kh, w->pad_top, w->stride_h, w->in_h, w->out_h);
        const mbni_span cols = span_of_tap(kw, w->pad_left, w->stride_w, w->in_w, w->out_w);
        for (int64_t oh = rows.begin; oh < rows.end; oh++) {
            const float *xs = x + ((oh * w->stride_h - w->pad_top + kh) * w->in_w + cols.begin * w->stride_w -
                                   w->pad_left + kw) *
                                      w->channels;
            const float *ds = d_y + (oh * w->out_w + cols.begin) * c_out;
            for (int64_t c = c_begin; c < c_end; c += mbni_max64(step, 1)) {
                float *to = d_kernel + tap * c_out + c * multiplier;
                if (step == 0) { /* more outputs of a channel than the buffer holds: straight into d_kernel */
                    tap_row(cols.end - cols.begin, 1, multiplier, xs + c, w->stride_w * w->channels,
                            ds + c * multiplier, c_out, to);
                    continue;
                }
                const int64_t width = mbni_min64(step, c_end - c);
                float sum[BLOCK] = {0};
                tap_row(cols.end - cols.begin, width, multiplier, xs + c, w->stride_w * w->channels,
                        ds + c * multiplier, c_out, sum);
                for (int64_t i = 0; i < width * multiplier; i++)
                    to[i] += sum[i];
            }
        }
    }
}

/* sum[v] += x[v] * d_y[v] for the 16 channels of a tap */
#define MBNI_TAP(s, source)                     \
    do {                                        \
        s##0 += mbni_load4((source)) * d0;      \
        s##1 += mbni_load4((source) + 4) * d1;  \
        s##2 += mbni_load4((source) + 8) * d2;  \
        s##3 += mbni_load4((source) + 12) * d3; \
    } while (0)
#define MBNI_FLUSH(s, target)                                         \
    do {                                                              \
        mbni_store4((target), mbni_load4((target)) + s##0);           \
        mbni_store4((target) + 4, mbni_load4((target) + 4) + s##1);   \
        mbni_store4((target) + 8, mbni_load4((target) + 8) + s##2);   \
        mbni_store4((target) + 12, mbni_load4((target) + 12) + s##3); \
    } while (0)

/* Kernel row kh of a kernel three wide, output rows [begin, end), 16 channels from the pointers on. */
static void kernel_row_3(const mbni_window *w, int64_t kh, int64_t begin, int64_t end,
                         const mbni_span span[3], const float *x, const float *d_y, float *d_kernel)
{
    const int64_t channels = w->channels, step = w->stride_w * channels;
    mbni_f4 l0 = {0}, l1 = {0}, l2 = {0}, l3 = {0}, m0 = {0}, m1 = {0}, m2 = {0}, m3 = {0};
    mbni_f4 r0 = {0}, r1 = {0}, r2 = {0}, r3 = {0};
    for (int64_t oh = begin; oh < end; oh++) {
        const float *row = x + (oh * w->stride_h - w->pad_top + kh) * w->in_w * channels;
        const float *ds = d_y + oh * w->out_w * channels;
        int64_t at = -w->pad_left * channels; /* of the left tap; may lie before the row */
        for (int64_t ow = 0; ow < w->out_w; ow++, at += step, ds += channels) {
            const mbni_f4 d0 = mbni_load4(ds), d1 = mbni_load4(ds + 4);
            const mbni_f4 d2 = mbni_load4(ds + 8), d3 = mbni_load4(ds + 12);
            if (ow >= span[0].begin && ow < span[0].end)
                MBNI_TAP(l, row + at);
            if (ow >= span[1].begin && ow < span[1].end)
                MBNI_TAP(m, row + at + channels);
            if (ow >= span[2].begin && ow < span[2].end)
                MBNI_TAP(r, row + at + 2 * channels);
        }
    }
    MBNI_FLUSH(l, d_kernel);
    MBNI_FLUSH(m, d_kernel + channels);
    MBNI_FLUSH(r, d_kernel + 2 * channels);
}

/* Kernels three wide, multiplier 1: sixteen channels at a time; a partial sum covers about MBNI_ROW_BLOCK
 * pixels. Returns the channels done. */
static int64_t kernel_gradient_3(const mbni_window *w, const float *x, const float *d_y, float *d_kernel)
{
    mbni_span cols[3];
    for (int64_t kw = 0; kw < 3; kw++)
        cols[kw] = span_of_tap(kw, w->pad_left, w->stride_w, w->in_w, w->out_w);
    const int64_t row_step = mbni_max64(1, MBNI_ROW_BLOCK / mbni_max64(w->out_w, 1));
    int64_t c = 0;
    for (; c + 16 <= w->channels; c += 16)
        for (int64_t kh = 0; kh < w->kernel_h; kh++) {
            const mbni_span rows = span_of_tap(kh, w->pad_top, w->stride_h, w->in_h, w->out_h);
            for (int64_t oh = rows.begin; oh < rows.end; oh += row_step)
                kernel_row_3(w, kh, oh, mbni_min64(oh + row_step, rows.end), cols, x + c, d_y + c,
                             d_kernel + kh * 3 * w->channels + c);
        }
    return c;
}

static void kernel_gradient_picture(const mbni_window *w, const float *x, const float *d_y, float *d_kernel)
{
    int64_t done = 0;
    if (w->multiplier == 1 && w->kernel_w == 3)
        done = kernel_gradient_3(w, x, d_y, d_kernel);
    if (done < w->channels)
        kernel_gradient_general(w, x, d_y, done, w->channels, d_kernel);
}

void mbni_depthwise_input_gradient_any(const mbni_window *w, int64_t pictures, const float *d_y,
                                       const float *kernel, float *d_x)
{
    for (int64_t i = 0; i < pictures; i++)
        input_gradient_picture(w, d_y + i * w->out_h * w->out_w * w->channels * w->multiplier, kernel,
                               d_x + i * w->in_h * w->in_w * w->channels);
}

void mbni_depthwise_kernel_gradient_any(const mbni_window *w, int64_t pictures, const float *x,
                                        const float *d_y, float *d_kernel)
{
    for (int64_t i = 0; i < pictures; i++)
        kernel_gradient_picture(w, x + i * w->in_h * w->in_w * w->channels,
                                d_y + i * w->out_h * w->out_w * w->channels * w->multiplier, d_kernel);
}
