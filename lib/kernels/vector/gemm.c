/* Product of matrices with an epilogue and moments: a register tile over panels of b, after Goto and van de
 * Geijn (2008), "Anatomy of high-performance matrix multiplication", without their packing of a: its elements
 * are taken one by one, which costs nothing from rows that lie in the caches. Single-threaded; matmul.c cuts
 * the output into parts.
 *
 * The sum of an element runs over k in blocks of KC: within a block one accumulator from zero, in order of k;
 * then the block's sum is added to c. Tile, panel and part do not enter, so any cut gives the same bits. */
#define MBNI_THIS_FILE "kernels/vector/gemm.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA

#include "kernels/vector/tile.h"

/* A block is about ROWS rows of a, which stay in the second cache while all panels of b pass. A transposed a
 * is fetched AHEAD steps of k before its use; two blocks of k lie in the second cache where rows and columns
 * are no more than NEAR. A pointer serves GROUP rows of a. */
#define KC 256
#define AHEAD 4
/* Whether tiles of a plain a look ahead as well: with 16 lanes packing waits longer than 28 multiplications
 * take notice of a fetch; on narrower ones fetches cost more than they save. */
#define LOOK_AHEAD (VW == 16)
#define GROUP (MR > 8 ? 5 : MR)
#define NEAR 256
#define ROWS (256 / MR * MR)

/* One panel of columns and where its sums go. */
typedef struct ISA(gemm_panel) {
    int64_t k_count;
    float packed[KC * NR] __attribute__((aligned(64))); /* [k][NR] of b */
    int64_t cols;                                       /* at most NR */
    int64_t ldc;
    const float *next; /* see look_ahead */
    int64_t next_step;
    int add;                    /* to what stands in c, from earlier blocks of k or by the caller's wish */
    int finish;                 /* the sums are whole, and there is something to do to them */
    float scale[NR], shift[NR]; /* 1 and 0 where there is none */
    float low, high;
    int moments, origin_known;
    float origin[NR], sums[NR], squares[NR]; /* about the origin, of this block's rows */
} ISA(gemm_panel);

V_OP vf ISA(finish)(const ISA(gemm_panel) * q, int64_t j, vf y)
{
    y = v_fma(y, v_load(q->scale + j), v_load(q->shift + j));
    return v_min(v_set(q->high), v_max(v_set(q->low), y)); /* NaN is the second operand, and stays */
}

/* The moments of `rows` rows of vector j as stored, to those of the tiles before. */
V_OP void ISA(add_moments)(ISA(gemm_panel) *restrict q, int64_t rows, int64_t j, const vf *y)
{
    const vf origin = q->origin_known ? v_load(q->origin + j) : y[0];
    vf sum = v_zero(), squares = v_zero();
    V_EACH (i, MR)
        if (i < rows) {
            const vf d = y[i] - origin;
            sum = sum + d;
            squares = v_fma(d, d, squares);
        }
    v_store(q->origin + j, origin);
    v_store(q->sums + j, v_load(q->sums + j) + sum);
    v_store(q->squares + j, v_load(q->squares + j) + squares);
}

/* A tile of raw sums, [rows][NR], to c: any number of rows and columns. */
__attribute__((noinline)) static void ISA(finish_tile)(ISA(gemm_panel) * q, int64_t rows, const float *tile,
                                                       float *c)
{
    for (int64_t j = 0; j < q->cols; j += VW) {
        const int64_t n = q->cols - j;
        vf y[MR];
        for (int64_t i = 0; i < rows; i++) {
            float *to = c + i * q->ldc + j;
            y[i] = v_load(tile + i * NR + j);
            if (q->add)
                y[i] = (n >= VW ? v_load(to) : v_load_n(to, n)) + y[i];
            if (q->finish)
                y[i] = ISA(finish)(q, j, y[i]);
            if (n >= VW)
                v_store(to, y[i]);
            else
                v_store_n(to, n, y[i]);
        }
        if (q->moments)
            ISA(add_moments)(q, rows, j, y);
    }
    q->origin_known = q->moments;
}

