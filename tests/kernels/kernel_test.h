/* What the tests of kernels share: every instruction set of this machine in turn, buffers that are misaligned
 * and guarded on both sides, and the comparison with a float64 result. */
#ifndef TESTS_KERNEL_TEST_H
#define TESTS_KERNEL_TEST_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include "support/suite.h"
#include "kernels/kernels.h"
#include "kernels/bounds.h"

static const struct {
    int32_t isa;
    const char *name;
} all_isas[] = {
    {MBN_ISA_GENERIC, "generic"}, {MBN_ISA_AVX2, "avx2"}, {MBN_ISA_AVX512, "avx512"}, {MBN_ISA_NEON, "neon"}};

#define ISA_COUNT (sizeof all_isas / sizeof *all_isas)

/* Whether machine and build have it; says so once where not. TEST_ISA=name leaves the others out, and
 * valgrind, which is slow, sees the best one alone: the families are one source, and the sanitizers see them
 * all. */
static inline int isa_present(size_t i)
{
    static int told[ISA_COUNT];
    const int32_t isa = all_isas[i].isa;
    const char *only = getenv("TEST_ISA");
    if (only && strcmp(only, all_isas[i].name))
        return 0;
    if (getenv("MBN_TEST_VALGRIND") && isa != mbni_cpu_isa())
        return 0;
    if (isa <= mbni_cpu_isa() && !strcmp(mbni_kernels_select(isa)->name, all_isas[i].name))
        return 1;
    if (!told[i]++)
        printf("skipped: no kernels for %s in this build or machine\n", all_isas[i].name);
    return 0;
}

/* A fixed sequence of floats, so that failures repeat: in [-1, 1), of a Weyl sequence mixed. */
static uint64_t test_state = 1;

static inline uint64_t test_next(void)
{
    uint64_t z = (test_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline float test_float(void)
{
    return (float)((double)(test_next() >> 11) * 0x1p-52 - 1);
}

/* Guards are NaN of a known payload: a kernel that writes them is caught by the bits, one that reads them by
 * the NaN in its result. */
enum { GUARD = 64 };
#define GUARD_BITS 0x7fc5a5a5u

typedef struct buffer {
    float *base;
    float *data; /* one float beyond the alignment of malloc */
    int64_t count;
} buffer;

static inline void guard_set(float *p, int64_t count)
{
    const uint32_t bits = GUARD_BITS;
    for (int64_t i = 0; i < count; i++)
        memcpy(p + i, &bits, sizeof bits);
}

static inline buffer buffer_new(int64_t count)
{
    buffer b;
    b.base = malloc((size_t)(count + 2 * GUARD + 1) * sizeof *b.base);
    ck_assert_ptr_nonnull(b.base);
    b.data = b.base + GUARD + 1;
    b.count = count;
    guard_set(b.base, count + 2 * GUARD + 1);
    return b;
}

static inline buffer buffer_random(int64_t count)
{
    buffer b = buffer_new(count);
    for (int64_t i = 0; i < count; i++)
        b.data[i] = test_float();
    return b;
}

static inline void buffer_copy(buffer to, buffer from)
{
    memcpy(to.data, from.data, (size_t)from.count * sizeof *to.data);
}

static inline void buffer_free(buffer b)
{
    const uint32_t bits = GUARD_BITS;
    for (int64_t i = 0; i < b.count + 2 * GUARD + 1; i++) {
        if (b.base + i >= b.data && b.base + i < b.data + b.count)
            continue;
        if (memcmp(b.base + i, &bits, sizeof bits))
            ck_abort_msg("wrote at %d of a buffer of %d", (int)(b.base + i - b.data), (int)b.count);
    }
    free(b.base);
}

/* |got - want| <= units * UNIT * magnitude; not a number never passes. */
#define ck_near(got, want, units, magnitude)                                                             \
    do {                                                                                                 \
        const double got_ = (got), want_ = (want), allowed_ = (units)*UNIT * (magnitude) + 0x1p-126;     \
        if (!(fabs(got_ - want_) <= allowed_)) /* Check's own assertions are slow where they hold */     \
            ck_abort_msg("%s is %.9g, expected %.9g within %.3g (line %d)", #got, got_, want_, allowed_, \
                         __LINE__);                                                                      \
    } while (0)

#endif
