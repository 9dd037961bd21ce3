/* Softmax with cross entropy from logits, and the gradient of softmax alone. */
#define MBNI_THIS_FILE "kernels/vector/loss.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/softmax.h"

static void ISA(softmax_gradient_row)(int64_t n, const float *y, const float *d_y, float *d_x)
{
    vd sum = vd_zero();
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        sum = vd_add(sum, v_load(y + i) * v_load(d_y + i));
    if (i < n)
        sum = vd_add(sum, v_load_n(y + i, n - i) * v_load_n(d_y + i, n - i));
    const vf dot = v_set((float)vd_sum(sum));
    for (i = 0; i + VW <= n; i += VW)
        v_store(d_x + i, v_load(y + i) * (v_load(d_y + i) - dot));
    if (i < n)
        v_store_n(d_x + i, n - i, v_load_n(y + i, n - i) * (v_load_n(d_y + i, n - i) - dot));
}

void ISA(softmax_gradient)(int64_t rows, int64_t n, const float *y, const float *d_y, float *d_x)
{
    for (int64_t r = 0; r < rows; r++)
        ISA(softmax_gradient_row)(n, y + r * n, d_y + r * n, d_x + r * n);
}

/* Targets of a row, smoothed: share * soft[i] + spread; without soft, 1 at the id stands for it. */
typedef struct ISA(target) {
    const float *soft; /* or NULL */
    int64_t id;
    float share, spread;
} ISA(target);

/* Targets of n classes from i on, times scale; the same bits for an id as for the soft targets it stands for.
 */
V_OP vf ISA(targets)(const ISA(target) * t, float scale, int64_t i, int64_t n)
{
    static const float one[32] = {[16] = 1};
    const int64_t from_id = t->id - i;
    const vf soft = t->soft ? ISA(load_lanes)(t->soft + i, n)
                            : v_load(one + (from_id >= 0 && from_id < VW ? 16 - from_id : 0));
    const vf v = v_fma(soft, v_set(t->share * scale), v_set(t->spread * scale));
    return n == VW ? v : v_clear(ISA(lanes_from)(n), v);
}

/* Over a row: of e^(logit - max), of the targets, and of each target times how far its logit is below max. */
typedef struct ISA(row_sums) {
    vd exponentials, targets, distances;
} ISA(row_sums);

V_OP void ISA(sum_logits)(ISA(row_sums) * s, const ISA(target) * t, int64_t n, int64_t i, vf max,
                          const float *logits, float *exponentials)
{
    const vf below = ISA(load_logits)(logits + i, n) - max;
    const vf e = ISA(exponential)(below), target = ISA(targets)(t, 1, i, n);
    s->exponentials = vd_add(s->exponentials, e);
    s->targets = vd_add(s->targets, target);
    /* A class of probability 0 that is no target costs nothing, not 0 times infinity. */
    s->distances = vd_add(s->distances, v_clear(v_le(target, v_zero()), v_zero() - target * below));
    if (exponentials)
        ISA(store_lanes)(exponentials + i, n, e);
}

V_OP void ISA(gradient_step)(const ISA(target) * t, int64_t n, int64_t i, float by_e, float scale,
                             float *d_logits)
{
    const vf e = ISA(load_lanes)(d_logits + i, n);
    ISA(store_lanes)(d_logits + i, n, v_fma(e, v_set(by_e), v_zero() - ISA(targets)(t, scale, i, n)));
}

/* Returns the loss, NaN when any logit is, since their sum enters it. d_logits, which may be the logits,
 * holds their exponentials between the two passes. */
static double ISA(cross_entropy_row)(int64_t n, const float *logits, float max, const ISA(target) * t,
                                     float scale, float *d_logits)
{
    ISA(row_sums) s = {vd_zero(), vd_zero(), vd_zero()};
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        ISA(sum_logits)(&s, t, VW, i, v_set(max), logits, d_logits);
    if (i < n)
        ISA(sum_logits)(&s, t, n - i, i, v_set(max), logits, d_logits);
    const double sum = vd_sum(s.exponentials), targets = vd_sum(s.targets);
    if (d_logits) {
        const float by_e = (float)(targets / sum * scale);
        for (i = 0; i + VW <= n; i += VW)
            ISA(gradient_step)(t, VW, i, by_e, scale, d_logits);
        if (i < n)
            ISA(gradient_step)(t, n - i, i, by_e, scale, d_logits);
    }
    return targets * log(sum) + vd_sum(s.distances);
}

static int64_t ISA(first_of)(int64_t n, const float *x, float value)
{
    int64_t i = 0;
    while (i < n && x[i] != value)
        i++;
    return i;
}

void ISA(softmax_cross_entropy)(int64_t rows, int64_t n, const float *logits, const int32_t *ids,
                                const float *soft, float smoothing, float scale, float *losses,
                                uint8_t *correct, float *d_logits)
{
    ISA(target) t = {.share = 1 - smoothing, .spread = smoothing / (float)n};
    for (int64_t r = 0; r < rows; r++) {
        const float *row = logits + r * n, max = ISA(row_maximum)(n, row);
        t.soft = ids ? NULL : soft + r * n;
        t.id = ids ? ids[r] : ISA(first_of)(n, t.soft, ISA(row_maximum)(n, t.soft));
        const int hit = row[t.id] == max && ISA(first_of)(t.id, row, max) == t.id;
        const double loss =
            ISA(cross_entropy_row)(n, row, max, &t, scale, d_logits ? d_logits + r * n : NULL);
        losses[r] = (float)loss;
        correct[r] = hit && !isnan(loss);
    }
}

#endif
