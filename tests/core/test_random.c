/* Random numbers against known answers and against statistics.
 *
 * The answers come from a separate implementation in Python integers of the published algorithms, which was
 * first checked against the vectors their authors' code gives: splitmix64 of 1234567 and xoshiro256** of
 * 1, 2, 3, 4. The normal ones come from decimal arithmetic of 50 digits. */
#include <math.h>
#include "core/random.h"
#include "support/suite.h"

START_TEST(generator_gives_the_published_sequence)
{
    static const uint64_t expected[] = {
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600};
    mbni_random random = {{1, 2, 3, 4}};
    for (int i = 0; i < 6; i++)
        ck_assert(mbni_random_next(&random) == expected[i]);
}
END_TEST

START_TEST(seeds_streams_and_hashes_give_the_pinned_bits)
{
    static const struct {
        uint64_t seed, stream, state[4], next[4];
    } known[] = {
        {0,
         0,
         {0x238275bc38fcbe91, 0xf89a2566b5822c54, 0x47200e1d9780fa44, 0xe710dc7a64e2470a},
         {0x8c4986f3f0e565d5, 0xf4547fdf5c2f56b6, 0x6a9e0d6a14f022fb, 0xdf483d9e238576e0}},
        {42,
         0,
         {0x6310bf04d8207f46, 0xebdb7216a4ffed50, 0x15471cce9858769b, 0x9a7e5c0b8be62326},
         {0xc986fd807e5b8ab5, 0xe071ea15f19664d1, 0x728624137f1e7291, 0x1a320ab331d48e7d}},
        {42,
         1,
         {0x08a42655afd56572, 0xc5fd664249797016, 0x903bebd000929ea1, 0x14af8c0f8fae049a},
         {0xc57cd3752c59f2de, 0x2c1911bc7f48d431, 0x967ad4e7ae1ae451, 0x718ff4a4855dae02}},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        mbni_random random;
        mbni_random_seed(&random, known[k].seed, known[k].stream);
        for (int i = 0; i < 4; i++)
            ck_assert(random.state[i] == known[k].state[i]);
        for (int i = 0; i < 4; i++)
            ck_assert(mbni_random_next(&random) == known[k].next[i]);
    }
    ck_assert(mbni_random_hash(0, 0) == 0xa706dd2f4d197e6f);
    ck_assert(mbni_random_hash(0, 1) == 0xb382a305f4414f5e);
    ck_assert(mbni_random_hash(1234567, 0) == 0x86bf2042062b0cc9);
    ck_assert(mbni_random_hash(1234567, 5) == 0xe056f191930a6895);
    ck_assert(mbni_random_hash(UINT64_MAX, 3) == 0xed4d5ed4a6ea59b4);
}
END_TEST

START_TEST(derived_numbers_give_the_pinned_values)
{
    static const double normals[] = {-0.16614874035339555, 2.550258942884815,  0.6913005386730613,
                                     2.651724236551296,    -0.275055100940553, 0.9488673989614913};
    static const float floats[] = {0x1.d88b28p-1f, 0x1.7d327ep-1f, 0x1.6c4a6ap-1f};
    static const int64_t limited[] = {6692337407066146984, 4319540920466195207, 3465755333937230523,
                                      3972499246734682083};
    static const int64_t shuffled[] = {3, 4, 8, 1, 0, 5, 2, 6, 7, 9};
    mbni_random random;
    mbni_random_seed(&random, 42, 7);
    for (int i = 0; i < 6; i++)
        ck_assert_double_eq_tol(mbni_random_normal(&random), normals[i], 4e-15);
    mbni_random_seed(&random, 42, 3);
    for (int i = 0; i < 3; i++)
        ck_assert(mbni_random_float(&random) == floats[i]);
    mbni_random_seed(&random, 7, 1);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(mbni_random_below(&random, (INT64_C(1) << 62) + (INT64_C(1) << 61) + 1), limited[i]);
    int64_t order[10];
    mbni_random_seed(&random, 7, 0);
    mbni_random_permutation(&random, 10, order);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(order[i], shuffled[i]);
}
END_TEST

