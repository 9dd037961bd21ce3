/* Gradients of the element-by-element kernels, column sums, and dropout, which is its own gradient. */
#include "core/random.h"
#include "kernels/generic/generic.h"
#include "kernels/generic/reduce.h"

void mbni_generic_sum_rows(int64_t rows, int64_t channels, const float *y, float *sum)
{
    for (int64_t c = 0; c < channels; c += MBNI_CHANNEL_BLOCK) {
        const int64_t width = mbni_min64(MBNI_CHANNEL_BLOCK, channels - c);
        double total[MBNI_CHANNEL_BLOCK];
        mbni_sum_block(rows, width, channels, y + c, total);
        for (int64_t i = 0; i < width; i++)
            sum[c + i] = (float)(sum[c + i] + total[i]);
    }
}

/* Where y is NaN the gradient passes, so that a broken value stays visible. */
void mbni_generic_relu_gradient(int64_t count, float max_value, const float *y, const float *d_y, float *d_x)
{
    if (max_value == 0) {
        MBNI_INDEPENDENT
        for (int64_t i = 0; i < count; i++) {
            const float d = d_y[i]; /* read in any case, so that there is no branch */
            d_x[i] = y[i] <= 0 ? 0 : d;
        }
        return;
    }
    MBNI_INDEPENDENT
    for (int64_t i = 0; i < count; i++) {
        float d = d_y[i];
        d = y[i] <= 0 ? 0 : d;
        d_x[i] = y[i] >= max_value ? 0 : d;
    }
}

void mbni_generic_dropout(int64_t count, int64_t first, uint64_t seed, float rate, const float *x, float *y)
{
    const float scale = 1 / (1 - rate);
    for (int64_t i = 0; i < count; i++) {
        const float u = (float)(mbni_random_hash(seed, (uint64_t)(first + i)) >> 40) * 0x1p-24f;
        y[i] = u < rate ? 0 : x[i] * scale;
    }
}
