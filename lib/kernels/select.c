/* The tables of inference kernels, one for each instruction set of the target. The training tables are apart,
 * in select_train.c, so that a program that only predicts does not link them. */
#include "kernels/tables.h"

#define MBNI_PLAIN_KERNEL(name) .name = mbni_generic_##name,
#define MBNI_KERNEL(name) .name = mbni_generic_##name,
static const mbni_kernels generic = {
    .name = "generic",
#include "kernels/kernels.inc"
};

#ifdef MBNI_HAVE_X86
#define MBNI_PLAIN_KERNEL(name) .name = mbni_generic_##name,
#define MBNI_KERNEL(name) .name = mbni_avx2_##name,
static const mbni_kernels avx2 = {
    .name = "avx2",
#include "kernels/kernels.inc"
};

#define MBNI_PLAIN_KERNEL(name) .name = mbni_generic_##name,
#define MBNI_KERNEL(name) .name = mbni_avx512_##name,
static const mbni_kernels avx512 = {
    .name = "avx512",
#include "kernels/kernels.inc"
};
#endif

#ifdef MBNI_HAVE_BF16
#define MBNI_PLAIN_KERNEL(name) .name = mbni_generic_##name,
#define MBNI_KERNEL(name) .name = mbni_avx512_##name,
#define MBNI_BF16_KERNEL(name) .name = mbni_avx512bf16_##name,
static const mbni_kernels avx512_bf16 = {
    .name = "avx512",
#include "kernels/kernels.inc"
};
#endif

#ifdef MBNI_HAVE_NEON
#define MBNI_PLAIN_KERNEL(name) .name = mbni_generic_##name,
#define MBNI_KERNEL(name) .name = mbni_neon_##name,
static const mbni_kernels neon = {
    .name = "neon",
#include "kernels/kernels.inc"
};
#endif

const mbni_kernels *mbni_kernels_select(int32_t isa)
{
#ifdef MBNI_HAVE_BF16
    if (isa == MBN_ISA_AVX512 && mbni_cpu_has_bf16())
        return &avx512_bf16;
#endif
#ifdef MBNI_HAVE_X86
    if (isa == MBN_ISA_AVX512)
        return &avx512;
    if (isa == MBN_ISA_AVX2)
        return &avx2;
#endif
#ifdef MBNI_HAVE_NEON
    if (isa == MBN_ISA_NEON)
        return &neon;
#endif
    (void)isa;
    return &generic;
}
