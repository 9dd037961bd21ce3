/* Products of matrices against float64: every transposition, what is done to a sum before it is stored, the
 * statistics left behind, and the bits under any cut of the output and on any number of threads. */
#include <sys/mman.h>
#include <unistd.h>
#include "kernels/kernel_test.h"

enum { TRANS_A = 1, TRANS_B = 2, ACCUMULATE = 4, VARIANTS = 8 };

/* What is done to the sums, one after another. */
enum { AS_IT_IS, BIAS, AFFINE, RELU6, BIAS_ABOVE, EPILOGUES };

typedef struct product {
    mbni_matmul p;
    mbni_epilogue epilogue;
    buffer a, b, c, before, scale, shift, moments;
} product;

static product product_new(int variant, int epilogue, int64_t m, int64_t n, int64_t k, int64_t padding)
{
    product t = {.p = {.trans_a = (variant & TRANS_A) != 0,
                       .trans_b = (variant & TRANS_B) != 0,
                       .accumulate = (variant & ACCUMULATE) != 0,
                       .m = m,
                       .n = n,
                       .k = k}};
    mbni_matmul *p = &t.p;
    p->lda = (p->trans_a ? m : k) + padding;
    p->ldb = (p->trans_b ? k : n) + padding;
    p->ldc = n + padding;
    t.a = buffer_random((p->trans_a ? k : m) * p->lda);
    t.b = buffer_random((p->trans_b ? n : k) * p->ldb);
    t.c = buffer_random(m * p->ldc);
    t.before = buffer_new(m * p->ldc);
    for (int64_t i = 0; i < m * p->ldc && !p->accumulate; i++)
        t.c.data[i] = NAN;
    buffer_copy(t.before, t.c);
    t.scale = buffer_random(n);
    t.shift = buffer_random(n);
    t.moments = buffer_new(MBNI_MOMENT_PARTS * 3 * n);
    p->a = t.a.data;
    p->b = t.b.data;
    p->c = t.c.data;
    t.epilogue = (mbni_epilogue){.scale = epilogue == AFFINE || epilogue == RELU6 ? t.scale.data : NULL,
                                 .shift = t.shift.data,
                                 .low = epilogue == RELU6        ? 0
                                        : epilogue == BIAS_ABOVE ? -1.5f
                                                                 : -INFINITY,
                                 .high = epilogue == RELU6 ? 6 : INFINITY};
    return t;
}

static void product_free(product *t)
{
    buffer_free(t->a);
    buffer_free(t->b);
    buffer_free(t->c);
    buffer_free(t->before);
    buffer_free(t->scale);
    buffer_free(t->shift);
    buffer_free(t->moments);
}

/* The whole, in one call. The epilogue's address is set here, since a product is returned by value. */
static void product_run(const mbni_kernels *kernels, product *t, int epilogue, float *moments)
{
    t->p.epilogue = epilogue ? &t->epilogue : NULL;
    kernels->gemm(&t->p, 0, t->p.m, 0, t->p.n, moments);
}

static void element_check(const product *t, int64_t i, int64_t j, double units)
{
    const mbni_matmul *p = &t->p;
    const mbni_epilogue *e = p->epilogue;
    double want = p->accumulate ? t->before.data[i * p->ldc + j] : 0, magnitude = fabs(want);
    for (int64_t l = 0; l < p->k; l++) {
        const double term = (double)p->a[p->trans_a ? l * p->lda + i : i * p->lda + l] *
                            p->b[p->trans_b ? j * p->ldb + l : l * p->ldb + j];
        want += term;
        magnitude += fabs(term);
    }
    if (e && e->scale) {
        want *= e->scale[j];
        magnitude *= fabs(e->scale[j]);
    }
    if (e) {
        want += e->shift[j];
        magnitude += fabs(e->shift[j]);
        want = fmin(fmax(want, e->low), e->high);
    }
    ck_near(p->c[i * p->ldc + j], want, units, magnitude);
}

static void product_check(const product *t, double units)
{
    const mbni_matmul *p = &t->p;
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->ldc; j++) {
            if (j < p->n)
                element_check(t, i, j, units);
            else /* between the rows nothing may change */
                ck_assert(!memcmp(p->c + i * p->ldc + j, t->before.data + i * p->ldc + j, sizeof *p->c));
        }
}

