/* Which instruction sets this machine has, of those that the build carries kernels for. mbni_cpu_isa is
 * declared in core/context.h, which asks. */
#include "kernels/tables.h"

int32_t mbni_cpu_isa(void)
{
#ifdef MBNI_HAVE_X86
    /* The compiler's own detection also asks whether the operating system keeps the registers. */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return MBN_ISA_GENERIC;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return MBN_ISA_AVX512;
    return MBN_ISA_AVX2;
#elif defined(MBNI_HAVE_NEON)
    return MBN_ISA_NEON; /* part of the architecture */
#else
    return MBN_ISA_GENERIC;
#endif
}

bool mbni_cpu_has_bf16(void)
{
#ifdef MBNI_HAVE_BF16
    return mbni_cpu_isa() == MBN_ISA_AVX512 && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}
