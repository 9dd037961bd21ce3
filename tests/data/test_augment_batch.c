/* Augmentation of batches: the same bytes for any threads, places and boxes drawn uniformly, labels that
 * share as pixels do, wrong arguments refused by name. What single operations compute is in test_augment.c.
 */
#include <math.h>
#include <zlib.h>
#include "core/random.h"
#include "data/augment.h"
#include "support/allocator.h"
#include "support/suite.h"

static mbn_tensor *tensor(int32_t type, int32_t rank, const int64_t *dims)
{
    mbn_tensor *t = NULL;
    ck_ok(mbn_tensor_create(NULL, type, rank, dims, &t));
    return t;
}

static mbn_tensor *pictures(int64_t n, int64_t h, int64_t w, int64_t channels, uint64_t seed)
{
    mbn_tensor *t = tensor(MBN_U8, 4, (const int64_t[]){n, h, w, channels});
    uint8_t *pixels = mbn_tensor_data(t);
    for (int64_t i = 0; i < mbn_tensor_count(t); i++)
        pixels[i] = (uint8_t)mbni_random_hash(seed, (uint64_t)i);
    return t;
}

/* Everything on, and half of the pictures mixed. */
static mbn_augment_options everything(int32_t resized_crop)
{
    mbn_augment_options o;
    mbn_augment_standard_init(&o);
    o.shift = resized_crop ? 0 : 3;
    o.resized_crop = resized_crop;
    o.shift_fill = MBN_FILL_REFLECT;
    o.policy_ops = 2;
    o.brightness = o.contrast = o.saturation = 0.4;
    o.hue = 0.1;
    o.cutout = 0.5;
    o.cutout_fill = MBN_FILL_GREY;
    o.mixup = o.cutmix = 0.25;
    return o;
}

typedef struct batch {
    mbn_tensor *x, *y, *out_x, *out_y;
} batch;

static batch make_batch(int64_t n, int64_t h, int64_t w, int64_t channels)
{
    batch b = {.x = pictures(n, h, w, channels, 1)};
    b.y = tensor(MBN_I32, 1, (const int64_t[]){n});
    b.out_x = tensor(MBN_U8, 4, mbn_tensor_dims(b.x));
    b.out_y = tensor(MBN_F32, 2, (const int64_t[]){n, 10});
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)mbn_tensor_data(b.y))[i] = (int32_t)(i % 10);
    return b;
}

static void destroy(batch b)
{
    mbn_tensor_destroy(b.x);
    mbn_tensor_destroy(b.y);
    mbn_tensor_destroy(b.out_x);
    mbn_tensor_destroy(b.out_y);
}

static unsigned long crc(const mbn_tensor *t)
{
    return crc32(0, mbn_tensor_data(t), (unsigned)mbn_tensor_bytes(t));
}

static void run_backwards(void *user, mbn_task_fn task, void *data, int64_t count)
{
    (void)user;
    while (count > 0)
        task(data, --count);
}

