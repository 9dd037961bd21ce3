/* The drawn pictures: their bytes are pinned, and do not depend on how many are asked for, nor on threads. */
#include <zlib.h>
#include "support/allocator.h"
#include "support/suite.h"

typedef struct set {
    mbn_tensor *images, *labels;
} set;

static set make(int64_t count, int64_t height, int64_t width, uint64_t seed)
{
    set s;
    ck_ok(mbn_shapes_create(NULL, count, height, width, seed, &s.images, &s.labels));
    return s;
}

static void destroy(set s)
{
    mbn_tensor_destroy(s.images);
    mbn_tensor_destroy(s.labels);
}

static unsigned long crc(const mbn_tensor *tensor)
{
    return crc32(0, mbn_tensor_data(tensor), (unsigned)mbn_tensor_bytes(tensor));
}

static int same_start(const mbn_tensor *a, const mbn_tensor *b, size_t bytes)
{
    return !memcmp(mbn_tensor_data(a), mbn_tensor_data(b), bytes);
}

START_TEST(shapes_and_types_are_as_promised)
{
    set s = make(7, 20, 33, 1);
    const int64_t *dims = mbn_tensor_dims(s.images);
    ck_assert_int_eq(mbn_tensor_type(s.images), MBN_U8);
    ck_assert_int_eq(mbn_tensor_rank(s.images), 4);
    ck_assert(dims[0] == 7 && dims[1] == 20 && dims[2] == 33 && dims[3] == 3);
    ck_assert_int_eq(mbn_tensor_type(s.labels), MBN_I32);
    ck_assert_int_eq(mbn_tensor_rank(s.labels), 1);
    ck_assert_int_eq(mbn_tensor_dims(s.labels)[0], 7);
    destroy(s);
}
END_TEST

/* The numbers were written down once, with gcc on x86-64; every compiler and machine must repeat them. */
START_TEST(bytes_are_the_pinned_ones)
{
    static const struct {
        int64_t count, height, width;
        uint64_t seed;
        unsigned long images, labels;
    } PINS[] = {
        {200, 32, 32, 1, 0x765840ecUL, 0xbc7bbc6eUL},
        {20, 97, 50, 0xffffffffffffffffULL, 0xa7eded55UL, 0xd4727487UL},
        {10, 8, 1024, 0, 0xd296cb0aUL, 0x93e92f80UL},
    };
    for (size_t i = 0; i < sizeof PINS / sizeof *PINS; i++) {
        set s = make(PINS[i].count, PINS[i].height, PINS[i].width, PINS[i].seed);
        ck_assert_msg(crc(s.images) == PINS[i].images && crc(s.labels) == PINS[i].labels,
                      "row %zu: got 0x%08lx, 0x%08lx", i, crc(s.images), crc(s.labels));
        destroy(s);
    }
}
END_TEST

START_TEST(pictures_do_not_depend_on_the_count)
{
    set few = make(37, 32, 32, 5), many = make(150, 32, 32, 5);
    ck_assert(same_start(few.images, many.images, mbn_tensor_bytes(few.images)));
    ck_assert(same_start(few.labels, many.labels, mbn_tensor_bytes(few.labels)));
    destroy(few);
    destroy(many);
}
END_TEST

START_TEST(pictures_do_not_depend_on_the_threads)
{
    set reference = make(200, 24, 24, 9), other;
    for (int32_t threads = 1; threads <= 5; threads++) {
        mbn_context_options options;
        mbn_context *context;
        mbn_context_options_init(&options);
        options.threads = threads;
        ck_ok(mbn_context_create(&options, &context));
        ck_ok(mbn_shapes_create(context, 200, 24, 24, 9, &other.images, &other.labels));
        ck_assert(same_start(reference.images, other.images, mbn_tensor_bytes(other.images)));
        ck_assert(same_start(reference.labels, other.labels, mbn_tensor_bytes(other.labels)));
        destroy(other);
        mbn_context_destroy(context);
    }
    destroy(reference);
}
END_TEST

