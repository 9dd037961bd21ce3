/* The product in bfloat16 for AVX-512 with instructions for it (VDPBF16PS): a context has it where
 * kernels/select.c finds them. Both factors are bfloat16 then, not the weights alone. */
#include "kernels/vector/names.h"

#ifdef MBNI_HAVE_BF16
#define MBNI_ISA avx512bf16
#define MBNI_PAIRS
#include "kernels/vector/ops_avx512.h"

/* A vector vf holds VW pairs of bfloat16, each as the bits of a float. v_dot adds to a sum the product of the
 * second numbers of two pairs and then that of the first ones; v_to_bf16 rounds to nearest, ties to even.
 * Both take and give zero for what is below 2^-126, whatever mode the thread is in. */
V_OP vf v_dot(vf a, vf b, vf sum)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
}

/* 2 VW numbers, those of `low` first. */
V_OP vf v_to_bf16(vf low, vf high)
{
    return _mm512_castsi512_ps((__m512i)_mm512_cvtne2ps_pbh(high, low));
}

#include "kernels/vector/pointwise_bf16.h"
#include "kernels/vector/ops_end.h"
#undef MBNI_PAIRS
#endif
