/* Four floats at a time, in the vector extension that gcc and clang have on every target: SSE on x86, NEON on
 * Arm, plain registers elsewhere. Used where the compiler alone would keep accumulators in memory. */
#ifndef MBNI_VECTOR_H
#define MBNI_VECTOR_H

#include <string.h>

typedef float mbni_f4 __attribute__((vector_size(16)));
enum { MBNI_F4 = 4 };

static inline mbni_f4 mbni_load4(const float *p)
{
    mbni_f4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void mbni_store4(float *p, mbni_f4 v)
{
    memcpy(p, &v, sizeof v);
}

#endif