/* c [rows, cols] (+)= op(a) [rows, k_count] * packed; rows and trans_a are constants wherever this stands. */
V_OP void ISA(tile)(const int rows, const int trans_a, ISA(gemm_panel) *restrict q, const float *restrict a,
                    int64_t lda, float *restrict c)
{
    const float *b = q->packed, *next = q->next;
    vf sum[MR][NV];
    V_EACH (i, rows)
        V_EACH (j, NV)
            sum[i][j] = v_zero();
    if (q->finish || q->moments)
        V_EACH (i, rows)
            __builtin_prefetch(c + i * q->ldc + NR - 1, 1); /* the end: rows seldom begin with a line */
    const float *a5 = a + GROUP * lda, *a10 = a5 + GROUP * lda;
    for (int64_t k = 0; k < q->k_count; k++, a += trans_a ? lda : 1, a5++, a10++, b += NR) {
        if (trans_a)
            __builtin_prefetch(a + AHEAD * lda); /* a column of a: no hardware foresees it */
        if (trans_a || LOOK_AHEAD) {
            __builtin_prefetch(next, 0, 2);
            next += q->next_step;
        }
        vf v[NV];
        V_EACH (j, NV)
            v[j] = v_load(b + j * VW);
        V_EACH (i, rows) {
            /* three pointers and few offsets: a register for each row would be too many */
            const float *row = i < GROUP ? a : i < 2 * GROUP ? a5 : a10;
            const vf x = v_set(trans_a ? a[i] : row[i % GROUP * lda]);
            V_EACH (j, NV)
                sum[i][j] = v_fma(x, v[j], sum[i][j]);
        }
    }
    /* Whole tiles are finished in registers, one column of vectors after another. */
    if (q->cols == NR && ((!q->finish && !q->moments) || (rows == MR && !trans_a))) {
        const int64_t ldc = q->ldc;
        V_EACH (j, NV) {
            vf y[MR];
            V_EACH (i, rows)
                y[i] = sum[i][j];
            if (q->add)
                V_EACH (i, rows)
                    y[i] = v_load(c + i * ldc + j * VW) + y[i];
            if (rows == MR && !trans_a && q->finish)
                V_EACH (i, rows)
                    y[i] = ISA(finish)(q, j * VW, y[i]);
            V_EACH (i, rows)
                v_store(c + i * ldc + j * VW, y[i]);
            if (rows == MR && !trans_a && q->moments)
                ISA(add_moments)(q, rows, j * VW, y);
        }
        q->origin_known = q->moments;
    } else {
        float tile[MR * NR] __attribute__((aligned(64)));
        V_EACH (i, rows)
            V_EACH (j, NV)
                v_store(tile + i * NR + j * VW, sum[i][j]);
        ISA(finish_tile)(q, rows, tile, c);
    }
}

#define TILE(n)                              \
    case n:                                  \
        ISA(tile)(n, trans_a, q, a, lda, c); \
        break
V_OP void ISA(tile_of)(int64_t rows, const int trans_a, ISA(gemm_panel) * q, const float *a, int64_t lda,
                       float *c)
{
    switch (rows) {
        TILE(1);
        TILE(2);
        TILE(3);
        TILE(4);
        TILE(5);
        TILE(6);
#if MR > 6
        TILE(7);
        TILE(8);
#endif
#if MR > 8
        TILE(9);
        TILE(10);
        TILE(11);
        TILE(12);
        TILE(13);
        TILE(14);
#endif
    default: /* no more than MR */
        break;
    }
}
#undef TILE

static void ISA(tile_plain)(int64_t rows, ISA(gemm_panel) * q, const float *a, int64_t lda, float *c)
{
    ISA(tile_of)(rows, 0, q, a, lda, c);
}

static void ISA(tile_transposed)(int64_t rows, ISA(gemm_panel) * q, const float *a, int64_t lda, float *c)
{
    ISA(tile_of)(rows, 1, q, a, lda, c);
}

/* packed[k][NR] <- op(b)[k_begin + k][col + 0 .. cols), missing columns zero. */
static void ISA(pack)(const mbni_matmul *p, int64_t k_begin, int64_t col, ISA(gemm_panel) * q)
{
    const float *b = p->b + k_begin * p->ldb + col;
    for (int64_t k = 0; k < q->k_count; k++, b += p->ldb)
        for (int64_t j = 0; j < NR; j += VW) {
            const int64_t n = q->cols - j;
            v_store(q->packed + k * NR + j, n >= VW ? v_load(b + j) : n > 0 ? v_load_n(b + j, n) : v_zero());
        }
}

/* The same from a b that is stored [n, k]: squares of VW x VW, transposed in registers. */
static void ISA(pack_transposed)(const mbni_matmul *p, int64_t k_begin, int64_t col, ISA(gemm_panel) * q)
{
    for (int64_t j = 0; j < NR; j += VW)
        for (int64_t k = 0; k < q->k_count; k += VW) {
            const int64_t left = q->k_count - k;
            const float *b = p->b + (col + j) * p->ldb + k_begin + k;
            vf v[VW];
            for (int64_t i = 0; i < VW; i++)
                v[i] = j + i >= q->cols ? v_zero()
                       : left >= VW     ? v_load(b + i * p->ldb)
                                        : v_load_n(b + i * p->ldb, left);
            v_transpose(v);
            for (int64_t i = 0; i < VW && i < left; i++)
                v_store(q->packed + (k + i) * NR + j, v[i]);
        }
}