/* Chi-square of `cells` counts that should be equal. With cells - 1 degrees of freedom its mean is that
 * number and its deviation sqrt(2 (cells - 1)); the seeds are fixed, so a bound of five deviations never
 * flickers. */
static void check_uniform(const int64_t *counts, int cells, int64_t draws)
{
    double expected = (double)draws / cells, sum = 0;
    for (int i = 0; i < cells; i++)
        sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    double deviation = sqrt(2.0 * (cells - 1));
    ck_assert_double_lt(sum, cells - 1 + 5 * deviation);
    ck_assert_double_gt(sum, cells - 1 - 5 * deviation);
}

START_TEST(floats_and_doubles_are_uniform_in_their_interval)
{
    enum { CELLS = 256, DRAWS = 400000 };
    int64_t floats[CELLS] = {0}, doubles[CELLS] = {0};
    int inside = 1; /* Check writes to a pipe for each assertion, too slow for each draw */
    mbni_random random;
    mbni_random_seed(&random, 1, 0);
    for (int i = 0; i < DRAWS; i++) {
        float f = mbni_random_float(&random);
        double d = mbni_random_double(&random);
        inside &= f >= 0.0f && f < 1.0f && d >= 0.0 && d < 1.0;
        if (!inside)
            break;
        floats[(int)(f * CELLS)]++;
        doubles[(int)(d * CELLS)]++;
    }
    ck_assert(inside);
    check_uniform(floats, CELLS, DRAWS);
    check_uniform(doubles, CELLS, DRAWS);
}
END_TEST

START_TEST(extreme_states_stay_inside_the_interval)
{
    /* rotl(s1 * 5, 7) * 9 is all ones for this s1. */
    mbni_random random = {{0, 0, 0, 0}};
    uint64_t inverse_of_9 = UINT64_C(0x8e38e38e38e38e39), inverse_of_5 = UINT64_C(0xcccccccccccccccd);
    uint64_t x = UINT64_MAX * inverse_of_9;
    x = (x >> 7) | (x << 57);
    mbni_random largest = {{0, x * inverse_of_5, 0, 0}};
    mbni_random copy = largest;
    ck_assert(mbni_random_next(&copy) == UINT64_MAX);
    copy = largest;
    ck_assert(mbni_random_float(&copy) < 1.0f);
    copy = largest;
    ck_assert(mbni_random_double(&copy) < 1.0);
    ck_assert(mbni_random_float(&random) == 0.0f);
}
END_TEST

START_TEST(below_is_unbiased_and_in_range)
{
    enum { DRAWS = 200000 };
    static const int limits[] = {2, 3, 7, 10, 100, 1000};
    int inside = 1;
    mbni_random random;
    mbni_random_seed(&random, 2, 0);
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
        int64_t counts[1000] = {0};
        for (int i = 0; i < DRAWS; i++) {
            int64_t x = mbni_random_below(&random, limits[k]);
            inside &= x >= 0 && x < limits[k];
            counts[inside ? x : 0]++;
        }
        ck_assert(inside);
        check_uniform(counts, limits[k], DRAWS);
    }
    /* A plain remainder would draw the lower third of this limit twice as often as the rest. */
    int64_t thirds[3] = {0};
    const int64_t limit = INT64_C(3) << 61;
    for (int i = 0; i < DRAWS; i++)
        thirds[mbni_random_below(&random, limit) / (limit / 3)]++;
    check_uniform(thirds, 3, DRAWS);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(mbni_random_below(&random, 1), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_ge(mbni_random_below(&random, INT64_MAX), 0);
}
END_TEST

