/* Batch norm statistics, their merging, and the sums and maps of its gradient, against float64. */
#include "kernels/kernel_test.h"

static const int64_t shapes[][2] = {{1, 5},   {2, 1},    {3, 67},    {64, 32},   {65, 257},
                                    {128, 3}, {1000, 8}, {4099, 17}, {256, 512}, {7, 600}};

typedef struct column {
    double mean, m2, sum, magnitude;
} column;

static column column_of(const float *x, int64_t rows, int64_t channels, int64_t c)
{
    column k = {0};
    for (int64_t r = 0; r < rows; r++) {
        k.sum += x[r * channels + c];
        k.magnitude += fabs((double)x[r * channels + c]);
    }
    k.mean = k.sum / (double)rows;
    for (int64_t r = 0; r < rows; r++)
        k.m2 += (x[r * channels + c] - k.mean) * (x[r * channels + c] - k.mean);
    return k;
}

/* mean and m2 against the columns of x; `merges` more roundings of each than one chunk has. */
static void check_columns(buffer x, int64_t rows, int64_t channels, buffer mean, buffer m2, double merges)
{
    for (int64_t c = 0; c < channels; c++) {
        const column k = column_of(x.data, rows, channels, c);
        const double mean_error = (BOUND_ROWS + 2 * merges) * UNIT * k.magnitude / (double)rows;
        ck_near(mean.data[c], k.mean, BOUND_ROWS + 2 * merges, k.magnitude / (double)rows);
        const double slip =
            (double)rows * mean_error * mean_error + merges * 2 * mean_error * sqrt(k.m2 * (double)rows);
        ck_near(m2.data[c], k.m2, BOUND_SQUARES + 2 * merges, k.m2 + slip / (BOUND_SQUARES * UNIT));
    }
}

static void shift_by_column(buffer x, int64_t channels)
{
    for (int64_t i = 0; i < x.count; i++)
        x.data[i] += (float)(i % channels % 5) * 10; /* a mean well above the deviation */
}

START_TEST(statistics_are_within_the_bound_of_float64)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (size_t s = 0; isa_present(isa) && s < sizeof shapes / sizeof *shapes; s++) {
            const int64_t rows = shapes[s][0], channels = shapes[s][1];
            buffer x = buffer_random(rows * channels), mean = buffer_new(channels), m2 = buffer_new(channels);
            shift_by_column(x, channels);
            mbni_train_kernels_select(all_isas[isa].isa)
                ->statistics(rows, channels, x.data, mean.data, m2.data);
            check_columns(x, rows, channels, mean, m2, 0);
            buffer_free(x);
            buffer_free(mean);
            buffer_free(m2);
        }
}
END_TEST

START_TEST(merged_statistics_are_those_of_all_rows)
{
    enum { ROWS = 500, CHANNELS = 37 };
    static const int64_t cuts[] = {0, 1, 130, 131, 400, ROWS};
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        const mbni_train_kernels *kernels = mbni_train_kernels_select(all_isas[isa].isa);
        buffer x = buffer_random(ROWS * CHANNELS), mean = buffer_new(CHANNELS), m2 = buffer_new(CHANNELS);
        buffer part_mean = buffer_new(CHANNELS), part_m2 = buffer_new(CHANNELS);
        shift_by_column(x, CHANNELS);
        /* into a, which holds nothing but NaN at first: no rows, no weight */
        for (size_t i = 0; i + 1 < sizeof cuts / sizeof *cuts; i++) {
            const int64_t rows = cuts[i + 1] - cuts[i];
            kernels->statistics(rows, CHANNELS, x.data + cuts[i] * CHANNELS, part_mean.data, part_m2.data);
            kernels->merge_statistics(CHANNELS, cuts[i], mean.data, m2.data, rows, part_mean.data,
                                      part_m2.data);
        }
        check_columns(x, ROWS, CHANNELS, mean, m2, 5);
        kernels->merge_statistics(CHANNELS, ROWS, mean.data, m2.data, 0, part_mean.data, part_m2.data);
        check_columns(x, ROWS, CHANNELS, mean, m2, 5);
        buffer_free(x);
        buffer_free(mean);
        buffer_free(m2);
        buffer_free(part_mean);
        buffer_free(part_m2);
    }
}
END_TEST

