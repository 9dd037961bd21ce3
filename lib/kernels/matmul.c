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

typedef struct mbni_matmul_task {
    const mbni_kernels *kernels;
    const mbni_matmul *p;
    int64_t row_tile, col_tile, col_parts;
} mbni_matmul_task;

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void multiply_part(void *data, int64_t index)
{
    const mbni_matmul_task *task = data;
    const mbni_matmul *p = task->p;
    const int64_t row = index / task->col_parts * task->row_tile,
                  col = index % task->col_parts * task->col_tile;
    task->kernels->gemm(p, row, min64(row + task->row_tile, p->m), col, min64(col + task->col_tile, p->n),
                        NULL);
}

static int64_t parts_of(int64_t length, int64_t tile)
{
    return length / tile + (length % tile != 0);
}

static void multiply_own(mbn_context *context, const mbni_kernels *kernels, const mbni_matmul *p)
{
    mbni_matmul_task task = {.kernels = kernels, .p = p, .row_tile = ROW_TILE, .col_tile = COL_TILE};
    while (parts_of(p->m, task.row_tile) * parts_of(p->n, task.col_tile) < PARTS_WANTED &&
           (task.row_tile > ROW_TILE_MIN || task.col_tile > COL_TILE_MIN)) {
        if (task.row_tile > ROW_TILE_MIN && (task.row_tile >= task.col_tile || task.col_tile <= COL_TILE_MIN))
            task.row_tile /= 2;
        else
            task.col_tile /= 2;
    }
    task.col_parts = parts_of(p->n, task.col_tile);
    mbni_parallel(context, parts_of(p->m, task.row_tile) * task.col_parts, multiply_part, &task);
}

#ifdef MBNI_BLAS_OPENBLAS
static int fits_int(const mbni_matmul *p)
{
    return p->m <= INT_MAX && p->n <= INT_MAX && p->k <= INT_MAX && p->lda <= INT_MAX && p->ldb <= INT_MAX &&
           p->ldc <= INT_MAX;
}
#endif

void mbni_matmul_run_rows(mbn_context *context, const mbni_matmul *p)
{
    const mbni_kernels *kernels = mbni_kernels_select(context->isa);
    if (p->m <= 0 || p->n <= 0)
        return;
    if (p->k <= 0 || (double)p->m * (double)p->n * (double)p->k < SMALL)
        kernels->gemm(p, 0, p->m, 0, p->n, NULL);
    else
        multiply_own(context, kernels, p);
}

void mbni_matmul_run(mbn_context *context, const mbni_matmul *p, mbni_moments *moments)
{
    if (moments)
        moments->parts = 0;
#ifdef MBNI_BLAS_OPENBLAS
    if (!p->epilogue && p->m > 0 && p->n > 0 && p->k > 0 &&
        (double)p->m * (double)p->n * (double)p->k >= SMALL && fits_int(p)) {
        cblas_sgemm(CblasRowMajor, p->trans_a ? CblasTrans : CblasNoTrans,
                    p->trans_b ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)p->k, 1, p->a,
                    (int)p->lda, p->b, (int)p->ldb, p->accumulate ? 1 : 0, p->c, (int)p->ldc);
        return;
    }
#endif
    mbni_matmul_run_rows(context, p);
}

const char *mbni_matmul_provider(void)
{
#ifdef MBNI_BLAS_OPENBLAS
    return "openblas";
#else
    return "none";
#endif
}
