/* Element-by-element kernels, layouts and dropout, against float64; pictures moved, byte by byte. */
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

static const float bounds[][2] = {{-INFINITY, INFINITY}, {0, INFINITY}, {0, 0.5f}, {-INFINITY, 0.25f}};

static float bounded(float x, const float bound[2])
{
    const float low = x < bound[0] ? bound[0] : x;
    return low > bound[1] ? bound[1] : low;
}

/* With scale and shift, with shift alone, with neither; each bound. */
static void check_affine(size_t isa, int64_t rows, int64_t channels)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    buffer x = buffer_random(rows * channels), y = buffer_new(rows * channels), in = buffer_new(x.count);
    buffer scale = buffer_random(channels), shift = buffer_random(channels);
    for (size_t i = 0; i < 3 * sizeof bounds / sizeof *bounds; i++) {
        const float *bound = bounds[i / 3], *by = i % 3 == 0 ? scale.data : NULL,
                    *plus = i % 3 < 2 ? shift.data : NULL;
        kernels->affine(rows, channels, x.data, by, plus, bound[0], bound[1], y.data);
        for (int64_t j = 0; j < x.count; j++) {
            const double p = (double)x.data[j] * (by ? by[j % channels] : 1),
                         q = plus ? plus[j % channels] : 0;
            const double sum = p + q, low = sum < bound[0] ? bound[0] : sum;
            ck_near(y.data[j], low > bound[1] ? bound[1] : low, BOUND_AFFINE, fabs(p) + fabs(q));
            if (!by) /* one rounding, and no more */
                ck_assert(y.data[j] == bounded((float)sum, bound));
        }
        buffer_copy(in, x);
        kernels->affine(rows, channels, in.data, by, plus, bound[0], bound[1], in.data);
        ck_assert(!memcmp(in.data, y.data, (size_t)x.count * sizeof(float)));
    }
    buffer all[] = {x, y, in, scale, shift};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_free(all[i]);
}

START_TEST(affine_and_its_cases_are_right_also_in_place)
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

static void check_relu_gradient(size_t isa, int64_t rows, int64_t channels)
{
    const int64_t count = rows * channels;
    const mbni_train_kernels *train = mbni_train_kernels_select(all_isas[isa].isa);
    for (int limited = 0; limited < 2; limited++) {
        buffer y = buffer_random(count), d_y = buffer_random(count), d_x = buffer_new(count);
        for (int64_t i = 0; i < count; i++)
            y.data[i] = i % 17 == 7   ? NAN
                        : i % 19 == 2 ? INFINITY
                        : i % 11 == 3 ? 0
                        : i % 13 == 5 ? 6
                                      : y.data[i] * 10;
        train->relu_gradient(count, limited ? 6 : 0, y.data, d_y.data, d_x.data);
        for (int64_t i = 0; i < count; i++) {
            const int closed = y.data[i] <= 0 || (limited && y.data[i] >= 6); /* NaN is neither */
            ck_assert(d_x.data[i] == (closed ? 0 : d_y.data[i]));
        }
        train->relu_gradient(count, limited ? 6 : 0, y.data, d_y.data, d_y.data);
        ck_assert(!memcmp(d_x.data, d_y.data, (size_t)count * sizeof(float)));
        buffer all[] = {y, d_y, d_x};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            buffer_free(all[i]);
    }
}

START_TEST(relu_gradient_is_exact_also_in_place)
{
    for_shapes(check_relu_gradient);
}
END_TEST

/* As a ReLU, with or without a limit, alone or behind scale and shift. */
START_TEST(nan_and_infinity_pass_through_bounds)
{
    enum { CHANNELS = 21 };
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t at = 0; isa_present(isa) && at < CHANNELS; at++)
            for (int variant = 0; variant < 6; variant++) {
                buffer x = buffer_random(CHANNELS), y = buffer_new(CHANNELS), one = buffer_new(CHANNELS),
                       zero = buffer_new(CHANNELS);
                for (int64_t i = 0; i < CHANNELS; i++) {
                    one.data[i] = 1;
                    zero.data[i] = 0;
                }
                const float high = variant % 2 ? 6 : INFINITY;
                x.data[at] = NAN;
                x.data[(at + 1) % CHANNELS] = INFINITY;
                x.data[(at + 2) % CHANNELS] = -INFINITY;
                mbni_kernels_select(all_isas[isa].isa)
                    ->affine(1, CHANNELS, x.data, variant < 2 ? one.data : NULL,
                             variant < 4 ? zero.data : NULL, 0, high, y.data);
                ck_assert(isnan(y.data[at]));
                ck_assert(y.data[(at + 1) % CHANNELS] == high);
                ck_assert(y.data[(at + 2) % CHANNELS] == 0);
                buffer all[] = {x, y, one, zero};
                for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                    buffer_free(all[i]);
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

/* One picture, between two guards of a row. */
static void check_shift(const mbni_train_kernels *kernels, int64_t h, int64_t w, int64_t channels,
                        int64_t down, int64_t right)
{
    const int64_t pitch = w * channels, count = h * pitch;
    uint8_t *x = malloc((size_t)count), *y = malloc((size_t)(count + 2 * pitch));
    ck_assert(x && y);
    for (int64_t i = 0; i < count; i++)
        x[i] = (uint8_t)(1 + test_next() % 255);
    for (int flip = 0; flip < 2; flip++) {
        memset(y, 0xa5, (size_t)(count + 2 * pitch));
        kernels->shift_flip_u8(h, w, channels, down, right, flip, x, y + pitch);
        for (int64_t i = -pitch; i < count + pitch; i++) {
            const int64_t row = (i + pitch) / pitch - 1 - down,
                          column = (i + pitch) % pitch / channels - right;
            const int64_t from = flip ? w - 1 - column : column, c = (i + pitch) % channels;
            const int inside = row >= 0 && row < h && column >= 0 && column < w;
            const int want = i < 0 || i >= count ? 0xa5 : inside ? x[(row * w + from) * channels + c] : 0;
            if (y[pitch + i] != want)
                ck_abort_msg("%dx%dx%d by %d, %d, flip %d: byte %d is %d, expected %d", (int)h, (int)w,
                             (int)channels, (int)down, (int)right, flip, (int)i, y[pitch + i], want);
        }
    }
    free(x);
    free(y);
}

START_TEST(pictures_are_moved_and_mirrored_with_zeros_behind)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t w = 1; isa_present(isa) && w <= 9; w++)
            for (int64_t channels = 1; channels <= 4; channels++)
                for (int64_t right = -w - 1; right <= w + 1; right++)
                    for (int64_t down = -4; down <= 4; down++)
                        check_shift(mbni_train_kernels_select(all_isas[isa].isa), 3, w, channels, down,
                                    right);
}
END_TEST

SUITE("kernels/elementwise", affine_and_its_cases_are_right_also_in_place,
      sums_of_rows_are_within_the_bound_of_float64, relu_gradient_is_exact_also_in_place,
      nan_and_infinity_pass_through_bounds, transpose_is_exact_and_bytes_become_floats,
      dropout_depends_on_seed_and_position_alone, pictures_are_moved_and_mirrored_with_zeros_behind)
