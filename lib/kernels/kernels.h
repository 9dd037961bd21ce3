/* Arithmetic on plain pointers: contracts and tables of functions. Knows no tensor and no layer, allocates
 * nothing.
 *
 * Everything is f32, channels last, dense unless a stride says otherwise. Kernels are single-threaded and
 * work on the range they are given; layers cut work into ranges by shape. Pointers need the alignment of
 * their element only. Outputs do not overlap inputs unless said. NaN passes through. The error bounds are in
 * docs/numerics.md. */
#ifndef MBNI_KERNELS_H
#define MBNI_KERNELS_H

#include <stdint.h>
#include "core/context.h"

/* A sliding window over one picture [in_h, in_w, channels] -> [out_h, out_w, channels * multiplier].
 * Positions outside the picture read as zero. */
typedef struct mbni_window {
    int64_t in_h, in_w, channels;
    int64_t out_h, out_w;
    int64_t kernel_h, kernel_w;
    int64_t stride_h, stride_w;
    int64_t pad_top, pad_left;
    int64_t multiplier; /* depthwise only; else 1 */
    /* Rows of the input and of the output that x and y begin with: a call for some rows of one picture may
     * have no others. What is done to a row depends on no cut. */
    int64_t x_row, y_row;
} mbni_window;
/* Numbers that a kernel of the conv2d family covers at most; larger ones go by im2col and a product. */
enum { MBNI_CONV2D_VOLUME = 256 };

/* What is done to a sum before it is stored, in this order: times scale[c], plus shift[c], not below low, not
 * above high. scale is NULL or comes with shift; shift alone is a bias. No bound: -INFINITY, INFINITY; ReLU:
 * 0, INFINITY; ReLU6: 0, 6. NaN stays NaN. */
typedef struct mbni_epilogue {
    const float *scale, *shift; /* [c] each, or NULL */
    float low, high;
} mbni_epilogue;

/* c [m, n] = epilogue((c +) op(a) * op(b)). trans_a: a is [k, m] and read transposed; trans_b: b is [n, k].
 * lda, ldb, ldc: elements from row to row as stored. accumulate 0: c is overwritten, not read. Any k, also 0.
 */
typedef struct mbni_matmul {
    int trans_a, trans_b, accumulate;
    int64_t m, n, k;
    const float *a, *b;
    int64_t lda, ldb, ldc;
    float *c;
    const mbni_epilogue *epilogue; /* NULL: the sum as it is */
    float *partials; /* mbni_matmul_gradient_floats(m, n, k) of them for mbni_matmul_run, or NULL */
} mbni_matmul;

/* Weights [k, n] of a product, packed once for the kernels of one instruction set: panels of `panel_columns`
 * columns, each [k][columns], the last one filled up with zeros; in bfloat16, [k / 2, rounded
 * up][columns][2], two steps of k beside each other. Both begin at multiples of 64 bytes. */
typedef struct mbni_packed {
    int64_t n, k;
    const void *panels;
    const float *shift; /* one for each column of the panels: where sums begin */
    float low, high;    /* where they end, as in mbni_epilogue */
} mbni_packed;

/* Statistics of a matrix [rows, channels] by parts of its rows, which the kernel that computes it can leave
 * for the batch norm behind. Each part has three rows of `channels` floats: an origin (the part's first row),
 * the sum of x - origin and the sum of its squares. Sums about a sample lose no digits to a large mean. */
typedef struct mbni_moments {
    float *values; /* [parts][3][channels] */
    int64_t parts; /* 0: none were left; at most MBNI_MOMENT_PARTS */
    int64_t unit;  /* parts begin at multiples of so many rows */
} mbni_moments;
enum { MBNI_MOMENT_PARTS = 64 };

