/* Products of matrices against float64, and their bits under any cut of the output. */
#include <sys/mman.h>
#include <unistd.h>
#include "kernels/kernel_test.h"

typedef struct product {
    int trans_a, trans_b, accumulate;
    int64_t m, n, k, lda, ldb, ldc;
    buffer a, b, c, before;
} product;

static product product_new(int trans_a, int trans_b, int accumulate, int64_t m, int64_t n, int64_t k,
                           int64_t padding)
{
    product p = {.trans_a = trans_a, .trans_b = trans_b, .accumulate = accumulate, .m = m, .n = n, .k = k};
    p.lda = (trans_a ? m : k) + padding;
    p.ldb = (trans_b ? k : n) + padding;
    p.ldc = n + padding;
    p.a = buffer_random((trans_a ? k : m) * p.lda);
    p.b = buffer_random((trans_b ? n : k) * p.ldb);
    p.c = buffer_random(m * p.ldc);
    p.before = buffer_random(m * p.ldc);
    for (int64_t i = 0; i < m * p.ldc && !accumulate; i++)
        p.c.data[i] = NAN;
    buffer_copy(p.before, p.c);
    return p;
}

static void product_free(product *p)
{
    buffer_free(p->a);
    buffer_free(p->b);
    buffer_free(p->c);
    buffer_free(p->before);
}

static void product_check(const product *p, double units)
{
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->ldc; j++) {
            const float before = p->before.data[i * p->ldc + j], *got = p->c.data + i * p->ldc + j;
            if (j >= p->n) { /* between the rows nothing may change */
                ck_assert(!memcmp(got, &before, sizeof before));
                continue;
            }
            double want = p->accumulate ? before : 0, magnitude = fabs(want);
            for (int64_t l = 0; l < p->k; l++) {
                const double term = (double)p->a.data[p->trans_a ? l * p->lda + i : i * p->lda + l] *
                                    p->b.data[p->trans_b ? j * p->ldb + l : l * p->ldb + j];
                want += term;
                magnitude += fabs(term);
            }
            ck_near(*got, want, units, magnitude);
        }
}

static void product_run(const mbni_kernels *kernels, product *p)
{
    kernels->gemm(p->trans_a, p->trans_b, 0, p->m, 0, p->n, p->k, p->a.data, p->lda, p->b.data, p->ldb,
                  p->accumulate, p->c.data, p->ldc);
}

static const int64_t sizes[][3] = {{1, 1, 1},    {1, 10, 64},   {5, 7, 3},     {6, 8, 128},  {7, 9, 129},
                                   {13, 17, 31}, {12, 96, 127}, {64, 32, 27},  {3, 97, 257}, {97, 5, 300},
                                   {37, 64, 1},  {20, 1, 1024}, {67, 131, 67}, {8, 8, 0}};

START_TEST(every_transposition_is_within_the_bound_of_float64)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int variant = 0; variant < 8; variant++) {
                product p = product_new(variant & 1, variant >> 1 & 1, variant >> 2, sizes[s][0], sizes[s][1],
                                        sizes[s][2], (int64_t)(s % 3));
                product_run(kernels, &p);
                product_check(&p, BOUND_GEMM(p.k));
                product_free(&p);
            }
    }
}
END_TEST

START_TEST(any_cut_of_the_output_gives_the_same_bits)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
        for (int variant = 0; variant < 8; variant++) {
            product p = product_new(variant & 1, variant >> 1 & 1, variant >> 2, 41, 103, 301, 0);
            product_run(kernels, &p);
            buffer whole = buffer_random(p.c.count);
            buffer_copy(whole, p.c);
            for (int trial = 0; trial < 6; trial++) {
                const int64_t row_step = 1 + (int64_t)(test_next() % 17);
                const int64_t col_step = 1 + (int64_t)(test_next() % 50);
                buffer_copy(p.c, p.before);
                for (int64_t row = 0; row < p.m; row += row_step)
                    for (int64_t col = 0; col < p.n; col += col_step)
                        kernels->gemm(p.trans_a, p.trans_b, row, row + row_step < p.m ? row + row_step : p.m,
                                      col, col + col_step < p.n ? col + col_step : p.n, p.k, p.a.data, p.lda,
                                      p.b.data, p.ldb, p.accumulate, p.c.data, p.ldc);
                ck_assert(!memcmp(whole.data, p.c.data, (size_t)p.c.count * sizeof(float)));
            }
            buffer_free(whole);
            product_free(&p);
        }
    }
}
END_TEST

