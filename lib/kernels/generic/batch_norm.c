/* Batch normalization in training: moments about a sample, combined after Chan, Golub and LeVeque (1979), and
 * the sums and the map of its gradient. Inference is affine. */
#include "kernels/generic/generic.h"

void mbni_generic_moments(int64_t rows, int64_t channels, const float *x, float *moments)
{
    float *sum = moments + channels, *squares = sum + channels;
    memcpy(moments, x, (size_t)channels * sizeof *x);
    memset(sum, 0, (size_t)(2 * channels) * sizeof *sum);
    for (int64_t r = 0; r < rows; r++, x += channels)
        for (int64_t c = 0; c < channels; c++) {
            const float d = x[c] - moments[c];
            sum[c] += d;
            squares[c] += d * d;
        }
}

/* Two passes over the parts: the mean, then m2 about it, a block of channels at a time. */
void mbni_generic_combine_moments(int64_t rows, int64_t channels, const mbni_moments *moments, float *mean,
                                  float *m2)
{
    for (int64_t first = 0; first < channels; first += MBNI_CHANNEL_BLOCK) {
        const int64_t width = mbni_min64(MBNI_CHANNEL_BLOCK, channels - first);
        double total[MBNI_CHANNEL_BLOCK] = {0}, squares[MBNI_CHANNEL_BLOCK] = {0};
        for (int64_t i = 0; i < moments->parts; i++) {
            const double n =
                (double)(mbni_moments_begin(moments, rows, i + 1) - mbni_moments_begin(moments, rows, i));
            const float *origin = moments->values + 3 * i * channels + first, *sum = origin + channels;
            for (int64_t c = 0; c < width; c++)
                total[c] += n * origin[c] + sum[c];
        }
        for (int64_t c = 0; c < width; c++)
            total[c] /= (double)rows;
        for (int64_t i = 0; i < moments->parts; i++) {
            const double n =
                (double)(mbni_moments_begin(moments, rows, i + 1) - mbni_moments_begin(moments, rows, i));
            const float *origin = moments->values + 3 * i * channels + first, *sum = origin + channels;
            for (int64_t c = 0; n > 0 && c < width; c++) {
                const double shift = sum[c] / n, away = origin[c] + shift - total[c];
                squares[c] += sum[channels + c] - shift * sum[c] + n * away * away;
            }
        }
        for (int64_t c = 0; c < width; c++) {
            mean[first + c] = (float)total[c];
            m2[first + c] = squares[c] < 0 ? 0 : (float)squares[c];
        }
    }
}

static float passed(const mbni_normalization *n, int64_t c, float x, float d_y)
{
    const float y = x * n->scale[c] + n->shift[c];
    return y <= n->low || y >= n->high ? 0 : d_y;
}

void mbni_generic_batch_norm_gradient_sums(int64_t rows, int64_t channels, const mbni_normalization *n,
                                           const float *x, const float *d_y, float *sum_dy,
                                           float *sum_dy_xhat)
{
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, sum_x = 0;
        for (int64_t r = 0; r < rows; r++) {
            const float d = passed(n, c, x[r * channels + c], d_y[r * channels + c]);
            sum += d;
            sum_x += (double)d * (x[r * channels + c] - n->mean[c]);
        }
        sum_dy[c] = (float)(sum_dy[c] + sum);
        sum_dy_xhat[c] = (float)(sum_dy_xhat[c] + sum_x * n->inv_std[c]);
    }
}

void mbni_generic_batch_norm_input_gradient(int64_t rows, int64_t channels, const mbni_normalization *n,
                                            const float *x, const float *d_y, const float *a, const float *b,
                                            const float *shift, float *d_x)
{
    for (int64_t r = 0; r < rows; r++, x += channels, d_y += channels, d_x += channels) {
        MBNI_INDEPENDENT
        for (int64_t c = 0; c < channels; c++)
            d_x[c] = a[c] * passed(n, c, x[c], d_y[c]) + b[c] * x[c] + shift[c];
    }
}
