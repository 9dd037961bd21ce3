/* Steps of the optimizers, as Keras defines them. */
#include <math.h>
#include "kernels/generic/generic.h"

void mbni_generic_sgd(int64_t count, float rate, float momentum, int nesterov, const float *restrict g,
                      float *restrict velocity, float *restrict w)
{
    if (!velocity) {
        for (int64_t i = 0; i < count; i++)
            w[i] -= rate * g[i];
    } else if (nesterov) {
        for (int64_t i = 0; i < count; i++) {
            const float step = rate * g[i];
            velocity[i] = momentum * velocity[i] - step;
            w[i] += momentum * velocity[i] - step;
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            velocity[i] = momentum * velocity[i] - rate * g[i];
            w[i] += velocity[i];
        }
    }
}

void mbni_generic_rmsprop(int64_t count, float rate, float rho, float momentum, float epsilon,
                          const float *restrict g, float *restrict s, float *restrict velocity,
                          float *restrict w)
{
    for (int64_t i = 0; i < count; i++)
        s[i] = rho * s[i] + (1 - rho) * g[i] * g[i];
    if (!velocity) {
        for (int64_t i = 0; i < count; i++)
            w[i] -= rate * g[i] / (sqrtf(s[i]) + epsilon);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        velocity[i] = momentum * velocity[i] + rate * g[i] / (sqrtf(s[i]) + epsilon);
        w[i] -= velocity[i];
    }
}

void mbni_generic_adam(int64_t count, float rate, float beta1, float beta2, float epsilon, float decay,
                       const float *restrict g, float *restrict m, float *restrict v, float *restrict w)
{
    for (int64_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        w[i] = w[i] - decay * w[i] - rate * m[i] / (sqrtf(v[i]) + epsilon);
    }
}
