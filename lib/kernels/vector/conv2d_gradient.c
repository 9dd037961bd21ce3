/* The kernel gradient of the convolution of few input channels (see conv2d.c), straight from picture and
 * d_y: for one kernel row and some output rows, a block of [taps][filters] sums stays in registers while the
 * pixels pass; then it is added to d_kernel. Rows that the left or right border cuts are copied with zeros
 * first, once for all blocks. */
#define MBNI_THIS_FILE "kernels/vector/conv2d_gradient.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA

/* A chunk: output pixels between two additions to d_kernel, so that a sum in a register has at most so many
 * terms; their d_y stays in L1 for all taps. Copied rows take at most COPY floats, which holds a few pixels
 * of any kernel. */
#define CHUNK 128
#define CHUNK_ROWS 16
#define COPY 2048

/* Blocks: T(taps, vectors of filters). */
/* clang-format off */
#if VW == 16
#define MAX_TAPS 14
#define MAX_VECTORS 2
#define BLOCKS(T) \
    T(14, 2) T(12, 2) T(9, 2) T(7, 2) T(5, 2) T(4, 2) T(3, 2) T(2, 2) T(1, 2) \
    T(14, 1) T(12, 1) T(9, 1) T(7, 1) T(5, 1) T(4, 1) T(3, 1) T(2, 1) T(1, 1)
#elif VREGS == 32
#define MAX_TAPS 12
#define MAX_VECTORS 4
#define BLOCKS(T) \
    T(6, 4) T(5, 4) T(4, 4) T(3, 4) T(2, 4) T(1, 4) \
    T(12, 2) T(9, 2) T(6, 2) T(4, 2) T(3, 2) T(2, 2) T(1, 2) \
    T(12, 1) T(9, 1) T(6, 1) T(4, 1) T(3, 1) T(2, 1) T(1, 1)
#elif VW == 8
#define MAX_TAPS 12
#define MAX_VECTORS 4
#define BLOCKS(T) \
    T(3, 4) T(2, 4) T(1, 4) \
    T(6, 2) T(5, 2) T(4, 2) T(3, 2) T(2, 2) T(1, 2) \
    T(12, 1) T(9, 1) T(7, 1) T(5, 1) T(4, 1) T(3, 1) T(2, 1) T(1, 1)
#else
#define MAX_TAPS 9
#define MAX_VECTORS 2
#define BLOCKS(T) \
    T(5, 2) T(4, 2) T(3, 2) T(2, 2) T(1, 2) \
    T(9, 1) T(7, 1) T(5, 1) T(4, 1) T(3, 1) T(2, 1) T(1, 1)
#endif
/* clang-format on */

typedef struct ISA(conv_block) {
    int64_t rows, cols;         /* output pixels of the chunk */
    const float *x[CHUNK_ROWS]; /* what the first pixel of each row reads; NULL: outside the picture */
    const float *d_y;
    int64_t step, d_step, d_row; /* from pixel to pixel of x and of d_y; from row to row of d_y */
    float *d_kernel;
    int64_t filters;    /* from tap to tap of d_kernel */
    int64_t skip, last; /* taps that another block adds; lanes of the last vector */
} ISA(conv_block);

/* The taps [tap, tap + taps) of a kernel row. */
V_OP void ISA(conv_gradient)(const int taps, const int vectors, int64_t tap, const ISA(conv_block) * t)
{
    vf sum[MAX_TAPS][MAX_VECTORS];
    V_EACH (i, taps)
        V_EACH (j, vectors)
            sum[i][j] = v_zero();
    const int64_t step = t->step, d_step = t->d_step;
    for (int64_t r = 0; r < t->rows; r++) {
        if (!t->x[r])
            continue;
        const float *x = t->x[r] + tap, *d_y = t->d_y + r * t->d_row;
        for (int64_t c = 0; c < t->cols; c++, x += step, d_y += d_step) {
            vf d[MAX_VECTORS];
            V_EACH (j, vectors)
                d[j] = v_load(d_y + j * VW);
            V_EACH (i, taps) {
                const vf pixel = v_set(x[i]);
                V_EACH (j, vectors)
                    sum[i][j] = v_fma(pixel, d[j], sum[i][j]);
            }
        }
    }
    float *to = t->d_kernel + tap * t->filters;
    V_UNROLLED
    for (int i = 0; i < taps; i++, to += t->filters) {
        if (i < t->skip)
            continue;
        if (t->last < VW) {
            v_store_n(to, t->last, v_load_n(to, t->last) + sum[i][0]);
            continue;
        }
        V_EACH (j, vectors)
            v_store(to + j * VW, v_load(to + j * VW) + sum[i][j]);
    }
}

