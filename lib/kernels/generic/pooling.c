/* Pooling that vector families leave: the mean over windows, the maximum over a whole picture. */
#include "kernels/generic/generic.h"

void mbni_generic_average_pool(const mbni_window *w, const float *x, float *y, int64_t row_begin,
                               int64_t row_end)
{
    x -= w->x_row * w->in_w * w->channels;
    y -= w->y_row * w->out_w * w->channels;
    for (int64_t oh = row_begin; oh < row_end; oh++)
        for (int64_t ow = 0; ow < w->out_w; ow++) {
            const int64_t ih = oh * w->stride_h - w->pad_top, iw = ow * w->stride_w - w->pad_left;
            const int64_t top = mbni_max64(ih, 0), bottom = mbni_min64(ih + w->kernel_h, w->in_h);
            const int64_t left = mbni_max64(iw, 0), right = mbni_min64(iw + w->kernel_w, w->in_w);
            float *restrict to = y + (oh * w->out_w + ow) * w->channels;
            for (int64_t c = 0; c < w->channels; c++)
                to[c] = 0;
            if (top >= bottom || left >= right)
                continue;
            for (int64_t h = top; h < bottom; h++)
                for (int64_t v = left; v < right; v++) {
                    const float *restrict from = x + (h * w->in_w + v) * w->channels;
                    for (int64_t c = 0; c < w->channels; c++)
                        to[c] += from[c];
                }
            const float count = (float)((bottom - top) * (right - left));
            for (int64_t c = 0; c < w->channels; c++)
                to[c] /= count;
        }
}

/* The second comparison lets NaN in, and once there it stays, since no comparison with it is true. */
void mbni_generic_global_max(int64_t pixels, int64_t channels, const float *x, float *y)
{
    float *restrict best = y;
    for (int64_t c = 0; c < channels; c++)
        best[c] = x[c];
    for (int64_t p = 1; p < pixels; p++) {
        const float *restrict from = x + p * channels;
        for (int64_t c = 0; c < channels; c++)
            best[c] = ((from[c] > best[c]) | (from[c] != from[c])) ? from[c] : best[c];
    }
}
