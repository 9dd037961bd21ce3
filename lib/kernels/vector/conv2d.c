/* Convolution of few input channels straight from the picture: the first layer of a network. No columns in
 * memory: channels last, the taps of one kernel row are kernel_w * channels consecutive floats, so that some
 * pixels of an output row times some filters are a small product whose rows lie in the picture as they are.
 * Its sums stay in registers over the whole kernel. Tiles that the left or right border cuts take what they
 * read, with zeros, from a copy; kernel rows above or below the picture are left out. */
#define MBNI_THIS_FILE "kernels/vector/conv2d.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA

/* Tiles: T(pixels, vectors of filters). The largest of each width fill the registers; the others are for
 * output rows that they divide better. */
/* clang-format off */
#if VW == 16
#define MAX_PIXELS 14
#define MAX_VECTORS 2
#define TILES(T) \
    T(14, 2) T(12, 2) T(10, 2) T(8, 2) T(4, 2) T(2, 2) T(1, 2) \
    T(14, 1) T(12, 1) T(10, 1) T(8, 1) T(4, 1) T(2, 1) T(1, 1)
#elif VREGS == 32
#define MAX_PIXELS 12
#define MAX_VECTORS 4
#define TILES(T) \
    T(6, 4) T(5, 4) T(4, 4) T(2, 4) T(1, 4) \
    T(12, 2) T(8, 2) T(4, 2) T(2, 2) T(1, 2) \
    T(12, 1) T(8, 1) T(4, 1) T(2, 1) T(1, 1)
#elif VW == 8
#define MAX_PIXELS 12
#define MAX_VECTORS 4
#define TILES(T) \
    T(3, 4) T(2, 4) T(1, 4) \
    T(6, 2) T(4, 2) T(2, 2) T(1, 2) \
    T(12, 1) T(8, 1) T(4, 1) T(2, 1) T(1, 1)
#else
#define MAX_PIXELS 8
#define MAX_VECTORS 2
#define TILES(T) \
    T(6, 2) T(4, 2) T(2, 2) T(1, 2) \
    T(8, 1) T(4, 1) T(2, 1) T(1, 1)
#endif
/* clang-format on */

typedef struct ISA(conv_work) {
    int64_t kernel_rows, line; /* kernel rows inside the picture, and numbers of each */
    const float *x;            /* what the tile's first pixel and kernel row read */
    int64_t row_stride, step;  /* from one kernel row, one pixel, to the next */
    const float *panel;        /* [kernel_rows][line][vectors * VW] */
    const float *epilogue;     /* [4][vectors * VW]: scale, shift, low, high; or NULL */
    float *y;
    int64_t filters, last; /* from one pixel of y to the next; lanes of the last vector */
} ISA(conv_work);

V_OP void ISA(conv_tile)(const int pixels, const int vectors, const ISA(conv_work) * t)
{
    vf sum[MAX_PIXELS][MAX_VECTORS];
    V_EACH (i, pixels)
        V_EACH (j, vectors)
            sum[i][j] = v_zero();
    const int64_t step = t->step;
    const float *panel = t->panel;
    for (int64_t r = 0; r < t->kernel_rows; r++) {
        const float *x = t->x + r * t->row_stride, *end = x + t->line;
        for (; x < end; x++, panel += vectors * VW) {
            vf weights[MAX_VECTORS];
            V_EACH (j, vectors)
                weights[j] = v_load(panel + j * VW);
            V_EACH (i, pixels) {
                const vf pixel = v_set(x[i * step]);
                V_EACH (j, vectors)
                    sum[i][j] = v_fma(pixel, weights[j], sum[i][j]);
            }
        }
    }
    if (t->epilogue)
        V_EACH (j, vectors) {
            const float *e = t->epilogue + j * VW;
            const vf scale = v_load(e), shift = v_load(e + vectors * VW);
            const vf low = v_load(e + 2 * vectors * VW), high = v_load(e + 3 * vectors * VW);
            V_EACH (i, pixels) /* NaN is the second operand, and stays */
                sum[i][j] = v_min(high, v_max(low, v_fma(sum[i][j], scale, shift)));
        }
    float *y = t->y;
    V_UNROLLED
    for (int i = 0; i < pixels; i++, y += t->filters) {
        V_UNROLLED
        for (int j = 0; j + 1 < vectors; j++)
            v_store(y + j * VW, sum[i][j]);
        if (t->last == VW)
            v_store(y + (vectors - 1) * VW, sum[i][vectors - 1]);
        else
            v_store_n(y + (vectors - 1) * VW, t->last, sum[i][vectors - 1]);
    }
}

