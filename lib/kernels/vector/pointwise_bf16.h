/* The product in bfloat16 by instructions for it: v_dot, of pairs, and v_to_bf16. Rows of a are made bfloat16
 * once for all panels, a block at a time. A reader defines MBNI_PAIRS and the operations; no guard, see
 * vector/isa.h. */
#include "kernels/vector/pointwise.h"

/* Pairs from row to row: whole lines of cache, an odd number of them, so that the rows of a tile do not fall
 * on the same few places of the first cache. */
V_OP int64_t ISA(pair_stride)(int64_t k)
{
    const int64_t lines = (k + 31) / 32;
    return (lines | 1) * 16;
}

/* Rows of a as pairs; what is missing to a whole vector is zero. */
V_OP void ISA(pair_rows)(int64_t rows, int64_t k, const float *a, int64_t lda, float *pairs)
{
    const int64_t stride = ISA(pair_stride)(k);
    for (int64_t i = 0; i < rows; i++, a += lda, pairs += stride) {
        int64_t j = 0;
        for (; j + 2 * VW <= k; j += 2 * VW)
            v_store(pairs + j / 2, v_to_bf16(v_load(a + j), v_load(a + j + VW)));
        const int64_t left = k - j, low = left < VW ? left : VW;
        if (left > 0)
            v_store(pairs + j / 2, v_to_bf16(v_load_n(a + j, low), v_load_n(a + j + low, left - low)));
    }
}

int64_t ISA(pointwise_bf16_floats)(int64_t rows, int64_t k)
{
    const int64_t block = ISA(block_height)(k), most = block + block / 2 + MR;
    return (rows < most ? rows : most) * ISA(pair_stride)(k);
}

void ISA(pointwise_bf16)(const mbni_packed *b, int64_t rows, const float *a, int64_t lda, float *c,
                         int64_t ldc, int64_t begin, int64_t end, float *scratch)
{
    mbni_packed pairs = *b;
    pairs.k = (b->k + 1) / 2;
    const int64_t step = ISA(block_rows)(b->k, rows);
    for (int64_t row = 0; row < rows; row += step) {
        const int64_t count = rows - row < step ? rows - row : step;
        ISA(pair_rows)(count, b->k, a + row * lda, lda, scratch);
        ISA(block_product)
        (0, &pairs, count, scratch, ISA(pair_stride)(b->k), c + row * ldc, ldc, begin, end);
    }
}

#include "kernels/vector/pointwise_end.h"