/* Where part i of `parts` begins in `count` items. */
static inline int64_t mbni_part_begin(int64_t count, int64_t parts, int64_t i)
{
    return count / parts * i + (count % parts) * i / parts;
}
/* The first row of part i of `moments` over `rows`. */
static inline int64_t mbni_moments_begin(const mbni_moments *moments, int64_t rows, int64_t i)
{
    const int64_t units = rows / moments->unit + (rows % moments->unit != 0);
    const int64_t row = moments->unit * mbni_part_begin(units, moments->parts, i);
    return row < rows ? row : rows;
}

typedef struct mbni_kernels {
    const char *name; /* "generic" */

    /* The rows [row_begin, row_end) and columns [col_begin, col_end) of a product. Each element's sum runs
     * over k in an order that depends on k alone, so that any cut into parts gives the same bits. moments:
     * NULL, or [3][n], of which the columns of this call are set from its rows, as stored. */
    void (*gemm)(const mbni_matmul *p, int64_t row_begin, int64_t row_end, int64_t col_begin, int64_t col_end,
                 float *moments);

    /* Columns of a panel of mbni_packed. */
    int64_t (*panel_columns)(void);
    /* c [rows, n] = a [rows, k] * b + shift, bounded; the columns of panels [begin, end). lda, ldc: elements
     * from row to row. An element's sum is one chain over k, whatever the cut. */
    void (*pointwise)(const mbni_packed *b, int64_t rows, const float *a, int64_t lda, float *c, int64_t ldc,
                      int64_t begin, int64_t end);
    /* The same of weights in bfloat16. Where pointwise_bf16_floats is not 0, a is rounded to bfloat16, too,
     * and scratch has so many floats, for any rows up to those; else it is not looked at. */
    void (*pointwise_bf16)(const mbni_packed *b, int64_t rows, const float *a, int64_t lda, float *c,
                           int64_t ldc, int64_t begin, int64_t end, float *scratch);
    int64_t (*pointwise_bf16_floats)(int64_t rows, int64_t k);

    /* columns [(row_end - row_begin) * out_w, kernel_h * kernel_w * channels] of output rows [row_begin,
     * row_end) */
    void (*im2col)(const mbni_window *w, const float *x, float *columns, int64_t row_begin, int64_t row_end);

    /* y [pictures, out_h, out_w, channels * multiplier], output rows [row_begin, row_end) of each picture;
     * kernel [kh, kw, channels, multiplier]. epilogue: NULL for none. moments: NULL, or [3][channels *
     * multiplier], over all that this call stores. */
    void (*depthwise)(const mbni_window *w, int64_t pictures, const float *x, const float *kernel,
                      const mbni_epilogue *epilogue, float *y, int64_t row_begin, int64_t row_end,
                      float *moments);

    /* y [pictures, out_h, out_w, filters], output rows [row_begin, row_end) of each picture, straight from
     * the pictures; kernel [kh, kw, channels, filters], kh * kw * channels at most MBNI_CONV2D_VOLUME.
     * Each element's sum runs over the kernel in its order, so that any cut gives the same bits. epilogue
     * and moments as in depthwise, [3][filters]. */
    void (*conv2d)(const mbni_window *w, int64_t filters, int64_t pictures, const float *x,
                   const float *kernel, const mbni_epilogue *epilogue, float *y, int64_t row_begin,
                   int64_t row_end, float *moments);

    /* y[r, c] = x[r, c] * scale[c] + shift[c], not below low, not above high; see mbni_epilogue for what may
     * be NULL or infinite. With neither scale nor shift only rows * channels counts. y may be x. */
    void (*affine)(int64_t rows, int64_t channels, const float *x, const float *scale, const float *shift,
                   float low, float high, float *y);
    /* y [out_h, out_w, channels] output rows [row_begin, row_end): mean over the part of the window inside
     * the picture */
    void (*average_pool)(const mbni_window *w, const float *x, float *y, int64_t row_begin, int64_t row_end);
    /* y[c] = mean, or max, over pixels of x[pixels, c] of one picture */
    void (*global_average)(int64_t pixels, int64_t channels, const float *x, float *y);
    void (*global_max)(int64_t pixels, int64_t channels, const float *x, float *y);
    /* rows of n, each softmax; y may be x. Subtracts the row's maximum first. */
    void (*softmax)(int64_t rows, int64_t n, const float *x, float *y);
    /* y = x * scale + offset for u8 */
    void (*convert_u8)(int64_t count, const uint8_t *x, float scale, float offset, float *y);
    /* y[j, i] = x[i, j], x [rows, columns]: channels first <-> last of one picture */
    void (*transpose)(int64_t rows, int64_t columns, const float *x, float *y);
} mbni_kernels;

