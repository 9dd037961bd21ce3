/* Clipping by the global norm: what all gradients are multiplied by. The sum of squares is made chunk by
 * chunk, each in one order, and over the chunks in theirs, so that it does not depend on threads. */
#include <math.h>
#include "train/trainer.h"

double mbni_squares(int64_t count, const float *g)
{
    enum { LANES = 4 }; /* sums side by side: an addition need not wait for the one before */
    double sums[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += (double)g[i + lane] * g[i + lane];
    for (; i < count; i++)
        sums[0] += (double)g[i] * g[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

float mbni_clip_scale(const mbn_compile_options *options, const mbni_chunk *chunks, int64_t count)
{
    double squares = 0;
    if (options->clip_norm <= 0)
        return 1;
    for (int64_t i = 0; i < count; i++)
        squares += chunks[i].squares;
    const double norm = sqrt(squares);
    /* A norm that is not finite is left to the check of weights: 1 lets what broke show. */
    return norm > options->clip_norm && isfinite(norm) ? (float)(options->clip_norm / norm) : 1;
}