#define T(pixels, vectors)                                                       \
    static void ISA(conv_tile_##pixels##_##vectors)(const ISA(conv_work) * work) \
    {                                                                            \
        ISA(conv_tile)(pixels, vectors, work);                                   \
    }
TILES(T)
#undef T

typedef struct ISA(conv_size) {
    int64_t pixels, vectors;
    void (*run)(const ISA(conv_work) * work);
} ISA(conv_size);

#define T(pixels, vectors) {pixels, vectors, ISA(conv_tile_##pixels##_##vectors)},
static const ISA(conv_size) ISA(conv_sizes)[] = {TILES(T)};
#undef T

/* The tile for rows of `pixels`: as wide as there are vectors of filters, then the one that computes least;
 * a tile of few sums waits for its own results. */
static const ISA(conv_size) * ISA(conv_choose)(int64_t pixels, int64_t vectors)
{
    enum { LATENCY = 8, OVERHEAD = 1, COUNT = sizeof ISA(conv_sizes) / sizeof *ISA(conv_sizes) };
    const ISA(conv_size) *best = NULL;
    int64_t best_cost = 0;
    for (int i = 0; i < COUNT; i++) {
        const ISA(conv_size) *size = &ISA(conv_sizes)[i];
        if (size->vectors > vectors || size->pixels > pixels)
            continue;
        if (best && size->vectors < best->vectors)
            break;
        const int64_t sums = size->pixels * size->vectors, tiles = (pixels + size->pixels - 1) / size->pixels;
        const int64_t cost = tiles * ((sums > LATENCY ? sums : LATENCY) + OVERHEAD);
        if (!best || cost < best_cost) {
            best = size;
            best_cost = cost;
        }
    }
    return best;
}

/* `count` pixels from column iw on of a row of the picture, zeros where there is none. */
static void ISA(conv_copy)(const float *row, int64_t in_w, int64_t channels, int64_t iw, int64_t count,
                           float *to)
{
    const int64_t begin = iw < 0 ? (-iw < count ? -iw : count) : 0;
    const int64_t inside = in_w - iw < count ? in_w - iw : count, end = inside > begin ? inside : begin;
    memset(to, 0, (size_t)(begin * channels) * sizeof *to);
    memcpy(to + begin * channels, row + (iw + begin) * channels,
           (size_t)((end - begin) * channels) * sizeof *to);
    memset(to + end * channels, 0, (size_t)((count - end) * channels) * sizeof *to);
}

/* Points `t` at the windows of `pixels` outputs from column iw of the picture's rows x on; in `patch` where
 * they leave the picture. */
static void ISA(conv_source)(const mbni_window *w, int64_t pixels, const float *x, int64_t iw, float *patch,
                             ISA(conv_work) * t)
{
    const int64_t stride = w->stride_w, channels = w->channels;
    t->x = x + iw * channels;
    t->row_stride = w->in_w * channels;
    t->step = stride * channels;
    if (iw >= 0 && iw + (pixels - 1) * stride + w->kernel_w <= w->in_w)
        return;
    /* One piece where windows overlap, else one for each pixel. */
    const int64_t pieces = stride < w->kernel_w ? 1 : pixels;
    const int64_t width = pieces == 1 ? (pixels - 1) * stride + w->kernel_w : w->kernel_w;
    const float *row = x;
    float *to = patch;
    for (int64_t r = 0; r < t->kernel_rows; r++, row += w->in_w * channels)
        for (int64_t i = 0; i < pieces; i++, to += width * channels)
            ISA(conv_copy)(row, w->in_w, channels, iw + i * stride, width, to);
    t->x = patch;
    t->row_stride = pieces * width * channels;
    if (pieces > 1)
        t->step = width * channels;
}

/* One row of outputs, y at its first pixel. The last tile begins early enough to be whole: what it computes
 * again is the same. */
static void ISA(conv_row)(const mbni_window *w, const ISA(conv_size) * size, const ISA(conv_work) * work,
                          const float *x, int64_t oh, float *y)
{
    _Alignas(64) float patch[MAX_PIXELS * MBNI_CONV2D_VOLUME];
    ISA(conv_work) t = *work;
    const int64_t ih = oh * w->stride_h - w->pad_top, first = ih < 0 ? -ih : 0;
    const int64_t end = w->in_h - ih < w->kernel_h ? w->in_h - ih : w->kernel_h;
    t.kernel_rows = end > first ? end - first : 0;
    if (t.kernel_rows > 0) {
        x += (ih + first) * w->in_w * w->channels;
        t.panel += first * t.line * size->vectors * VW;
    }
    for (int64_t next = 0; next < w->out_w; next += size->pixels) {
        const int64_t ow = next + size->pixels <= w->out_w ? next : w->out_w - size->pixels;
        t.y = y + ow * t.filters;
        ISA(conv_source)(w, size->pixels, x, ow * w->stride_w - w->pad_left, patch, &t);
        size->run(&t);
    }
}

V_OP vf ISA(conv_lanes)(const float *p, const int whole, int64_t n)
{
    return whole ? v_load(p) : v_load_n(p, n);
}

/* Adds a row of outputs to the moments of `vectors` vectors of filters, or of one with n lanes: a sum of its
 * own for each row, so that errors grow with the length of a row and the number of rows, not their product.
 */
V_OP void ISA(conv_moments_block)(const int vectors, const int whole, int64_t n, int64_t pixels,
                                  int64_t filters, const float *y, float *moments)
{
    vf origin[4], sum[4], squares[4];
    V_EACH (j, vectors) {
        origin[j] = ISA(conv_lanes)(moments + j * VW, whole, n);
        sum[j] = squares[j] = v_zero();
    }
    for (int64_t i = 0; i < pixels; i++, y += filters)
        V_EACH (j, vectors) {
            const vf d = ISA(conv_lanes)(y + j * VW, whole, n) - origin[j];
            sum[j] = sum[j] + d;
            squares[j] = v_fma(d, d, squares[j]);
        }
    V_EACH (j, vectors) {
        float *to = moments + filters + j * VW;
        sum[j] = sum[j] + ISA(conv_lanes)(to, whole, n);
        squares[j] = squares[j] + ISA(conv_lanes)(to + filters, whole, n);
        if (whole) {
            v_store(to, sum[j]);
            v_store(to + filters, squares[j]);
        } else {
            v_store_n(to, n, sum[j]);
            v_store_n(to + filters, n, squares[j]);
        }
    }
}

/* y and moments at the first of `count` filters. */
static void ISA(conv_moments)(int64_t count, int64_t pixels, int64_t filters, int first, const float *y,
                              float *moments)
{
    for (int64_t f = 0; f < count && first; f++) {
        moments[f] = y[f];
        moments[filters + f] = moments[2 * filters + f] = 0;
    }
    int64_t f = 0;
    for (; f + 4 * VW <= count; f += 4 * VW)
        ISA(conv_moments_block)(4, 1, VW, pixels, filters, y + f, moments + f);
    for (; f + VW <= count; f += VW)
        ISA(conv_moments_block)(1, 1, VW, pixels, filters, y + f, moments + f);
    if (f < count)
        ISA(conv_moments_block)(1, 0, count - f, pixels, filters, y + f, moments + f);
}

/* Columns [f, f + count) of the kernel, padded to `width`. */
static void ISA(conv_pack)(int64_t volume, int64_t filters, int64_t count, int64_t width, const float *kernel,
                           float *panel)
{
    for (int64_t k = 0; k < volume; k++, kernel += filters, panel += width)
        for (int64_t i = 0; i < width; i++)
            panel[i] = i < count ? kernel[i] : 0;
}

/* The epilogue of filters [f, f + count) as four rows of `width`, whatever of it is there. */
static void ISA(conv_finish)(const mbni_epilogue *e, int64_t f, int64_t count, int64_t width, float *rows)
{
    for (int64_t i = 0; i < width; i++) {
        rows[i] = e->scale && i < count ? e->scale[f + i] : 1;
        rows[width + i] = e->shift && i < count ? e->shift[f + i] : 0;
        rows[2 * width + i] = e->low;
        rows[3 * width + i] = e->high;
    }
}

void ISA(conv2d)(const mbni_window *w, int64_t filters, int64_t pictures, const float *x, const float *kernel,
                 const mbni_epilogue *epilogue, float *y, int64_t row_begin, int64_t row_end, float *moments)
{
    _Alignas(64) float panel[MBNI_CONV2D_VOLUME * MAX_VECTORS * VW];
    _Alignas(64) float finish[4 * MAX_VECTORS * VW];
    const int64_t line = w->kernel_w * w->channels, out_row = w->out_w * filters;
    int64_t count;
    x -= w->x_row * w->in_w * w->channels;
    y -= w->y_row * out_row;
    for (int64_t f = 0; f < filters && w->out_w > 0; f += count) {
        const ISA(conv_size) *size = ISA(conv_choose)(w->out_w, (filters - f + VW - 1) / VW);
        const int64_t width = size->vectors * VW;
        count = filters - f < width ? filters - f : width;
        ISA(conv_pack)(w->kernel_h * line, filters, count, width, kernel + f, panel);
        if (epilogue)
            ISA(conv_finish)(epilogue, f, count, width, finish);
        const ISA(conv_work) work = {.line = line,
                                     .panel = panel,
                                     .epilogue = epilogue ? finish : NULL,
                                     .filters = filters,
                                     .last = count - (size->vectors - 1) * VW};
        for (int64_t i = 0; i < pictures; i++)
            for (int64_t oh = row_begin; oh < row_end; oh++) {
                float *to = y + (i * w->out_h + oh) * out_row + f;
                ISA(conv_row)(w, size, &work, x + i * w->in_h * w->in_w * w->channels, oh, to);
                if (moments)
                    ISA(conv_moments)(count, w->out_w, filters, i == 0 && oh == row_begin, to, moments + f);
            }
    }
}

#undef MAX_PIXELS
#undef MAX_VECTORS
#undef TILES
#endif