#define T(taps, vectors)                                                                          \
    static void ISA(conv_gradient_##taps##_##vectors)(int64_t tap, const ISA(conv_block) * block) \
    {                                                                                             \
        ISA(conv_gradient)(taps, vectors, tap, block);                                            \
    }
BLOCKS(T)
#undef T

typedef struct ISA(conv_block_size) {
    int64_t taps, vectors;
    void (*run)(int64_t tap, const ISA(conv_block) * block);
} ISA(conv_block_size);

#define T(taps, vectors) {taps, vectors, ISA(conv_gradient_##taps##_##vectors)},
static const ISA(conv_block_size) ISA(conv_block_sizes)[] = {BLOCKS(T)};
#undef T

/* The block for kernel rows of `taps`: as wide as there are vectors of filters, then the one that computes
 * least; a block of few sums waits for its own results. */
static const ISA(conv_block_size) * ISA(conv_block_choose)(int64_t taps, int64_t vectors)
{
    enum { LATENCY = 8, OVERHEAD = 1, COUNT = sizeof ISA(conv_block_sizes) / sizeof *ISA(conv_block_sizes) };
    const ISA(conv_block_size) *best = NULL;
    int64_t best_cost = 0;
    for (int i = 0; i < COUNT; i++) {
        const ISA(conv_block_size) *size = &ISA(conv_block_sizes)[i];
        if (size->vectors > vectors || size->taps > taps)
            continue;
        if (best && size->vectors < best->vectors)
            break;
        const int64_t sums = size->taps * size->vectors, blocks = (taps + size->taps - 1) / size->taps;
        const int64_t cost = blocks * ((sums > LATENCY ? sums : LATENCY) + OVERHEAD);
        if (!best || cost < best_cost) {
            best = size;
            best_cost = cost;
        }
    }
    return best;
}

/* One kernel row with all filters; d_kernel at its first tap. tail: d_y of the filters that fill no vector,
 * padded to one. */
static void ISA(conv_gradient_line)(int64_t line, ISA(conv_block) * t, const float *tail, float *d_kernel)
{
    const float *d_y = t->d_y;
    const int64_t d_step = t->d_step, d_row = t->d_row;
    int64_t f = 0;
    while (f < t->filters) {
        const int64_t left = t->filters - f;
        const ISA(conv_block_size) *size = ISA(conv_block_choose)(line, left < VW ? 1 : left / VW);
        t->d_kernel = d_kernel + f;
        t->last = left < VW ? left : VW;
        t->d_y = d_y + f;
        if (left < VW) {
            t->d_y = tail;
            t->d_step = VW;
            t->d_row = t->cols * VW;
        }
        for (int64_t next = 0; next < line; next += size->taps) {
            const int64_t tap = next + size->taps <= line ? next : line - size->taps;
            t->skip = next - tap;
            size->run(tap, t);
        }
        f += left < VW ? left : size->vectors * VW;
    }
    t->d_y = d_y;
    t->d_step = d_step;
    t->d_row = d_row;
}

/* `count` pixels from column iw on of a row of the picture, zeros where there is none. */
static void ISA(conv_gradient_copy)(const float *row, int64_t in_w, int64_t channels, int64_t iw,
                                    int64_t count, float *to)
{
    const int64_t begin = iw < 0 ? (-iw < count ? -iw : count) : 0;
    const int64_t inside = in_w - iw < count ? in_w - iw : count, end = inside > begin ? inside : begin;
    memset(to, 0, (size_t)(begin * channels) * sizeof *to);
    memcpy(to + begin * channels, row + (iw + begin) * channels,
           (size_t)((end - begin) * channels) * sizeof *to);
    memset(to + end * channels, 0, (size_t)((count - end) * channels) * sizeof *to);
}

/* Points the rows of `t` at what output row oh and those after it, from column ow on, read through kernel row
 * kh; in `copy` where that leaves the picture at a side. Returns whether any row is inside. */
static int ISA(conv_gradient_source)(const mbni_window *w, const float *x, int64_t oh, int64_t ow, int64_t kh,
                                     float *copy, ISA(conv_block) * t)
{
    const int64_t stride = w->stride_w, channels = w->channels, iw = ow * stride - w->pad_left;
    const int inside = iw >= 0 && iw + (t->cols - 1) * stride + w->kernel_w <= w->in_w;
    /* One piece where windows overlap, else one for each pixel. */
    const int64_t pieces = stride < w->kernel_w ? 1 : t->cols;
    const int64_t width = pieces == 1 ? (t->cols - 1) * stride + w->kernel_w : w->kernel_w;
    int any = 0;
    t->step = inside || pieces == 1 ? stride * channels : width * channels;
    for (int64_t r = 0; r < t->rows; r++) {
        const int64_t ih = (oh + r) * w->stride_h - w->pad_top + kh;
        t->x[r] = NULL;
        if (ih < 0 || ih >= w->in_h)
            continue;
        const float *row = x + ih * w->in_w * channels;
        any = 1;
        t->x[r] = inside ? row + iw * channels : copy;
        for (int64_t i = 0; i < pieces && !inside; i++, copy += width * channels)
            ISA(conv_gradient_copy)(row, w->in_w, channels, iw + i * stride, width, copy);
    }
    return any;
}

/* The filters of a chunk that fill no vector, [rows * cols][VW]. */
static void ISA(conv_gradient_tail)(const ISA(conv_block) * t, float *tail)
{
    const int64_t n = t->filters % VW;
    for (int64_t r = 0; r < t->rows && n; r++)
        for (int64_t c = 0; c < t->cols; c++, tail += VW)
            v_store(tail, v_load_n(t->d_y + r * t->d_row + c * t->d_step + t->filters - n, n));
}

static void ISA(conv_gradient_picture)(const mbni_window *w, int64_t filters, int64_t cols, int64_t rows,
                                       const float *x, const float *d_y, float *d_kernel)
{
    _Alignas(64) float copy[COPY], tail[CHUNK * VW];
    const int64_t line = w->kernel_w * w->channels;
    for (int64_t oh = 0; oh < w->out_h; oh += rows)
        for (int64_t ow = 0; ow < w->out_w; ow += cols) {
            ISA(conv_block)
            t = {.rows = w->out_h - oh < rows ? w->out_h - oh : rows,
                 .cols = w->out_w - ow < cols ? w->out_w - ow : cols,
                 .d_y = d_y + (oh * w->out_w + ow) * filters,
                 .d_step = filters,
                 .d_row = w->out_w * filters,
                 .filters = filters};
            ISA(conv_gradient_tail)(&t, tail);
            for (int64_t kh = 0; kh < w->kernel_h; kh++)
                if (ISA(conv_gradient_source)(w, x, oh, ow, kh, copy, &t))
                    ISA(conv_gradient_line)(line, &t, tail, d_kernel + kh * line * filters);
        }
}

void ISA(conv2d_kernel_gradient)(const mbni_window *w, int64_t filters, int64_t pictures, const float *x,
                                 const float *d_y, float *d_kernel)
{
    if (w->out_h <= 0 || w->out_w <= 0)
        return;
    /* A chunk: as many columns as a copy can hold, then rows. */
    const int64_t line = w->kernel_w * w->channels;
    const int64_t step = (w->stride_w < w->kernel_w ? w->stride_w : w->kernel_w) * w->channels;
    int64_t cols = (COPY - line) / step + 1;
    cols = cols > CHUNK ? CHUNK : cols;
    cols = cols > w->out_w ? w->out_w : cols;
    int64_t rows = COPY / ((cols - 1) * step + line);
    rows = rows > CHUNK / cols ? CHUNK / cols : rows;
    rows = rows > CHUNK_ROWS ? CHUNK_ROWS : rows;
    for (int64_t i = 0; i < pictures; i++)
        ISA(conv_gradient_picture)
    (w, filters, cols, rows, x + i * w->in_h * w->in_w * w->channels, d_y + i * w->out_h * w->out_w * filters,
     d_kernel);
}

#undef CHUNK
#undef CHUNK_ROWS
#undef COPY
#undef MAX_TAPS
#undef MAX_VECTORS
#undef BLOCKS
#endif
