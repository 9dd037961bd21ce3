/* Products with packed weights, in f32 and in bfloat16 that is made f32 again: what vector/pointwise.h says,
 * for every instruction set. Where there are instructions for bfloat16, pointwise_bf16.c stands in for the
 * second.
 */
#define MBNI_THIS_FILE "kernels/vector/pointwise.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/pointwise.h"

V_OP void ISA(weights_product)(const int bf16, const mbni_packed *b, int64_t rows, const float *a,
                               int64_t lda, float *c, int64_t ldc, int64_t begin, int64_t end)
{
    const int64_t step = ISA(block_rows)(b->k, rows);
    for (int64_t row = 0; row < rows; row += step)
        ISA(block_product)
    (bf16, b, rows - row < step ? rows - row : step, a + row * lda, lda, c + row * ldc, ldc, begin, end);
}

int64_t ISA(panel_columns)(void)
{
    return NR;
}

void ISA(pointwise)(const mbni_packed *b, int64_t rows, const float *a, int64_t lda, float *c, int64_t ldc,
                    int64_t begin, int64_t end)
{
    ISA(weights_product)(0, b, rows, a, lda, c, ldc, begin, end);
}

void ISA(pointwise_bf16)(const mbni_packed *b, int64_t rows, const float *a, int64_t lda, float *c,
                         int64_t ldc, int64_t begin, int64_t end, float *scratch)
{
    (void)scratch;
    ISA(weights_product)(1, b, rows, a, lda, c, ldc, begin, end);
}

int64_t ISA(pointwise_bf16_floats)(int64_t rows, int64_t k)
{
    (void)rows, (void)k;
    return 0; /* a stays as it is */
}

#include "kernels/vector/pointwise_end.h"
#endif
