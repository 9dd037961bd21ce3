/* Gradients of the element-by-element kernels: of a ReLU, and of a bias. */
#define MBNI_THIS_FILE "kernels/vector/elementwise_gradient.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/columns.h"

V_OP void ISA(relu_step)(int64_t n, vf high, const float *y, const float *d_y, float *d_x)
{
    const vf at = ISA(load_lanes)(y, n);
    const vm closed = v_or(v_le(at, v_zero()), v_ge(at, high));
    ISA(store_lanes)(d_x, n, v_clear(closed, ISA(load_lanes)(d_y, n)));
}

/* Where y is NaN the gradient passes, so that a broken value stays visible. */
void ISA(relu_gradient)(int64_t count, float max_value, const float *y, const float *d_y, float *d_x)
{
    const vf high = v_set(max_value == 0 ? NAN : max_value); /* nothing reaches NaN, not even infinity */
    int64_t i = 0;
    for (; i + VW <= count; i += VW)
        ISA(relu_step)(VW, high, y + i, d_y + i, d_x + i);
    if (i < count)
        ISA(relu_step)(count - i, high, y + i, d_y + i, d_x + i);
}

void ISA(sum_rows)(int64_t rows, int64_t channels, const float *y, float *sum)
{
    ISA(column_sums) sums;
    for (int64_t c = 0; c < channels; c += MBNI_COLUMN_BLOCK) {
        const int64_t width = channels - c < MBNI_COLUMN_BLOCK ? channels - c : MBNI_COLUMN_BLOCK;
        ISA(columns_sum)(&sums, rows, width, channels, y + c);
        for (int64_t i = 0; i < width; i++)
            sum[c + i] = (float)(sum[c + i] + ISA(column_total)(&sums, rows, i));
    }
}

#endif
