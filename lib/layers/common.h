/* What the layers share and other rooms do not see: checks of options, and cuts of work into parts that
 * depend on the shape alone, never on the number of threads. */
#ifndef MBNI_LAYERS_COMMON_H
#define MBNI_LAYERS_COMMON_H

#include "layers/layer.h"
#include "core/memory.h"
#include <string.h>

/* No activation of one picture and no parameter has more numbers: products of two sizes stay far below
 * INT64_MAX. */
#define MBNI_LAYER_MAX_COUNT ((int64_t)1 << 40)
#define MBNI_LAYER_MAX_CHANNELS 1048576
/* Workspaces that hold pictures in another form (columns) are filled group by group up to this size, which a
 * cache can hold. */
#define MBNI_GROUP_FLOATS ((int64_t)1 << 18)

/* Checks. Each records a sentence like "conv2d 'conv1': filters is 0; allowed are 1 to 1048576". */
mbn_status mbni_check_integer(const mbni_layer *layer, const char *option, int64_t value, int64_t low,
                              int64_t high);
mbn_status mbni_check_l2(const mbni_layer *layer, double l2);
mbn_status mbni_check_initializer(const mbni_layer *layer, int32_t initializer);
/* The input is [height, width, channels]. */
mbn_status mbni_check_spatial(const mbni_layer *layer);
/* The output and the parameters, as set by infer_shape, are of a size that can be computed with. */
mbn_status mbni_check_sizes(const mbni_layer *layer);

/* A sliding window as options have it, and as the kernels want it. */
typedef struct mbni_window_options {
    const char *what; /* "kernel" or "pool": opens the names of the options */
    int64_t limit;    /* of kernel and stride */
    int32_t height, width, stride_height, stride_width, padding;
} mbni_window_options;
mbni_window mbni_layer_window(const mbni_layer *layer, const mbni_window_options *options,
                              int64_t multiplier);
/* Checks the options against a spatial input and sets layer->out to [h', w', channels]. */
mbn_status mbni_check_window(mbni_layer *layer, const mbni_window_options *options, int64_t channels);

/* An int32_t option in describe: a file may hold a number that does not fit. */
mbn_status mbni_describe_int32(mbni_layer *layer, mbni_fields *fields, const char *name, int32_t *value);

/* The parameters kernel and bias, marked for l2 and weight decay. */
mbni_param *mbni_layer_add_kernel(mbni_layer *layer, const char *name, const int64_t dims[4],
                                  int32_t initializer, double l2);
void mbni_layer_add_bias(mbni_layer *layer, int64_t channels);

/* a * b, or a number too large for any plan. */
int64_t mbni_saturating_mul(int64_t a, int64_t b);
static inline int64_t mbni_clamp(int64_t value, int64_t low, int64_t high)
{
    return value > high ? (high > low ? high : low) : value < low ? low : value;
}
/* Parts for a pass over rows of `channels` that reads and writes each element once. */
int64_t mbni_row_parts(int64_t rows, int64_t channels);
/* Parts of the channels, when each is a sum over `partials` numbers. */
int64_t mbni_channel_parts(int64_t channels, int64_t partials);
/* Parts of one picture's output rows, `row_cost` operations each, when a batch is cut into pictures first. */
int64_t mbni_picture_parts(int64_t batch, int64_t out_h, int64_t row_cost);
/* Pictures of `floats` each that make up one group of MBNI_GROUP_FLOATS; 1 to batch. */
int64_t mbni_group_pictures(int64_t batch, int64_t floats);

/* What a task needs; each pass fills what it uses. */
typedef struct mbni_work {
    const mbni_layer *layer;
    const mbni_pass *pass;
    mbni_window window;
    int64_t count;    /* items that are cut: elements, rows or pictures; of global pooling, pixels */
    int64_t channels; /* in a row */
    int64_t parts;
    const float *x, *y, *d_y;
    const float *bias, *scale, *shift; /* [channels] */
    float low, high;                   /* as in mbni_epilogue */
    const mbni_normalization *normalization;
    const mbni_moments *moments;
    float *out;
    float *partials;
} mbni_work;

/* y [rows, n] = x [rows, k] * kernel [k, n] + bias [n] (NULL: none), of a forward pass; leaves pass->moments.
 * In inference the bits of a row depend on no other row, so that a picture's answer does not depend on its
 * batch. */
void mbni_pass_product(const mbni_pass *pass, int64_t rows, int64_t n, int64_t k, const float *x,
                       const float *kernel, const float *bias, float *y);
/* d_kernel [k, n] (+)= x [rows, k]^T * d_y [rows, n]; d_x [rows, k] = d_y * kernel [k, n]^T. partials: NULL,
 * or mbni_matmul_gradient_floats(k, n, rows) floats. */
