/* Steps of the optimizers, as Keras defines them. One pass over parameters, gradients and state. Nothing is
 * fused, so that every instruction set gives the same bits. */
#define MBNI_THIS_FILE "kernels/vector/optimizers.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/lanes.h"

/* The gradient at w, with what pulls w towards zero. */
V_OP vf ISA(pulled)(int64_t n, float pull, const float *g, const float *w)
{
    return ISA(load_lanes)(g, n) + v_set(pull) * ISA(load_lanes)(w, n);
}

enum { ISA(PLAIN), ISA(MOMENTUM), ISA(NESTEROV) };

/* n parameters; kind is known at compile time. */
V_OP void ISA(sgd_step)(int64_t n, int kind, float rate, float momentum, float pull, const float *g,
                        float *velocity, float *w)
{
    const vf step = v_set(rate) * ISA(pulled)(n, pull, g, w);
    vf move = v_zero() - step;
    if (kind != ISA(PLAIN)) {
        move = v_set(momentum) * ISA(load_lanes)(velocity, n) - step;
        ISA(store_lanes)(velocity, n, move);
    }
    if (kind == ISA(NESTEROV))
        move = v_set(momentum) * move - step;
    ISA(store_lanes)(w, n, ISA(load_lanes)(w, n) + move);
}

V_OP void ISA(sgd_kind)(int64_t count, int kind, float rate, float momentum, float pull, const float *g,
                        float *velocity, float *w)
{
    int64_t i = 0;
    for (; i + VW <= count; i += VW)
        ISA(sgd_step)(VW, kind, rate, momentum, pull, g + i, velocity + i, w + i);
    if (i < count)
        ISA(sgd_step)(count - i, kind, rate, momentum, pull, g + i, velocity + i, w + i);
}

void ISA(sgd)(int64_t count, float rate, float momentum, int nesterov, float pull, const float *g,
              float *velocity, float *w)
{
    if (!velocity) /* w in its place, which is not touched as velocity */
        ISA(sgd_kind)(count, ISA(PLAIN), rate, momentum, pull, g, w, w);
    else if (nesterov)
        ISA(sgd_kind)(count, ISA(NESTEROV), rate, momentum, pull, g, velocity, w);
    else
        ISA(sgd_kind)(count, ISA(MOMENTUM), rate, momentum, pull, g, velocity, w);
}

V_OP void ISA(rmsprop_step)(int64_t n, int kind, float rate, float rho, float momentum, float epsilon,
                            float pull, const float *g, float *s, float *velocity, float *w)
{
    const vf d = ISA(pulled)(n, pull, g, w);
    const vf square = v_set(rho) * ISA(load_lanes)(s, n) + v_set(1 - rho) * d * d;
    vf step = v_set(rate) * d / (v_sqrt(square) + v_set(epsilon));
    if (kind == ISA(MOMENTUM)) {
        step = v_set(momentum) * ISA(load_lanes)(velocity, n) + step;
        ISA(store_lanes)(velocity, n, step);
    }
    ISA(store_lanes)(s, n, square);
    ISA(store_lanes)(w, n, ISA(load_lanes)(w, n) - step);
}

V_OP void ISA(rmsprop_kind)(int64_t count, int kind, float rate, float rho, float momentum, float epsilon,
                            float pull, const float *g, float *s, float *velocity, float *w)
{
    int64_t i = 0;
    for (; i + VW <= count; i += VW)
        ISA(rmsprop_step)
    (VW, kind, rate, rho, momentum, epsilon, pull, g + i, s + i, velocity + i, w + i);
    if (i < count)
        ISA(rmsprop_step)
    (count - i, kind, rate, rho, momentum, epsilon, pull, g + i, s + i, velocity + i, w + i);
}

void ISA(rmsprop)(int64_t count, float rate, float rho, float momentum, float epsilon, float pull,
                  const float *g, float *s, float *velocity, float *w)
{
    if (velocity)
        ISA(rmsprop_kind)
    (count, ISA(MOMENTUM), rate, rho, momentum, epsilon, pull, g, s, velocity, w);
    else ISA(rmsprop_kind)(count, ISA(PLAIN), rate, rho, momentum, epsilon, pull, g, s, w, w);
}

V_OP void ISA(adam_step)(int64_t n, float rate, float beta1, float beta2, float epsilon, float decay,
                         float pull, const float *g, float *m, float *v, float *w)
{
    const vf d = ISA(pulled)(n, pull, g, w), x = ISA(load_lanes)(w, n);
    const vf mean = v_set(beta1) * ISA(load_lanes)(m, n) + v_set(1 - beta1) * d;
    const vf square = v_set(beta2) * ISA(load_lanes)(v, n) + v_set(1 - beta2) * d * d;
    ISA(store_lanes)(m, n, mean);
    ISA(store_lanes)(v, n, square);
    ISA(store_lanes)
    (w, n, x - v_set(decay) * x - v_set(rate) * mean / (v_sqrt(square) + v_set(epsilon)));
}

void ISA(adam)(int64_t count, float rate, float beta1, float beta2, float epsilon, float decay, float pull,
               const float *g, float *m, float *v, float *w)
{
    int64_t i = 0;
    for (; i + VW <= count; i += VW)
        ISA(adam_step)(VW, rate, beta1, beta2, epsilon, decay, pull, g + i, m + i, v + i, w + i);
    if (i < count)
        ISA(adam_step)(count - i, rate, beta1, beta2, epsilon, decay, pull, g + i, m + i, v + i, w + i);
}

#endif