START_TEST(seeds_give_different_pictures_and_orders)
{
    set a = make(100, 16, 16, 1), b = make(100, 16, 16, 2);
    ck_assert(!same_start(a.images, b.images, 16 * 16 * 3));
    ck_assert(!same_start(a.labels, b.labels, mbn_tensor_bytes(a.labels)));
    destroy(a);
    destroy(b);
}
END_TEST

START_TEST(pictures_of_a_set_differ_from_each_other)
{
    enum { COUNT = 300, BYTES = 16 * 16 * 3 };
    set s = make(COUNT, 16, 16, 3);
    const unsigned char *pixels = mbn_tensor_data(s.images);
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < i; k++)
            ck_assert(memcmp(pixels + i * BYTES, pixels + k * BYTES, BYTES) != 0);
    destroy(s);
}
END_TEST

START_TEST(classes_are_equally_frequent_up_to_one)
{
    for (int64_t count = 0; count <= 47; count++) {
        set s = make(count, 8, 8, (uint64_t)count);
        int64_t counts[10] = {0}, least = count, most = 0;
        const int32_t *ids = mbn_tensor_data(s.labels);
        for (int64_t i = 0; i < count; i++) {
            ck_assert(ids[i] >= 0 && ids[i] <= 9);
            counts[ids[i]]++;
        }
        for (int k = 0; k < 10; k++) {
            least = counts[k] < least ? counts[k] : least;
            most = counts[k] > most ? counts[k] : most;
        }
        ck_assert_int_le(most - least, 1);
        destroy(s);
    }
}
END_TEST

/* The three channels of a class are about equally bright: no class has a hue. */
START_TEST(hue_tells_nothing_about_the_class)
{
    enum { COUNT = 4000, BYTES = 16 * 16 * 3 };
    set s = make(COUNT, 16, 16, 4);
    double sums[10][3] = {{0}};
    const unsigned char *pixels = mbn_tensor_data(s.images);
    const int32_t *ids = mbn_tensor_data(s.labels);
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < BYTES; k++)
            sums[ids[i]][k % 3] += pixels[i * BYTES + k];
    for (int k = 0; k < 10; k++)
        for (int c = 1; c < 3; c++) {
            double apart = (sums[k][c] - sums[k][0]) / (COUNT / 10 * BYTES / 3);
            ck_assert_msg(apart > -8 && apart < 8, "class %d, channel %d: %g from red", k, c, apart);
        }
    destroy(s);
}
END_TEST

/* The mean picture of each class is learnt from 3000, and 1000 others go to the nearest: little better than
 * chance, as a task for a network should be. */
START_TEST(nearest_mean_picture_knows_less_than_four_in_ten)
{
    enum { TRAIN = 3000, TEST = 1000, BYTES = 32 * 32 * 3 };
    set s = make(TRAIN + TEST, 32, 32, 6);
    static double means[10][BYTES];
    const unsigned char *pixels = mbn_tensor_data(s.images);
    const int32_t *ids = mbn_tensor_data(s.labels);
    for (int i = 0; i < TRAIN; i++)
        for (int k = 0; k < BYTES; k++)
            means[ids[i]][k] += pixels[i * BYTES + k] / (TRAIN / 10.0);
    int right = 0;
    for (int i = TRAIN; i < TRAIN + TEST; i++) {
        int best = 0;
        double best_distance = 1e30;
        for (int k = 0; k < 10; k++) {
            double distance = 0;
            for (int b = 0; b < BYTES; b++)
                distance += (pixels[i * BYTES + b] - means[k][b]) * (pixels[i * BYTES + b] - means[k][b]);
            if (distance < best_distance) {
                best = k;
                best_distance = distance;
            }
        }
        right += best == ids[i];
    }
    ck_assert_msg(right < TEST * 4 / 10, "%d of %d are right", right, TEST);
    destroy(s);
}
END_TEST

