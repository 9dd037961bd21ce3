/* Softmax, its gradient, and softmax with cross entropy, against float64. */
#include "kernels/kernel_test.h"

static void softmax64(int64_t n, const float *x, double *p, double *distance, double *log_sum)
{
    double max = x[0], sum = 0;
    *distance = 0;
    for (int64_t i = 1; i < n; i++)
        max = x[i] > max ? x[i] : max;
    for (int64_t i = 0; i < n; i++) {
        p[i] = exp(x[i] - max);
        sum += p[i];
        *distance = max - x[i] > *distance ? max - x[i] : *distance;
    }
    for (int64_t i = 0; i < n; i++)
        p[i] /= sum;
    *log_sum = log(sum) + max;
}

enum { ROWS = 3, MOST = 1001 };

/* Calls f for each instruction set, row lengths 1 to 40 and some real ones, and logits up to `spread`. */
static void for_rows(void (*f)(size_t isa, int64_t n, float spread))
{
    static const int64_t real[] = {67, 100, 1000, MOST};
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        for (int64_t n = 1; n <= 40; n++)
            f(isa, n, n % 2 ? 1 : 60);
        for (size_t i = 0; i < sizeof real / sizeof *real; i++)
            f(isa, real[i], 8);
    }
}

static buffer logits_new(int64_t n, float spread)
{
    buffer x = buffer_random(ROWS * n);
    for (int64_t i = 0; i < x.count; i++)
        x.data[i] = x.data[i] * spread + 100; /* exp overflows unless the maximum is taken off */
    return x;
}

static void check_softmax(size_t isa, int64_t n, float spread)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    buffer x = logits_new(n, spread), y = buffer_new(ROWS * n), d_y = buffer_random(ROWS * n);
    buffer d_x = buffer_new(ROWS * n);
    kernels->softmax(ROWS, n, x.data, y.data);
    mbni_train_kernels_select(all_isas[isa].isa)->softmax_gradient(ROWS, n, y.data, d_y.data, d_x.data);
    for (int64_t r = 0; r < ROWS; r++) {
        double p[MOST], distance, log_sum, dot = 0, size = 0;
        softmax64(n, x.data + r * n, p, &distance, &log_sum);
        const float *y_row = y.data + r * n, *d_row = d_y.data + r * n;
        for (int64_t i = 0; i < n; i++) {
            ck_near(y_row[i], p[i], BOUND_SOFTMAX(distance), p[i]);
            dot += (double)y_row[i] * d_row[i];
            size += fabs((double)y_row[i] * d_row[i]);
        }
        for (int64_t i = 0; i < n; i++)
            ck_near(d_x.data[r * n + i], y_row[i] * (d_row[i] - dot), BOUND_SOFTMAX(0),
                    y_row[i] * (fabs((double)d_row[i]) + size));
    }
    kernels->softmax(ROWS, n, x.data, x.data);
    ck_assert(!memcmp(x.data, y.data, (size_t)x.count * sizeof(float)));
    mbni_train_kernels_select(all_isas[isa].isa)->softmax_gradient(ROWS, n, y.data, d_y.data, d_y.data);
    ck_assert(!memcmp(d_x.data, d_y.data, (size_t)x.count * sizeof(float)));
    buffer all[] = {x, y, d_y, d_x};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_free(all[i]);
}

START_TEST(softmax_and_its_gradient_are_within_the_bound_also_in_place)
{
    for_rows(check_softmax);
}
END_TEST

START_TEST(a_broken_logit_makes_its_row_nan_and_no_other)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t at = 0; isa_present(isa) && at < 7; at++)
            for (int infinite = 0; infinite < 2; infinite++) {
                buffer x = buffer_random(ROWS * 7), y = buffer_new(ROWS * 7), losses = buffer_new(ROWS);
                const int32_t ids[ROWS] = {0, 0, 0};
                uint8_t correct[ROWS];
                x.data[7 + at] = infinite ? INFINITY : NAN;
                x.data[2 * 7 + at] = -INFINITY; /* a class ruled out is no fault */
                mbni_kernels_select(all_isas[isa].isa)->softmax(ROWS, 7, x.data, y.data);
                mbni_train_kernels_select(all_isas[isa].isa)
                    ->softmax_cross_entropy(ROWS, 7, x.data, ids, NULL, 0, 1, losses.data, correct, NULL);
                for (int64_t i = 0; i < ROWS * 7; i++)
                    ck_assert_int_eq(isnan(y.data[i]) != 0, i / 7 == 1);
                ck_assert(!isnan(losses.data[0]) && isnan(losses.data[1]) && !isnan(losses.data[2]));
                ck_assert_int_eq(correct[1], 0);
                ck_assert(y.data[2 * 7 + at] == 0);
                buffer_free(x);
                buffer_free(y);
                buffer_free(losses);
            }
}
END_TEST

