/* Batch norm statistics from moments of parts, and the sums and the map of its gradient with the ReLU behind
 * it, against float64. */
#include "kernels/kernel_test.h"

static const int64_t shapes[][2] = {{1, 5},   {2, 1},    {3, 67},    {64, 32},   {65, 257}, {128, 3},
                                    {257, 9}, {1000, 8}, {4099, 17}, {256, 512}, {7, 600},  {5, 1100}};

/* Calls f for each instruction set, for 1 to 67 channels and for the shapes above. */
static void for_shapes(void (*f)(size_t isa, int64_t rows, int64_t channels))
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        for (int64_t channels = 1; channels <= 67; channels++)
            f(isa, 1 + channels % 11, channels);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            f(isa, shapes[s][0], shapes[s][1]);
    }
}

static void free_all(buffer *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buffer_free(all[i]);
}

/* Channel c differs from its neighbours in mean and deviation. */
static void spread_columns(buffer x, int64_t channels, float mean)
{
    for (int64_t i = 0; i < x.count; i++) {
        const int64_t c = i % channels;
        x.data[i] = x.data[i] * (float)(1 + c % 3) + (float)(c % 5) * mean;
    }
}

static void check_moments(size_t isa, int64_t rows, int64_t channels)
{
    buffer x = buffer_random(rows * channels), moments = buffer_new(3 * channels);
    spread_columns(x, channels, 1e4f);
    mbni_train_kernels_select(all_isas[isa].isa)->moments(rows, channels, x.data, moments.data);
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, squares = 0, size = 0;
        for (int64_t i = c; i < x.count; i += channels) {
            const double d = (double)x.data[i] - x.data[c];
            sum += d;
            size += fabs(d);
            squares += d * d;
        }
        ck_assert(moments.data[c] == x.data[c]);
        ck_near(moments.data[channels + c], sum, BOUND_ROWS, size);
        ck_near(moments.data[2 * channels + c], squares, BOUND_SQUARES, squares);
    }
    buffer_free(x);
    buffer_free(moments);
}

START_TEST(moments_are_within_the_bound_of_float64)
{
    for_shapes(check_moments);
}
END_TEST

/* The moments of x [rows, channels] by parts. */
static buffer moments_new(size_t isa, int64_t rows, int64_t channels, buffer x, mbni_moments *moments)
{
    buffer values = buffer_new(3 * channels * moments->parts);
    moments->values = values.data;
    for (int64_t i = 0; i < moments->parts; i++) {
        const int64_t begin = mbni_moments_begin(moments, rows, i),
                      end = mbni_moments_begin(moments, rows, i + 1);
        if (end > begin)
            mbni_train_kernels_select(all_isas[isa].isa)
                ->moments(end - begin, channels, x.data + begin * channels, values.data + 3 * i * channels);
    }
    return values;
}

/* Mean and m2 from parts, against two passes in float64. The magnitude of m2 is that of the squares about the
 * parts' origins, which are taken off again. */
static void check_parts(size_t isa, int64_t rows, int64_t channels, int64_t parts, int64_t unit)
{
    buffer x = buffer_random(rows * channels), mean = buffer_new(channels), m2 = buffer_new(channels);
    mbni_moments moments = {.parts = parts, .unit = unit};
    spread_columns(x, channels, 1e4f);
    buffer values = moments_new(isa, rows, channels, x, &moments);
    mbni_train_kernels_select(all_isas[isa].isa)
        ->combine_moments(rows, channels, 0, channels / 3, &moments, mean.data, m2.data);
    mbni_train_kernels_select(all_isas[isa].isa)
        ->combine_moments(rows, channels, channels / 3, channels, &moments, mean.data, m2.data);
    for (int64_t c = 0; c < channels; c++) {
        double want = 0, want_m2 = 0, sizes = 0, squares = 0;
        for (int64_t r = 0; r < rows; r++)
            want += x.data[r * channels + c] / (double)rows;
        for (int64_t i = 0; i < parts; i++)
            for (int64_t r = mbni_moments_begin(&moments, rows, i);
                 r < mbni_moments_begin(&moments, rows, i + 1); r++) {
                const double v = x.data[r * channels + c], d = v - values.data[3 * i * channels + c];
                want_m2 += (v - want) * (v - want);
                sizes += fabs(d);
                squares += d * d;
            }
        ck_near(mean.data[c], want, 1, fabs(want) + BOUND_ROWS * sizes / (double)rows);
        ck_near(m2.data[c], want_m2, BOUND_MOMENTS, squares + want_m2);
    }
    buffer all[] = {x, mean, m2, values};
    free_all(all, sizeof all / sizeof *all);
}