START_TEST(sizes_at_both_ends_are_drawn)
{
    static const int64_t SIZES[][2] = {{8, 8}, {8, 1024}, {1024, 8}, {1024, 1024}};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        destroy(make(2, SIZES[i][0], SIZES[i][1], 1));
    set none = make(0, 32, 32, 1);
    ck_assert_int_eq(mbn_tensor_count(none.images), 0);
    ck_assert_int_eq(mbn_tensor_dims(none.images)[1], 32);
    ck_assert_int_eq(mbn_tensor_count(none.labels), 0);
    destroy(none);
}
END_TEST

START_TEST(wrong_arguments_are_named_with_value_and_range)
{
    static const struct {
        int64_t count, height, width;
        const char *text;
    } ROWS[] = {
        {-1, 32, 32, "count is -1; allowed are 0 to 10000000"},
        {10000001, 32, 32, "count is 10000001"},
        {INT64_MAX, 32, 32, "count is 9223372036854775807"},
        {1, 7, 32, "height is 7; allowed are 8 to 1024"},
        {1, 1025, 32, "height is 1025"},
        {1, INT64_MIN, 32, "height is -9223372036854775808"},
        {1, 32, 7, "width is 7; allowed are 8 to 1024"},
        {1, 32, 1025, "width is 1025"},
        {1, 32, 0, "width is 0"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        set s = {(mbn_tensor *)&s, (mbn_tensor *)&s};
        ck_fails(
            mbn_shapes_create(NULL, ROWS[i].count, ROWS[i].height, ROWS[i].width, 1, &s.images, &s.labels),
            MBN_ERR_ARGUMENT, ROWS[i].text);
        ck_assert_ptr_null(s.images);
        ck_assert_ptr_null(s.labels);
    }
    set s;
    ck_fails(mbn_shapes_create(NULL, 1, 32, 32, 1, NULL, &s.labels), MBN_ERR_ARGUMENT, "images is NULL");
    ck_fails(mbn_shapes_create(NULL, 1, 32, 32, 1, &s.images, NULL), MBN_ERR_ARGUMENT, "labels is NULL");
    ck_fails(mbn_shapes_create(NULL, 1, 32, 32, 1, &s.images, &s.images), MBN_ERR_ARGUMENT, "same pointer");
}
END_TEST

START_TEST(classes_have_names_of_their_own)
{
    for (int32_t a = 0; a < 10; a++)
        for (int32_t b = 0; b < a; b++)
            ck_assert_str_ne(mbn_shapes_label(a), mbn_shapes_label(b));
    ck_assert_str_eq(mbn_shapes_label(0), "disc");
    ck_assert_ptr_null(mbn_shapes_label(10));
    ck_assert_ptr_null(mbn_shapes_label(-1));
}
END_TEST

START_TEST(every_failed_allocation_is_reported_and_leaks_nothing)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    set s;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    long long before = allocator.live;
    int failures = 0;
    for (mbn_status status = MBN_ERR_MEMORY; status; failures += status != MBN_OK) {
        allocator.fail_at = allocator.calls + failures + 1;
        status = mbn_shapes_create(context, 30, 16, 16, 1, &s.images, &s.labels);
        if (!status)
            break;
        ck_assert_int_eq(status, MBN_ERR_MEMORY);
        ck_assert_ptr_null(s.images);
        ck_assert_ptr_null(s.labels);
        ck_assert_int_eq(allocator.live, before);
        ck_assert_int_lt(failures, 100);
    }
    ck_assert_int_ge(failures, 4); /* two tensors and their data */
    destroy(s);
    ck_assert_int_eq(allocator.live, before);
    mbn_context_destroy(context);
}
END_TEST

SUITE("data/shapes", shapes_and_types_are_as_promised, bytes_are_the_pinned_ones,
      pictures_do_not_depend_on_the_count, pictures_do_not_depend_on_the_threads,
      seeds_give_different_pictures_and_orders, pictures_of_a_set_differ_from_each_other,
      classes_are_equally_frequent_up_to_one, hue_tells_nothing_about_the_class,
      nearest_mean_picture_knows_less_than_four_in_ten, sizes_at_both_ends_are_drawn,
      wrong_arguments_are_named_with_value_and_range, classes_have_names_of_their_own,
      every_failed_allocation_is_reported_and_leaks_nothing)
