/* Runs one operation of a program on some rows of its output. */
#include <math.h>
#include <string.h>
#include "predict/program.h"

static int64_t clamp(int64_t value, int64_t high)
{
    return value < 0 ? 0 : value > high ? high : value;
}

void mbni_op_rows_read(const mbni_op *op, int64_t from, int64_t to, int64_t *begin, int64_t *end)
{
    const mbni_window *w = &op->window;
    int64_t first = from, last = to;
    switch (op->kind) {
    case MBNI_OP_DIRECT:
    case MBNI_OP_COLUMNS:
    case MBNI_OP_DEPTHWISE:
    case MBNI_OP_AVERAGE:
        first = from * w->stride_h - w->pad_top;
        last = (to - 1) * w->stride_h - w->pad_top + w->kernel_h;
        break;
    case MBNI_OP_PAD:
        first = from - w->pad_top;
        last = to - w->pad_top;
        break;
    case MBNI_OP_GLOBAL_AVERAGE:
    case MBNI_OP_GLOBAL_MAX:
    case MBNI_OP_TRANSPOSE:
        first = 0;
        last = op->in.h;
        break;
    case MBNI_OP_CONVERT:
    case MBNI_OP_PRODUCT:
    case MBNI_OP_AFFINE:
    case MBNI_OP_SOFTMAX:
        break;
    }
    *begin = clamp(first, op->in.h);
    *end = clamp(last, op->in.h);
    if (*end < *begin) /* all of them in the padding */
        *end = *begin;
}

/* The window for rows [from, to): x and y begin with the first that are read and written. */
static mbni_window window_of_rows(const mbni_op *op, int64_t from, int64_t to)
{
    mbni_window w = op->window;
    int64_t end;
    mbni_op_rows_read(op, from, to, &w.x_row, &end);
    w.y_row = from;
    return w;
}

/* Planes of channels to pixels, the numbers from the same kernel as channels last. */
static void convert_planes(const mbni_op *op, const mbni_bench *b, int64_t from, int64_t to, float *y)
{
    const mbni_pictures *p = b->pictures;
    const int64_t plane = op->in.h * op->in.w, channels = op->in.c, first = from * op->in.w;
    const int64_t count = (to - from) * op->in.w;
    float piece[256];
    enum { LENGTH = sizeof piece / sizeof *piece };
    for (int64_t c = 0; c < channels; c++)
        for (int64_t at = 0; at < count; at += LENGTH) {
            const int64_t n = count - at < LENGTH ? count - at : LENGTH;
            const int64_t source = (b->picture * channels + c) * plane + first + at;
            const float *numbers = (const float *)p->data + source;
            if (p->type == MBN_U8) {
                b->kernels->convert_u8(n, (const uint8_t *)p->data + source, p->scale, p->offset, piece);
                numbers = piece;
            }
            for (int64_t i = 0; i < n; i++)
                y[(at + i) * channels + c] = numbers[i];
        }
}

static void convert(const mbni_op *op, const mbni_bench *b, int64_t from, int64_t to, float *y)
{
    const mbni_pictures *p = b->pictures;
    if (p->planes) {
        convert_planes(op, b, from, to, y);
        return;
    }
    const int64_t row = op->in.w * op->in.c, first = (b->picture * op->in.h + from) * row;
    b->kernels->convert_u8((to - from) * row, (const uint8_t *)p->data + first, p->scale, p->offset, y);
}

static void multiply(const mbni_packed *packed, const mbni_bench *b, int64_t pixels, const float *x, float *y,
                     int64_t begin, int64_t end)
{
    const int64_t k = packed->k, n = packed->n;
    if (b->precision == MBN_PRECISION_BF16)
        b->kernels->pointwise_bf16(packed, pixels, x, k, y, n, begin, end, b->scratch);
    else
        b->kernels->pointwise(packed, pixels, x, k, y, n, begin, end);
}

