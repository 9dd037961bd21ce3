/* Product of a matrix with weights that were packed once: pointwise convolutions and classifiers of
 * inference. Panel by panel over some rows of a, which stay in the second cache; the panel goes through the
 * first. The sums of a tile begin with the shift and stay in registers over the whole of k, so an element's
 * bits depend on no cut. The first tile of a panel fetches the panel behind it. Single-threaded.
 *
 * With MBNI_PAIRS an element of a or of the weights is no float but the bits of one: a pair of bfloat16, of
 * two steps of k. Everything else is the same. A family reads this inside its section for one instruction
 * set, and pointwise_end.h at the end of it; no guard, see vector/isa.h. */
#include "kernels/vector/tile.h"

#ifdef MBNI_PAIRS
#define MULTIPLY_ADD v_dot
#else
#define MULTIPLY_ADD v_fma
#endif

/* Floats of a that are worked on while all panels pass, and the rows that are never cut further: fewer would
 * read the weights more often than they can come. One row goes through ROW_PANELS panels at a time. A pointer
 * serves GROUP rows of a. */
#define BLOCK_FLOATS (64 * 1024)
#define BLOCK_ROWS (48 / MR * MR)
#define ROW_PANELS 4
#define GROUP (MR > 8 ? 5 : MR)

/* One panel and the part of c that it gives. */
typedef struct ISA(weights_panel) {
    int64_t k, lda, ldc;
    const float *f32;     /* either */
    const uint16_t *bf16; /* or */
    const float *shift;
    int64_t columns; /* at most NR */
    float low, high;
} ISA(weights_panel);

/* sum[rows][NV] += a's element k of each row times a row of weights. */
V_OP void ISA(multiply)(const int rows, const float *a, int64_t lda, const vf *weights, vf sum[MR][NV])
{
    const float *a5 = a + GROUP * lda, *a10 = a5 + GROUP * lda;
    V_EACH (i, rows) {
        /* three pointers and few offsets: a register for each row would be too many */
        const float *row = i < GROUP ? a : i < 2 * GROUP ? a5 : a10;
        const vf x = v_set(row[i % GROUP * lda]);
        V_EACH (j, NV)
            sum[i][j] = MULTIPLY_ADD(x, weights[j], sum[i][j]);
    }
}

V_OP void ISA(multiply_f32)(const int rows, const int ahead, const ISA(weights_panel) * p, const float *a,
                            vf sum[MR][NV])
{
    const float *b = p->f32;
    const int64_t panel = p->k * NR;
    for (int64_t k = 0; k < p->k; k++, a++, b += NR) {
        vf weights[NV];
        if (ahead)
            V_EACH (j, NR / 16)
                __builtin_prefetch(b + panel + 16 * j, 0, 2);
        V_EACH (j, NV)
            weights[j] = v_load(b + j * VW);
        ISA(multiply)(rows, a, p->lda, weights, sum);
    }
}

V_OP void ISA(multiply_bf16)(const int rows, const int ahead, const ISA(weights_panel) * p, const float *a,
                             vf sum[MR][NV])
{
    const uint16_t *b = p->bf16;
    const int64_t panel = (p->k + 1) / 2 * 2 * NR;
    vf weights[NV];
    int64_t k = 0;
    for (; k + 2 <= p->k; k += 2, a += 2, b += 2 * NR) {
        if (ahead)
            V_EACH (j, NR / 16)
                __builtin_prefetch(b + panel + 32 * j, 0, 2);
        V_EACH (odd, 2) {
            V_EACH (j, NV)
                weights[j] = v_load_bf16(b + 2 * j * VW, odd);
            ISA(multiply)(rows, a + odd, p->lda, weights, sum);
        }
    }
    if (k < p->k) {
        V_EACH (j, NV)
            weights[j] = v_load_bf16(b + 2 * j * VW, 0);
        ISA(multiply)(rows, a, p->lda, weights, sum);
    }
}

/* The first columns of a tile to c. Apart, since each tile calls it and few calls of those come here. */
__attribute__((noinline)) static void ISA(store_columns)(int64_t rows, int64_t columns, const float *whole,
                                                         float *c, int64_t ldc)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(c + i * ldc, whole + i * NR, (size_t)columns * sizeof *c);
}

V_OP void ISA(weights_tile)(const int rows, const int bf16, const int ahead, const ISA(weights_panel) * p,
                            const float *a, float *c)
{
    vf sum[MR][NV];
    V_EACH (i, rows)
        V_EACH (j, NV)
            sum[i][j] = v_load(p->shift + j * VW);
    if (bf16)
        ISA(multiply_bf16)(rows, ahead, p, a, sum);
    else
        ISA(multiply_f32)(rows, ahead, p, a, sum);
    const vf low = v_set(p->low), high = v_set(p->high);
    float whole[MR * NR]; /* where c has not all columns of the panel */
    float *const to = p->columns == NR ? c : whole;
    const int64_t step = p->columns == NR ? p->ldc : NR;
    V_EACH (i, rows)
        V_EACH (j, NV) /* NaN is the second operand, and stays */
            v_store(to + i * step + j * VW, v_min(high, v_max(low, sum[i][j])));
    if (to == whole)
        ISA(store_columns)(rows, p->columns, whole, c, p->ldc);
}

