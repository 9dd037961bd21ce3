/* Flush-to-zero of this thread: denormal activations would slow training down many times. */
#include "core/context.h"

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>

#define FLUSH_AND_ZERO 0x8040u /* FTZ, bit 15, and DAZ, bit 6, of MXCSR */

uint32_t mbni_denormals_flush(void)
{
    uint32_t before = _mm_getcsr();
    _mm_setcsr(before | FLUSH_AND_ZERO);
    return before & FLUSH_AND_ZERO;
}

/* Only the two bits: exception flags raised meanwhile stay, as after any arithmetic. */
void mbni_denormals_restore(uint32_t mode)
{
    _mm_setcsr((_mm_getcsr() & ~FLUSH_AND_ZERO) | mode);
}

#elif defined(__aarch64__)

#define FLUSH ((uint64_t)1 << 24) /* FZ of FPCR */

static uint64_t read_fpcr(void)
{
    uint64_t value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}

static void write_fpcr(uint64_t value)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(value));
}

uint32_t mbni_denormals_flush(void)
{
    uint64_t before = read_fpcr();
    write_fpcr(before | FLUSH);
    return (uint32_t)(before & FLUSH);
}

void mbni_denormals_restore(uint32_t mode)
{
    write_fpcr((read_fpcr() & ~FLUSH) | mode);
}

#else

uint32_t mbni_denormals_flush(void)
{
    return 0;
}

void mbni_denormals_restore(uint32_t mode)
{
    (void)mode;
}

#endif
