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
/* A gradient of weights with less output than this many floats is cut along its sum as well: each part reads
 * whole rows of both operands, and once. The parts are added in their order; they hold at most PARTIALS
 * floats and begin at multiples of K_UNIT, the kernel's block. */
enum { SPLIT_OUTPUT = 16 * 1024, PARTIALS = 128 * 1024, K_PARTS = 16, K_UNIT = 256, K_PART_MIN = 2 * K_UNIT };

typedef struct mbni_matmul_task {
    const mbni_kernels *kernels;
    const mbni_matmul *p;
    mbni_moments rows; /* how rows are cut; values NULL: no moments are wanted */
    int64_t col_tile, col_parts;
} mbni_matmul_task;

/* A sum cut along k. */
typedef struct k_split {
    const mbni_kernels *kernels;
    const mbni_matmul *p;
    int64_t parts, row_parts;
} k_split;

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

static int64_t k_parts(int64_t m, int64_t n, int64_t k)
{
    if (m <= 0 || n <= 0 || m > SPLIT_OUTPUT / n)
        return 1;
    const int64_t parts = min64(min64(k / K_PART_MIN, K_PARTS), PARTIALS / (m * n));
    return parts > 1 ? parts : 1;
}

int64_t mbni_matmul_gradient_floats(int64_t m, int64_t n, int64_t k)
{
    return (k_parts(m, n, k) - 1) * m * n;
}

/* The first part of the sum goes to c, the others to the partial sums. */
static void multiply_k_part(void *data, int64_t part)
{
    const k_split *split = data;
    const int64_t units = split->p->k / K_UNIT, k = K_UNIT * mbni_part_begin(units, split->parts, part);
    mbni_matmul p = *split->p;
    p.a += k * p.lda;
    p.b += k * p.ldb;
    p.k = part + 1 < split->parts ? K_UNIT * mbni_part_begin(units, split->parts, part + 1) - k : p.k - k;
    if (part > 0) {
        p.c = p.partials + (part - 1) * p.m * p.n;
        p.ldc = p.n;
        p.accumulate = 0;
    }
    split->kernels->gemm(&p, 0, p.m, 0, p.n, NULL);
}

static void add_partials(void *data, int64_t index)
{
    const k_split *split = data;
    const mbni_matmul *p = split->p;
    const int64_t end = mbni_part_begin(p->m, split->row_parts, index + 1);
    for (int64_t row = mbni_part_begin(p->m, split->row_parts, index); row < end; row++)
        for (int64_t part = 0; part + 1 < split->parts; part++) {
            const float *restrict partial = p->partials + (part * p->m + row) * p->n;
            float *restrict c = p->c + row * p->ldc;
            for (int64_t j = 0; j < p->n; j++)
                c[j] += partial[j];
        }
}

static void multiply_split(mbn_context *context, const mbni_matmul *p, int64_t parts)
{
    k_split split = {mbni_kernels_select(context->isa), p, parts, min64(p->m, 4)};
    mbni_parallel(context, parts, multiply_k_part, &split);
    mbni_parallel(context, split.row_parts, add_partials, &split);
}

/* moments: NULL, or where to leave them. */
static void multiply_own(mbn_context *context, const mbni_matmul *p, mbni_moments *moments)
{
    const int64_t row_min = p->trans_a ? GRADIENT_ROW_TILE_MIN : ROW_TILE_MIN;
    int64_t row_tile = ROW_TILE;
    mbni_matmul_task task = {.kernels = mbni_kernels_select(context->isa), .p = p, .col_tile = COL_TILE};
    if (p->m <= 0 || p->n <= 0)
        return;
    if (p->partials && p->trans_a && !p->trans_b && !p->epilogue && !moments &&
        k_parts(p->m, p->n, p->k) > 1) {
        multiply_split(context, p, k_parts(p->m, p->n, p->k));
        return;
    }
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