START_TEST(equal_rows_have_no_variance)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        buffer x = buffer_new(300 * 9), mean = buffer_new(9), m2 = buffer_new(9);
        for (int64_t i = 0; i < x.count; i++)
            x.data[i] = 1000.5f + (float)(i % 9);
        mbni_train_kernels_select(all_isas[isa].isa)->statistics(300, 9, x.data, mean.data, m2.data);
        for (int64_t c = 0; c < 9; c++) {
            ck_assert(mean.data[c] == 1000.5f + (float)c);
            ck_assert(m2.data[c] == 0);
        }
        buffer_free(x);
        buffer_free(mean);
        buffer_free(m2);
    }
}
END_TEST

START_TEST(gradient_sums_are_within_the_bound_of_float64)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (size_t s = 0; isa_present(isa) && s < sizeof shapes / sizeof *shapes; s++) {
            const int64_t rows = shapes[s][0], channels = shapes[s][1];
            buffer x = buffer_random(rows * channels), d_y = buffer_random(rows * channels);
            buffer mean = buffer_random(channels), inv_std = buffer_random(channels);
            buffer sum = buffer_random(channels), sum_x = buffer_random(channels);
            buffer sum_before = buffer_random(channels), sum_x_before = buffer_random(channels);
            buffer_copy(sum_before, sum);
            buffer_copy(sum_x_before, sum_x);
            mbni_train_kernels_select(all_isas[isa].isa)
                ->batch_norm_gradient_sums(rows, channels, x.data, d_y.data, mean.data, inv_std.data,
                                           sum.data, sum_x.data);
            for (int64_t c = 0; c < channels; c++) {
                double want = sum_before.data[c], size = fabs(want), want_x = sum_x_before.data[c];
                double size_x = fabs(want_x);
                for (int64_t i = c; i < rows * channels; i += channels) {
                    const double term = ((double)x.data[i] - mean.data[c]) * inv_std.data[c] * d_y.data[i];
                    want += d_y.data[i];
                    size += fabs((double)d_y.data[i]);
                    want_x += term;
                    size_x += fabs(term);
                }
                ck_near(sum.data[c], want, BOUND_ROWS, size);
                ck_near(sum_x.data[c], want_x, BOUND_SQUARES, size_x);
            }
            buffer all[] = {x, d_y, mean, inv_std, sum, sum_x, sum_before, sum_x_before};
            for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                buffer_free(all[i]);
        }
}
END_TEST

START_TEST(input_gradient_is_the_affine_map_also_in_place)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t channels = 1; isa_present(isa) && channels <= 67; channels++) {
            const mbni_train_kernels *kernels = mbni_train_kernels_select(all_isas[isa].isa);
            enum { ROWS = 5 };
            buffer x = buffer_random(ROWS * channels), d_y = buffer_random(ROWS * channels);
            buffer a = buffer_random(channels), b = buffer_random(channels), shift = buffer_random(channels);
            buffer d_x = buffer_new(ROWS * channels);
            kernels->batch_norm_input_gradient(ROWS, channels, x.data, d_y.data, a.data, b.data, shift.data,
                                               d_x.data);
            for (int64_t i = 0; i < ROWS * channels; i++) {
                const int64_t c = i % channels;
                const double p = (double)a.data[c] * d_y.data[i], q = (double)b.data[c] * x.data[i];
                ck_near(d_x.data[i], p + q + shift.data[c], BOUND_AFFINE,
                        fabs(p) + fabs(q) + fabs((double)shift.data[c]));
            }
            kernels->batch_norm_input_gradient(ROWS, channels, x.data, d_y.data, a.data, b.data, shift.data,
                                               d_y.data);
            ck_assert(!memcmp(d_x.data, d_y.data, (size_t)d_x.count * sizeof(float)));
            buffer all[] = {x, d_y, a, b, shift, d_x};
            for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                buffer_free(all[i]);
        }
}
END_TEST

SUITE("kernels/batch_norm", statistics_are_within_the_bound_of_float64,
      merged_statistics_are_those_of_all_rows, equal_rows_have_no_variance,
      gradient_sums_are_within_the_bound_of_float64, input_gradient_is_the_affine_map_also_in_place)