/* `moments` [3][n], of rows [row_begin, row_end) as stored. */
static void moments_check(const mbni_matmul *p, const float *moments, int64_t row_begin, int64_t row_end)
{
    const int64_t rows = row_end - row_begin;
    for (int64_t j = 0; j < p->n; j++) {
        const float origin = p->c[row_begin * p->ldc + j];
        double sum = 0, magnitude = 0, squares = 0;
        for (int64_t i = row_begin; i < row_end; i++) {
            const double d = (double)p->c[i * p->ldc + j] - origin;
            sum += d;
            magnitude += fabs(d);
            squares += d * d;
        }
        ck_assert(!memcmp(&moments[j], &origin, sizeof origin));
        ck_near(moments[p->n + j], sum, BOUND_GEMM_MOMENTS(rows), magnitude);
        ck_near(moments[2 * p->n + j], squares, BOUND_GEMM_MOMENTS(rows) + 2, squares);
    }
}

static int same_bits(buffer x, buffer y)
{
    return !memcmp(x.data, y.data, (size_t)x.count * sizeof *x.data);
}

#define FOR_EACH_ISA                                                                             \
    for (size_t isa_ = 0; isa_ < ISA_COUNT; isa_++)                                              \
        if (isa_present(isa_))                                                                   \
            for (const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa_].isa); kernels; \
                 kernels = NULL)

static const int64_t sizes[][3] = {{1, 1, 1},     {1, 10, 64},   {5, 7, 3},     {6, 8, 128},  {7, 9, 129},
                                   {13, 17, 31},  {12, 96, 127}, {64, 32, 27},  {3, 97, 257}, {97, 5, 300},
                                   {37, 64, 1},   {20, 1, 1024}, {67, 131, 67}, {8, 8, 0},    {14, 32, 255},
                                   {28, 33, 256}, {15, 31, 512}, {29, 48, 513}, {515, 19, 40}};

START_TEST(every_transposition_is_within_the_bound_of_float64)
{
    FOR_EACH_ISA
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int variant = 0; variant < VARIANTS; variant++) {
            product t =
                product_new(variant, AS_IT_IS, sizes[s][0], sizes[s][1], sizes[s][2], (int64_t)(s % 3));
            product_run(kernels, &t, AS_IT_IS, NULL);
            product_check(&t, BOUND_GEMM(t.p.k));
            product_free(&t);
        }
}
END_TEST

START_TEST(every_count_of_rows_and_columns_is_within_the_bound_of_float64)
{
    FOR_EACH_ISA
    for (int64_t size = 1; size <= 67; size++)
        for (int trans_a = 0; trans_a < 2; trans_a++) {
            product t = product_new(trans_a, AS_IT_IS, size, 68 - size, 9, 1);
            product_run(kernels, &t, AS_IT_IS, NULL);
            product_check(&t, BOUND_GEMM(t.p.k));
            product_free(&t);
        }
}
END_TEST

START_TEST(scale_shift_and_bounds_follow_the_whole_sum)
{
    FOR_EACH_ISA
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int epilogue = BIAS; epilogue < EPILOGUES; epilogue++) {
            const int variant = (int)(s + (size_t)epilogue) % VARIANTS;
            product t =
                product_new(variant, epilogue, sizes[s][0], sizes[s][1], sizes[s][2], (int64_t)(s % 3));
            product_run(kernels, &t, epilogue, NULL);
            product_check(&t, BOUND_GEMM(t.p.k) + 2);
            product_free(&t);
        }
}
END_TEST

START_TEST(moments_are_those_of_the_rows_as_stored)
{
    FOR_EACH_ISA
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int epilogue = AS_IT_IS; epilogue < EPILOGUES; epilogue++) {
            const int variant = (int)(s + (size_t)epilogue) % VARIANTS;
            product t =
                product_new(variant, epilogue, sizes[s][0], sizes[s][1], sizes[s][2], (int64_t)(s % 3));
            product_run(kernels, &t, epilogue, t.moments.data);
            product_check(&t, BOUND_GEMM(t.p.k) + 2);
            moments_check(&t.p, t.moments.data, 0, t.p.m);
            product_free(&t);
        }
}
END_TEST