static mbn_context *context_with(int32_t threads, int is_backwards)
{
    mbn_context_options options;
    mbn_context *context = NULL;
    mbn_context_options_init(&options);
    options.threads = threads;
    options.execute = is_backwards ? run_backwards : NULL;
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

/* Written down once, with gcc on x86-64; every compiler and machine must repeat them. */
START_TEST(bytes_are_the_pinned_ones_for_any_threads)
{
    static const unsigned long PINS[2][2] = {{0x9918b5b1UL, 0xf262b6aeUL}, {0xdd2b7955UL, 0xf262b6aeUL}};
    for (int32_t resized = 0; resized <= 1; resized++)
        for (int32_t threads = 1; threads <= 5; threads++) {
            const mbn_augment_options o = everything(resized);
            batch b = make_batch(75, 19, 32, 3);
            mbn_context *context = context_with(threads, threads == 5);
            ck_ok(mbn_augment(context, &o, 7, b.x, b.y, b.out_x, b.out_y));
            ck_assert_msg(crc(b.out_x) == PINS[resized][0] && crc(b.out_y) == PINS[resized][1],
                          "resized_crop %d, %d threads: 0x%08lx, 0x%08lx", resized, threads, crc(b.out_x),
                          crc(b.out_y));
            mbn_context_destroy(context);
            destroy(b);
        }
}
END_TEST

START_TEST(the_defaults_change_nothing)
{
    batch b = make_batch(9, 5, 6, 3);
    ck_ok(mbn_augment(NULL, NULL, 7, b.x, b.y, b.out_x, b.out_y));
    ck_assert(!memcmp(mbn_tensor_data(b.x), mbn_tensor_data(b.out_x), mbn_tensor_bytes(b.x)));
    for (int i = 0; i < 90; i++)
        ck_assert(((float *)mbn_tensor_data(b.out_y))[i] == (i % 10 == i / 10));
    ck_ok(mbn_augment(NULL, NULL, 7, b.x, NULL, b.out_x, NULL));
    destroy(b);
}
END_TEST

START_TEST(a_picture_depends_on_the_seed_and_its_place_alone)
{
    mbn_augment_options o = everything(0);
    o.mixup = o.cutmix = 0; /* a partner comes from the whole batch */
    batch few = make_batch(20, 12, 12, 3), many = make_batch(50, 12, 12, 3);
    ck_ok(mbn_augment(NULL, &o, 1, few.x, NULL, few.out_x, NULL));
    ck_ok(mbn_augment(NULL, &o, 1, many.x, NULL, many.out_x, NULL));
    ck_assert(!memcmp(mbn_tensor_data(few.out_x), mbn_tensor_data(many.out_x), mbn_tensor_bytes(few.x)));
    ck_ok(mbn_augment(NULL, &o, 2, few.x, NULL, few.out_x, NULL));
    ck_assert(memcmp(mbn_tensor_data(few.out_x), mbn_tensor_data(many.out_x), mbn_tensor_bytes(few.x)) != 0);
    destroy(few);
    destroy(many);
}
END_TEST

START_TEST(a_step_draws_the_same_whatever_other_steps_are_on)
{
    mbn_augment_options with, without;
    mbn_augment_standard_init(&without);
    with = without;
    with.cutout = 1;
    with.cutout_size = 1; /* one pixel may differ */
    batch a = make_batch(40, 12, 12, 1), b = make_batch(40, 12, 12, 1);
    ck_ok(mbn_augment(NULL, &without, 1, a.x, NULL, a.out_x, NULL));
    ck_ok(mbn_augment(NULL, &with, 1, b.x, NULL, b.out_x, NULL));
    const uint8_t *p = mbn_tensor_data(a.out_x), *q = mbn_tensor_data(b.out_x);
    for (int i = 0; i < 40; i++) {
        int differ = 0;
        for (int k = 0; k < 144; k++)
            differ += p[144 * i + k] != q[144 * i + k];
        ck_assert(differ <= 1);
    }
    destroy(a);
    destroy(b);
}
END_TEST

static double chi_square(const int *count, int bins, int draws)
{
    double sum = 0, wanted = (double)draws / bins;
    for (int i = 0; i < bins; i++)
        sum += (count[i] - wanted) * (count[i] - wanted) / wanted;
    return sum;
}

/* Where a single light pixel in the middle of a dark picture comes to lie. */
START_TEST(shifts_and_flips_are_uniform)
{
    enum { DRAWS = 8100, SIDE = 11 };
    mbn_augment_options o;
    uint8_t x[SIDE * SIDE] = {0}, y[SIDE * SIDE];
    int places[81] = {0}, flips[2] = {0};
    mbn_augment_standard_init(&o);
    x[5 * SIDE + 5] = 255;
    for (int i = 0; i < DRAWS; i++) {
        mbni_augment_picture(&o, mbni_random_hash(3, (uint64_t)i), x, SIDE, SIDE, 1, y, NULL);
        const int at = (int)((uint8_t *)memchr(y, 255, sizeof y) - y);
        places[(at / SIDE - 1) * 9 + at % SIDE - 1]++;
    }
    ck_assert_msg(chi_square(places, 81, DRAWS) < 124.8, "%g", chi_square(places, 81, DRAWS)); /* 1 in 1000 */
    o.shift = 0;
    x[0] = 200;
    for (int i = 0; i < DRAWS; i++) {
        mbni_augment_picture(&o, mbni_random_hash(3, (uint64_t)i), x, SIDE, SIDE, 1, y, NULL);
        flips[y[0] != 200]++;
    }
    ck_assert_msg(chi_square(flips, 2, DRAWS) < 10.8, "%g", chi_square(flips, 2, DRAWS));
}
END_TEST

START_TEST(cutout_centres_are_uniform_and_as_frequent_as_asked)
{
    enum { DRAWS = 12000, H = 5, W = 8 };
    mbn_augment_options o;
    uint8_t x[H * W], y[H * W];
    int places[H * W] = {0}, cut = 0;
    mbn_augment_options_init(&o);
    o.cutout = 0.75;
    o.cutout_size = 1;
    memset(x, 255, sizeof x);
    for (int i = 0; i < DRAWS; i++) {
        mbni_augment_picture(&o, mbni_random_hash(4, (uint64_t)i), x, H, W, 1, y, NULL);
        const uint8_t *at = memchr(y, 0, sizeof y);
        if (at) {
            places[at - y]++;
            cut++;
        }
    }
    ck_assert_msg(abs(cut - 9000) < 4 * 48, "%d", cut); /* deviation 47.4 */
    ck_assert_msg(chi_square(places, H * W, cut) < 72.1, "%g", chi_square(places, H * W, cut));
}
END_TEST

START_TEST(partners_are_uniform_among_the_others)
{
    int count[7] = {0};
    for (uint64_t i = 0; i < 7000; i++)
        count[mbni_mix_partner(mbni_random_hash(5, i), 3, 7)]++;
    ck_assert_int_eq(count[3], 0);
    count[3] = count[6];
    ck_assert_msg(chi_square(count, 6, 7000) < 20.5, "%g", chi_square(count, 6, 7000));
    ck_assert_int_eq(mbni_mix_partner(1, 0, 1), 0);
}
END_TEST

/* Two plain pictures: what of each is in the result can be read from its pixels. */
static void check_shares(int is_cutmix)
{
    enum { PAIRS = 600, H = 9, W = 14 };
    mbn_augment_options o;
    mbn_augment_options_init(&o);
    *(is_cutmix ? &o.cutmix : &o.mixup) = 0.8;
    o.mixup_alpha = 1;
    batch b = make_batch(2, H, W, 1);
    memset(mbn_tensor_data(b.x), 0, H * W);
    memset((uint8_t *)mbn_tensor_data(b.x) + H * W, 255, H * W);
    int mixed = 0;
    double mean = 0;
    for (uint64_t seed = 0; seed < PAIRS; seed++) {
        ck_ok(mbn_augment(NULL, &o, seed, b.x, b.y, b.out_x, b.out_y));
        const uint8_t *picture = mbn_tensor_data(b.out_x);
        const float *row = mbn_tensor_data(b.out_y);
        double other = 0;
        for (int k = 0; k < H * W; k++) {
            other += picture[k] / 255.0 / (H * W);
            ck_assert(is_cutmix ? picture[k] == 0 || picture[k] == 255 : picture[k] == picture[0]);
        }
        ck_assert(fabs(row[1] - other) < (is_cutmix ? 1e-6 : 0.5 / 255 + 1e-6));
        ck_assert(row[0] + row[1] == 1);
        for (int c = 2; c < 10; c++)
            ck_assert(row[c] == 0);
        mixed += other > 0;
        mean += other / PAIRS;
    }
    /* 0.8 of them, less those whose share is rounded to nothing */
    ck_assert_msg(mixed > 0.7 * PAIRS && mixed < 0.85 * PAIRS, "%d", mixed);
    ck_assert_msg(mean > (is_cutmix ? 0.2 : 0.35) && mean < 0.45, "%g", mean);
    destroy(b);
}

START_TEST(labels_share_as_pixels_do)
{
    check_shares(0);
    check_shares(1);
}
END_TEST

START_TEST(partners_are_augmented_and_not_mixed_before)
{
    mbn_augment_options o = everything(0), unmixed = o;
    enum { N = 30, BYTES = 16 * 12 * 3 };
    batch b = make_batch(N, 16, 12, 3);
    uint8_t own[BYTES], partner[BYTES], scratch[BYTES];
    unmixed.mixup = unmixed.cutmix = 0;
    ck_ok(mbn_augment(NULL, &o, 11, b.x, b.y, b.out_x, b.out_y));
    int kinds[3] = {0};
    for (int64_t i = 0; i < N; i++) {
        const uint64_t seed = mbni_random_hash(11, (uint64_t)i);
        const int64_t other = mbni_mix_partner(seed, i, N);
        const mbni_mix mix = mbni_mix_draw(&o, seed, 16, 12);
        const uint8_t *x = mbn_tensor_data(b.x);
        mbni_augment_picture(&unmixed, seed, x + i * BYTES, 16, 12, 3, own, scratch);
        mbni_augment_picture(&unmixed, mbni_random_hash(11, (uint64_t)other), x + other * BYTES, 16, 12, 3,
                             partner, scratch);
        mbni_mix_picture(&mix, partner, 16, 12, 3, own);
        ck_assert(!memcmp(own, (uint8_t *)mbn_tensor_data(b.out_x) + i * BYTES, BYTES));
        kinds[mix.kind]++;
        for (int c = 0; c < 10; c++) {
            const float wanted = mix.own * (c == i % 10) + (1 - mix.own) * (c == other % 10);
            ck_assert(fabsf(((float *)mbn_tensor_data(b.out_y))[i * 10 + c] - wanted) < 1e-6f);
        }
    }
    ck_assert(kinds[0] && kinds[1] && kinds[2]);
    destroy(b);
}
END_TEST

START_TEST(rows_of_targets_are_mixed_like_class_ids)
{
    const mbn_augment_options o = everything(0);
    batch b = make_batch(30, 8, 8, 1);
    mbn_tensor *rows = tensor(MBN_F32, 2, mbn_tensor_dims(b.out_y));
    mbn_tensor *out = tensor(MBN_F32, 2, mbn_tensor_dims(b.out_y));
    for (int i = 0; i < 30; i++)
        ((float *)mbn_tensor_data(rows))[i * 10 + i % 10] = 1;
    ck_ok(mbn_augment(NULL, &o, 3, b.x, b.y, b.out_x, b.out_y));
    ck_ok(mbn_augment(NULL, &o, 3, b.x, rows, b.out_x, out));
    ck_assert(!memcmp(mbn_tensor_data(out), mbn_tensor_data(b.out_y), mbn_tensor_bytes(out)));
    mbn_tensor_destroy(rows);
    mbn_tensor_destroy(out);
    destroy(b);
}
END_TEST

START_TEST(odd_sizes_work_with_everything_on)
{
    static const int64_t sides[] = {1, 2, 3, 7, 17, 33};
    for (int h = 0; h < 6; h++)
        for (int w = 0; w < 6; w++)
            for (int64_t channels = 1; channels <= 3; channels += 2)
                for (int32_t resized = 0; resized <= 1; resized++) {
                    mbn_augment_options o = everything(resized);
                    o.policy_ops = 16;
                    o.policy_magnitude = 30;
                    batch b = make_batch(6, sides[h], sides[w], channels);
                    ck_ok(mbn_augment(NULL, &o, 7, b.x, b.y, b.out_x, b.out_y));
                    destroy(b);
                }
    batch none = make_batch(0, 4, 4, 3);
    const mbn_augment_options o = everything(0);
    ck_ok(mbn_augment(NULL, &o, 7, none.x, none.y, none.out_x, none.out_y));
    destroy(none);
}
END_TEST

START_TEST(colour_steps_leave_one_channel_alone_where_they_make_no_sense)
{
    mbn_augment_options o;
    mbn_augment_options_init(&o);
    o.saturation = 1;
    o.hue = 0.5;
    batch b = make_batch(20, 6, 6, 1);
    ck_ok(mbn_augment(NULL, &o, 7, b.x, NULL, b.out_x, NULL));
    ck_assert(!memcmp(mbn_tensor_data(b.x), mbn_tensor_data(b.out_x), mbn_tensor_bytes(b.x)));
    destroy(b);
}
END_TEST

static void refuse_number(size_t offset, double value, const char *text)
{
    mbn_augment_options o;
    batch b = make_batch(2, 4, 4, 3);
    mbn_augment_options_init(&o);
    memcpy((char *)&o + offset, &value, sizeof value);
    ck_fails(mbn_augment(NULL, &o, 1, b.x, b.y, b.out_x, b.out_y), MBN_ERR_ARGUMENT, text);
    destroy(b);
}

START_TEST(numbers_out_of_range_are_refused_by_name)
{
#define NUMBER(field, value, text) refuse_number(offsetof(mbn_augment_options, field), value, text)
    NUMBER(flip, 1.5, "option flip is 1.5; allowed are 0 to 1");
    NUMBER(flip, NAN, "option flip is nan");
    NUMBER(scale_min, 0, "option scale_min is 0;");
    NUMBER(scale_max, 0.05, "option scale_max is 0.05; allowed are 0.08 to 1");
    NUMBER(aspect_min, 0, "option aspect_min is 0; allowed are 0.01 to 100");
    NUMBER(aspect_max, 0.5, "option aspect_max is 0.5; allowed are 0.75 to 100");
    NUMBER(brightness, -0.1, "option brightness is -0.1; allowed are 0 to 1");
    NUMBER(contrast, 2, "option contrast is 2; allowed are 0 to 1");
    NUMBER(saturation, INFINITY, "option saturation is inf; allowed are 0 to 1");
    NUMBER(hue, 0.6, "option hue is 0.6; allowed are 0 to 0.5");
    NUMBER(cutout, -1, "option cutout is -1; allowed are 0 to 1");
    NUMBER(mixup, 1.01, "option mixup is 1.01; allowed are 0 to 1");
    NUMBER(cutmix, 7, "option cutmix is 7; allowed are 0 to 1");
    NUMBER(mixup_alpha, 0, "option mixup_alpha is 0; allowed are 0.001 to 1000");
    NUMBER(cutmix_alpha, 2000, "option cutmix_alpha is 2000; allowed are 0.001 to 1000");
}
END_TEST

START_TEST(whole_numbers_out_of_range_are_refused_by_name)
{
    batch b = make_batch(2, 4, 4, 3);
    mbn_augment_options o;
#define WHOLE(field, value, text)                                                               \
    do {                                                                                        \
        mbn_augment_options_init(&o);                                                           \
        o.field = value;                                                                        \
        ck_fails(mbn_augment(NULL, &o, 1, b.x, b.y, b.out_x, b.out_y), MBN_ERR_ARGUMENT, text); \
    } while (0)
    WHOLE(shift, -1, "option shift is -1; allowed are 0 to 65536");
    WHOLE(policy_ops, 17, "option policy_ops is 17; allowed are 0 to 16");
    WHOLE(policy_magnitude, 31, "option policy_magnitude is 31; allowed are 0 to 30");
    WHOLE(cutout_size, 0, "option cutout_size is 0; allowed are 1 to 65536");
    WHOLE(resized_crop, 2, "option resized_crop is 2; allowed are 0 to 1");
    WHOLE(shift_fill, 4, "option shift_fill is 4; allowed are 0 to 3");
    WHOLE(cutout_fill, 2, "option cutout_fill is 2; allowed are 0 to 1");
    WHOLE(policy_fill, -1, "option policy_fill is -1; allowed are 0 to 1");
    mbn_augment_standard_init(&o);
    o.resized_crop = 1;
    ck_fails(mbn_augment(NULL, &o, 1, b.x, b.y, b.out_x, b.out_y), MBN_ERR_ARGUMENT, "option shift is 4");
    mbn_augment_options_init(&o);
    o.mixup = o.cutmix = 0.6;
    ck_fails(mbn_augment(NULL, &o, 1, b.x, b.y, b.out_x, b.out_y), MBN_ERR_ARGUMENT,
             "mixup and cutmix are 0.6");
    destroy(b);
}
END_TEST

START_TEST(wrong_pictures_are_refused_by_name)
{
    batch b = make_batch(2, 4, 4, 3), two = make_batch(2, 4, 4, 2), other = make_batch(2, 4, 5, 3);
    ck_fails(mbn_augment(NULL, NULL, 1, NULL, NULL, b.out_x, NULL), MBN_ERR_ARGUMENT, "argument x is NULL");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, NULL, NULL, NULL), MBN_ERR_ARGUMENT, "argument out_x is NULL");
    ck_fails(mbn_augment(NULL, NULL, 1, b.y, NULL, b.out_x, NULL), MBN_ERR_TYPE, "argument x is i32");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, NULL, b.out_y, NULL), MBN_ERR_TYPE, "argument out_x is f32");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, NULL, b.x, NULL), MBN_ERR_ARGUMENT, "share memory");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, NULL, other.out_x, NULL), MBN_ERR_SHAPE,
             "out_x is [2, 4, 5, 3]");
    ck_fails(mbn_augment(NULL, NULL, 1, two.x, NULL, two.out_x, NULL), MBN_ERR_SHAPE, "[4, 4, 2]");
    mbn_tensor *flat = tensor(MBN_U8, 2, (const int64_t[]){2, 48}), *part = NULL;
    ck_fails(mbn_augment(NULL, NULL, 1, flat, NULL, b.out_x, NULL), MBN_ERR_SHAPE, "argument x is [2, 48]");
    /* pictures of 48 bytes that share 8 of them */
    ck_ok(mbn_tensor_wrap(NULL, MBN_U8, 4, (const int64_t[]){1, 4, 4, 3},
                          (uint8_t *)mbn_tensor_data(flat) + 40, NULL, NULL, &part));
    batch one = make_batch(1, 4, 4, 3);
    mbn_tensor *whole = NULL;
    ck_ok(
        mbn_tensor_wrap(NULL, MBN_U8, 4, mbn_tensor_dims(one.x), mbn_tensor_data(flat), NULL, NULL, &whole));
    ck_fails(mbn_augment(NULL, NULL, 1, whole, NULL, part, NULL), MBN_ERR_ARGUMENT, "share memory");
    ck_fails(mbn_augment(NULL, NULL, 1, part, NULL, whole, NULL), MBN_ERR_ARGUMENT, "share memory");
    mbn_tensor_destroy(whole);
    mbn_tensor_destroy(part);
    mbn_tensor_destroy(flat);
    destroy(one);
    destroy(b);
    destroy(two);
    destroy(other);
}
END_TEST

