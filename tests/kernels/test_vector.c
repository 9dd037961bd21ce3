/* Each vector operation on each instruction set, lane by lane against C, so that a new one is checked from
 * the bottom up; and the exponential that softmax is made of. */
#define MBNI_THIS_FILE "kernels/test_vector.c"
#include "kernels/kernel_test.h"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/softmax.h"

/* What an instruction set gives for 16 lanes of a and b at most, each [16]; returns the lanes it has. */
static int ISA(arithmetic)(const float *a, const float *b, const float *c, float out[][16])
{
    const vf x = v_load(a), y = v_load(b), z = v_load(c);
    v_store(out[0], x + y);
    v_store(out[1], x - y);
    v_store(out[2], x * y);
    v_store(out[3], x / y);
    v_store(out[4], v_fma(x, y, z));
    v_store(out[5], v_fnma(x, y, z));
    v_store(out[6], v_max(x, y));
    v_store(out[7], v_min(x, y));
    v_store(out[8], v_sqrt(x));
    v_store(out[9], v_select(v_le(x, y), x, y));
    v_store(out[10], v_select(v_ge(x, y), x, y));
    v_store(out[11], v_clear(v_or(v_le(x, y), v_ge(x, z)), y));
    v_store(out[12], v_zero());
    v_store(out[13], v_set(a[0]));
    return VW;
}

/* The first n lanes, loaded and stored; what lies behind them must not be touched. */
static int ISA(partial)(const float *a, int64_t n, float *loaded, float *stored)
{
    if (n > VW)
        return 0;
    v_store(loaded, v_load_n(a, n));
    v_store_n(stored, n, v_load_n(a, n));
    return VW;
}

static int ISA(sums)(const float *a, float *sum, double *wide)
{
    const vd once = vd_add(vd_zero(), v_load(a));
    *sum = v_sum(v_load(a));
    *wide = vd_sum(vd_add(once, v_set(1)));
    return VW;
}

static int ISA(powers)(const float *n, float *out)
{
    v_store(out, v_power2(v_load(n)));
    return VW;
}

static int ISA(bytes)(const uint8_t *p, float *out)
{
    v_store(out, v_load_u8(p));
    return VW;
}

static int ISA(turned)(const float *x, float *y)
{
    vf v[VW];
    for (int i = 0; i < VW; i++)
        v[i] = v_load(x + i * VW);
    v_transpose(v);
    for (int i = 0; i < VW; i++)
        v_store(y + i * VW, v[i]);
    return VW;
}

static int ISA(exponentials)(const float *x, float *y)
{
    v_store(y, ISA(exponential)(v_load(x)));
    return VW;
}

/* The rows of a logit vector: used by the families, so that no helper of softmax.h is unused here. */
static int ISA(maximum)(const float *x, int64_t n, float *out)
{
    *out = ISA(row_maximum)(n, x);
    return VW;
}

#else

static const struct {
    int (*arithmetic)(const float *a, const float *b, const float *c, float out[][16]);
    int (*partial)(const float *a, int64_t n, float *loaded, float *stored);
    int (*sums)(const float *a, float *sum, double *wide);
    int (*powers)(const float *n, float *out);
    int (*bytes)(const uint8_t *p, float *out);
    int (*turned)(const float *x, float *y);
    int (*exponentials)(const float *x, float *y);
    int (*maximum)(const float *x, int64_t n, float *out);
} OPERATIONS[ISA_COUNT] = {
#define OPERATIONS_OF(isa)                                                                           \
    {                                                                                                \
        mbni_##isa##_arithmetic, mbni_##isa##_partial, mbni_##isa##_sums, mbni_##isa##_powers,       \
            mbni_##isa##_bytes, mbni_##isa##_turned, mbni_##isa##_exponentials, mbni_##isa##_maximum \
    }
    OPERATIONS_OF(generic),
#ifdef MBNI_HAVE_X86
    OPERATIONS_OF(avx2),
    OPERATIONS_OF(avx512),
#endif
#ifdef MBNI_HAVE_NEON
    [3] = OPERATIONS_OF(neon),
#endif
};

/* valgrind gives a fused product that is taken off, and vanishes, the other sign than processors do. */
static int same_bits(float a, float b)
{
    if (a == 0 && b == 0 && getenv("MBN_TEST_VALGRIND"))
        return 1;
    return !memcmp(&a, &b, sizeof a) || (isnan(a) && isnan(b));
}