/* What training needs besides. A program that only predicts links none of it. */
/* A batch norm with the statistics of a batch, and the ReLU behind it: y = x * scale + shift, not below low,
 * not above high. Each [channels]. */
typedef struct mbni_normalization {
    const float *mean, *inv_std, *scale, *shift;
    float low, high; /* as in mbni_epilogue */
} mbni_normalization;

typedef struct mbni_train_kernels {
    const char *name;

    /* d_x [in_h, in_w, channels] (+)= columns scattered back; d_x of the whole picture is overwritten.
     * columns are those of all output rows. */
    void (*col2im)(const mbni_window *w, const float *columns, float *d_x);
    /* d_x of `pictures` pictures, overwritten; d_y [pictures, out_h, out_w, channels * multiplier] */
    void (*depthwise_input_gradient)(const mbni_window *w, int64_t pictures, const float *d_y,
                                     const float *kernel, float *d_x);
    /* d_kernel [kh, kw, channels, multiplier] += the contribution of `pictures` pictures */
    void (*depthwise_kernel_gradient)(const mbni_window *w, int64_t pictures, const float *x,
                                      const float *d_y, float *d_kernel);
    /* d_kernel [kh, kw, channels, filters] += the contribution of `pictures` pictures; sizes as in conv2d */
    void (*conv2d_kernel_gradient)(const mbni_window *w, int64_t filters, int64_t pictures, const float *x,
                                   const float *d_y, float *d_kernel);
    /* sum[c] += over rows of y[r, c] */
    void (*sum_rows)(int64_t rows, int64_t channels, const float *y, float *sum);

    /* One part of mbni_moments, [3][channels], of rows >= 1 rows. */
    void (*moments)(int64_t rows, int64_t channels, const float *x, float *moments);
    /* mean[c] and m2[c], the sum of squared differences from it, of all rows, from the parts in their order;
     * of the channels [begin, end). */
    void (*combine_moments)(int64_t rows, int64_t channels, int64_t begin, int64_t end,
                            const mbni_moments *moments, float *mean, float *m2);
    /* With d = d_y where low < y < high or y is NaN, else 0: sum_dy[c] += over rows of d; sum_dy_xhat[c] +=
     * over rows of d * (x - mean) * inv_std */
    void (*batch_norm_gradient_sums)(int64_t rows, int64_t channels, const mbni_normalization *n,
                                     const float *x, const float *d_y, float *sum_dy, float *sum_dy_xhat);
    /* d_x = a[c] * d + b[c] * x + shift[c], d as above; d_x may be d_y. */
    void (*batch_norm_input_gradient)(int64_t rows, int64_t channels, const mbni_normalization *n,
                                      const float *x, const float *d_y, const float *a, const float *b,
                                      const float *shift, float *d_x);
    /* d_x = d_y where 0 < y (and y < max_value unless that is 0), else 0; d_x may be d_y. */
    void (*relu_gradient)(int64_t count, float max_value, const float *y, const float *d_y, float *d_x);
    /* d_x of one picture, overwritten */
    void (*average_pool_gradient)(const mbni_window *w, const float *d_y, float *d_x);
    void (*global_average_gradient)(int64_t pixels, int64_t channels, const float *d_y, float *d_x);
    /* d_x may be x. */
    void (*global_max_gradient)(int64_t pixels, int64_t channels, const float *x, const float *d_y,
                                float *d_x);
    /* y[i] = keep ? x[i] * scale : 0, keep from mbni_random_hash(seed, (first + i)) against rate; y may be x.
     * The gradient is the same call on d_y. */
    void (*dropout)(int64_t count, int64_t first, uint64_t seed, float rate, const float *x, float *y);
    /* y = x, a picture [h, w, channels], mirrored left to right where flip is not 0 and then moved down and
     * to the right (up and to the left below 0); 0 where nothing of x comes to lie. */
    void (*shift_flip_u8)(int64_t h, int64_t w, int64_t channels, int64_t down, int64_t right, int flip,
                          const uint8_t *x, uint8_t *y);
    /* d_x of rows of softmax, from its output y; d_x may be d_y. */
    void (*softmax_gradient)(int64_t rows, int64_t n, const float *y, const float *d_y, float *d_x);
    /* For each row: p = softmax(logits), targets are ids (with `smoothing`) or, when ids is NULL, the rows of
     * `soft` (smoothed likewise). losses[r] = -sum t log p; d_logits = (p - t * sum... ) * scale: the
     * gradient of scale * losses[r]. correct[r] = 1 when the largest p (the first of equals) is at the id, or
     * at the largest target. d_logits may be logits, or NULL. */
    void (*softmax_cross_entropy)(int64_t rows, int64_t n, const float *logits, const int32_t *ids,
                                  const float *soft, float smoothing, float scale, float *losses,
                                  uint8_t *correct, float *d_logits);

    /* Optimizer steps over `count` parameters; w changes, state arrays too. d is g + pull * w. The same bits
     * on every instruction set. */
    /* velocity = momentum * velocity - rate * d; w += velocity, or with nesterov w += momentum * velocity -
     * rate * d. velocity NULL: w -= rate * d */
    void (*sgd)(int64_t count, float rate, float momentum, int nesterov, float pull, const float *g,
                float *velocity, float *w);
    /* s = rho * s + (1 - rho) * d^2; step = rate * d / (sqrt(s) + epsilon), with velocity (or NULL) as
     * momentum * velocity + step */
    void (*rmsprop)(int64_t count, float rate, float rho, float momentum, float epsilon, float pull,
                    const float *g, float *s, float *velocity, float *w);
    /* w -= decay * w; m, v updated; w -= rate * m / (sqrt(v) + epsilon), rate already holding the bias
     * correction: rate = lr * sqrt(1 - beta2^t) / (1 - beta1^t), as Keras */
    void (*adam)(int64_t count, float rate, float beta1, float beta2, float epsilon, float decay, float pull,
                 const float *g, float *m, float *v, float *w);
} mbni_train_kernels;