/* What the epilogue has for the panel that begins at column `col`, once the sums are whole. */
static void ISA(panel_begin)(const mbni_matmul *p, int last, int64_t col, const float *moments,
                             int origin_known, ISA(gemm_panel) * q)
{
    const mbni_epilogue *e = p->epilogue;
    q->finish = last && e;
    for (int64_t j = 0; j < NR; j++) {
        q->scale[j] = e && e->scale && j < q->cols ? e->scale[col + j] : 1;
        q->shift[j] = e && e->shift && j < q->cols ? e->shift[col + j] : 0;
    }
    q->low = e ? e->low : 0;
    q->high = e ? e->high : 0;
    q->moments = last && moments;
    q->origin_known = origin_known;
    memset(q->sums, 0, sizeof q->sums);
    memset(q->squares, 0, sizeof q->squares);
    if (q->moments && origin_known)
        memcpy(q->origin, moments + col, (size_t)q->cols * sizeof *moments);
}

/* The moments of the panel's rows, to those of the rows before. */
static void ISA(panel_end)(const ISA(gemm_panel) * q, int64_t n, int first, float *moments)
{
    for (int64_t j = 0; j < q->cols; j++) {
        moments[j] = q->origin[j];
        moments[n + j] = first ? q->sums[j] : moments[n + j] + q->sums[j];
        moments[2 * n + j] = first ? q->squares[j] : moments[2 * n + j] + q->squares[j];
    }
}

/* What the next tile fetches while it multiplies: if `worth` it, else again what it has. */
static void ISA(look_ahead)(int worth, const float *next, int64_t step, ISA(gemm_panel) * q)
{
    q->next = worth ? next : q->packed;
    q->next_step = worth ? step : 0;
}

/* A block of rows over one block of k; first: it is the first of the call. */
static void ISA(gemm_block)(const mbni_matmul *p, ISA(gemm_panel) * q, int64_t k_begin, int64_t row_begin,
                            int64_t row_end, int64_t col_begin, int64_t col_end, int first, float *moments)
{
    q->k_count = p->k - k_begin < KC ? p->k - k_begin : KC;
    q->add = p->accumulate || k_begin > 0;
    const int last = k_begin + KC >= p->k;
    /* The first tiles of a panel fetch the panel that is packed next, a line of its rows each. In a gradient
     * of few weights that is the next block's, since the panels stay, and the other tiles of the first panel
     * fetch the next block's a. */
    const int near = p->trans_a && row_end - row_begin + col_end - col_begin <= NEAR;
    for (int64_t col = col_begin; col < col_end; col += NR) {
        q->cols = col_end - col < NR ? col_end - col : NR;
        if (p->trans_b)
            ISA(pack_transposed)(p, k_begin, col, q);
        else
            ISA(pack)(p, k_begin, col, q);
        ISA(panel_begin)(p, last, col, moments, !first, q);
        const float *next = near || col + NR >= col_end
                                ? p->b + (k_begin + KC) * p->ldb + (near ? col : col_begin)
                                : p->b + k_begin * p->ldb + col + NR;
        for (int64_t row = row_begin, rows; row < row_end; row += rows) {
            float *c = p->c + row * p->ldc + col;
            rows = ISA(tile_rows)(row_end - row);
            const float *a = p->trans_a ? p->a + k_begin * p->lda + row : p->a + row * p->lda + k_begin;
            const int64_t line = (row - row_begin) / MR * 16;
            if (near && col == col_begin && line >= NR)
                ISA(look_ahead)(1, a + KC * p->lda, p->lda, q);
            else
                ISA(look_ahead)(line < NR && !p->trans_b, next + line, p->ldb, q);
            if (p->trans_a)
                ISA(tile_transposed)(rows, q, a, p->lda, c);
            else
                ISA(tile_plain)(rows, q, a, p->lda, c);
        }
        if (q->moments)
            ISA(panel_end)(q, p->n, first, moments + col);
    }
}

void ISA(gemm)(const mbni_matmul *p, int64_t row_begin, int64_t row_end, int64_t col_begin, int64_t col_end,
               float *moments)
{
    if (row_begin >= row_end || col_begin >= col_end)
        return;
    ISA(gemm_panel) panel;
    panel.ldc = p->ldc;
    /* As many rows of a as make a block of k full size, and no block much smaller than the others. */
    const int64_t wanted = p->k <= KC / 4 ? ROWS * 4 : p->k <= KC / 2 ? ROWS * 2 : ROWS;
    const int64_t rows = row_end - row_begin, blocks = rows < wanted ? 1 : (rows + wanted / 2) / wanted;
    const int64_t step = (rows + blocks * MR - 1) / (blocks * MR) * MR;
    for (int64_t row = row_begin; row < row_end; row += step) {
        const int64_t end = row_end - row < step ? row_end : row + step;
        int64_t k = 0;
        do { /* also once where k is 0 */
            ISA(gemm_block)(p, &panel, k, row, end, col_begin, col_end, row == row_begin, moments);
            k += KC;
        } while (k < p->k);
    }
}

#include "kernels/vector/tile_end.h"
#undef KC
#undef AHEAD
#undef LOOK_AHEAD
#undef GROUP
#undef NEAR
#undef ROWS
#endif
