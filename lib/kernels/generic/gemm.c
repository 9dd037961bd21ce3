/* Product of matrices: packed blocks and a 6 x 8 register tile, after Goto and van de Geijn (2008), "Anatomy
 * of high-performance matrix multiplication". Single-threaded; matmul.c cuts the output into parts.
 *
 * The sum of an element runs over k in blocks of KC: within a block one accumulator from zero, in order of k;
 * then the block's sum is added to c. Tile, panel and part do not enter, so any cut gives the same bits. */
#include "kernels/generic/generic.h"
#include "kernels/generic/vector.h"

/* a is packed with each element four times over: a multiplication then takes it from memory whole, without a
 * shuffle, and the panel is used for NC / NR tiles. Both buffers lie on the stack: 12 + 48 KiB. */
enum { MR = 6, NR = 8, KC = 128, NC = 96 };

typedef struct mbni_operand {
    const float *data;
    int64_t k_stride;     /* from one k to the next */
    int64_t outer_stride; /* from one row of a, or column of b, to the next */
} mbni_operand;

/* packed[k][MR] <- rows [row, row + rows) of op(a); missing rows repeat the last. */
static void pack_a(mbni_operand a, int64_t row, int64_t rows, int64_t k_begin, int64_t k_count,
                   mbni_f4 *packed)
{
    const float *source = a.data + row * a.outer_stride + k_begin * a.k_stride;
    if (a.outer_stride == 1 && rows == MR) { /* transposed: the rows lie side by side */
        for (int64_t k = 0; k < k_count; k++, source += a.k_stride)
            for (int64_t i = 0; i < MR; i++)
                packed[k * MR + i] = (mbni_f4){source[i], source[i], source[i], source[i]};
        return;
    }
    for (int64_t i = 0; i < MR; i++) {
        const float *line = source + mbni_min64(i, rows - 1) * a.outer_stride;
        mbni_f4 *to = packed + i;
        int64_t k = 0;
        if (a.k_stride == 1)
            for (; k + 4 <= k_count; k += 4, to += 4 * MR) {
                const mbni_f4 v = mbni_load4(line + k);
                to[0] = (mbni_f4){v[0], v[0], v[0], v[0]};
                to[MR] = (mbni_f4){v[1], v[1], v[1], v[1]};
                to[2 * MR] = (mbni_f4){v[2], v[2], v[2], v[2]};
                to[3 * MR] = (mbni_f4){v[3], v[3], v[3], v[3]};
            }
        for (; k < k_count; k++, to += MR) {
            const float v = line[k * a.k_stride];
            *to = (mbni_f4){v, v, v, v};
        }
    }
}

/* Panels of NR columns: packed[panel][k][NR], missing columns zero. */
static void pack_b(mbni_operand b, int64_t col, int64_t cols, int64_t k_begin, int64_t k_count, float *packed)
{
    for (int64_t j = 0; j < cols; j += NR, packed += KC * NR) {
        const int64_t width = mbni_min64(NR, cols - j);
        const float *source = b.data + k_begin * b.k_stride + (col + j) * b.outer_stride;
        if (width == NR && b.outer_stride == 1) {
            for (int64_t k = 0; k < k_count; k++)
                memcpy(packed + k * NR, source + k * b.k_stride, NR * sizeof *packed);
            continue;
        }
        for (int64_t i = 0; i < NR; i++)
            for (int64_t k = 0; k < k_count; k++)
                packed[k * NR + i] = i < width ? source[k * b.k_stride + i * b.outer_stride] : 0;
    }
}

static inline void store_row(mbni_f4 low, mbni_f4 high, int add, float *c)
{
    if (add) {
        low = mbni_load4(c) + low;
        high = mbni_load4(c + 4) + high;
    }
    mbni_store4(c, low);
    mbni_store4(c + 4, high);
}

/* c[MR][NR] (+)= a panel * b panel */
static void multiply(int64_t k_count, const mbni_f4 *restrict a, const float *restrict b, int add,
                     float *restrict c, int64_t ldc)
{
    mbni_f4 c00 = {0}, c01 = {0}, c10 = {0}, c11 = {0}, c20 = {0}, c21 = {0};
    mbni_f4 c30 = {0}, c31 = {0}, c40 = {0}, c41 = {0}, c50 = {0}, c51 = {0};
    for (int64_t k = 0; k < k_count; k++, a += MR, b += NR) {
        const mbni_f4 b0 = mbni_load4(b), b1 = mbni_load4(b + 4);
        c00 += a[0] * b0, c01 += a[0] * b1;
        c10 += a[1] * b0, c11 += a[1] * b1;
        c20 += a[2] * b0, c21 += a[2] * b1;
        c30 += a[3] * b0, c31 += a[3] * b1;
        c40 += a[4] * b0, c41 += a[4] * b1;
        c50 += a[5] * b0, c51 += a[5] * b1;
    }
    store_row(c00, c01, add, c);
    store_row(c10, c11, add, c + ldc);
    store_row(c20, c21, add, c + 2 * ldc);
    store_row(c30, c31, add, c + 3 * ldc);
    store_row(c40, c41, add, c + 4 * ldc);
    store_row(c50, c51, add, c + 5 * ldc);
}

