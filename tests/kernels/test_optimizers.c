/* Optimizer steps against the formulas in float64, and against each other on the instruction sets. */
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

/* The pull towards zero, and the gradient with it; what its bound is relative to. */
#define PULL 0.01f

static double pulled(const parameters *p, int64_t i)
{
    return p->g.data[i] + (double)PULL * p->w0.data[i];
}

static double pulled_size(const parameters *p, int64_t i)
{
    return fabs((double)p->g.data[i]) + (double)PULL * fabs((double)p->w0.data[i]);
}

static void check_sgd(size_t isa, int64_t rows, int64_t channels)
{
    const double rate = 0.05f, momentum = 0.9f;
    for (int variant = 0; variant < 3; variant++) { /* plain, momentum, Nesterov */
        parameters p = parameters_new(rows * channels);
        mbni_train_kernels_select(all_isas[isa].isa)
            ->sgd(p.w.count, 0.05f, 0.9f, variant == 2, PULL, p.g.data, variant ? p.m.data : NULL, p.w.data);
        for (int64_t i = 0; i < p.w.count; i++) {
            const double old = variant ? momentum * p.m0.data[i] : 0, step = rate * pulled(&p, i);
            const double velocity = old - step, move = variant == 2 ? momentum * velocity - step : velocity;
            const double size = rate * pulled_size(&p, i);
            const double magnitude = fabs(old) + 2 * size + fabs((double)p.w0.data[i]);
            ck_near(p.w.data[i], p.w0.data[i] + move, BOUND_STEP, magnitude);
            if (variant)
                ck_near(p.m.data[i], velocity, BOUND_STEP, fabs(old) + size);
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
            ->rmsprop(p.w.count, 0.045f, 0.9f, 0.8f, 0.001f, PULL, p.g.data, p.v.data,
                      with_momentum ? p.m.data : NULL, p.w.data);
        for (int64_t i = 0; i < p.w.count; i++) {
            const double d = pulled(&p, i), size = pulled_size(&p, i),
                         s = rho * p.v0.data[i] + (1 - rho) * d * d;
            const double old = with_momentum ? momentum * p.m0.data[i] : 0, by = rate / (sqrt(s) + epsilon),
                         step = by * d;
            ck_near(p.v.data[i], s, BOUND_STEP, rho * p.v0.data[i] + (1 - rho) * size * size);
            ck_near(p.w.data[i], p.w0.data[i] - (old + step), BOUND_STEP,
                    fabs((double)p.w0.data[i]) + fabs(old) + by * size);
            if (with_momentum)
                ck_near(p.m.data[i], old + step, BOUND_STEP, fabs(old) + by * size);
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
        ->adam(p.w.count, 0.002f, 0.9f, 0.999f, 1e-7f, 0.01f, PULL, p.g.data, p.m.data, p.v.data, p.w.data);
    for (int64_t i = 0; i < p.w.count; i++) {
        const double d = pulled(&p, i), size = pulled_size(&p, i),
                     v = beta2 * p.v0.data[i] + (1 - beta2) * d * d;
        const double old = beta1 * p.m0.data[i], fresh = (1 - beta1) * d, w = p.w0.data[i];
        const double divisor = sqrt(v) + epsilon, step = rate * (old + fresh) / divisor;
        ck_near(p.m.data[i], old + fresh, BOUND_STEP, fabs(old) + (1 - beta1) * size);
        ck_near(p.v.data[i], v, BOUND_STEP, beta2 * p.v0.data[i] + (1 - beta2) * size * size);
        ck_near(p.w.data[i], w - decay * w - step, BOUND_STEP,
                fabs(w) + rate * (fabs(old) + (1 - beta1) * size) / divisor);
    }
    parameters_free(&p);
}

START_TEST(adam_steps_are_within_the_bound_of_float64)
{
    for_shapes(check_adam);
}
END_TEST

static void step_of(int kind, const mbni_train_kernels *train, parameters *p)
{
    const int64_t count = p->w.count;
    if (kind < 3)
        train->sgd(count, 0.05f, 0.9f, kind == 2, PULL, p->g.data, kind ? p->m.data : NULL, p->w.data);
    else if (kind < 5)
        train->rmsprop(count, 0.045f, 0.9f, 0.8f, 1e-3f, PULL, p->g.data, p->v.data,
                       kind == 4 ? p->m.data : NULL, p->w.data);
    else
        train->adam(count, 2e-3f, 0.9f, 0.999f, 1e-7f, 0.01f, PULL, p->g.data, p->m.data, p->v.data,
                    p->w.data);
}

START_TEST(every_instruction_set_takes_the_same_step_to_the_bit)
{
    enum { COUNT = 4099 };
    for (int kind = 0; kind < 6; kind++) {
        parameters p = parameters_new(COUNT);
        step_of(kind, mbni_train_kernels_select(MBN_ISA_GENERIC), &p);
        for (size_t isa = 0; isa < ISA_COUNT; isa++) {
            if (!isa_present(isa))
                continue;
            parameters q = {.w = buffer_new(COUNT), .g = p.g, .m = buffer_new(COUNT), .v = buffer_new(COUNT)};
            buffer_copy(q.w, p.w0);
            buffer_copy(q.m, p.m0);
            buffer_copy(q.v, p.v0);
            step_of(kind, mbni_train_kernels_select(all_isas[isa].isa), &q);
            ck_assert(!memcmp(q.w.data, p.w.data, COUNT * sizeof(float)));
            ck_assert(!memcmp(q.m.data, p.m.data, COUNT * sizeof(float)));
            ck_assert(!memcmp(q.v.data, p.v.data, COUNT * sizeof(float)));
            buffer_free(q.w);
            buffer_free(q.m);
            buffer_free(q.v);
        }
        parameters_free(&p);
    }
}
END_TEST

SUITE("kernels/optimizers", sgd_steps_are_within_the_bound_of_float64,
      rmsprop_steps_are_within_the_bound_of_float64, adam_steps_are_within_the_bound_of_float64,
      every_instruction_set_takes_the_same_step_to_the_bit)
