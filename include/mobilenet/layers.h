/* Layers, for networks of one's own. A layer constructor appends to a model; the first layer is the input.
 *
 * Each returns a status, and each may be ignored: the first failure latches in the model, later calls do
 * nothing, and mbn_model_build reports it with the layer's name and shapes. Options may be NULL where all
 * fields have a default.
 *
 * Options are filled by their init function. `name` NULL lets the library number layers as Keras does:
 * "conv2d", "conv2d_1", ...; a name has 1 to 63 bytes, no slash, and occurs once in a model. The string is
 * copied.
 *
 * Common to all constructors. Statuses: MBN_OK, MBN_ERR_ARGUMENT (an option), MBN_ERR_SHAPE (the input does
 * not fit), MBN_ERR_STATE (no input yet, or already built), MBN_ERR_MEMORY, MBN_ERR_BUSY. Thread rule: the
 * model must not be in use by another call. Shapes below leave out the batch axis. */
#ifndef MOBILENET_LAYERS_H
#define MOBILENET_LAYERS_H

#include <mobilenet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The input of the network, [height, width, channels], each 1 to 65536. */
MBN_API mbn_status mbn_model_add_input(mbn_model *model, int64_t height, int64_t width, int64_t channels);

typedef struct mbn_conv2d_options {
    size_t struct_size;
    const char *name;
    double l2;             /* adds l2 * sum(kernel^2) to the loss; at least 0; default 0 */
    int64_t filters;       /* output channels; required */
    int32_t kernel_height; /* 1 to 64; default 3 */
    int32_t kernel_width;
    int32_t stride_height; /* 1 to 64; default 1 */
    int32_t stride_width;
    int32_t padding;     /* MBN_PADDING_...; default valid */
    int32_t use_bias;    /* default 1; the bias starts at zero */
    int32_t initializer; /* MBN_INIT_... of the kernel; default Glorot uniform */
    int32_t reserved;    /* zero */
} mbn_conv2d_options;

MBN_API void mbn_conv2d_options_init_sized(mbn_conv2d_options *options, size_t struct_size);
static inline void mbn_conv2d_options_init(mbn_conv2d_options *options)
{
    mbn_conv2d_options_init_sized(options, sizeof *options);
}
/** Convolution: [h, w, c_in] -> [h', w', filters]. Parameters: kernel [kh, kw, c_in, filters], bias
 * [filters]. */
MBN_API mbn_status mbn_model_add_conv2d(mbn_model *model, const mbn_conv2d_options *options);

typedef struct mbn_depthwise_conv2d_options {
    size_t struct_size;
    const char *name;
    double l2;             /* on the kernel; default 0 */
    int32_t kernel_height; /* 1 to 64; default 3 */
    int32_t kernel_width;
    int32_t stride_height; /* 1 to 64; default 1 */
    int32_t stride_width;
    int32_t padding;          /* MBN_PADDING_...; default valid */
    int32_t use_bias;         /* default 1 */
    int32_t initializer;      /* MBN_INIT_...; default Glorot uniform */
    int32_t depth_multiplier; /* output channels per input channel, 1 to 1024; default 1 */
} mbn_depthwise_conv2d_options;

MBN_API void mbn_depthwise_conv2d_options_init_sized(mbn_depthwise_conv2d_options *options,
                                                     size_t struct_size);
static inline void mbn_depthwise_conv2d_options_init(mbn_depthwise_conv2d_options *options)
{
    mbn_depthwise_conv2d_options_init_sized(options, sizeof *options);
}
/** Convolution of each channel by itself: [h, w, c] -> [h', w', c * m]; output channel ci * m + j belongs to
 * input channel ci. Parameters: depthwise_kernel [kh, kw, c, m], bias [c * m]. */
MBN_API mbn_status mbn_model_add_depthwise_conv2d(mbn_model *model,
                                                  const mbn_depthwise_conv2d_options *options);

typedef struct mbn_separable_conv2d_options {
    size_t struct_size;
    const char *name;
    double l2;             /* on both kernels; default 0 */
    int64_t filters;       /* output channels; required */
    int32_t kernel_height; /* of the depthwise part, 1 to 64; default 3 */
    int32_t kernel_width;
    int32_t stride_height; /* 1 to 64; default 1 */
    int32_t stride_width;
    int32_t padding;          /* MBN_PADDING_...; default valid */
    int32_t use_bias;         /* default 1; one bias after the pointwise part */
    int32_t initializer;      /* MBN_INIT_... of both kernels; default Glorot uniform */
    int32_t depth_multiplier; /* 1 to 1024; default 1 */
} mbn_separable_conv2d_options;

MBN_API void mbn_separable_conv2d_options_init_sized(mbn_separable_conv2d_options *options,
                                                     size_t struct_size);
static inline void mbn_separable_conv2d_options_init(mbn_separable_conv2d_options *options)
{
    mbn_separable_conv2d_options_init_sized(options, sizeof *options);
}
/** Keras' SeparableConv2D: a depthwise and a 1 x 1 convolution with nothing between them; for MobileNet's
 * block, with batch norm and ReLU after both, add the layers one by one. [h, w, c] -> [h', w', filters].
 * Parameters: depthwise_kernel [kh, kw, c, m], pointwise_kernel [1, 1, c * m, filters], bias [filters]. */
MBN_API mbn_status mbn_model_add_separable_conv2d(mbn_model *model,
                                                  const mbn_separable_conv2d_options *options);

typedef struct mbn_batch_norm_options {
    size_t struct_size;
    const char *name;
    double momentum; /* running = momentum * running + (1 - momentum) * batch; 0 to 1; default 0.99 */
    double epsilon;  /* added to the variance; above 0; default 1e-3 */
} mbn_batch_norm_options;

