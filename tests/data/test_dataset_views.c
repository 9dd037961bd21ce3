/* Views of data sets: split, subset, shuffle, balance, and views of views. Picture i is one pixel of value i,
 * so that what a view holds can be read off. */
#include "data/dataset.h"
#include "support/suite.h"

enum { MOST = 250 };

static unsigned char values[MOST];
static int32_t ids[MOST];
static mbn_tensor *x, *y;

/* `count` pictures of the classes given, over and over. */
static mbn_dataset *make(int64_t count, const int32_t *pattern, int length, int64_t classes)
{
    mbn_dataset *d;
    ck_assert_int_le(count, MOST);
    for (int i = 0; i < count; i++) {
        values[i] = (unsigned char)i;
        ids[i] = pattern[i % length];
    }
    ck_ok(mbn_tensor_wrap(NULL, MBN_U8, 4, (const int64_t[]){count, 1, 1, 1}, values, NULL, NULL, &x));
    ck_ok(mbn_tensor_wrap(NULL, MBN_I32, 1, &count, ids, NULL, NULL, &y));
    ck_ok(mbn_dataset_from_tensors(NULL, x, y, classes, &d));
    return d;
}

static void drop(mbn_dataset *d)
{
    mbn_dataset_destroy(d);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}

/* Picture i of a view, whose label must go with it. */
static int at(const mbn_dataset *d, int64_t i)
{
    unsigned char value;
    int32_t label;
    ck_ok(mbn_dataset_read(d, i, &value, 1, &label));
    ck_assert_int_eq(label, ids[value]);
    ck_assert_uint_eq(*(const unsigned char *)mbni_dataset_pixels(d, i), value);
    return value;
}

/* How often each picture occurs; and pictures by class. */
static void count(const mbn_dataset *d, int *times, int *by_class)
{
    for (int64_t i = 0; i < mbn_dataset_count(d); i++) {
        int value = at(d, i);
        times[value]++;
        by_class[ids[value]]++;
    }
}

static bool same(const mbn_dataset *a, const mbn_dataset *b)
{
    if (mbn_dataset_count(a) != mbn_dataset_count(b))
        return false;
    for (int64_t i = 0; i < mbn_dataset_count(a); i++)
        if (at(a, i) != at(b, i))
            return false;
    return true;
}

START_TEST(subset_has_the_pictures_asked_for_in_their_order)
{
    mbn_dataset *d = make(10, (const int32_t[]){0, 1, 2}, 3, 0), *first, *second;
    ck_ok(mbn_dataset_subset(d, (const int64_t[]){7, 7, 0, 9}, 4, &first));
    ck_assert_int_eq(mbn_dataset_count(first), 4);
    ck_assert(at(first, 0) == 7 && at(first, 1) == 7 && at(first, 2) == 0 && at(first, 3) == 9);
    /* a view of a view is one of the first set, and keeps it */
    ck_ok(mbn_dataset_subset(first, (const int64_t[]){3, 1}, 2, &second));
    ck_assert_ptr_eq(second->root, d);
    mbn_dataset_destroy(first);
    mbn_dataset_destroy(d);
    ck_assert(at(second, 0) == 9 && at(second, 1) == 7);
    ck_assert_int_eq(mbn_dataset_classes(second), 3);
    ck_ok(mbn_dataset_subset(second, NULL, 0, &first));
    ck_assert_int_eq(mbn_dataset_count(first), 0);
    mbn_dataset_destroy(first);
    drop(second);
}
END_TEST