START_TEST(wrong_targets_are_refused_by_name)
{
    const mbn_augment_options mixing = everything(0);
    batch b = make_batch(2, 4, 4, 3), more = make_batch(3, 4, 4, 3);
    ck_fails(mbn_augment(NULL, &mixing, 1, b.x, NULL, b.out_x, NULL), MBN_ERR_ARGUMENT, "argument y is NULL");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, b.y, b.out_x, NULL), MBN_ERR_ARGUMENT, "argument out_y is NULL");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, b.y, b.out_x, b.y), MBN_ERR_TYPE, "argument out_y is i32");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, more.y, b.out_x, b.out_y), MBN_ERR_SHAPE,
             "argument y is i32 [3]");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, more.out_y, b.out_x, b.out_y), MBN_ERR_SHAPE, "f32 [3, 10]");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, b.y, b.out_x, more.out_y), MBN_ERR_SHAPE, "out_y is [3, 10]");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, b.x, b.out_x, b.out_y), MBN_ERR_TYPE, "argument y is u8");
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, b.out_y, b.out_x, b.out_y), MBN_ERR_ARGUMENT,
             "y and out_y share");
    ((int32_t *)mbn_tensor_data(b.y))[1] = 10;
    ck_fails(mbn_augment(NULL, NULL, 1, b.x, b.y, b.out_x, b.out_y), MBN_ERR_ARGUMENT,
             "picture 1: the class is 10; out_y has room for 0 to 9");
    destroy(b);
    destroy(more);
}
END_TEST

