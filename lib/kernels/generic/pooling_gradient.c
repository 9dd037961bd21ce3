/* Gradients of pooling. That of a maximum goes to the first pixel that has it. */
#include <string.h>
#include "kernels/generic/generic.h"

void mbni_generic_average_pool_gradient(const mbni_window *w, const float *d_y, float *d_x)
{
    memset(d_x, 0, (size_t)(w->in_h * w->in_w * w->channels) * sizeof *d_x);
    for (int64_t oh = 0; oh < w->out_h; oh++)
        for (int64_t ow = 0; ow < w->out_w; ow++) {
            const int64_t ih = oh * w->stride_h - w->pad_top, iw = ow * w->stride_w - w->pad_left;
            const int64_t top = mbni_max64(ih, 0), bottom = mbni_min64(ih + w->kernel_h, w->in_h);
            const int64_t left = mbni_max64(iw, 0), right = mbni_min64(iw + w->kernel_w, w->in_w);
            const float count = (float)((bottom - top) * (right - left));
            const float *restrict from = d_y + (oh * w->out_w + ow) * w->channels;
            for (int64_t h = top; h < bottom; h++)
                for (int64_t v = left; v < right; v++) {
                    float *restrict to = d_x + (h * w->in_w + v) * w->channels;
                    for (int64_t c = 0; c < w->channels; c++)
                        to[c] += from[c] / count;
                }
        }
}

void mbni_generic_global_average_gradient(int64_t pixels, int64_t channels, const float *d_y, float *d_x)
{
    const float count = (float)pixels;
    for (int64_t p = 0; p < pixels; p++, d_x += channels) {
        float *restrict to = d_x;
        for (int64_t c = 0; c < channels; c++)
            to[c] = d_y[c] / count;
    }
}

void mbni_generic_global_max_gradient(int64_t pixels, int64_t channels, const float *x, const float *d_y,
                                      float *d_x)
{
    for (int64_t c = 0; c < channels; c++) {
        int64_t best = 0;
        for (int64_t p = 1; p < pixels; p++) {
            const float v = x[p * channels + c], top = x[best * channels + c];
            if (v > top || (v != v && top == top))
                best = p;
        }
        for (int64_t p = 0; p < pixels; p++)
            d_x[p * channels + c] = 0;
        d_x[best * channels + c] = d_y[c];
    }
}