START_TEST(moments_of_a_cut_of_columns_are_those_of_the_whole)
{
    FOR_EACH_ISA
    {
        product t = product_new(0, RELU6, 300, 103, 70, 0);
        product_run(kernels, &t, RELU6, t.moments.data);
        buffer whole = buffer_new(t.moments.count);
        buffer_copy(whole, t.moments);
        guard_set(t.moments.data, t.moments.count);
        for (int64_t col = 0; col < t.p.n; col += 37)
            kernels->gemm(&t.p, 0, t.p.m, col, col + 37 < t.p.n ? col + 37 : t.p.n, t.moments.data);
        ck_assert(same_bits(whole, t.moments));
        buffer_free(whole);
        product_free(&t);
    }
}
END_TEST

START_TEST(moments_keep_their_digits_under_a_large_mean)
{
    FOR_EACH_ISA
    {
        product t = product_new(0, BIAS, 2000, 21, 3, 0);
        for (int64_t j = 0; j < t.p.n; j++)
            t.shift.data[j] = 1e5f;
        product_run(kernels, &t, BIAS, t.moments.data);
        moments_check(&t.p, t.moments.data, 0, t.p.m);
        product_free(&t);
    }
}
END_TEST

START_TEST(any_cut_of_the_output_gives_the_same_bits)
{
    FOR_EACH_ISA
    for (int variant = 0; variant < VARIANTS; variant++) {
        product t = product_new(variant, RELU6, 41, 103, 601, 0);
        mbni_matmul *p = &t.p;
        product_run(kernels, &t, variant & 1 ? RELU6 : AS_IT_IS, NULL);
        buffer whole = buffer_new(t.c.count);
        buffer_copy(whole, t.c);
        for (int trial = 0; trial < unless_valgrind(6, 2); trial++) {
            const int64_t row_step = 1 + (int64_t)(test_next() % 17);
            const int64_t col_step = 1 + (int64_t)(test_next() % 50);
            buffer_copy(t.c, t.before);
            for (int64_t row = 0; row < p->m; row += row_step)
                for (int64_t col = 0; col < p->n; col += col_step)
                    kernels->gemm(p, row, row + row_step < p->m ? row + row_step : p->m, col,
                                  col + col_step < p->n ? col + col_step : p->n, NULL);
            ck_assert(same_bits(whole, t.c));
        }
        buffer_free(whole);
        product_free(&t);
    }
}
END_TEST

START_TEST(an_empty_range_changes_nothing)
{
    FOR_EACH_ISA
    {
        product t = product_new(0, BIAS, 5, 7, 3, 0);
        t.p.epilogue = &t.epilogue;
        kernels->gemm(&t.p, 2, 2, 0, 7, t.moments.data);
        kernels->gemm(&t.p, 0, 5, 3, 3, t.moments.data);
        ck_assert(same_bits(t.c, t.before));
        product_free(&t);
    }
}
END_TEST

START_TEST(nan_in_an_operand_reaches_its_row_alone)
{
    FOR_EACH_ISA
    for (int epilogue = AS_IT_IS; epilogue < EPILOGUES; epilogue++) {
        product t = product_new(0, epilogue, 15, 19, 40, 0);
        t.a.data[7 * t.p.lda + 11] = NAN;
        product_run(kernels, &t, epilogue, t.moments.data);
        for (int64_t i = 0; i < t.p.m; i++)
            for (int64_t j = 0; j < t.p.n; j++)
                ck_assert_int_eq(isnan(t.c.data[i * t.p.ldc + j]) != 0, i == 7);
        for (int64_t j = 0; j < t.p.n; j++)
            ck_assert(isnan(t.moments.data[t.p.n + j]) && isnan(t.moments.data[2 * t.p.n + j]));
        product_free(&t);
    }
}
END_TEST

/* `count` floats of value 1 that end where memory that must not be touched begins. */
static float *before_a_wall(int64_t count)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (size_t)count * sizeof(float);
    const size_t room = (bytes + page - 1) / page * page;
    char *base = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(base != MAP_FAILED);
    ck_assert_int_eq(mprotect(base + room, page, PROT_NONE), 0);
    float *data = (float *)(base + room - bytes);
    for (int64_t i = 0; i < count; i++)
        data[i] = 1;
    return data;
}

