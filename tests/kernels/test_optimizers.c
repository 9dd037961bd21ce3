/* Optimizer steps against the formulas in float64. */
#include "kernels/kernel_test.h"

/* Calls f for each instruction set and for rows and channels of all small sizes and some real ones. */
static void for_shapes(void (*f)(size_t isa, int64_t rows, int64_t channels))
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        for (int64_t channels = 1; channels <= 67; channels++)
            f(isa, 1 + channels % 7, channels);
        f(isa, 130, 32);
        f(isa, 9, 1024);
        f(isa, 1000, 3);
    }
}

/* Parameters, gradient and two state arrays, the second squares and so positive, with copies from before. */
typedef struct parameters {
    buffer w, g, m, v, w0, m0, v0;
} parameters;

static parameters parameters_new(int64_t count)
{
    parameters p = {buffer_random(count), buffer_random(count), buffer_random(count), buffer_random(count),
                    buffer_random(count), buffer_random(count), buffer_random(count)};
    for (int64_t i = 0; i < count; i++)
        p.v.data[i] *= p.v.data[i];
    buffer_copy(p.w0, p.w);
    buffer_copy(p.m0, p.m);
    buffer_copy(p.v0, p.v);
    return p;
}

static void parameters_free(parameters *p)
{
    buffer all[] = {p->w, p->g, p->m, p->v, p->w0, p->m0, p->v0};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_free(all[i]);
}

static void check_sgd(size_t isa, int64_t rows, int64_t channels)
{
    const double rate = 0.05f, momentum = 0.9f;
    for (int variant = 0; variant < 3; variant++) { /* plain, momentum, Nesterov */
        parameters p = parameters_new(rows * channels);
        mbni_train_kernels_select(all_isas[isa].isa)
            ->sgd(p.w.count, 0.05f, 0.9f, variant == 2, p.g.data, variant ? p.m.data : NULL, p.w.data);
        for (int64_t i = 0; i < p.w.count; i++) {
            const double old = variant ? momentum * p.m0.data[i] : 0, step = rate * p.g.data[i];
            const double velocity = old - step, move = variant == 2 ? momentum * velocity - step : velocity;
            const double magnitude = fabs(old) + 2 * fabs(step) + fabs((double)p.w0.data[i]);
            ck_near(p.w.data[i], p.w0.data[i] + move, BOUND_STEP, magnitude);
            if (variant)
                ck_near(p.m.data[i], velocity, BOUND_STEP, fabs(old) + fabs(step));
        }
        parameters_free(&p);
    }
}

START_TEST(sgd_steps_are_within_the_bound_of_float64)
{
    for_shapes(check_sgd);
}
END_TEST

static void check_rmsprop(size_t isa, int64_t rows, int64_t channels)
{
    const double rate = 0.045f, rho = 0.9f, momentum = 0.8f, epsilon = 0.001f;
    for (int with_momentum = 0; with_momentum < 2; with_momentum++) {
        parameters p = parameters_new(rows * channels);
        mbni_train_kernels_select(all_isas[isa].isa)
            ->rmsprop(p.w.count, 0.045f, 0.9f, 0.8f, 0.001f, p.g.data, p.v.data,
                      with_momentum ? p.m.data : NULL, p.w.data);
        for (int64_t i = 0; i < p.w.count; i++) {
            const double g = p.g.data[i], s = rho * p.v0.data[i] + (1 - rho) * g * g;
            const double old = with_momentum ? momentum * p.m0.data[i] : 0,
                         step = rate * g / (sqrt(s) + epsilon);
            ck_near(p.v.data[i], s, BOUND_STEP, s);
            ck_near(p.w.data[i], p.w0.data[i] - (old + step), BOUND_STEP,
                    fabs((double)p.w0.data[i]) + fabs(old) + fabs(step));
            if (with_momentum)
                ck_near(p.m.data[i], old + step, BOUND_STEP, fabs(old) + fabs(step));
        }
        parameters_free(&p);
    }
}

START_TEST(rmsprop_steps_are_within_the_bound_of_float64)
{
    for_shapes(check_rmsprop);
}
END_TEST

static void check_adam(size_t isa, int64_t rows, int64_t channels)
{
    const double rate = 0.002f, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-7f, decay = 0.01f;
    parameters p = parameters_new(rows * channels);
    mbni_train_kernels_select(all_isas[isa].isa)
        ->adam(p.w.count, 0.002f, 0.9f, 0.999f, 1e-7f, 0.01f, p.g.data, p.m.data, p.v.data, p.w.data);
    for (int64_t i = 0; i < p.w.count; i++) {
        const double g = p.g.data[i], v = beta2 * p.v0.data[i] + (1 - beta2) * g * g;
        const double old = beta1 * p.m0.data[i], fresh = (1 - beta1) * g, w = p.w0.data[i];
        const double divisor = sqrt(v) + epsilon, step = rate * (old + fresh) / divisor;
        ck_near(p.m.data[i], old + fresh, BOUND_STEP, fabs(old) + fabs(fresh));
        ck_near(p.v.data[i], v, BOUND_STEP, v);
        ck_near(p.w.data[i], w - decay * w - step, BOUND_STEP,
                fabs(w) + rate * (fabs(old) + fabs(fresh)) / divisor);
    }
    parameters_free(&p);
}

START_TEST(adam_steps_are_within_the_bound_of_float64)
{
    for_shapes(check_adam);
}
END_TEST

SUITE("kernels/optimizers", sgd_steps_are_within_the_bound_of_float64,
      rmsprop_steps_are_within_the_bound_of_float64, adam_steps_are_within_the_bound_of_float64)
