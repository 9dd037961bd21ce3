/* Batch normalization in training: statistics in two passes, merged after Chan, Golub and LeVeque (1979), and
 * the sums and the map of its gradient. Inference is affine. */
#include "kernels/generic/generic.h"
#include "kernels/generic/reduce.h"

/* total[c] = sum over rows of (x - mean)^2 */
static void square_block(int64_t rows, int64_t width, int64_t stride, const float *restrict x,
                         const float *restrict mean, double *restrict total)
{
    for (int64_t c = 0; c < width; c++)
        total[c] = 0;
    for (int64_t begin = 0; begin < rows; begin += MBNI_ROW_BLOCK) {
        const int64_t end = mbni_min64(begin + MBNI_ROW_BLOCK, rows);
        float partial[MBNI_CHANNEL_BLOCK];
        for (int64_t c = 0; c < width; c++)
            partial[c] = 0;
        int64_t r = begin;
        for (; r + 2 <= end; r += 2) {
            const float *restrict p = x + r * stride, *restrict q = p + stride;
            for (int64_t c = 0; c < width; c++) {
                const float u = p[c] - mean[c], v = q[c] - mean[c];
                partial[c] += u * u + v * v;
            }
        }
        for (; r < end; r++) {
            const float *restrict p = x + r * stride;
            for (int64_t c = 0; c < width; c++)
                partial[c] += (p[c] - mean[c]) * (p[c] - mean[c]);
        }
        for (int64_t c = 0; c < width; c++)
            total[c] += partial[c];
    }
}

void mbni_generic_statistics(int64_t rows, int64_t channels, const float *x, float *mean, float *m2)
{
    const double inverse = rows > 0 ? 1.0 / (double)rows : 0;
    for (int64_t c = 0; c < channels; c += MBNI_CHANNEL_BLOCK) {
        const int64_t width = mbni_min64(MBNI_CHANNEL_BLOCK, channels - c);
        double total[MBNI_CHANNEL_BLOCK];
        mbni_sum_block(rows, width, channels, x + c, total);
        for (int64_t i = 0; i < width; i++)
            mean[c + i] = (float)(total[i] * inverse);
        square_block(rows, width, channels, x + c, mean + c, total);
        for (int64_t i = 0; i < width; i++)
            m2[c + i] = (float)total[i];
    }
}

void mbni_generic_merge_statistics(int64_t channels, int64_t rows_a, float *mean_a, float *m2_a,
                                   int64_t rows_b, const float *mean_b, const float *m2_b)
{
    if (rows_b <= 0)
        return;
    if (rows_a <= 0) { /* what stands in a, perhaps nothing, has no weight */
        for (int64_t c = 0; c < channels; c++) {
            mean_a[c] = mean_b[c];
            m2_a[c] = m2_b[c];
        }
        return;
    }
    const double share = (double)rows_b / ((double)rows_a + (double)rows_b);
    for (int64_t c = 0; c < channels; c++) {
        const double delta = (double)mean_b[c] - mean_a[c];
        mean_a[c] = (float)(mean_a[c] + delta * share);
        m2_a[c] = (float)((double)m2_a[c] + m2_b[c] + delta * delta * (double)rows_a * share);
    }
}

static void gradient_sums_block(int64_t rows, int64_t width, int64_t stride, const float *restrict x,
                                const float *restrict d_y, const float *restrict mean, double *restrict sum,
                                double *restrict sum_x)
{
    for (int64_t c = 0; c < width; c++)
        sum[c] = sum_x[c] = 0;
    for (int64_t begin = 0; begin < rows; begin += MBNI_ROW_BLOCK) {
        const int64_t end = mbni_min64(begin + MBNI_ROW_BLOCK, rows);
        float part[MBNI_CHANNEL_BLOCK], part_x[MBNI_CHANNEL_BLOCK];
        for (int64_t c = 0; c < width; c++)
            part[c] = part_x[c] = 0;
        int64_t r = begin;
        for (; r + 2 <= end; r += 2) {
            const float *restrict p = x + r * stride, *restrict q = p + stride;
            const float *restrict u = d_y + r * stride, *restrict v = u + stride;
            for (int64_t c = 0; c < width; c++) {
                part[c] += u[c] + v[c];
                part_x[c] += u[c] * (p[c] - mean[c]) + v[c] * (q[c] - mean[c]);
            }
        }
        for (; r < end; r++) {
            const float *restrict p = x + r * stride, *restrict u = d_y + r * stride;
            for (int64_t c = 0; c < width; c++) {
                part[c] += u[c];
                part_x[c] += u[c] * (p[c] - mean[c]);
            }
        }
        for (int64_t c = 0; c < width; c++) {
            sum[c] += part[c];
            sum_x[c] += part_x[c];
        }
    }
}

void mbni_generic_batch_norm_gradient_sums(int64_t rows, int64_t channels, const float *x, const float *d_y,
                                           const float *mean, const float *inv_std, float *sum_dy,
                                           float *sum_dy_xhat)
{
    for (int64_t c = 0; c < channels; c += MBNI_CHANNEL_BLOCK) {
        const int64_t width = mbni_min64(MBNI_CHANNEL_BLOCK, channels - c);
        double sum[MBNI_CHANNEL_BLOCK], sum_x[MBNI_CHANNEL_BLOCK];
        gradient_sums_block(rows, width, channels, x + c, d_y + c, mean + c, sum, sum_x);
        for (int64_t i = 0; i < width; i++) {
            sum_dy[c + i] = (float)(sum_dy[c + i] + sum[i]);
            sum_dy_xhat[c + i] = (float)(sum_dy_xhat[c + i] + sum_x[i] * inv_std[c + i]);
        }
    }
}

void mbni_generic_batch_norm_input_gradient(int64_t rows, int64_t channels, const float *x, const float *d_y,
                                            const float *a, const float *b, const float *shift, float *d_x)
{
    for (int64_t r = 0; r < rows; r++, x += channels, d_y += channels, d_x += channels) {
        MBNI_INDEPENDENT
        for (int64_t c = 0; c < channels; c++)
            d_x[c] = a[c] * d_y[c] + b[c] * x[c] + shift[c];
    }
}