START_TEST(nothing_beyond_the_operands_is_touched)
{
    FOR_EACH_ISA
    for (int64_t size = 1; size <= 19; size++)
        for (int variant = 0; variant < ACCUMULATE; variant++) {
            const int64_t m = size, n = size % 5 * 4 + size, k = 20 - size;
            float *shift = before_a_wall(n);
            const mbni_epilogue epilogue = {
                .scale = shift, .shift = shift, .low = -INFINITY, .high = INFINITY};
            mbni_matmul p = {
                .trans_a = variant & TRANS_A, .trans_b = (variant & TRANS_B) != 0, .m = m, .n = n};
            p.k = k;
            p.a = before_a_wall(m * k);
            p.b = before_a_wall(k * n);
            p.c = before_a_wall(m * n);
            p.lda = p.trans_a ? m : k;
            p.ldb = p.trans_b ? k : n;
            p.ldc = n;
            p.epilogue = &epilogue;
            kernels->gemm(&p, 0, m, 0, n, before_a_wall(3 * n));
            for (int64_t i = 0; i < m * n; i++)
                ck_assert(p.c[i] == (float)k + 1);
        }
}
END_TEST

static mbn_context *context_with(int32_t threads, int32_t isa)
{
    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = threads;
    options.isa_limit = isa;
    mbn_context *context = NULL;
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

/* Either OpenBLAS or the library's own product may have served. */
static double units_of_run(int64_t k)
{
    return BOUND_GEMM(k) > BOUND_OPENBLAS(k) ? BOUND_GEMM(k) : BOUND_OPENBLAS(k);
}

static const int64_t products[][3] = {{4, 4, 4},    {200, 210, 33}, {64, 100, 300}, {1, 1000, 128},
                                      {500, 3, 77}, {9, 9, 0},      {32, 27, 900},  {3000, 40, 20}};

START_TEST(products_over_threads_are_within_the_bound_of_float64)
{
    FOR_EACH_ISA
    {
        mbn_context *context = context_with(2, all_isas[isa_].isa);
        for (size_t s = 0; s < sizeof products / sizeof *products; s++)
            for (int variant = 0; variant < VARIANTS; variant++) {
                product t = product_new(variant, AS_IT_IS, products[s][0], products[s][1], products[s][2],
                                        (int64_t)(s % 2));
                mbni_matmul_run(context, &t.p, NULL);
                product_check(&t, units_of_run(t.p.k));
                product_free(&t);
            }
        mbn_context_destroy(context);
    }
}
END_TEST

START_TEST(moments_over_threads_are_those_of_their_parts)
{
    FOR_EACH_ISA
    {
        mbn_context *context = context_with(2, all_isas[isa_].isa);
        for (size_t s = 0; s < sizeof products / sizeof *products; s++) {
            product t = product_new(0, BIAS, products[s][0], products[s][1], products[s][2], 0);
            mbni_moments moments = {.values = t.moments.data, .parts = -1};
            t.p.epilogue = s % 2 ? &t.epilogue : NULL;
            mbni_matmul_run(context, &t.p, &moments);
            product_check(&t, units_of_run(t.p.k) + 2);
            ck_assert_int_ge(moments.parts, 0);
            ck_assert_int_le(moments.parts, MBNI_MOMENT_PARTS);
            for (int64_t i = 0; i < moments.parts; i++)
                moments_check(&t.p, moments.values + i * 3 * t.p.n, mbni_moments_begin(&moments, t.p.m, i),
                              mbni_moments_begin(&moments, t.p.m, i + 1));
            product_free(&t);
        }
        mbn_context_destroy(context);
    }
}
END_TEST

START_TEST(threads_do_not_change_the_bits_of_a_product_or_its_moments)
{
    static const int64_t shapes[][3] = {{300, 130, 70}, {2048, 70, 40}, {128, 512, 300}, {40, 90, 5000}};
    FOR_EACH_ISA
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int variant = 0; variant < VARIANTS; variant += (int)unless_valgrind(1, 3)) {
            product t = product_new(variant, AS_IT_IS, shapes[s][0], shapes[s][1], shapes[s][2], 0);
            buffer first = buffer_new(t.c.count), first_moments = buffer_new(t.moments.count);
            for (int32_t threads = 1; threads <= 3; threads++) {
                mbn_context *context = context_with(threads, all_isas[isa_].isa);
                mbni_moments moments = {.values = t.moments.data};
                buffer_copy(t.c, t.before);
                mbni_matmul_run(context, &t.p, &moments);
                if (threads == 1) {
                    buffer_copy(first, t.c);
                    buffer_copy(first_moments, t.moments);
                }
                ck_assert(same_bits(first, t.c));
                ck_assert(same_bits(first_moments, t.moments));
                mbn_context_destroy(context);
            }
            buffer_free(first);
            buffer_free(first_moments);
            product_free(&t);
        }
}
END_TEST

