/* Softmax with cross entropy from logits, and the gradient of softmax alone. */
#include <math.h>
#include "kernels/generic/generic.h"

void mbni_generic_softmax_gradient(int64_t rows, int64_t n, const float *y, const float *d_y, float *d_x)
{
    for (int64_t r = 0; r < rows; r++, y += n, d_y += n, d_x += n) {
        double dot = 0;
        for (int64_t i = 0; i < n; i++)
            dot += (double)y[i] * d_y[i];
        for (int64_t i = 0; i < n; i++)
            d_x[i] = (float)(y[i] * (d_y[i] - dot));
    }
}

static int64_t first_maximum(int64_t n, const float *x)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

/* Target probability of class i before smoothing. */
static double target_of(int64_t i, int32_t id, const float *soft)
{
    return soft ? soft[i] : i == id;
}

/* One row; returns the loss, NaN when any logit is, since their sum enters it. The logits are read to the end
 * before d_logits, which may be them, is written.
 */
static double cross_entropy_row(int64_t n, const float *logits, int64_t best, int32_t id, const float *soft,
                                double smoothing, double scale, float *d_logits)
{
    const double max = logits[best], spread = smoothing / (double)n;
    double sum = 0, targets = 0, loss = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp(logits[i] - max);
    const double log_sum = log(sum);
    for (int64_t i = 0; i < n; i++) {
        const double t = (1 - smoothing) * target_of(i, id, soft) + spread;
        targets += t;
        if (t != 0) /* a class of probability 0 that is no target costs nothing, not 0 times infinity */
            loss += t * (log_sum - (logits[i] - max));
    }
    for (int64_t i = 0; d_logits && i < n; i++) {
        const double t = (1 - smoothing) * target_of(i, id, soft) + spread;
        d_logits[i] = (float)((exp(logits[i] - max) / sum * targets - t) * scale);
    }
    return loss;
}

void mbni_generic_softmax_cross_entropy(int64_t rows, int64_t n, const float *logits, const int32_t *ids,
                                        const float *soft, float smoothing, float scale, float *losses,
                                        uint8_t *correct, float *d_logits)
{
    for (int64_t r = 0; r < rows; r++, logits += n) {
        const int64_t best = first_maximum(n, logits);
        const int64_t wanted = ids ? ids[r] : first_maximum(n, soft);
        const double loss = cross_entropy_row(n, logits, best, ids ? ids[r] : -1, ids ? NULL : soft,
                                              smoothing, scale, d_logits);
        losses[r] = (float)loss;
        correct[r] = best == wanted && !isnan(loss);
        if (!ids)
            soft += n;
        if (d_logits)
            d_logits += n;
    }
}