START_TEST(statistics_from_parts_lose_nothing_to_a_large_mean)
{
    static const int64_t parts[][2] = {{1, 1}, {2, 1}, {7, 1}, {64, 1}, {3, 6}, {5, 64}};
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (size_t p = 0; isa_present(isa) && p < sizeof parts / sizeof *parts; p++) {
            check_parts(isa, 64, 67, parts[p][0], parts[p][1]);
            check_parts(isa, 1000, 5, parts[p][0], parts[p][1]);
            check_parts(isa, 777, 33, parts[p][0], parts[p][1]);
            check_parts(isa, 70, 1030, parts[p][0], parts[p][1]);
            check_parts(isa, 1, 9, 1, parts[p][1]);
        }
}
END_TEST

/* A part without rows has no origin: what stands there must not count. */
START_TEST(parts_without_rows_do_not_count)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        if (isa_present(isa)) {
            check_parts(isa, 10, 9, 5, 4);
            check_parts(isa, 3, 20, 2, 64);
        }
}
END_TEST

START_TEST(equal_rows_have_no_variance)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        buffer x = buffer_new(300 * 9), mean = buffer_new(9), m2 = buffer_new(9);
        mbni_moments moments = {.parts = 7, .unit = 1};
        for (int64_t i = 0; i < x.count; i++)
            x.data[i] = 1000.5f + (float)(i % 9);
        buffer values = moments_new(isa, 300, 9, x, &moments);
        mbni_train_kernels_select(all_isas[isa].isa)
            ->combine_moments(300, 9, 0, 9, &moments, mean.data, m2.data);
        for (int64_t c = 0; c < 9; c++) {
            ck_assert(mean.data[c] == 1000.5f + (float)c);
            ck_assert(m2.data[c] == 0);
        }
        buffer all[] = {x, mean, m2, values};
        free_all(all, sizeof all / sizeof *all);
    }
}
END_TEST

START_TEST(nan_in_a_column_makes_its_statistics_nan)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t at = 0; isa_present(isa) && at < 21; at++) {
            buffer x = buffer_random(21 * 13), mean = buffer_new(13), m2 = buffer_new(13);
            mbni_moments moments = {.parts = 4, .unit = 1};
            x.data[at * 13 + 11] = NAN;
            buffer values = moments_new(isa, 21, 13, x, &moments);
            mbni_train_kernels_select(all_isas[isa].isa)
                ->combine_moments(21, 13, 0, 13, &moments, mean.data, m2.data);
            for (int64_t c = 0; c < 13; c++) {
                ck_assert_int_eq(isnan(mean.data[c]) != 0, c == 11);
                ck_assert_int_eq(isnan(m2.data[c]) != 0, c == 11);
            }
            buffer all[] = {x, mean, m2, values};
            free_all(all, sizeof all / sizeof *all);
        }
}
END_TEST

/* A normalization with random numbers, and the output of the forward kernel under it, which decides where the
 * gradient passes. */
typedef struct gradient_case {
    int64_t rows, channels;
    mbni_normalization n;
    buffer x, d_y, y, mean, inv_std, scale, shift;
} gradient_case;

static const float bounds[][2] = {{-INFINITY, INFINITY}, {0, INFINITY}, {0, 0.5f}};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

static gradient_case gradient_case_new(size_t isa, int64_t rows, int64_t channels, int bound)
{
    gradient_case g = {.rows = rows, .channels = channels};
    g.x = buffer_random(rows * channels);
    g.d_y = buffer_random(rows * channels);
    g.y = buffer_new(rows * channels);
    g.mean = buffer_random(channels);
    g.inv_std = buffer_random(channels);
    g.scale = buffer_random(channels);
    g.shift = buffer_random(channels);
    g.n = (mbni_normalization){.mean = g.mean.data,
                               .inv_std = g.inv_std.data,
                               .scale = g.scale.data,
                               .shift = g.shift.data,
                               .low = bounds[bound][0],
                               .high = bounds[bound][1]};
    for (int64_t i = 0; i < g.x.count; i += 5) /* values that the bounds meet exactly */
        g.x.data[i] = 0;
    for (int64_t c = 0; c < channels; c += 3)
        g.shift.data[c] = c % 2 ? 0.5f : 0;
    mbni_kernels_select(all_isas[isa].isa)
        ->affine(rows, channels, g.x.data, g.scale.data, g.shift.data, -INFINITY, INFINITY, g.y.data);
    return g;
}

static double passed(const gradient_case *g, int64_t i)
{
    return g->y.data[i] <= g->n.low || g->y.data[i] >= g->n.high ? 0 : g->d_y.data[i];
}

static void gradient_case_free(gradient_case *g)
{
    buffer all[] = {g->x, g->d_y, g->y, g->mean, g->inv_std, g->scale, g->shift};
    free_all(all, sizeof all / sizeof *all);
}

