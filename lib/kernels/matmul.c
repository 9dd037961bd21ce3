/* Products of matrices over the threads of a context, part by part, by the context's own kernel. OpenBLAS,
 * where the build has it, serves training where there is no vector path. With one, the own kernel runs: it
 * keeps to the context's threads and instruction set, and leaves moments, which OpenBLAS does not. */
#include <limits.h>
#include "kernels/kernels.h"
#ifdef MBNI_BLAS_OPENBLAS
#include <cblas.h>
#endif

/* Parts of the output. The kernel packs b for each part, so parts are tall where there are many, and cut
 * smaller while there are few: first by rows, no lower than what pays for the packing, then by columns. A
 * gradient of weights has few rows and a long sum, which packing does not weigh on. */
enum { ROW_TILE = 512, COL_TILE = 256, ROW_TILE_MIN = 128, GRADIENT_ROW_TILE_MIN = 24, COL_TILE_MIN = 32 };
enum { PARTS_WANTED = 16 };
/* Parts begin at multiples of six rows, the height of the commonest register tile. */
enum { ROW_UNIT = 6 };
/* Multiplications below which a call of OpenBLAS, or a task, costs more than the product. */
enum { SMALL = 16 * 1024 };

typedef struct mbni_matmul_task {
    const mbni_kernels *kernels;
    const mbni_matmul *p;
    mbni_moments rows; /* how rows are cut; values NULL: no moments are wanted */
    int64_t col_tile, col_parts;
} mbni_matmul_task;

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void multiply_part(void *data, int64_t index)
{
    const mbni_matmul_task *task = data;
    const mbni_matmul *p = task->p;
    const int64_t part = index / task->col_parts, col = index % task->col_parts * task->col_tile;
    float *moments = task->rows.values ? task->rows.values + 3 * part * p->n : NULL;
    task->kernels->gemm(p, mbni_moments_begin(&task->rows, p->m, part),
                        mbni_moments_begin(&task->rows, p->m, part + 1), col,
                        min64(col + task->col_tile, p->n), moments);
}

static int64_t parts_of(int64_t length, int64_t tile)
{
    return length / tile + (length % tile != 0);
}

/* moments: NULL, or where to leave them. */
static void multiply_own(mbn_context *context, const mbni_matmul *p, mbni_moments *moments)
{
    const int64_t row_min = p->trans_a ? GRADIENT_ROW_TILE_MIN : ROW_TILE_MIN;
    int64_t row_tile = ROW_TILE;
    mbni_matmul_task task = {.kernels = mbni_kernels_select(context->isa), .p = p, .col_tile = COL_TILE};
    if (p->m <= 0 || p->n <= 0)
        return;
    while (parts_of(p->m, row_tile) * parts_of(p->n, task.col_tile) < PARTS_WANTED &&
           (row_tile > row_min || task.col_tile > COL_TILE_MIN)) {
        if (row_tile > row_min && (row_tile >= task.col_tile || task.col_tile <= COL_TILE_MIN))
            row_tile = row_tile / 2 > row_min ? row_tile / 2 : row_min;
        else
            task.col_tile /= 2;
    }
    if ((double)p->m * (double)p->n * (double)p->k < SMALL) {
        row_tile = p->m;
        task.col_tile = p->n;
    }
    task.rows.unit = ROW_UNIT;
    task.rows.parts = parts_of(p->m, row_tile);
    if (moments) {
        task.rows.parts = min64(task.rows.parts, MBNI_MOMENT_PARTS);
        task.rows.values = moments->values;
        *moments = task.rows;
    }
    task.col_parts = parts_of(p->n, task.col_tile);
    mbni_parallel(context, task.rows.parts * task.col_parts, multiply_part, &task);
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
    multiply_own(context, p, NULL);
}

void mbni_matmul_run(mbn_context *context, const mbni_matmul *p, mbni_moments *moments)
{
#ifdef MBNI_BLAS_OPENBLAS
    if (context->isa == MBN_ISA_GENERIC && !p->epilogue && p->m > 0 && p->n > 0 && p->k > 0 &&
        (double)p->m * (double)p->n * (double)p->k >= SMALL && fits_int(p)) {
        if (moments)
            moments->parts = 0;
        cblas_sgemm(CblasRowMajor, p->trans_a ? CblasTrans : CblasNoTrans,
                    p->trans_b ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)p->k, 1, p->a,
                    (int)p->lda, p->b, (int)p->ldb, p->accumulate ? 1 : 0, p->c, (int)p->ldc);
        return;
    }
#endif
    multiply_own(context, p, moments);
}

const char *mbni_matmul_provider(void)
{
#ifdef MBNI_BLAS_OPENBLAS
    return "openblas";
#else
    return "none";
#endif
}
