/* Element by element and per channel: affine maps, biases, ReLU. */
#include "kernels/generic/generic.h"

void mbni_generic_affine(int64_t rows, int64_t channels, const float *x, const float *scale,
                         const float *shift, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += channels, y += channels) {
        MBNI_INDEPENDENT
        for (int64_t c = 0; c < channels; c++)
            y[c] = x[c] * scale[c] + shift[c];
    }
}

void mbni_generic_add_bias(int64_t rows, int64_t channels, const float *bias, float *y)
{
    for (int64_t r = 0; r < rows; r++, y += channels) {
        float *restrict to = y;
        for (int64_t c = 0; c < channels; c++)
            to[c] += bias[c];
    }
}

/* The comparisons are false for NaN, which therefore stays. */
void mbni_generic_relu(int64_t count, float max_value, const float *x, float *y)
{
    if (max_value == 0) {
        MBNI_INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] < 0 ? 0 : x[i];
        return;
    }
    MBNI_INDEPENDENT
    for (int64_t i = 0; i < count; i++) {
        const float v = x[i] < 0 ? 0 : x[i];
        y[i] = v > max_value ? max_value : v;
    }
}
