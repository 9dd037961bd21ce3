/* Dropout, which is its own gradient. Plain C, since what takes the time is the hash of 64 bits. */
#include "core/random.h"
#include "kernels/generic/generic.h"

void mbni_generic_dropout(int64_t count, int64_t first, uint64_t seed, float rate, const float *x, float *y)
{
    const float scale = 1 / (1 - rate);
    for (int64_t i = 0; i < count; i++) {
        const float u = (float)(mbni_random_hash(seed, (uint64_t)(first + i)) >> 40) * 0x1p-24f;
        y[i] = u < rate ? 0 : x[i] * scale;
    }
}
