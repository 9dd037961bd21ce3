/* Products with packed weights against float64, their cuts, and windows that are given some rows alone. The
 * products by instructions for bfloat16 are tried in plain C, too, which few machines can do otherwise. */
#include "kernels/kernel_test.h"
#include "support/bf16.h"

enum { MAX_N = 131, MAX_K = 300 };

typedef struct product {
    int64_t m, n, k, lda, ldc;
    int bf16;
    float low, high;
    float *kernel; /* [k][n], as the kernel under test sees it */
    mbni_packed packed;
} product;

/* Kernels i of all that are tried, NULL for those that are not here. Valgrind, which is slow, is spared what
 * the library has not. */
enum { VARIANTS = ISA_COUNT + 1 };
static const mbni_kernels *variant(size_t i)
{
    static mbni_kernels emulated;
    if (i < ISA_COUNT)
        return isa_present(i) ? mbni_kernels_select(all_isas[i].isa) : NULL;
    emulated = bf16_kernels();
    return getenv("TEST_ISA") || getenv("MBN_TEST_VALGRIND") ? NULL : &emulated;
}

/* Whether both factors are rounded, or the weights alone. */
static int rounds_both(const mbni_kernels *kernels)
{
    return kernels->pointwise_bf16_floats(1, 1) > 0;
}

static float rounded(int bf16, float x)
{
    return bf16 ? mbni_f32_from_bf16(mbni_bf16_from_f32(x)) : x;
}

/* Weights, shift and panels, by the definition of mbni_packed. */
static void set_up(product *p, int64_t columns)
{
    const int64_t panels = (p->n + columns - 1) / columns, pairs = (p->k + 1) / 2;
    float *shift = calloc((size_t)(panels * columns), sizeof *shift);
    void *memory = aligned_alloc(64, (size_t)(panels * columns * (p->k + 2) * 4 + 64) / 64 * 64);
    float *f32 = memory;
    uint16_t *bf16 = memory;
    p->kernel = malloc((size_t)(p->k * p->n + 1) * sizeof *p->kernel);
    memset(memory, 0, (size_t)(panels * columns * (p->k + 2) * 4 + 64) / 64 * 64);
    for (int64_t j = 0; j < p->n; j++)
        shift[j] = test_float();
    for (int64_t k = 0; k < p->k; k++)
        for (int64_t j = 0; j < p->n; j++) {
            const int64_t panel = j / columns, at = j % columns;
            const float w = test_float();
            p->kernel[k * p->n + j] = rounded(p->bf16, w);
            if (p->bf16)
                bf16[((panel * pairs + k / 2) * columns + at) * 2 + k % 2] = mbni_bf16_from_f32(w);
            else
                f32[(panel * p->k + k) * columns + at] = w;
        }
    p->packed = (mbni_packed){p->n, p->k, memory, shift, p->low, p->high};
}

static void tear_down(product *p)
{
    free((void *)p->packed.panels);
    free((void *)p->packed.shift);
    free(p->kernel);
}

static void run(const mbni_kernels *kernels, const product *p, int64_t rows, const float *a, float *c,
                int64_t begin, int64_t end)
{
    if (!p->bf16) {
        kernels->pointwise(&p->packed, rows, a, p->lda, c, p->ldc, begin, end);
        return;
    }
    buffer scratch = buffer_new(kernels->pointwise_bf16_floats(rows, p->k));
    kernels->pointwise_bf16(&p->packed, rows, a, p->lda, c, p->ldc, begin, end, scratch.data);
    buffer_free(scratch);
}

static void check(const mbni_kernels *kernels, const product *p, const float *a, const float *c)
{
    const int both = p->bf16 && rounds_both(kernels);
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            double sum = (double)p->packed.shift[j], size = fabs(sum);
            for (int64_t k = 0; k < p->k; k++) {
                const double term =
                    (double)rounded(both, a[i * p->lda + k]) * (double)p->kernel[k * p->n + j];
                sum += term;
                size += fabs(term);
            }
            const double bound = (double)BOUND_POINTWISE(p->k) * UNIT * size + 0x1p-126;
            sum = fmin(fmax(sum, (double)p->low), (double)p->high);
            ck_assert_msg(fabs((double)c[i * p->ldc + j] - sum) <= bound,
                          "%lld, %lld: %g, not %g (%lld x %lld x %lld)", (long long)i, (long long)j,
                          (double)c[i * p->ldc + j], sum, (long long)p->m, (long long)p->n, (long long)p->k);
        }
}

