/* Softmax over rows. A NaN in a row makes the whole row NaN; so does +infinity, or nothing but -infinity. */
#define MBNI_THIS_FILE "kernels/vector/softmax.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/softmax.h"

static void ISA(softmax_row)(int64_t n, const float *x, float *y)
{
    const vf max = v_set(ISA(row_maximum)(n, x));
    vd sum = vd_zero();
    int64_t i = 0;
    for (; i + VW <= n; i += VW) {
        const vf e = ISA(exponential)(v_load(x + i) - max);
        sum = vd_add(sum, e);
        v_store(y + i, e);
    }
    if (i < n) {
        const vf e = ISA(exponential)(ISA(load_logits)(x + i, n - i) - max);
        sum = vd_add(sum, e);
        v_store_n(y + i, n - i, e);
    }
    const vf inverse = v_set((float)(1 / vd_sum(sum)));
    for (i = 0; i + VW <= n; i += VW)
        v_store(y + i, v_load(y + i) * inverse);
    if (i < n)
        v_store_n(y + i, n - i, v_load_n(y + i, n - i) * inverse);
}

void ISA(softmax)(int64_t rows, int64_t n, const float *x, float *y)
{
    for (int64_t r = 0; r < rows; r++)
        ISA(softmax_row)(n, x + r * n, y + r * n);
}

#endif
