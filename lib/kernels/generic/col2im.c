/* The reverse of im2col for gradients: what several windows read is summed. */
#include <string.h>
#include "kernels/generic/generic.h"

void mbni_generic_col2im(const mbni_window *w, const float *columns, float *d_x)
{
    const int64_t line = w->kernel_w * w->channels;
    memset(d_x, 0, (size_t)(w->in_h * w->in_w * w->channels) * sizeof *d_x);
    for (int64_t oh = 0; oh < w->out_h; oh++)
        for (int64_t ow = 0; ow < w->out_w; ow++)
            for (int64_t kh = 0; kh < w->kernel_h; kh++, columns += line) {
                const int64_t ih = oh * w->stride_h - w->pad_top + kh, iw = ow * w->stride_w - w->pad_left;
                if (ih < 0 || ih >= w->in_h)
                    continue;
                const int64_t begin = mbni_max64(0, -iw) * w->channels;
                const int64_t end = mbni_min64(w->kernel_w, w->in_w - iw) * w->channels;
                const float *restrict source = columns + begin;
                float *restrict target = d_x + (ih * w->in_w + iw) * w->channels + begin;
                for (int64_t i = 0; i < end - begin; i++)
                    target[i] += source[i];
            }
}