/* The whole, then row by row and panel by panel: the same bits, and nothing beside c is touched. */
static void try_product(const mbni_kernels *kernels, product p)
{
    const int64_t columns = kernels->panel_columns(), panels = (p.n + columns - 1) / columns;
    set_up(&p, columns);
    buffer a = buffer_new(p.m * p.lda), c = buffer_new(p.m * p.ldc), d = buffer_new(p.m * p.ldc);
    for (int64_t i = 0; i < a.count; i++)
        a.data[i] = i % p.lda < p.k ? test_float() : NAN;
    for (int64_t i = 0; i < c.count; i++)
        c.data[i] = d.data[i] = 77;
    run(kernels, &p, p.m, a.data, c.data, 0, panels);
    check(kernels, &p, a.data, c.data);
    for (int64_t i = 0; i < p.m; i++)
        for (int64_t panel = 0; panel < panels; panel++)
            run(kernels, &p, 1, a.data + i * p.lda, d.data + i * p.ldc, panel, panel + 1);
    ck_assert_mem_eq(c.data, d.data, (size_t)c.count * sizeof(float));
    for (int64_t i = 0; i < p.m; i++)
        for (int64_t j = p.n; j < p.ldc; j++)
            ck_assert(c.data[i * p.ldc + j] == 77);
    buffer_free(a);
    buffer_free(c);
    buffer_free(d);
    tear_down(&p);
}

START_TEST(products_are_those_of_float64_whatever_the_cut)
{
    static const int64_t ns[] = {1, 7, 16, 17, 47, 64, 100, MAX_N}, ks[] = {0, 1, 2, 3, 32, 65, MAX_K};
    for (size_t i = 0; i < VARIANTS; i++) {
        const mbni_kernels *kernels = variant(i);
        if (!kernels)
            continue;
        for (size_t n = 0; n < sizeof ns / sizeof *ns; n++)
            for (size_t k = 0; k < sizeof ks / sizeof *ks; k++)
                for (int64_t m = 1; m < 34; m += m < unless_valgrind(16, 1) ? 1 : 5)
                    try_product(kernels, (product){.m = m,
                                                   .n = ns[n],
                                                   .k = ks[k],
                                                   .lda = ks[k] + m % 3,
                                                   .ldc = ns[n] + m % 2 * 5,
                                                   .bf16 = (int)((n + k + (size_t)m) % 2),
                                                   .low = m % 4 ? -INFINITY : 0,
                                                   .high = m % 4 ? INFINITY : 1});
        for (int bf16 = 0; bf16 < 2; bf16++) /* several blocks of rows */
            try_product(
                kernels,
                (product){
                    .m = 301, .n = 48, .k = 1023, .lda = 1024, .ldc = 48, .bf16 = bf16, .low = 0, .high = 6});
    }
}
END_TEST

START_TEST(not_a_number_stays_in_its_row)
{
    for (size_t i = 0; i < VARIANTS; i++) {
        const mbni_kernels *kernels = variant(i);
        if (!kernels)
            continue;
        for (int bf16 = 0; bf16 < 2; bf16++) {
            product p = {.m = 9, .n = 20, .k = 5, .lda = 5, .ldc = 20, .bf16 = bf16, .low = 0, .high = 6};
            float a[45], c[180];
            for (int j = 0; j < 45; j++)
                a[j] = 1;
            a[4 * 5 + 2] = NAN;
            set_up(&p, kernels->panel_columns());
            run(kernels, &p, 9, a, c, 0, (20 + kernels->panel_columns() - 1) / kernels->panel_columns());
            for (int j = 0; j < 180; j++)
                ck_assert(!isnan(c[j]) == (j / 20 != 4));
            tear_down(&p);
        }
    }
}
END_TEST

/* c = shift + a[0] w[0] + a[1] w[1] in bfloat16, of one row and one column. */
static float dot(const mbni_kernels *kernels, float shift, const float a[2], float w0, float w1)
{
    float c, shifts[64] = {shift};
    uint16_t weights[128] = {mbni_bf16_from_f32(w0), mbni_bf16_from_f32(w1)};
    product p = {.k = 2, .n = 1, .lda = 2, .ldc = 1, .bf16 = 1};
    ck_assert_int_le(kernels->panel_columns(), 64);
    p.packed = (mbni_packed){1, 2, weights, shifts, -INFINITY, INFINITY};
    run(kernels, &p, 1, a, &c, 0, 1);
    return c;
}