START_TEST(normal_numbers_have_the_moments_and_the_distribution)
{
    enum { CELLS = 40, DRAWS = 400000 };
    int64_t counts[CELLS] = {0};
    double sums[5] = {0};
    mbni_random random;
    mbni_random_seed(&random, 3, 0);
    for (int i = 0; i < DRAWS; i++) {
        double x = mbni_random_normal(&random), power = 1;
        for (int k = 1; k <= 4; k++)
            sums[k] += power *= x;
        int cell = (int)(0.5 * erfc(-x / sqrt(2.0)) * CELLS); /* the distribution function is uniform */
        counts[cell < CELLS ? cell : CELLS - 1]++;
    }
    /* Five deviations of each mean: sqrt of 1, 2, 15 and 96, over sqrt of the draws. */
    const double root = sqrt((double)DRAWS);
    ck_assert_double_eq_tol(sums[1] / DRAWS, 0, 5 * 1.0 / root);
    ck_assert_double_eq_tol(sums[2] / DRAWS, 1, 5 * sqrt(2.0) / root);
    ck_assert_double_eq_tol(sums[3] / DRAWS, 0, 5 * sqrt(15.0) / root);
    ck_assert_double_eq_tol(sums[4] / DRAWS, 3, 5 * sqrt(96.0) / root);
    check_uniform(counts, CELLS, DRAWS);
}
END_TEST

START_TEST(streams_and_near_seeds_do_not_follow_each_other)
{
    enum { DRAWS = 100000 };
    static const uint64_t pairs[][4] = {{5, 0, 5, 1}, {5, 0, 6, 0}, {0, 1, 1, 0}};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        mbni_random a, b;
        double product = 0;
        mbni_random_seed(&a, pairs[k][0], pairs[k][1]);
        mbni_random_seed(&b, pairs[k][2], pairs[k][3]);
        for (int i = 0; i < DRAWS; i++)
            product += (mbni_random_double(&a) - 0.5) * (mbni_random_double(&b) - 0.5);
        ck_assert_double_lt(fabs(product * 12 / sqrt((double)DRAWS)), 5);
    }
    /* Each bit of the hash is one half the time, over counters and over seeds. */
    for (int over_seeds = 0; over_seeds <= 1; over_seeds++) {
        int64_t ones[64] = {0};
        for (uint64_t i = 0; i < DRAWS; i++) {
            uint64_t hash = over_seeds ? mbni_random_hash(i, 0) : mbni_random_hash(0, i);
            for (int bit = 0; bit < 64; bit++)
                ones[bit] += hash >> bit & 1;
        }
        for (int bit = 0; bit < 64; bit++)
            ck_assert_double_lt(fabs((double)ones[bit] - DRAWS / 2.0), 5 * sqrt(DRAWS / 4.0));
    }
}
END_TEST

START_TEST(permutations_are_complete_and_all_equally_likely)
{
    enum { DRAWS = 60000 };
    int64_t order[1000], counts[24] = {0};
    char seen[1000] = {0};
    mbni_random random;
    mbni_random_seed(&random, 4, 0);
    mbni_random_permutation(&random, 1000, order);
    for (int i = 0; i < 1000; i++)
        seen[order[i]]++;
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(seen[i], 1);
    for (int i = 0; i < DRAWS; i++) {
        mbni_random_permutation(&random, 4, order);
        int rank = 0;
        for (int p = 0; p < 4; p++) {
            int smaller = 0;
            for (int q = p + 1; q < 4; q++)
                smaller += order[q] < order[p];
            rank = rank * (4 - p) + smaller;
        }
        counts[rank]++;
    }
    check_uniform(counts, 24, DRAWS);
    mbni_random_permutation(&random, 0, order);
    mbni_random_permutation(&random, 1, order);
    ck_assert_int_eq(order[0], 0);
}
END_TEST

SUITE("core random", generator_gives_the_published_sequence, seeds_streams_and_hashes_give_the_pinned_bits,
      derived_numbers_give_the_pinned_values, floats_and_doubles_are_uniform_in_their_interval,
      extreme_states_stay_inside_the_interval, below_is_unbiased_and_in_range,
      normal_numbers_have_the_moments_and_the_distribution, streams_and_near_seeds_do_not_follow_each_other,
      permutations_are_complete_and_all_equally_likely)