static void check_sums(size_t isa, int64_t rows, int64_t channels)
{
    for (int bound = 0; bound < BOUNDS; bound++) {
        gradient_case g = gradient_case_new(isa, rows, channels, bound);
        buffer sum = buffer_random(channels), sum_x = buffer_random(channels);
        buffer sum_before = buffer_new(channels), sum_x_before = buffer_new(channels);
        buffer_copy(sum_before, sum);
        buffer_copy(sum_x_before, sum_x);
        mbni_train_kernels_select(all_isas[isa].isa)
            ->batch_norm_gradient_sums(rows, channels, &g.n, g.x.data, g.d_y.data, sum.data, sum_x.data);
        for (int64_t c = 0; c < channels; c++) {
            double want = sum_before.data[c], size = fabs(want), want_x = sum_x_before.data[c];
            double size_x = fabs(want_x);
            for (int64_t i = c; i < rows * channels; i += channels) {
                const double d = passed(&g, i);
                const double term = ((double)g.x.data[i] - g.mean.data[c]) * g.inv_std.data[c] * d;
                want += d;
                size += fabs(d);
                want_x += term;
                size_x += fabs(term);
            }
            ck_near(sum.data[c], want, BOUND_ROWS, size);
            ck_near(sum_x.data[c], want_x, BOUND_SQUARES, size_x);
        }
        buffer all[] = {sum, sum_x, sum_before, sum_x_before};
        free_all(all, sizeof all / sizeof *all);
        gradient_case_free(&g);
    }
}

START_TEST(gradient_sums_take_what_the_relu_passes)
{
    for_shapes(check_sums);
}
END_TEST

static void check_input_gradient(size_t isa, int64_t rows, int64_t channels)
{
    const mbni_train_kernels *kernels = mbni_train_kernels_select(all_isas[isa].isa);
    for (int bound = 0; bound < BOUNDS; bound++) {
        gradient_case g = gradient_case_new(isa, rows, channels, bound);
        buffer a = buffer_random(channels), b = buffer_random(channels), shift = buffer_random(channels);
        buffer d_x = buffer_new(rows * channels);
        kernels->batch_norm_input_gradient(rows, channels, &g.n, g.x.data, g.d_y.data, a.data, b.data,
                                           shift.data, d_x.data);
        for (int64_t i = 0; i < rows * channels; i++) {
            const int64_t c = i % channels;
            const double p = a.data[c] * passed(&g, i), q = (double)b.data[c] * g.x.data[i];
            ck_near(d_x.data[i], p + q + shift.data[c], BOUND_AFFINE,
                    fabs(p) + fabs(q) + fabs((double)shift.data[c]));
        }
        kernels->batch_norm_input_gradient(rows, channels, &g.n, g.x.data, g.d_y.data, a.data, b.data,
                                           shift.data, g.d_y.data);
        ck_assert(!memcmp(d_x.data, g.d_y.data, (size_t)d_x.count * sizeof(float)));
        buffer all[] = {a, b, shift, d_x};
        free_all(all, sizeof all / sizeof *all);
        gradient_case_free(&g);
    }
}

START_TEST(input_gradient_is_the_map_of_what_passes_also_in_place)
{
    for_shapes(check_input_gradient);
}
END_TEST

/* A NaN in x or d_y is seen in the gradients of its channel and of no other. */
START_TEST(nan_passes_through_the_gradients)
{
    enum { ROWS = 11, CHANNELS = 21 };
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t at = 0; isa_present(isa) && at < 2 * ROWS * CHANNELS; at += 5) {
            const mbni_train_kernels *kernels = mbni_train_kernels_select(all_isas[isa].isa);
            gradient_case g = gradient_case_new(isa, ROWS, CHANNELS, at % 2);
            buffer sum = buffer_random(CHANNELS), sum_x = buffer_random(CHANNELS);
            buffer d_x = buffer_new(ROWS * CHANNELS);
            const int64_t i = at / 2;
            const int in_x = at / 5 % 2;
            (in_x ? g.x : g.d_y).data[i] = NAN;
            kernels->batch_norm_gradient_sums(ROWS, CHANNELS, &g.n, g.x.data, g.d_y.data, sum.data,
                                              sum_x.data);
            kernels->batch_norm_input_gradient(ROWS, CHANNELS, &g.n, g.x.data, g.d_y.data, g.mean.data,
                                               g.inv_std.data, g.shift.data, d_x.data);
            const int seen = in_x || !(g.y.data[i] <= g.n.low); /* a closed ReLU hides that of d_y */
            for (int64_t c = 0; c < CHANNELS; c++)
                ck_assert_int_eq(isnan(sum_x.data[c]) != 0, c == i % CHANNELS && seen);
            for (int64_t j = 0; j < ROWS * CHANNELS; j++)
                ck_assert_int_eq(isnan(d_x.data[j]) != 0, j == i && seen);
            buffer all[] = {sum, sum_x, d_x};
            free_all(all, sizeof all / sizeof *all);
            gradient_case_free(&g);
        }
}
END_TEST

SUITE("kernels/batch_norm", moments_are_within_the_bound_of_float64,
      statistics_from_parts_lose_nothing_to_a_large_mean, parts_without_rows_do_not_count,
      equal_rows_have_no_variance, nan_in_a_column_makes_its_statistics_nan,
      gradient_sums_take_what_the_relu_passes, input_gradient_is_the_map_of_what_passes_also_in_place,
      nan_passes_through_the_gradients)