/* The tables for an instruction set (MBN_ISA_...); the best that is not above it. Never NULL. */
const mbni_kernels *mbni_kernels_select(int32_t isa);
const mbni_train_kernels *mbni_train_kernels_select(int32_t isa);

/* A whole product, cut into parts by shape over the context's threads, or by OpenBLAS, which is called from
 * this thread only. The same bits for any number of threads. Call from the thread that called the library,
 * not from a task. moments: NULL, or where to leave the statistics of c; its parts are 0 afterwards when they
 * were not computed.
 */
void mbni_matmul_run(mbn_context *context, const mbni_matmul *p, mbni_moments *moments);
/* Floats of partial sums with which a gradient of weights, c = a^T * b (trans_a alone), is cut along its sum
 * where the output is too small to be cut. Without them it is computed in another order, and slower. */
int64_t mbni_matmul_gradient_floats(int64_t m, int64_t n, int64_t k);
/* The same, but the bits of a row depend on no other row, nor on how many there are, which OpenBLAS does not
 * promise: it computes the last rows of a product, and those at the seams of its threads, in another order.
 * For inference, where a picture's answer must not depend on its batch. */
void mbni_matmul_run_rows(mbn_context *context, const mbni_matmul *p);
const char *mbni_matmul_provider(void); /* what the build has: "openblas" or "none" */

#endif