START_TEST(wrong_views_are_refused)
{
    mbn_dataset *d = make(10, (const int32_t[]){0, 1}, 2, 0), *a = d, *b = d;
    ck_fails(mbn_dataset_subset(d, (const int64_t[]){0, 10}, 2, &a), MBN_ERR_ARGUMENT, "has 10 at 1");
    ck_assert_ptr_null(a);
    ck_fails(mbn_dataset_subset(d, (const int64_t[]){-1}, 1, &a), MBN_ERR_ARGUMENT, "has -1 at 0");
    ck_fails(mbn_dataset_subset(d, NULL, 1, &a), MBN_ERR_ARGUMENT, "indices is NULL");
    ck_fails(mbn_dataset_subset(d, (const int64_t[]){0}, -1, &a), MBN_ERR_ARGUMENT, "count is -1");
    ck_fails(mbn_dataset_split(d, 0.0, 1, 0, &a, &b), MBN_ERR_ARGUMENT, "fraction is 0");
    ck_assert(a == NULL && b == NULL);
    ck_fails(mbn_dataset_split(d, 1.0, 1, 1, &a, &b), MBN_ERR_ARGUMENT, "fraction is 1");
    ck_fails(mbn_dataset_split(d, 0.0 / 0.0, 1, 0, &a, &b), MBN_ERR_ARGUMENT, "fraction is");
    ck_fails(mbn_dataset_split(d, 0.5, 1, 0, &a, &a), MBN_ERR_ARGUMENT, "same pointer");
    ck_fails(mbn_dataset_split(d, 0.5, 1, 0, NULL, &b), MBN_ERR_ARGUMENT, "first is NULL");
    ck_fails(mbn_dataset_split(NULL, 0.5, 1, 0, &a, &b), MBN_ERR_ARGUMENT, "dataset is NULL");
    ck_fails(mbn_dataset_shuffle(d, 1, NULL), MBN_ERR_ARGUMENT, "out is NULL");
    ck_fails(mbn_dataset_balance(NULL, 1, &a), MBN_ERR_ARGUMENT, "dataset is NULL");
    ck_fails(mbn_dataset_cache(NULL, &a), MBN_ERR_ARGUMENT, "dataset is NULL");
    drop(d);
}
END_TEST

START_TEST(shuffle_is_a_permutation_that_the_seed_decides)
{
    mbn_dataset *d = make(200, (const int32_t[]){0, 1, 2}, 3, 0), *a, *b, *c;
    int times[MOST] = {0}, by_class[3] = {0}, moved = 0;
    ck_ok(mbn_dataset_shuffle(d, 7, &a));
    ck_ok(mbn_dataset_shuffle(d, 7, &b));
    ck_ok(mbn_dataset_shuffle(d, 8, &c));
    ck_assert(same(a, b) && !same(a, c));
    count(a, times, by_class);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(times[i], 1);
        moved += at(a, i) != i;
    }
    ck_assert_int_gt(moved, 180);
    mbn_dataset_destroy(a);
    mbn_dataset_destroy(b);
    mbn_dataset_destroy(c);
    drop(d);
}
END_TEST

START_TEST(split_parts_are_disjoint_complete_and_of_the_right_size)
{
    static const double FRACTIONS[] = {0.001, 0.1, 0.25, 0.5, 0.8, 0.999};
    static const int32_t PATTERN[] = {0, 0, 0, 1, 0, 0, 2, 0, 1, 0};
    for (int64_t n = 0; n <= 203; n += 29)
        for (size_t f = 0; f < sizeof FRACTIONS / sizeof *FRACTIONS; f++)
            for (int stratified = 0; stratified < 2; stratified++) {
                mbn_dataset *d = make(n, PATTERN, 10, 4), *a, *b;
                int times[MOST] = {0}, all[4] = {0}, first[4] = {0};
                ck_ok(mbn_dataset_split(d, FRACTIONS[f], 3, stratified, &a, &b));
                ck_assert_int_eq(mbn_dataset_count(a), (int64_t)(FRACTIONS[f] * (double)n + 0.5));
                ck_assert_int_eq(mbn_dataset_count(a) + mbn_dataset_count(b), n);
                count(a, times, all);
                memcpy(first, all, sizeof first);
                count(b, times, all);
                for (int i = 0; i < n; i++)
                    ck_assert_int_eq(times[i], 1);
                for (int k = 0; stratified && k < 4; k++) {
                    const double apart = first[k] - FRACTIONS[f] * all[k];
                    ck_assert_msg(apart > -1 && apart < 1, "class %d: %d of %d", k, first[k], all[k]);
                }
                mbn_dataset_destroy(a);
                mbn_dataset_destroy(b);
                drop(d);
            }
}
END_TEST

START_TEST(stratified_split_by_hand)
{
    mbn_dataset *d = make(10, (const int32_t[]){0, 0, 0, 0, 1}, 5, 0), *a, *b;
    int times[MOST] = {0}, first[2] = {0};
    ck_ok(mbn_dataset_split(d, 0.5, 11, 1, &a, &b)); /* 8 of class 0, 2 of class 1 */
    count(a, times, first);
    ck_assert(first[0] == 4 && first[1] == 1);
    mbn_dataset_destroy(a);
    mbn_dataset_destroy(b);
    ck_ok(mbn_dataset_split(d, 0.75, 11, 1, &a, &b)); /* 6 and 1.5, together 8: the odd one rounds up */
    memset(first, 0, sizeof first);
    count(a, times, first);
    ck_assert(first[0] == 6 && first[1] == 2);
    mbn_dataset_destroy(a);
    mbn_dataset_destroy(b);
    drop(d);
}
END_TEST

