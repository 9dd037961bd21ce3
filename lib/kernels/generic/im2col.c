/* Windows of a picture as rows of a matrix, for convolution as a product. */
#include <string.h>
#include "kernels/generic/generic.h"

void mbni_generic_im2col(const mbni_window *w, const float *x, float *columns, int64_t row_begin,
                         int64_t row_end)
{
    const int64_t line = w->kernel_w * w->channels;
    x -= w->x_row * w->in_w * w->channels;
    for (int64_t oh = row_begin; oh < row_end; oh++)
        for (int64_t ow = 0; ow < w->out_w; ow++)
            for (int64_t kh = 0; kh < w->kernel_h; kh++, columns += line) {
                const int64_t ih = oh * w->stride_h - w->pad_top + kh, iw = ow * w->stride_w - w->pad_left;
                const int64_t begin = mbni_min64(w->kernel_w, mbni_max64(0, -iw)) * w->channels;
                const int64_t end = mbni_max64(mbni_min64(w->kernel_w, w->in_w - iw) * w->channels, begin);
                if (ih < 0 || ih >= w->in_h || begin == end) {
                    memset(columns, 0, (size_t)line * sizeof *columns);
                    continue;
                }
                const float *source = x + (ih * w->in_w + iw) * w->channels + begin;
                for (int64_t i = 0; i < begin; i++)
                    columns[i] = 0;
                memcpy(columns + begin, source, (size_t)(end - begin) * sizeof *columns);
                for (int64_t i = end; i < line; i++)
                    columns[i] = 0;
            }
}
