/* Element-by-element kernels, layouts, dropout and optimizer steps, against float64. */
#include "core/random.h"
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

static void check_affine(size_t isa, int64_t rows, int64_t channels)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    buffer x = buffer_random(rows * channels), y = buffer_new(rows * channels),
           z = buffer_random(rows * channels);
    buffer scale = buffer_random(channels), shift = buffer_random(channels);
    buffer_copy(z, x);
    kernels->affine(rows, channels, x.data, scale.data, shift.data, y.data);
    kernels->add_bias(rows, channels, shift.data, z.data);
    for (int64_t i = 0; i < rows * channels; i++) {
        const double p = (double)x.data[i] * scale.data[i % channels], q = shift.data[i % channels];
        ck_near(y.data[i], p + q, BOUND_AFFINE, fabs(p) + fabs(q));
        ck_assert(z.data[i] == x.data[i] + shift.data[i % channels]);
    }
    kernels->affine(rows, channels, x.data, scale.data, shift.data, x.data);
    ck_assert(!memcmp(x.data, y.data, (size_t)x.count * sizeof(float)));
    buffer all[] = {x, y, z, scale, shift};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_free(all[i]);
}

START_TEST(affine_and_bias_are_right_also_in_place)
{
    for_shapes(check_affine);
}
END_TEST

static void check_sum_rows(size_t isa, int64_t rows, int64_t channels)
{
    buffer y = buffer_random(rows * channels), sum = buffer_random(channels),
           before = buffer_random(channels);
    buffer_copy(before, sum);
    mbni_train_kernels_select(all_isas[isa].isa)->sum_rows(rows, channels, y.data, sum.data);
    for (int64_t c = 0; c < channels; c++) {
        double want = before.data[c], magnitude = fabs(want);
        for (int64_t i = c; i < rows * channels; i += channels) {
            want += y.data[i];
            magnitude += fabs((double)y.data[i]);
        }
        ck_near(sum.data[c], want, BOUND_ROWS, magnitude);
    }
    buffer_free(y);
    buffer_free(sum);
    buffer_free(before);
}

START_TEST(sums_of_rows_are_within_the_bound_of_float64)
{
    for_shapes(check_sum_rows);
}
END_TEST

static void check_relu(size_t isa, int64_t rows, int64_t channels)
{
    const int64_t count = rows * channels;
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    const mbni_train_kernels *train = mbni_train_kernels_select(all_isas[isa].isa);
    for (int bounded = 0; bounded < 2; bounded++) {
        const float max = bounded ? 6 : 0;
        buffer x = buffer_random(count), y = buffer_new(count), d_y = buffer_random(count),
               d_x = buffer_new(count);
        for (int64_t i = 0; i < count; i++)
            x.data[i] = i % 11 == 3 ? 0 : i % 13 == 5 ? 6 : x.data[i] * 10;
        kernels->relu(count, max, x.data, y.data);
        train->relu_gradient(count, max, y.data, d_y.data, d_x.data);
        for (int64_t i = 0; i < count; i++) {
            const float low = x.data[i] > 0 ? x.data[i] : 0, want = bounded && low > 6 ? 6 : low;
            ck_assert(y.data[i] == want);
            ck_assert(d_x.data[i] == (want > 0 && (!bounded || want < 6) ? d_y.data[i] : 0));
        }
        kernels->relu(count, max, x.data, x.data);
        train->relu_gradient(count, max, y.data, d_y.data, d_y.data);
        ck_assert(!memcmp(x.data, y.data, (size_t)count * sizeof(float)));
        ck_assert(!memcmp(d_x.data, d_y.data, (size_t)count * sizeof(float)));
        buffer all[] = {x, y, d_y, d_x};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            buffer_free(all[i]);
    }
}

START_TEST(relu_and_its_gradient_are_exact_also_in_place)
{
    for_shapes(check_relu);
}
END_TEST