void mbni_pass_kernel_gradient(const mbni_pass *pass, int64_t rows, int64_t n, int64_t k, const float *x,
                               const float *d_y, int accumulate, float *partials, float *d_kernel);
void mbni_pass_input_gradient(const mbni_pass *pass, int64_t rows, int64_t n, int64_t k, const float *d_y,
                              const float *kernel, float *d_x);
/* y = x * scale + shift, bounded, in parallel; see mbni_kernels.affine. */
void mbni_pass_affine(const mbni_pass *pass, int64_t rows, int64_t channels, const float *x,
                      const float *scale, const float *shift, float low, float high, float *y);
/* sum[c] = sum over rows of d_y; partials in the workspace, mbni_bias_floats of them. */
int64_t mbni_bias_floats(int64_t rows, int64_t channels);
void mbni_pass_sum_rows(const mbni_pass *pass, int64_t rows, int64_t channels, const float *d_y, float *sum);
/* sum[i] = partials[0][i] + partials[1][i] + ... in that order, in parallel */
void mbni_sum_partials(const mbni_pass *pass, int64_t parts, int64_t count, const float *partials,
                       float *sum);

/* Windows over a batch. In training a piece is some whole pictures, at most MBNI_MOMENT_PARTS of them, and
 * leaves their moments where they are wanted; in inference it is a picture, or some of its rows. */
typedef struct mbni_piece {
    int64_t first, pictures;
    int64_t row_begin, row_end; /* output rows of each picture */
    float *moments;             /* [3][work->channels], or NULL */
} mbni_piece;
/* Runs task on each piece of `pictures`; work->window and work->channels, of the output, are set. moments:
 * NULL, or where they go, at the end of the call complete. */
void mbni_run_pieces(mbni_work *work, int64_t pictures, mbni_moments *moments, mbn_task_fn task);
mbni_piece mbni_work_piece(const mbni_work *work, int64_t i);

/* A kernel gradient is a sum over pictures: this many partial sums of consecutive pictures, added in order.
 */
enum { MBNI_PICTURE_PARTIALS = 16 };
static inline int64_t mbni_picture_partials(int64_t pictures)
{
    return mbni_clamp(pictures, 1, MBNI_PICTURE_PARTIALS);
}

/* Depthwise convolution of `pictures` pictures and its gradients: shared by depthwise and separable layers.
 */
void mbni_depthwise_forward(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *window,
                            int64_t pictures, const float *x, const float *bias, mbni_moments *moments,
                            float *y);
void mbni_depthwise_input_gradient(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *window,
                                   int64_t pictures, const float *d_y, float *d_x);
/* Adds to partials [mbni_picture_partials(pictures)][kernel count], each the sum over consecutive pictures.
 */
void mbni_depthwise_kernel_gradient(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *window,
                                    int64_t pictures, const float *x, const float *d_y, float *partials);
mbni_window mbni_depthwise_window(const mbni_layer *layer);
mbni_window mbni_separable_window(const mbni_layer *layer);
mbni_window mbni_conv2d_window(const mbni_layer *layer);
mbni_window mbni_average_pooling_window(const mbni_layer *layer);

/* im2col of `pictures` pictures, in parallel. */
void mbni_conv2d_columns(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *window,
                         int64_t pictures, const float *x, float *columns);
/* A 1 x 1 convolution with stride 1 is a product as it stands. */

/* Batch norm: 1 when the statistics are those of the batch. */
int mbni_batch_norm_uses_batch(const mbni_layer *layer, const mbni_pass *pass);
int64_t mbni_batch_norm_parts(int64_t rows, int64_t channels);
/* scale and shift of the running statistics, c floats each */
void mbni_batch_norm_running(const mbni_layer *layer, float *scale, float *shift);
void mbni_batch_norm_saved(const mbni_layer *layer, const mbni_pass *pass, mbni_normalization *n);
int64_t mbni_batch_norm_rows(const mbni_layer *layer, int64_t batch);

/* The mask on x, in parallel: forward and backward are the same. */
void mbni_dropout_apply(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y);

extern const mbni_layer_gradient_ops mbni_conv2d_gradient, mbni_depthwise_conv2d_gradient,
    mbni_separable_conv2d_gradient, mbni_batch_norm_gradient, mbni_relu_gradient,
    mbni_zero_padding2d_gradient, mbni_average_pooling2d_gradient, mbni_global_average_pooling2d_gradient,
    mbni_global_max_pooling2d_gradient, mbni_dropout_gradient, mbni_dense_gradient, mbni_softmax_gradient;

#endif