/* The same for a tile that the edge of the output cuts: by way of a whole one. */
static void multiply_edge(int64_t k_count, const mbni_f4 *a, const float *b, int64_t rows, int64_t cols,
                          int add, float *c, int64_t ldc)
{
    float tile[MR * NR];
    multiply(k_count, a, b, 0, tile, NR);
    for (int64_t i = 0; i < rows; i++, c += ldc)
        for (int64_t j = 0; j < cols; j++)
            c[j] = add ? c[j] + tile[i * NR + j] : tile[i * NR + j];
}

static void fill_zero(int64_t rows, int64_t cols, float *c, int64_t ldc)
{
    for (int64_t i = 0; i < rows; i++)
        memset(c + i * ldc, 0, (size_t)cols * sizeof *c);
}

/* One panel of a with all packed columns of a block. */
static void multiply_rows(int64_t k_count, const mbni_f4 *packed_a, const float *packed_b, int64_t rows,
                          int64_t cols, int add, float *c, int64_t ldc)
{
    for (int64_t j = 0; j < cols; j += NR) {
        const float *panel = packed_b + j * KC;
        if (rows == MR && j + NR <= cols)
            multiply(k_count, packed_a, panel, add, c + j, ldc);
        else
            multiply_edge(k_count, packed_a, panel, rows, mbni_min64(NR, cols - j), add, c + j, ldc);
    }
}

static void finish(const mbni_matmul *p, int64_t row_begin, int64_t row_end, int64_t col_begin,
                   int64_t col_end, float *moments)
{
    const int64_t cols = col_end - col_begin;
    const mbni_epilogue *e = p->epilogue;
    for (int64_t row = row_begin; row < row_end; row++) {
        float *c = p->c + row * p->ldc + col_begin;
        if (e)
            mbni_generic_affine(1, cols, c, e->scale ? e->scale + col_begin : NULL,
                                e->shift ? e->shift + col_begin : NULL, e->low, e->high, c);
        for (int64_t j = 0; moments && j < cols; j++) {
            float *at = moments + col_begin + j;
            if (row == row_begin) {
                at[0] = c[j];
                at[p->n] = at[2 * p->n] = 0;
            }
            const float d = c[j] - at[0];
            at[p->n] += d;
            at[2 * p->n] += d * d;
        }
    }
}

void mbni_generic_gemm(const mbni_matmul *p, int64_t row_begin, int64_t row_end, int64_t col_begin,
                       int64_t col_end, float *moments)
{
    if (row_begin >= row_end || col_begin >= col_end)
        return;
    if (p->k <= 0 && !p->accumulate)
        fill_zero(row_end - row_begin, col_end - col_begin, p->c + row_begin * p->ldc + col_begin, p->ldc);
    const mbni_operand op_a = {p->a, p->trans_a ? p->lda : 1, p->trans_a ? 1 : p->lda};
    const mbni_operand op_b = {p->b, p->trans_b ? 1 : p->ldb, p->trans_b ? p->ldb : 1};
    mbni_f4 packed_a[KC * MR];
    _Alignas(16) float packed_b[KC * NC];
    for (int64_t col = col_begin; col < col_end; col += NC) {
        const int64_t cols = mbni_min64(NC, col_end - col);
        for (int64_t k_begin = 0; k_begin < p->k; k_begin += KC) {
            const int64_t k_count = mbni_min64(KC, p->k - k_begin);
            const int add = p->accumulate || k_begin > 0;
            pack_b(op_b, col, cols, k_begin, k_count, packed_b);
            for (int64_t row = row_begin; row < row_end; row += MR) {
                const int64_t rows = mbni_min64(MR, row_end - row);
                pack_a(op_a, row, rows, k_begin, k_count, packed_a);
                multiply_rows(k_count, packed_a, packed_b, rows, cols, add, p->c + row * p->ldc + col,
                              p->ldc);
            }
        }
    }
    if (p->epilogue || moments)
        finish(p, row_begin, row_end, col_begin, col_end, moments);
}
