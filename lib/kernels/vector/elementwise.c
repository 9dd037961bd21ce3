/* Element by element and per channel: affine maps with bounds, of which a bias alone and a ReLU alone are
 * cases. */
#define MBNI_THIS_FILE "kernels/vector/elementwise.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA

V_OP vf ISA(bounded)(vf x, vf low, vf high)
{
    return v_min(high, v_max(low, x)); /* NaN is the second operand, and stays */
}

/* One row; the pointers that are NULL are so for all of it. */
V_OP void ISA(affine_row)(int64_t channels, const float *x, const float *scale, const float *shift, vf low,
                          vf high, float *y)
{
    int64_t c = 0;
    for (; c + VW <= channels; c += VW) {
        vf v = v_load(x + c);
        if (scale)
            v = v_fma(v, v_load(scale + c), v_load(shift + c));
        else if (shift)
            v = v + v_load(shift + c);
        v_store(y + c, ISA(bounded)(v, low, high));
    }
    if (c < channels) {
        const int64_t n = channels - c;
        vf v = v_load_n(x + c, n);
        if (scale)
            v = v_fma(v, v_load_n(scale + c, n), v_load_n(shift + c, n));
        else if (shift)
            v = v + v_load_n(shift + c, n);
        v_store_n(y + c, n, ISA(bounded)(v, low, high));
    }
}

void ISA(affine)(int64_t rows, int64_t channels, const float *x, const float *scale, const float *shift,
                 float low, float high, float *y)
{
    const vf lows = v_set(low), highs = v_set(high);
    if (!scale && !shift) { /* the channels do not matter: one long row */
        ISA(affine_row)(rows * channels, x, NULL, NULL, lows, highs, y);
        return;
    }
    for (int64_t r = 0; r < rows; r++, x += channels, y += channels) {
        if (scale)
            ISA(affine_row)(channels, x, scale, shift, lows, highs, y);
        else
            ISA(affine_row)(channels, x, NULL, shift, lows, highs, y);
    }
}

#endif