/* Shapes that are cut along the sum, and one on each side of the limit. */
START_TEST(gradients_cut_along_their_sum_are_within_the_bound_of_float64_on_any_threads)
{
    static const int64_t shapes[][3] = {{32, 64, 4099},  {1, 1, 20000}, {13, 77, 1024},
                                        {64, 128, 2303}, {8, 9, 1023},  {128, 129, 1500}};
    FOR_EACH_ISA
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s += (size_t)unless_valgrind(1, 2))
        for (int accumulate = 0; accumulate <= ACCUMULATE; accumulate += ACCUMULATE) {
            product t = product_new(TRANS_A | accumulate, AS_IT_IS, shapes[s][0], shapes[s][1], shapes[s][2],
                                    (int64_t)(s % 3));
            const int64_t floats = mbni_matmul_gradient_floats(t.p.m, t.p.n, t.p.k);
            ck_assert_int_eq(floats > 0, s < 4);
            ck_assert_int_le(floats, 128 * 1024);
            buffer first = buffer_new(t.c.count), partials = buffer_new(floats);
            t.p.partials = partials.data;
            for (int32_t threads = 1; threads <= 3; threads++) {
                mbn_context *context = context_with(threads, all_isas[isa_].isa);
                buffer_copy(t.c, t.before);
                mbni_matmul_run(context, &t.p, NULL);
                mbn_context_destroy(context);
                if (threads == 1)
                    buffer_copy(first, t.c);
                ck_assert(same_bits(first, t.c));
            }
            product_check(&t, units_of_run(t.p.k));
            buffer_free(first);
            buffer_free(partials);
            product_free(&t);
        }
}
END_TEST

START_TEST(rows_of_an_inference_product_depend_on_no_other_row)
{
    mbn_context *context = context_with(2, MBN_ISA_BEST);
    product t = product_new(0, RELU6, 211, 130, 70, 0);
    t.p.epilogue = &t.epilogue;
    mbni_matmul_run_rows(context, &t.p);
    product_check(&t, BOUND_GEMM(t.p.k) + 2);
    buffer part = buffer_new(t.c.count);
    for (int64_t rows = 1; rows < t.p.m; rows += 19) { /* the last ones alone */
        const int64_t first = t.p.m - rows;
        mbni_matmul some = t.p;
        some.m = rows;
        some.a += first * some.lda;
        some.c = part.data;
        mbni_matmul_run_rows(context, &some);
        ck_assert(!memcmp(part.data, t.c.data + first * t.p.ldc, (size_t)(rows * t.p.ldc) * sizeof(float)));
    }
    buffer_free(part);
    product_free(&t);
    mbn_context_destroy(context);
}
END_TEST

SUITE("kernels/gemm", every_transposition_is_within_the_bound_of_float64,
      every_count_of_rows_and_columns_is_within_the_bound_of_float64,
      scale_shift_and_bounds_follow_the_whole_sum, moments_are_those_of_the_rows_as_stored,
      moments_of_a_cut_of_columns_are_those_of_the_whole, moments_keep_their_digits_under_a_large_mean,
      any_cut_of_the_output_gives_the_same_bits, an_empty_range_changes_nothing,
      nan_in_an_operand_reaches_its_row_alone, nothing_beyond_the_operands_is_touched,
      products_over_threads_are_within_the_bound_of_float64, moments_over_threads_are_those_of_their_parts,
      threads_do_not_change_the_bits_of_a_product_or_its_moments,
      gradients_cut_along_their_sum_are_within_the_bound_of_float64_on_any_threads,
      rows_of_an_inference_product_depend_on_no_other_row)