/* What docs/numerics.md says of those instructions, on a processor that has them and in plain C. */
START_TEST(both_factors_are_rounded_to_nearest_and_denormals_are_zero)
{
    for (size_t i = 0; i < VARIANTS; i++) {
        const mbni_kernels *kernels = variant(i);
        if (!kernels || !rounds_both(kernels))
            continue;
        ck_assert(dot(kernels, 0, (float[]){1 + 0x1p-8f, 0}, 1, 1) == 1);
        ck_assert(dot(kernels, 0, (float[]){0, 1 + 3 * 0x1p-8f}, 1, 1) == 1 + 0x1p-6f);
        ck_assert(dot(kernels, 0, (float[]){0, 1 + 0x1p-7f}, 1, 1 + 0x1p-7f) == 1 + 0x1p-6f + 0x1p-14f);
        ck_assert(dot(kernels, 0, (float[]){0x1p-127f, 1}, 0x1p100f, 0x1p-127f) == 0);
        ck_assert(dot(kernels, 0, (float[]){0x1p-126f, 1}, 0x1p100f, 0x1p-126f) == 0x1p-26f + 0x1p-126f);
        ck_assert(isinf(dot(kernels, 0, (float[]){INFINITY, 0}, 1, 1)));
    }
    /* in the order that is documented; the library promises none */
    const mbni_kernels emulated = bf16_kernels();
    ck_assert(dot(&emulated, 1, (float[]){-0x1p12f, 0x1p12f}, 0x1p12f, 0x1p12f) == 0);
    ck_assert(dot(&emulated, 1, (float[]){0x1p12f, -0x1p12f}, 0x1p12f, 0x1p12f) == 1);
}
END_TEST

typedef void window_kernel(const mbni_kernels *k, const mbni_window *w, const float *x, const float *kernel,
                           float *y, int64_t begin, int64_t end);

static void depthwise(const mbni_kernels *k, const mbni_window *w, const float *x, const float *kernel,
                      float *y, int64_t begin, int64_t end)
{
    k->depthwise(w, 1, x, kernel, NULL, y, begin, end, NULL);
}
static void conv2d(const mbni_kernels *k, const mbni_window *w, const float *x, const float *kernel, float *y,
                   int64_t begin, int64_t end)
{
    k->conv2d(w, w->channels, 1, x, kernel, NULL, y, begin, end, NULL);
}
static void average(const mbni_kernels *k, const mbni_window *w, const float *x, const float *kernel,
                    float *y, int64_t begin, int64_t end)
{
    (void)kernel;
    k->average_pool(w, x, y, begin, end);
}

/* Rows of the output one at a time, from no other rows of the input than they read, give the bits of the
 * whole. */
static void try_rows(const mbni_kernels *k, window_kernel *kernel_fn, mbni_window w)
{
    enum { CHANNELS = 11, MAX = 17 * 13 * CHANNELS };
    static float x[MAX], whole[MAX * 4], rows[MAX * 4], kernel[49 * CHANNELS * CHANNELS];
    const int64_t in_row = w.in_w * w.channels, out_row = w.out_w * w.channels;
    for (int64_t i = 0; i < w.in_h * in_row; i++)
        x[i] = test_float();
    for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++)
        kernel[i] = test_float();
    kernel_fn(k, &w, x, kernel, whole, 0, w.out_h);
    for (int64_t row = 0; row < w.out_h; row++) {
        int64_t first = row * w.stride_h - w.pad_top, last = first + w.kernel_h;
        first = first < 0 ? 0 : first > w.in_h ? w.in_h : first;
        last = last > w.in_h ? w.in_h : last < first ? first : last;
        buffer part = buffer_new((last - first) * in_row);
        memcpy(part.data, x + first * in_row, (size_t)part.count * sizeof *x);
        mbni_window v = w;
        v.x_row = first;
        v.y_row = row;
        kernel_fn(k, &v, part.data, kernel, rows + row * out_row, row, row + 1);
        buffer_free(part);
    }
    ck_assert_mem_eq(whole, rows, (size_t)(w.out_h * out_row) * sizeof *rows);
}

START_TEST(rows_given_alone_give_the_bits_of_the_whole)
{
    window_kernel *const fns[] = {depthwise, conv2d, average};
    for (size_t i = 0; i < ISA_COUNT; i++) {
        if (!isa_present(i))
            continue;
        const mbni_kernels *k = mbni_kernels_select(all_isas[i].isa);
        for (size_t f = 0; f < 3; f++)
            for (int64_t stride = 1; stride < 3; stride++)
                for (int64_t width = 1; width < 14; width += 3)
                    for (int64_t pad = 0; pad < 4; pad++) { /* 3: beyond the kernel's reach */
                        const int64_t h = 17, out_h = (h + 2 * pad - 3) / stride + 1;
                        const int64_t out_w = (width + 2 - 3) / stride + 1;
                        try_rows(k, fns[f],
                                 (mbni_window){.in_h = h,
                                               .in_w = width,
                                               .channels = f == 1 ? 3 : 11,
                                               .out_h = out_h,
                                               .out_w = out_w,
                                               .kernel_h = 3,
                                               .kernel_w = 3,
                                               .stride_h = stride,
                                               .stride_w = stride,
                                               .pad_top = pad,
                                               .pad_left = 1,
                                               .multiplier = 1});
                    }
    }
}
END_TEST

SUITE("kernels/pointwise", products_are_those_of_float64_whatever_the_cut, not_a_number_stays_in_its_row,
      both_factors_are_rounded_to_nearest_and_denormals_are_zero, rows_given_alone_give_the_bits_of_the_whole)