/* Tiles of fewer rows than MR: those that maps of 7 x 7 and their multiples leave, and enough to make up any
 * number. */
#if VW == 4
#define HEIGHTS(T) T(3) T(1)
#elif MR == 6
#define HEIGHTS(T) T(5) T(4) T(3) T(2) T(1)
#elif MR == 8
#define HEIGHTS(T) T(6) T(4) T(2) T(1)
#else
#define HEIGHTS(T) T(10) T(7) T(4) T(2) T(1)
#endif

/* The height of the tile for the first of `left` rows. */
V_OP int64_t ISA(height)(int64_t left)
{
    const int64_t rows = ISA(tile_rows)(left);
#define T(n)         \
    if (rows >= (n)) \
        return n;
    T(MR)
    HEIGHTS(T)
#undef T
    return 0; /* no rows */
}

V_OP void ISA(tile_of_height)(int64_t height, const int bf16, const ISA(weights_panel) * p, const float *a,
                              float *c)
{
    switch (height) {
#define T(n)                                    \
    case n:                                     \
        ISA(weights_tile)(n, bf16, 0, p, a, c); \
        break;
        T(MR)
        HEIGHTS(T)
#undef T
    default: /* no rows */
        break;
    }
}

/* Vector j of row k of the panel that is q behind. */
V_OP vf ISA(weights_at)(const int bf16, const ISA(weights_panel) * p, int64_t q, int64_t k, int64_t j)
{
    if (!bf16)
        return v_load(p->f32 + (q * p->k + k) * NR + j * VW);
    const uint16_t *pairs = p->bf16 + ((q * ((p->k + 1) / 2) + k / 2) * NR + j * VW) * 2;
    return k & 1 ? v_load_bf16(pairs, 1) : v_load_bf16(pairs, 0);
}

/* One row over `count` panels that follow each other: sums enough to hide the time of a multiplication, which
 * those of one panel are not. */
V_OP void ISA(row_of_panels)(const int count, const int bf16, const ISA(weights_panel) * p, const float *a,
                             float *c)
{
    vf sum[ROW_PANELS][NV];
    V_EACH (q, count)
        V_EACH (j, NV)
            sum[q][j] = v_load(p->shift + q * NR + j * VW);
    for (int64_t k = 0; k < p->k; k++) {
        const vf x = v_set(a[k]);
        V_EACH (q, count)
            V_EACH (j, NV)
                sum[q][j] = MULTIPLY_ADD(x, ISA(weights_at)(bf16, p, q, k, j), sum[q][j]);
    }
    float whole[ROW_PANELS * NR];
    float *const to = p->columns == count * NR ? c : whole;
    V_EACH (q, count)
        V_EACH (j, NV)
            v_store(to + q * NR + j * VW, v_min(v_set(p->high), v_max(v_set(p->low), sum[q][j])));
    if (to == whole)
        ISA(store_columns)(1, p->columns, whole, c, p->ldc);
}

/* A panel over `rows` rows. */
V_OP void ISA(panel_rows)(const int bf16, const ISA(weights_panel) * p, int64_t rows, const float *a,
                          float *c)
{
    int64_t row = 0;
    if (rows >= MR + MR / 2 || rows == MR) {
        ISA(weights_tile)(MR, bf16, 1, p, a, c);
        row = MR;
    }
    for (int64_t height; row < rows; row += height) {
        height = ISA(height)(rows - row);
        ISA(tile_of_height)(height, bf16, p, a + row * p->lda, c + row * p->ldc);
    }
}

/* Rows that a block has about. */
V_OP int64_t ISA(block_height)(int64_t k)
{
    const int64_t block = BLOCK_FLOATS / (k > 0 ? k : 1) / MR * MR;
    return block < BLOCK_ROWS ? BLOCK_ROWS : block;
}

/* Rows that are worked on while all panels pass, of `rows`: at most three halves of a block, and what is
 * missing to a whole tile. */
V_OP int64_t ISA(block_rows)(int64_t k, int64_t rows)
{
    const int64_t block = ISA(block_height)(k);
    const int64_t blocks = rows < block ? 1 : (rows + block / 2) / block;
    return (rows + blocks * MR - 1) / (blocks * MR) * MR;
}

/* Panels [begin, end) over one block. */
V_OP void ISA(block_product)(const int bf16, const mbni_packed *b, int64_t rows, const float *a, int64_t lda,
                             float *c, int64_t ldc, int64_t begin, int64_t end)
{
    ISA(weights_panel) p = {.k = b->k, .lda = lda, .ldc = ldc, .low = b->low, .high = b->high};
    const int64_t pairs = (b->k + 1) / 2;
    const int together = rows == 1 ? ROW_PANELS : 1;
    for (int64_t panel = begin, count; panel < end; panel += count) {
        count = end - panel < together ? 1 : together;
        p.f32 = bf16 ? NULL : (const float *)b->panels + panel * b->k * NR;
        p.bf16 = bf16 ? (const uint16_t *)b->panels + panel * pairs * 2 * NR : NULL;
        p.shift = b->shift + panel * NR;
        p.columns = b->n - panel * NR < count * NR ? b->n - panel * NR : count * NR;
        if (count > 1)
            ISA(row_of_panels)(ROW_PANELS, bf16, &p, a, c + panel * NR);
        else
            ISA(panel_rows)(bf16, &p, rows, a, c + panel * NR);
    }
}