START_TEST(split_is_decided_by_the_seed)
{
    mbn_dataset *d = make(100, (const int32_t[]){0, 1}, 2, 0), *a[3], *b[3];
    for (int i = 0; i < 3; i++)
        ck_ok(mbn_dataset_split(d, 0.3, i == 2 ? 6 : 5, i == 1, &a[i], &b[i]));
    mbn_dataset *again, *rest;
    ck_ok(mbn_dataset_split(d, 0.3, 5, 0, &again, &rest));
    ck_assert(same(a[0], again) && same(b[0], rest));
    ck_assert(!same(a[0], a[2]) && !same(b[0], b[2]));
    for (int i = 0; i < 3; i++) {
        mbn_dataset_destroy(a[i]);
        mbn_dataset_destroy(b[i]);
    }
    mbn_dataset_destroy(again);
    mbn_dataset_destroy(rest);
    drop(d);
}
END_TEST

START_TEST(balance_repeats_every_class_to_the_largest_evenly)
{
    /* of 20: class 0 has 14, class 1 has 4, class 3 has 2, class 2 none */
    static const int32_t PATTERN[] = {0, 0, 1, 0, 0, 0, 1, 0, 0, 3};
    mbn_dataset *d = make(20, PATTERN, 10, 4), *a, *b, *c;
    int times[MOST] = {0}, by_class[4] = {0};
    ck_ok(mbn_dataset_balance(d, 1, &a));
    ck_assert_int_eq(mbn_dataset_count(a), 3 * 14);
    count(a, times, by_class);
    ck_assert(by_class[0] == 14 && by_class[1] == 14 && by_class[2] == 0 && by_class[3] == 14);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(at(a, i), i); /* first all of them, in their order */
        const int even = ids[i] == 0 ? 1 : ids[i] == 1 ? 3 : 7;
        ck_assert(times[i] == even || (ids[i] == 1 && times[i] == even + 1));
    }
    ck_ok(mbn_dataset_balance(d, 1, &b));
    ck_ok(mbn_dataset_balance(d, 2, &c));
    ck_assert(same(a, b) && !same(a, c));
    mbn_dataset_destroy(b);
    ck_ok(mbn_dataset_balance(a, 5, &b)); /* what is balanced stays as it is */
    ck_assert(same(a, b));
    mbn_dataset_destroy(a);
    mbn_dataset_destroy(b);
    mbn_dataset_destroy(c);
    drop(d);
}
END_TEST

START_TEST(what_is_in_memory_is_not_cached_twice)
{
    mbn_dataset *d = make(10, (const int32_t[]){0, 1}, 2, 0), *view, *cached;
    ck_ok(mbn_dataset_subset(d, (const int64_t[]){5, 2}, 2, &view));
    ck_ok(mbn_dataset_cache(view, &cached));
    mbn_dataset_destroy(view);
    mbn_dataset_destroy(d);
    ck_assert_ptr_eq(mbni_dataset_pixels(cached, 0), values + 5);
    ck_assert_int_eq(at(cached, 1), 2);
    drop(cached);
}
END_TEST

START_TEST(views_keep_the_names_of_classes)
{
    mbn_dataset *d, *a, *b;
    ck_ok(mbn_dataset_shapes(NULL, 20, 8, 8, 1, &d));
    ck_ok(mbn_dataset_split(d, 0.5, 1, 1, &a, &b));
    mbn_dataset_destroy(d);
    mbn_dataset_destroy(a);
    ck_assert_str_eq(mbn_dataset_class_name(b, 0), "disc");
    mbn_dataset_destroy(b);
}
END_TEST

SUITE("data/dataset_views", subset_has_the_pictures_asked_for_in_their_order, wrong_views_are_refused,
      shuffle_is_a_permutation_that_the_seed_decides, split_parts_are_disjoint_complete_and_of_the_right_size,
      stratified_split_by_hand, split_is_decided_by_the_seed,
      balance_repeats_every_class_to_the_largest_evenly, what_is_in_memory_is_not_cached_twice,
      views_keep_the_names_of_classes)
