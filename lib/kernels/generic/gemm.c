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
    for (int64_t i = 0; i < MR; i++) {
        const float *source =
            a.data + (row + mbni_min64(i, rows - 1)) * a.outer_stride + k_begin * a.k_stride;
        const int64_t stride = a.k_stride;
        for (int64_t k = 0; k < k_count; k++) {
            const float v = source[k * stride];
            packed[k * MR + i] = (mbni_f4){v, v, v, v};
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

/* tile[MR][NR] = a panel * b panel */
static void multiply(int64_t k_count, const mbni_f4 *restrict a, const float *restrict b,
                     float *restrict tile)
{
    mbni_f4 c00 = {0}, c01 = {0}, c10 = {0}, c11 = {0}, c20 = {0}, c21 = {0};
    mbni_f4 c30 = {0}, c31 = {0}, c40 = {0}, c41 = {0}, c50 = {0}, c51 = {0};
    for (int64_t k = 0; k < k_count; k++, a += MR, b += NR) {
        const mbni_f4 b0 = *(const mbni_f4 *)b, b1 = *(const mbni_f4 *)(b + 4);
        c00 += a[0] * b0, c01 += a[0] * b1;
        c10 += a[1] * b0, c11 += a[1] * b1;
        c20 += a[2] * b0, c21 += a[2] * b1;
        c30 += a[3] * b0, c31 += a[3] * b1;
        c40 += a[4] * b0, c41 += a[4] * b1;
        c50 += a[5] * b0, c51 += a[5] * b1;
    }
    const mbni_f4 rows[MR][2] = {{c00, c01}, {c10, c11}, {c20, c21}, {c30, c31}, {c40, c41}, {c50, c51}};
    memcpy(tile, rows, sizeof rows);
}

static void store(const float *restrict tile, int64_t rows, int64_t cols, int accumulate, float *restrict c,
                  int64_t ldc)
{
    for (int64_t i = 0; i < rows; i++, c += ldc, tile += NR) {
        if (rows == MR && cols == NR) {
            mbni_f4 low = mbni_load4(tile), high = mbni_load4(tile + 4);
            if (accumulate) {
                low = mbni_load4(c) + low;
                high = mbni_load4(c + 4) + high;
            }
            mbni_store4(c, low);
            mbni_store4(c + 4, high);
        } else {
            for (int64_t j = 0; j < cols; j++)
                c[j] = accumulate ? c[j] + tile[j] : tile[j];
        }
    }
}

static void fill_zero(int64_t rows, int64_t cols, float *c, int64_t ldc)
{
    for (int64_t i = 0; i < rows; i++)
        memset(c + i * ldc, 0, (size_t)cols * sizeof *c);
}

void mbni_generic_gemm(int trans_a, int trans_b, int64_t row_begin, int64_t row_end, int64_t col_begin,
                       int64_t col_end, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                       int accumulate, float *c, int64_t ldc)
{
    if (row_begin >= row_end || col_begin >= col_end)
        return;
    if (k <= 0) {
        if (!accumulate)
            fill_zero(row_end - row_begin, col_end - col_begin, c + row_begin * ldc + col_begin, ldc);
        return;
    }
    const mbni_operand op_a = {a, trans_a ? lda : 1, trans_a ? 1 : lda};
    const mbni_operand op_b = {b, trans_b ? 1 : ldb, trans_b ? ldb : 1};
    mbni_f4 packed_a[KC * MR];
    _Alignas(16) float packed_b[KC * NC];
    _Alignas(16) float tile[MR * NR];
    for (int64_t col = col_begin; col < col_end; col += NC) {
        const int64_t cols = mbni_min64(NC, col_end - col);
        for (int64_t k_begin = 0; k_begin < k; k_begin += KC) {
            const int64_t k_count = mbni_min64(KC, k - k_begin);
            const int add = accumulate || k_begin > 0;
            pack_b(op_b, col, cols, k_begin, k_count, packed_b);
            for (int64_t row = row_begin; row < row_end; row += MR) {
                const int64_t rows = mbni_min64(MR, row_end - row);
                pack_a(op_a, row, rows, k_begin, k_count, packed_a);
                for (int64_t j = 0; j < cols; j += NR) {
                    multiply(k_count, packed_a, packed_b + j * KC, tile);
                    store(tile, rows, mbni_min64(NR, cols - j), add, c + row * ldc + col + j, ldc);
                }
            }
        }
    }
}
