/* Products of matrices over the threads of a context: by OpenBLAS where the build has it, else by the
 * context's own kernel, part by part. */
#include <limits.h>
#include "kernels/kernels.h"
#ifdef MBNI_BLAS_OPENBLAS
#include <cblas.h>
#endif

/* Parts of the output. The kernel packs operands per part, so parts are large where there are many, and cut
 * smaller while there are few. */
enum { ROW_TILE = 192, COL_TILE = 192, ROW_TILE_MIN = 24, COL_TILE_MIN = 32, PARTS_WANTED = 16 };
/* Multiplications below which a call of OpenBLAS, or a task, costs more than the product. */
enum { SMALL = 16 * 1024 };

typedef struct mbni_product_task {
    const mbni_kernels *kernels;
    int trans_a, trans_b, accumulate;
    int64_t m, n, k, lda, ldb, ldc;
    const float *a, *b;
    float *c;
    int64_t row_tile, col_tile, col_parts;
} mbni_product_task;

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void multiply_part(void *data, int64_t index)
{
    const mbni_product_task *p = data;
    const int64_t row = index / p->col_parts * p->row_tile, col = index % p->col_parts * p->col_tile;
    p->kernels->gemm(p->trans_a, p->trans_b, row, min64(row + p->row_tile, p->m), col,
                     min64(col + p->col_tile, p->n), p->k, p->a, p->lda, p->b, p->ldb, p->accumulate, p->c,
                     p->ldc);
}

static int64_t parts_of(int64_t length, int64_t tile)
{
    return length / tile + (length % tile != 0);
}

static void multiply_own(mbn_context *context, mbni_product_task *p)
{
    p->row_tile = ROW_TILE;
    p->col_tile = COL_TILE;
    while (parts_of(p->m, p->row_tile) * parts_of(p->n, p->col_tile) < PARTS_WANTED &&
           (p->row_tile > ROW_TILE_MIN || p->col_tile > COL_TILE_MIN)) {
        if (p->row_tile > ROW_TILE_MIN && (p->row_tile >= p->col_tile || p->col_tile <= COL_TILE_MIN))
            p->row_tile /= 2;
        else
            p->col_tile /= 2;
    }
    p->col_parts = parts_of(p->n, p->col_tile);
    mbni_parallel(context, parts_of(p->m, p->row_tile) * p->col_parts, multiply_part, p);
}

#ifdef MBNI_BLAS_OPENBLAS
static int fits_int(int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldb, int64_t ldc)
{
    return m <= INT_MAX && n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX && ldc <= INT_MAX;
}
#endif

void mbni_matmul_rows(mbn_context *context, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                      const float *a, int64_t lda, const float *b, int64_t ldb, int accumulate, float *c,
                      int64_t ldc)
{
    const mbni_kernels *kernels = mbni_kernels_select(context->isa);
    if (m <= 0 || n <= 0)
        return;
    if (k <= 0 || (double)m * (double)n * (double)k < SMALL) {
        kernels->gemm(trans_a, trans_b, 0, m, 0, n, k, a, lda, b, ldb, accumulate, c, ldc);
        return;
    }
    mbni_product_task p = {.kernels = kernels,
                           .trans_a = trans_a,
                           .trans_b = trans_b,
                           .accumulate = accumulate,
                           .m = m,
                           .n = n,
                           .k = k,
                           .lda = lda,
                           .ldb = ldb,
                           .ldc = ldc,
                           .a = a,
                           .b = b,
                           .c = c};
    multiply_own(context, &p);
}

void mbni_matmul(mbn_context *context, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                 const float *a, int64_t lda, const float *b, int64_t ldb, int accumulate, float *c,
                 int64_t ldc)
{
#ifdef MBNI_BLAS_OPENBLAS
    if (m > 0 && n > 0 && k > 0 && (double)m * (double)n * (double)k >= SMALL &&
        fits_int(m, n, k, lda, ldb, ldc)) {
        cblas_sgemm(CblasRowMajor, trans_a ? CblasTrans : CblasNoTrans, trans_b ? CblasTrans : CblasNoTrans,
                    (int)m, (int)n, (int)k, 1, a, (int)lda, b, (int)ldb, accumulate ? 1 : 0, c, (int)ldc);
        return;
    }
#endif
    mbni_matmul_rows(context, trans_a, trans_b, m, n, k, a, lda, b, ldb, accumulate, c, ldc);
}

const char *mbni_matmul_provider(void)
{
#ifdef MBNI_BLAS_OPENBLAS
    return "openblas";
#else
    return "none";
#endif
}