START_TEST(a_failed_allocation_is_reported_and_leaves_nothing)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    const mbn_augment_options o = everything(1);
    batch b = make_batch(4, 9, 9, 3);
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    const long long live = allocator.live;
    allocator.fail_at = allocator.calls + 1;
    ck_fails(mbn_augment(context, &o, 1, b.x, b.y, b.out_x, b.out_y), MBN_ERR_MEMORY, "mbn_augment");
    ck_assert_int_eq(allocator.live, live);
    ck_ok(mbn_augment(context, &o, 1, b.x, b.y, b.out_x, b.out_y));
    ck_assert_int_eq(allocator.live, live);
    ck_assert_int_eq(allocator.calls, allocator.fail_at + 1); /* there was one, and one it is */
    mbn_context_destroy(context);
    destroy(b);
}
END_TEST

SUITE("augment_batch", bytes_are_the_pinned_ones_for_any_threads, the_defaults_change_nothing,
      a_picture_depends_on_the_seed_and_its_place_alone, a_step_draws_the_same_whatever_other_steps_are_on,
      shifts_and_flips_are_uniform, cutout_centres_are_uniform_and_as_frequent_as_asked,
      partners_are_uniform_among_the_others, labels_share_as_pixels_do,
      partners_are_augmented_and_not_mixed_before, rows_of_targets_are_mixed_like_class_ids,
      odd_sizes_work_with_everything_on, colour_steps_leave_one_channel_alone_where_they_make_no_sense,
      numbers_out_of_range_are_refused_by_name, whole_numbers_out_of_range_are_refused_by_name,
      wrong_pictures_are_refused_by_name, wrong_targets_are_refused_by_name,
      a_failed_allocation_is_reported_and_leaves_nothing)