/* Row lengths with and without a tail on each instruction set; class 1 at -infinity, then at -1e30. */
START_TEST(a_class_ruled_out_costs_only_where_it_is_a_target)
{
    enum { MOST_CLASSES = 35 };
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t n = 2; isa_present(isa) && n <= MOST_CLASSES; n++)
            for (int variant = 0; variant < 6; variant++) {
                const int by_id = variant % 3 == 0, with_target = variant % 3 == 2;
                float logits[MOST_CLASSES] = {0}, soft[MOST_CLASSES] = {0}, d_logits[MOST_CLASSES], loss;
                uint8_t correct;
                logits[1] = variant < 3 ? -INFINITY : -1e30f;
                soft[0] = with_target ? 0.5f : 1;
                soft[1] = 1 - soft[0];
                mbni_train_kernels_select(all_isas[isa].isa)
                    ->softmax_cross_entropy(1, n, logits, by_id ? (int32_t[]){0} : NULL, soft, 0, 1, &loss,
                                            &correct, d_logits);
                ck_near(d_logits[1], -soft[1], 0, 0);
                ck_assert_int_eq(correct, 1);
                if (with_target)
                    ck_assert(variant < 3 ? loss == INFINITY : fabsf(loss - 5e29f) < 1e24f);
                else
                    ck_near(loss, log((double)n - 1), BOUND_LOSS, 1);
                mbni_train_kernels_select(all_isas[isa].isa)
                    ->softmax_cross_entropy(1, n, logits, (int32_t[]){0}, NULL, 0.1f, 1, &loss, &correct,
                                            NULL);
                ck_assert(variant < 3 ? loss == INFINITY : loss > 1e26f && isfinite(loss));
            }
}
END_TEST

static int64_t first_maximum(int64_t n, const float *x)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

static void check_loss_row(int64_t n, const float *x, const double *target, float loss, const float *d_logits)
{
    double p[MOST], distance, log_sum, want = 0, total = 0;
    softmax64(n, x, p, &distance, &log_sum);
    for (int64_t i = 0; i < n; i++) {
        want += target[i] * (log_sum - x[i]);
        total += target[i];
    }
    ck_near(loss, want, BOUND_LOSS, fabs(want) + distance);
    for (int64_t i = 0; i < n; i++)
        ck_near(d_logits[i], (p[i] * total - target[i]) * 0.125, BOUND_SOFTMAX(distance),
                (p[i] * total + target[i]) * 0.125);
}

static void check_loss(size_t isa, int64_t n, float spread)
{
    const mbni_train_kernels *kernels = mbni_train_kernels_select(all_isas[isa].isa);
    for (int variant = 0; variant < 4; variant++) { /* ids or soft targets, with and without smoothing */
        buffer x = logits_new(n, spread), soft = buffer_random(ROWS * n), d_x = buffer_new(ROWS * n);
        buffer losses = buffer_new(ROWS), again = buffer_new(ROWS);
        const float smoothing = variant & 2 ? 0.1f : 0;
        const int by_ids = variant & 1;
        int32_t ids[ROWS];
        uint8_t correct[ROWS];
        for (int64_t i = 0; i < soft.count; i++)
            soft.data[i] = fabsf(soft.data[i]);
        for (int64_t r = 0; r < ROWS; r++)
            ids[r] = (int32_t)(test_next() % (uint64_t)n);
        ids[1] = (int32_t)first_maximum(n, x.data + n);
        kernels->softmax_cross_entropy(ROWS, n, x.data, by_ids ? ids : NULL, by_ids ? NULL : soft.data,
                                       smoothing, 0.125f, losses.data, correct, d_x.data);
        for (int64_t r = 0; r < ROWS; r++) {
            const int64_t wanted = by_ids ? ids[r] : first_maximum(n, soft.data + r * n);
            double target[MOST];
            for (int64_t i = 0; i < n; i++)
                target[i] = (1 - (double)smoothing) * (by_ids ? i == ids[r] : soft.data[r * n + i]) +
                            (double)smoothing / (double)n;
            check_loss_row(n, x.data + r * n, target, losses.data[r], d_x.data + r * n);
            ck_assert_int_eq(correct[r], first_maximum(n, x.data + r * n) == wanted);
        }
        /* the gradient in place of the logits, the same losses */
        kernels->softmax_cross_entropy(ROWS, n, x.data, by_ids ? ids : NULL, by_ids ? NULL : soft.data,
                                       smoothing, 0.125f, again.data, correct, x.data);
        ck_assert(!memcmp(x.data, d_x.data, (size_t)x.count * sizeof(float)));
        ck_assert(!memcmp(losses.data, again.data, ROWS * sizeof(float)));
        buffer all[] = {x, soft, d_x, losses, again};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            buffer_free(all[i]);
    }
}

START_TEST(loss_and_gradient_are_within_the_bound_of_float64)
{
    for_rows(check_loss);
}
END_TEST

START_TEST(of_equal_logits_the_first_counts)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        const float logits[2][4] = {{1, 2, 2, 0}, {1, 2, 2, 0}};
        const int32_t ids[2] = {1, 2};
        float losses[2];
        uint8_t correct[2];
        mbni_train_kernels_select(all_isas[isa].isa)
            ->softmax_cross_entropy(2, 4, logits[0], ids, NULL, 0, 1, losses, correct, NULL);
        ck_assert_int_eq(correct[0], 1);
        ck_assert_int_eq(correct[1], 0);
    }
}
END_TEST

SUITE("kernels/softmax", softmax_and_its_gradient_are_within_the_bound_also_in_place,
      a_broken_logit_makes_its_row_nan_and_no_other, a_class_ruled_out_costs_only_where_it_is_a_target,
      loss_and_gradient_are_within_the_bound_of_float64, of_equal_logits_the_first_counts)