MBN_API void mbn_batch_norm_options_init_sized(mbn_batch_norm_options *options, size_t struct_size);
static inline void mbn_batch_norm_options_init(mbn_batch_norm_options *options)
{
    mbn_batch_norm_options_init_sized(options, sizeof *options);
}
/** Batch normalisation over all axes but the last (Ioffe & Szegedy, arXiv 1502.03167). Training uses the
 * statistics of the batch and moves the running ones; prediction, and every layer that is not trainable, uses
 * the running ones. Parameters: gamma, beta, moving_mean, moving_variance [c]; the last two are not trained
 * by gradients. The running variance is the unbiased one for spatial inputs, as Keras' fused kernel stores
 * it. options NULL: defaults. */
MBN_API mbn_status mbn_model_add_batch_norm(mbn_model *model, const mbn_batch_norm_options *options);

typedef struct mbn_relu_options {
    size_t struct_size;
    const char *name;
    double max_value; /* 0: none; 6: ReLU6; at least 0; default 0 */
} mbn_relu_options;

MBN_API void mbn_relu_options_init_sized(mbn_relu_options *options, size_t struct_size);
static inline void mbn_relu_options_init(mbn_relu_options *options)
{
    mbn_relu_options_init_sized(options, sizeof *options);
}
/** max(x, 0), or min(max(x, 0), max_value). Any shape. The gradient is 0 at 0 and at max_value. NaN stays
 * NaN. options NULL: defaults. */
MBN_API mbn_status mbn_model_add_relu(mbn_model *model, const mbn_relu_options *options);

typedef struct mbn_zero_padding2d_options {
    size_t struct_size;
    const char *name;
    int32_t top; /* rows and columns of zeros, 0 to 1024 each; default 1 */
    int32_t bottom;
    int32_t left;
    int32_t right;
} mbn_zero_padding2d_options;

MBN_API void mbn_zero_padding2d_options_init_sized(mbn_zero_padding2d_options *options, size_t struct_size);
static inline void mbn_zero_padding2d_options_init(mbn_zero_padding2d_options *options)
{
    mbn_zero_padding2d_options_init_sized(options, sizeof *options);
}
/** Zeros around a feature map: [h, w, c] -> [top + h + bottom, left + w + right, c]. options NULL: one on
 * each side. */
MBN_API mbn_status mbn_model_add_zero_padding2d(mbn_model *model, const mbn_zero_padding2d_options *options);

typedef struct mbn_average_pooling2d_options {
    size_t struct_size;
    const char *name;
    int32_t pool_height; /* 1 to 65536; default 2 */
    int32_t pool_width;
    int32_t stride_height; /* 0 (default): as the pool; else 1 to 65536 */
    int32_t stride_width;
    int32_t padding;  /* MBN_PADDING_...; default valid; padding is left out of the mean */
    int32_t reserved; /* zero */
} mbn_average_pooling2d_options;

MBN_API void mbn_average_pooling2d_options_init_sized(mbn_average_pooling2d_options *options,
                                                      size_t struct_size);
static inline void mbn_average_pooling2d_options_init(mbn_average_pooling2d_options *options)
{
    mbn_average_pooling2d_options_init_sized(options, sizeof *options);
}
/** Mean over windows: [h, w, c] -> [h', w', c]. options NULL: 2 x 2. */
MBN_API mbn_status mbn_model_add_average_pooling2d(mbn_model *model,
                                                   const mbn_average_pooling2d_options *options);

/** Mean over height and width: [h, w, c] -> [c]. name NULL: numbered. */
MBN_API mbn_status mbn_model_add_global_average_pooling2d(mbn_model *model, const char *name);

/** Maximum over height and width: [h, w, c] -> [c]; the gradient goes to the first maximum. name NULL:
 * numbered. */
MBN_API mbn_status mbn_model_add_global_max_pooling2d(mbn_model *model, const char *name);

/** In training sets elements to zero with probability `rate` (0 to below 1) and scales the others by 1 / (1 -
 * rate); passes everything in prediction. Any shape. The mask depends on the seed of fit, the step and the
 * position only. (Srivastava et al. 2014.) name NULL: numbered. */
MBN_API mbn_status mbn_model_add_dropout(mbn_model *model, double rate, const char *name);

/** Any shape -> [product of its axes]. name NULL: numbered. */
MBN_API mbn_status mbn_model_add_flatten(mbn_model *model, const char *name);

/** Any shape -> `dims`, `rank` (1 to 3) numbers with the same product. name NULL: numbered. */
MBN_API mbn_status mbn_model_add_reshape(mbn_model *model, int32_t rank, const int64_t *dims,
                                         const char *name);

typedef struct mbn_dense_options {
    size_t struct_size;
    const char *name;
    double l2;           /* on the kernel; default 0 */
    int64_t units;       /* outputs; required */
    int32_t use_bias;    /* default 1 */
    int32_t initializer; /* MBN_INIT_...; default Glorot uniform */
} mbn_dense_options;

MBN_API void mbn_dense_options_init_sized(mbn_dense_options *options, size_t struct_size);
static inline void mbn_dense_options_init(mbn_dense_options *options)
{
    mbn_dense_options_init_sized(options, sizeof *options);
}
/** Fully connected: [..., k] -> [..., units] over the last axis. Parameters: kernel [k, units], bias [units].
 */
MBN_API mbn_status mbn_model_add_dense(mbn_model *model, const mbn_dense_options *options);

/** Softmax over the last axis. Any shape. name NULL: numbered. */
MBN_API mbn_status mbn_model_add_softmax(mbn_model *model, const char *name);

#ifdef __cplusplus
}
#endif
#endif