#define ck_lane(got, want)                                                                        \
    do {                                                                                          \
        const float got_ = (got), want_ = (want);                                                 \
        if (!same_bits(got_, want_))                                                              \
            ck_abort_msg("%s: %s is %.9g, expected %.9g", all_isas[isa].name, #got, got_, want_); \
    } while (0)

/* Numbers of every kind in every pair. */
static const float KINDS[] = {0,      -0.0f,    1,  -1,   0.1f,      -3.7f, 1e30f,    -1e30f,
                              1e-30f, 16777215, -7, 2.5f, 0x1p-126f, NAN,   INFINITY, -INFINITY};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

/* On generic a product is rounded before it is added. */
static float fused(size_t isa, float a, float b, float c)
{
    const volatile float product = a * b;
    return isa == 0 ? product + c : fmaf(a, b, c);
}

static void check_lane(size_t isa, float a, float b, float c, float first, float out[][16], int lane)
{
    ck_lane(out[0][lane], a + b);
    ck_lane(out[1][lane], a - b);
    ck_lane(out[2][lane], a * b);
    ck_lane(out[3][lane], a / b);
    ck_lane(out[4][lane], fused(isa, a, b, c));
    ck_lane(out[5][lane], fused(isa, -a, b, c));
    ck_lane(out[6][lane], a > b ? a : b);
    ck_lane(out[7][lane], a < b ? a : b);
    ck_lane(out[8][lane], sqrtf(a));
    ck_lane(out[9][lane], a <= b ? a : b);
    ck_lane(out[10][lane], a >= b ? a : b);
    ck_lane(out[11][lane], a <= b || a >= c ? 0 : b);
    ck_lane(out[12][lane], 0);
    ck_lane(out[13][lane], first);
}

/* One float beyond the alignment of a vector, as pointers of the families are. */
START_TEST(arithmetic_is_that_of_c_in_every_lane)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int shift = 0; isa_present(isa) && shift < KIND_COUNT * KIND_COUNT; shift++) {
            float abc[3][17], out[14][16];
            for (int i = 0; i < 16; i++) {
                abc[0][i + 1] = KINDS[i % KIND_COUNT];
                abc[1][i + 1] = KINDS[(i + shift) % KIND_COUNT];
                abc[2][i + 1] = KINDS[(i + shift / KIND_COUNT) % KIND_COUNT];
            }
            const int lanes = OPERATIONS[isa].arithmetic(abc[0] + 1, abc[1] + 1, abc[2] + 1, out);
            for (int i = 0; i < lanes; i++)
                check_lane(isa, abc[0][i + 1], abc[1][i + 1], abc[2][i + 1], abc[0][1], out, i);
        }
}
END_TEST

START_TEST(the_first_lanes_are_loaded_and_stored_and_nothing_else)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t n = 0; isa_present(isa) && n <= 16; n++) {
            buffer a = buffer_random(n), stored = buffer_new(n);
            float loaded[16];
            const int lanes = OPERATIONS[isa].partial(a.data, n, loaded, stored.data);
            for (int i = 0; i < lanes; i++)
                ck_lane(loaded[i], i < n ? a.data[i] : 0);
            for (int i = 0; lanes && i < n; i++)
                ck_lane(stored.data[i], a.data[i]);
            buffer_free(a);
            buffer_free(stored);
        }
}
END_TEST

START_TEST(sums_powers_bytes_and_squares_are_exact)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        float a[16], out[256], x[256], sum;
        double wide;
        uint8_t bytes[16];
        for (int i = 0; i < 16; i++)
            a[i] = (float)(1 << i);
        int lanes = OPERATIONS[isa].sums(a, &sum, &wide);
        ck_assert(sum == (float)((1 << lanes) - 1));
        ck_assert(wide == (1 << lanes) - 1 + lanes);
        a[0] = 0x1p-40f; /* in double it is not lost */
        OPERATIONS[isa].sums(a, &sum, &wide);
        ck_assert(wide == (1 << lanes) - 2 + lanes + 0x1p-40);
        for (int n = -126; n <= 127; n++) {
            for (int i = 0; i < 16; i++)
                a[i] = (float)(n + i < 128 ? n + i : n);
            OPERATIONS[isa].powers(a, out);
            for (int i = 0; i < lanes; i++)
                ck_lane(out[i], ldexpf(1, (int)a[i]));
        }
        for (int first = 0; first < 256; first++) {
            for (int i = 0; i < 16; i++)
                bytes[i] = (uint8_t)(first + 17 * i);
            OPERATIONS[isa].bytes(bytes, out);
            for (int i = 0; i < lanes; i++)
                ck_lane(out[i], bytes[i]);
        }
        for (int i = 0; i < 256; i++)
            x[i] = (float)i;
        OPERATIONS[isa].turned(x, out);
        for (int i = 0; i < lanes * lanes; i++)
            ck_lane(out[i], x[i % lanes * lanes + i / lanes]);
    }
}
END_TEST

START_TEST(the_exponential_is_within_its_bound_and_ends_in_zero)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        float x[16], y[16];
        const float special[] = {0, -0.0f, -INFINITY, NAN, -1e30f, -87.4f, -0x1p-149f, -3e38f};
        for (int64_t round = 0; round < 20000; round++) {
            for (int i = 0; i < 16; i++)
                x[i] = round ? (float)(-87.33 * fabs((double)test_float()) * (i % 4 ? 1 : 1e-3))
                             : special[i % 8];
            const int lanes = OPERATIONS[isa].exponentials(x, y);
            for (int i = 0; round && i < lanes; i++)
                ck_near(y[i], exp(x[i]), BOUND_EXPONENTIAL, exp(x[i]));
        }
        for (int offset = 0; offset < 8; offset++) {
            for (int i = 0; i < 16; i++)
                x[i] = special[(i + offset) % 8];
            const int lanes = OPERATIONS[isa].exponentials(x, y);
            for (int i = 0; i < lanes; i++)
                ck_lane(y[i], isnan(x[i]) ? NAN : x[i] < -1 ? 0 : 1);
        }
    }
}
END_TEST

START_TEST(the_maximum_of_a_row_is_found_at_every_place)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t n = 1; isa_present(isa) && n <= 40; n++)
            for (int64_t at = 0; at < n; at++) {
                buffer x = buffer_random(n);
                float found;
                for (int64_t i = 0; i < n; i++)
                    x.data[i] -= 5; /* lanes that are missing must not count as 0 */
                x.data[at] = -2;
                OPERATIONS[isa].maximum(x.data, n, &found);
                ck_lane(found, -2);
                buffer_free(x);
            }
}
END_TEST

SUITE("kernels/vector", arithmetic_is_that_of_c_in_every_lane,
      the_first_lanes_are_loaded_and_stored_and_nothing_else, sums_powers_bytes_and_squares_are_exact,
      the_exponential_is_within_its_bound_and_ends_in_zero, the_maximum_of_a_row_is_found_at_every_place)
#endif