START_TEST(nan_and_infinity_pass_through_relu)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t at = 0; isa_present(isa) && at < 21; at++) {
            buffer x = buffer_random(21), y = buffer_new(21);
            for (int bounded = 0; bounded < 2; bounded++) {
                x.data[at] = NAN;
                x.data[(at + 1) % 21] = INFINITY;
                x.data[(at + 2) % 21] = -INFINITY;
                mbni_kernels_select(all_isas[isa].isa)->relu(21, bounded ? 6 : 0, x.data, y.data);
                ck_assert(isnan(y.data[at]));
                ck_assert(y.data[(at + 1) % 21] == (bounded ? 6 : INFINITY));
                ck_assert(y.data[(at + 2) % 21] == 0);
            }
            buffer_free(x);
            buffer_free(y);
        }
}
END_TEST

static void check_layouts(size_t isa, int64_t rows, int64_t channels)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    const int64_t count = rows * channels;
    buffer x = buffer_random(count), y = buffer_new(count), z = buffer_new(count);
    uint8_t *bytes = malloc((size_t)count);
    ck_assert_ptr_nonnull(bytes);
    for (int64_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)test_next();
    kernels->transpose(rows, channels, x.data, y.data);
    kernels->convert_u8(count, bytes, 1 / 127.5f, -1, z.data);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < channels; j++)
            ck_assert(y.data[j * rows + i] == x.data[i * channels + j]);
    for (int64_t i = 0; i < count; i++)
        ck_near(z.data[i], bytes[i] * (double)(1 / 127.5f) - 1, BOUND_AFFINE, bytes[i] / 127.5 + 1);
    free(bytes);
    buffer_free(x);
    buffer_free(y);
    buffer_free(z);
}

START_TEST(transpose_is_exact_and_bytes_become_floats)
{
    for_shapes(check_layouts);
}
END_TEST

START_TEST(dropout_depends_on_seed_and_position_alone)
{
    enum { COUNT = 20000 };
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        const mbni_train_kernels *kernels = mbni_train_kernels_select(all_isas[isa].isa);
        buffer x = buffer_random(COUNT), y = buffer_new(COUNT), z = buffer_new(COUNT);
        kernels->dropout(COUNT, 77, 5, 0.25f, x.data, y.data);
        int64_t dropped = 0;
        for (int64_t i = 0; i < COUNT; i++) {
            const int keep = (double)(mbni_random_hash(5, (uint64_t)(77 + i)) >> 40) * 0x1p-24 >= 0.25;
            ck_near(y.data[i], keep ? x.data[i] / 0.75 : 0, 2, fabs(x.data[i] / 0.75));
            dropped += !keep;
        }
        ck_assert_int_gt(dropped, COUNT / 4 - 400); /* 6.5 standard deviations */
        ck_assert_int_lt(dropped, COUNT / 4 + 400);
        kernels->dropout(1000, 77, 5, 0.25f, x.data, z.data);
        kernels->dropout(COUNT - 1000, 1077, 5, 0.25f, x.data + 1000, z.data + 1000);
        ck_assert(!memcmp(y.data, z.data, COUNT * sizeof(float)));
        kernels->dropout(COUNT, 77, 5, 0, x.data, z.data);
        ck_assert(!memcmp(x.data, z.data, COUNT * sizeof(float)));
        kernels->dropout(COUNT, 77, 5, 0.25f, x.data, x.data);
        ck_assert(!memcmp(x.data, y.data, COUNT * sizeof(float)));
        buffer_free(x);
        buffer_free(y);
        buffer_free(z);
    }
}
END_TEST

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

SUITE("kernels/elementwise", affine_and_bias_are_right_also_in_place,
      sums_of_rows_are_within_the_bound_of_float64, relu_and_its_gradient_are_exact_also_in_place,
      nan_and_infinity_pass_through_relu, transpose_is_exact_and_bytes_become_floats,
      dropout_depends_on_seed_and_position_alone, sgd_steps_are_within_the_bound_of_float64,
      rmsprop_steps_are_within_the_bound_of_float64, adam_steps_are_within_the_bound_of_float64)