/* A row at a time, which bounds the columns. */
static void convolve_by_columns(const mbni_op *op, const mbni_bench *b, const float *x, float *y,
                                int64_t from, int64_t to)
{
    const mbni_window w = window_of_rows(op, from, to);
    for (int64_t row = from; row < to; row++, y += w.out_w * op->out.c) {
        b->kernels->im2col(&w, x, b->columns, row, row + 1);
        multiply(&op->packed, b, w.out_w, b->columns, y, 0, mbni_op_panels(op, b->kernels));
    }
}

static void pad(const mbni_op *op, const float *x, float *y, int64_t from, int64_t to)
{
    const int64_t in_row = op->in.w * op->in.c, out_row = op->out.w * op->out.c;
    const int64_t left = op->window.pad_left * op->in.c, right = out_row - in_row - left;
    for (int64_t row = from; row < to; row++, y += out_row) {
        const int64_t source = row - op->window.pad_top;
        if (source < 0 || source >= op->in.h) {
            memset(y, 0, (size_t)out_row * sizeof *y);
            continue;
        }
        memset(y, 0, (size_t)left * sizeof *y);
        memcpy(y + left, x, (size_t)in_row * sizeof *y);
        memset(y + left + in_row, 0, (size_t)right * sizeof *y);
        x += in_row;
    }
}

void mbni_op_run(const mbni_op *op, const mbni_bench *b, const float *x, float *y, int64_t from, int64_t to)
{
    const mbni_kernels *k = b->kernels;
    const mbni_epilogue epilogue = {.shift = op->shift, .low = op->low, .high = op->high};
    const int64_t pixels = (to - from) * op->out.w, channels = op->out.c;
    mbni_window w;
    switch (op->kind) {
    case MBNI_OP_CONVERT:
        convert(op, b, from, to, y);
        break;
    case MBNI_OP_DIRECT:
        w = window_of_rows(op, from, to);
        k->conv2d(&w, channels, 1, x, op->kernel_values, &epilogue, y, from, to, NULL);
        break;
    case MBNI_OP_COLUMNS:
        convolve_by_columns(op, b, x, y, from, to);
        break;
    case MBNI_OP_DEPTHWISE:
        w = window_of_rows(op, from, to);
        k->depthwise(&w, 1, x, op->kernel_values, &epilogue, y, from, to, NULL);
        break;
    case MBNI_OP_PRODUCT:
        multiply(&op->packed, b, pixels, x, y, 0, mbni_op_panels(op, k));
        break;
    case MBNI_OP_AFFINE:
        k->affine(pixels, channels, x, op->scale, op->shift, op->low, op->high, y);
        break;
    case MBNI_OP_PAD:
        pad(op, x, y, from, to);
        break;
    case MBNI_OP_AVERAGE:
        w = window_of_rows(op, from, to);
        k->average_pool(&w, x, y, from, to);
        break;
    case MBNI_OP_GLOBAL_AVERAGE:
        k->global_average(op->in.h * op->in.w, op->in.c, x, y);
        break;
    case MBNI_OP_GLOBAL_MAX:
        k->global_max(op->in.h * op->in.w, op->in.c, x, y);
        break;
    case MBNI_OP_SOFTMAX:
        k->softmax(pixels, channels, x, y);
        break;
    case MBNI_OP_TRANSPOSE:
        k->transpose(op->in.h * op->in.w, op->in.c, x, y);
        break;
    }
}

void mbni_op_run_panels(const mbni_op *op, const mbni_bench *b, int64_t pixels, const float *x, float *y,
                        int64_t begin, int64_t end)
{
    multiply(&op->packed, b, pixels, x, y, begin, end);
}

int64_t mbni_op_panels(const mbni_op *op, const mbni_kernels *kernels)
{
    const int64_t columns = kernels->panel_columns();
    return (op->packed.n + columns - 1) / columns;
}