START_TEST(nan_in_an_operand_reaches_its_row_alone)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        product p = product_new(0, 0, 0, 15, 19, 40, 0);
        p.a.data[7 * p.lda + 11] = NAN;
        product_run(mbni_kernels_select(all_isas[isa].isa), &p);
        for (int64_t i = 0; i < p.m; i++)
            for (int64_t j = 0; j < p.n; j++)
                ck_assert_int_eq(isnan(p.c.data[i * p.ldc + j]) != 0, i == 7);
        product_free(&p);
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

START_TEST(nothing_beyond_the_operands_is_read)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        for (int64_t size = 1; size <= 19; size++)
            for (int variant = 0; variant < 4; variant++) {
                const int64_t m = size, n = size % 5 * 4 + size, k = 20 - size;
                float *a = before_a_wall(m * k), *b = before_a_wall(k * n), *c = before_a_wall(m * n);
                const int trans_a = variant & 1, trans_b = variant >> 1;
                mbni_kernels_select(all_isas[isa].isa)
                    ->gemm(trans_a, trans_b, 0, m, 0, n, k, a, trans_a ? m : k, b, trans_b ? k : n, 0, c, n);
                for (int64_t i = 0; i < m * n; i++)
                    ck_assert(c[i] == (float)k);
            }
    }
}
END_TEST

static mbn_context *context_with_threads(int32_t threads)
{
    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = threads;
    mbn_context *context = NULL;
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

static void matmul(mbn_context *context, product *p)
{
    mbni_matmul(context, p->trans_a, p->trans_b, p->m, p->n, p->k, p->a.data, p->lda, p->b.data, p->ldb,
                p->accumulate, p->c.data, p->ldc);
}

static const int64_t products[][3] = {{4, 4, 4},    {200, 210, 33}, {64, 100, 300}, {1, 1000, 128},
                                      {500, 3, 77}, {9, 9, 0},      {32, 27, 900}};

START_TEST(products_of_the_provider_are_within_the_bound_of_float64)
{
    mbn_context *context = context_with_threads(2);
    for (size_t s = 0; s < sizeof products / sizeof *products; s++)
        for (int variant = 0; variant < 8; variant++) {
            product p = product_new(variant & 1, variant >> 1 & 1, variant >> 2, products[s][0],
                                    products[s][1], products[s][2], (int64_t)(s % 2));
            matmul(context, &p);
            product_check(&p, strcmp(mbni_matmul_provider(), "none") ? BOUND_OPENBLAS(p.k) : BOUND_GEMM(p.k));
            product_free(&p);
        }
    mbn_context_destroy(context);
}
END_TEST

START_TEST(threads_do_not_change_the_bits_of_a_product)
{
    mbn_context *one = context_with_threads(1), *four = context_with_threads(4);
    for (int variant = 0; variant < 4; variant++) {
        product p = product_new(variant & 1, variant >> 1, 0, 300, 130, 70, 0);
        matmul(one, &p);
        buffer first = buffer_random(p.c.count);
        buffer_copy(first, p.c);
        matmul(four, &p);
        ck_assert(!memcmp(first.data, p.c.data, (size_t)p.c.count * sizeof(float)));
        buffer_free(first);
        product_free(&p);
    }
    mbn_context_destroy(one);
    mbn_context_destroy(four);
}
END_TEST

START_TEST(rows_of_an_inference_product_depend_on_no_other_row)
{
    mbn_context *context = context_with_threads(2);
    product p = product_new(0, 0, 0, 211, 130, 70, 0);
    mbni_matmul_rows(context, 0, 0, p.m, p.n, p.k, p.a.data, p.lda, p.b.data, p.ldb, 0, p.c.data, p.ldc);
    product_check(&p, BOUND_GEMM(p.k));
    buffer part = buffer_new(p.c.count);
    for (int64_t rows = 1; rows < p.m; rows += 19) { /* the last ones alone */
        const int64_t first = p.m - rows;
        mbni_matmul_rows(context, 0, 0, rows, p.n, p.k, p.a.data + first * p.lda, p.lda, p.b.data, p.ldb, 0,
                         part.data, p.ldc);
        ck_assert(!memcmp(part.data, p.c.data + first * p.ldc, (size_t)(rows * p.ldc) * sizeof(float)));
    }
    buffer_free(part);
    product_free(&p);
    mbn_context_destroy(context);
}
END_TEST

SUITE("kernels/gemm", every_transposition_is_within_the_bound_of_float64,
      any_cut_of_the_output_gives_the_same_bits, nan_in_an_operand_reaches_its_row_alone,
      nothing_beyond_the_operands_is_read, products_of_the_provider_are_within_the_bound_of_float64,
      threads_do_not_change_the_bits_of_a_product, rows_of_an_inference_product_depend_on_no_other_row)
