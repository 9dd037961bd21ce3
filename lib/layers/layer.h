/* A layer: its settings, its shapes, its parameters, and the table of what its type can do. */
#ifndef MBNI_LAYER_H
#define MBNI_LAYER_H

#include <mobilenet/layers.h>
#include "core/context.h"
#include "core/random.h"
#include "kernels/kernels.h"

#define MBNI_NAME_BYTES 64
#define MBNI_MAX_PARAMS 4

typedef struct mbni_shape {
    int32_t rank;
    int64_t dims[MBN_MAX_RANK]; /* without the batch axis */
} mbni_shape;
int64_t mbni_shape_count(const mbni_shape *shape); /* shapes in a model never overflow */

/* A weight decay leaves biases and batch norm alone; depthwise kernels, which have few weights for each
 * channel and nothing to share them with, only where it is asked for. */
enum { MBNI_DECAYS_NEVER = 0, MBNI_DECAYS_ALWAYS = 1, MBNI_DECAYS_IF_ASKED = 2 };

typedef struct mbni_param {
    const char *name; /* "kernel"; a constant */
    mbni_shape shape;
    int64_t count;
    int32_t trained;     /* 0: a running statistic, never touched by gradients */
    int32_t initializer; /* MBN_INIT_...; MBNI_INIT_ONES for gamma and variances */
    int64_t fan_in, fan_out;
    double l2;      /* adds l2 * sum(value^2) to the loss */
    int32_t decays; /* MBNI_DECAYS_...: whether a weight decay applies to it */
    float *value;   /* count floats, in the model's parameter block; NULL before build */
    float *grad;    /* count floats while training and not frozen, else NULL; backward overwrites it */
} mbni_param;
#define MBNI_INIT_ONES 100

typedef struct mbni_layer mbni_layer;

/* One pass over a batch. */
typedef struct mbni_pass {
    mbn_context *context;
    const mbni_kernels *kernels;
    const mbni_train_kernels *train_kernels; /* NULL in inference */
    int64_t batch;                           /* pictures, at least 1 */
    int32_t training;                        /* 1: batch statistics and dropout */
    uint64_t seed;    /* of this step: dropout of layer i uses mbni_random_hash(seed, i) */
    float *workspace; /* what workspace_floats asked for; contents do not survive the call */
    float
        *saved; /* of this layer, from forward to backward: what saved_floats asked for; NULL in inference */
    /* Of the statistics between a layer and the batch norm behind it: the first leaves them when it can, else
     * sets parts to 0; the second reads them. NULL elsewhere. */
    mbni_moments *moments;
    /* The ReLU behind a batch norm, which then does its work too, forward and backward; NULL: none. */
    const mbni_layer *activation;
    /* The zero padding before a convolution that takes it into its window: x and d_x are without it. */
    const mbni_layer *padding;
    /* 1: forward once more in the same step, for an output that was not kept: batch norm takes the statistics
     * that it saved and updates none. */
    int32_t again;
} mbni_pass;

/* Walks the settings of a layer, in a fixed order: the same function writes a file, reads one and compares
 * two. */
typedef struct mbni_fields mbni_fields;
struct mbni_fields {
    mbn_status (*integer)(mbni_fields *fields, const char *name, int64_t *value);
    mbn_status (*real)(mbni_fields *fields, const char *name, double *value);
};

enum {
    MBNI_LAYER_IN_PLACE = 1, /* y may be x, and d_x may be d_y */
    MBNI_LAYER_ALIAS = 2,    /* y has the bytes of x: nothing to compute, neither forward nor backward */
    MBNI_LAYER_NEEDS_X = 4,  /* backward reads x */
    MBNI_LAYER_NEEDS_Y = 8,  /* backward reads y */
    MBNI_LAYER_IN_PLACE_INFERENCE = 16, /* y may be x when pass->training is 0, not otherwise: batch norm */
    MBNI_LAYER_FUSES_RELU = 32,         /* takes pass->activation and pass->moments: batch norm */
    MBNI_LAYER_TAKES_PADDING = 64       /* takes pass->padding */
};

typedef struct mbni_layer_ops {
    const char *type;       /* in files and numbered names: "conv2d" */
    const char *class_name; /* Keras': "Conv2D" */
    int32_t flags;
    void (*defaults)(mbni_layer *layer); /* fills layer->config; NULL: zeros */
    /* Checks config against layer->in, sets layer->out and the parameters' names, shapes and initializers.
     * The sentence names type, layer, option, value and what is allowed. Used by constructors and by the
     * reader of files alike. */
    mbn_status (*infer_shape)(mbni_layer *layer);
    mbn_status (*describe)(mbni_layer *layer, mbni_fields *fields); /* NULL: no settings */
    int64_t (*multiply_adds)(const mbni_layer *layer);              /* NULL: 0 */
    /* floats of workspace for a batch, in inference and in training (the larger of forward and backward);
     * NULL: 0 */
    int64_t (*workspace_floats)(const mbni_layer *layer, int64_t batch, int32_t training);
    int64_t (*saved_floats)(const mbni_layer *layer, int64_t batch); /* NULL: 0 */
    /* x [batch, in...] -> y [batch, out...]. With pass->training 0 it writes nothing but y and workspace, so
     * that passes may run side by side. NULL for the input and for aliases. */
    void (*forward)(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y);
} mbni_layer_ops;

/* The backward half, apart so that a program that only predicts does not link it. */
typedef struct mbni_layer_gradient_ops {
    const mbni_layer_ops *ops;
    /* Sets params[i].grad (where not NULL) from d_y, and d_x unless that is NULL. x and y are as NEEDS_X and
     * NEEDS_Y say, else NULL. d_x may be x. */
    void (*backward)(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x);
} mbni_layer_gradient_ops;

typedef struct mbni_reshape_config {
    int64_t rank;
    int64_t dims[MBN_MAX_RANK];
} mbni_reshape_config;
typedef struct mbni_input_config {
    int64_t height, width, channels;
} mbni_input_config;
typedef struct mbni_dropout_config {
    double rate;
} mbni_dropout_config;

struct mbni_layer {
    const mbni_layer_ops *ops;
    char name[MBNI_NAME_BYTES];
    int64_t input;     /* index of the layer that it reads; -1 for the input */
    int32_t index;     /* its own */
    int32_t trainable; /* 1 unless frozen */
    mbni_shape in, out;
    int32_t param_count;
    mbni_param params[MBNI_MAX_PARAMS];
    union { /* the public options; their struct_size and name are not used here */
        mbni_input_config input;
        mbn_conv2d_options conv2d;
        mbn_depthwise_conv2d_options depthwise_conv2d;
        mbn_separable_conv2d_options separable_conv2d;
        mbn_batch_norm_options batch_norm;
        mbn_relu_options relu;
        mbn_zero_padding2d_options zero_padding2d;
        mbn_average_pooling2d_options average_pooling2d;
        mbni_dropout_config dropout;
        mbni_reshape_config reshape;
        mbn_dense_options dense;
    } config;
};

/* Types: input conv2d depthwise_conv2d separable_conv2d batch_normalization re_lu zero_padding2d
 * average_pooling2d global_average_pooling2d global_max_pooling2d dropout flatten reshape dense softmax. NULL
 * for another name. */
const mbni_layer_ops *mbni_layer_ops_find(const char *type);
/* The backward half of a type; NULL for none (input, aliases). */
const mbni_layer_gradient_ops *mbni_layer_gradient_ops_find(const mbni_layer_ops *ops);
extern const mbni_layer_ops mbni_input_ops, mbni_conv2d_ops, mbni_depthwise_conv2d_ops,
    mbni_separable_conv2d_ops, mbni_batch_norm_ops, mbni_relu_ops, mbni_zero_padding2d_ops,
    mbni_average_pooling2d_ops, mbni_global_average_pooling2d_ops, mbni_global_max_pooling2d_ops,
    mbni_dropout_ops, mbni_flatten_ops, mbni_reshape_ops, mbni_dense_ops, mbni_softmax_ops;

/* The neighbours whose work a layer does; `next` is the one behind `layer`. */
static inline bool mbni_layer_takes_relu(const mbni_layer *layer, const mbni_layer *next)
{
    return (layer->ops->flags & MBNI_LAYER_FUSES_RELU) && next->ops == &mbni_relu_ops;
}
static inline bool mbni_layer_gives_padding(const mbni_layer *layer, const mbni_layer *next)
{
    return layer->ops == &mbni_zero_padding2d_ops && (next->ops->flags & MBNI_LAYER_TAKES_PADDING) &&
           next->params[0].shape.dims[0] * next->params[0].shape.dims[1] > 1; /* 1 x 1 is a product */
}

/* The window of a layer that slides one: convolutions and average pooling. padding: NULL, or the zero padding
 * before it that it takes in, over whose input the window then goes. */
mbni_window mbni_layer_sliding_window(const mbni_layer *layer, const mbni_layer *padding);
/* Whether a convolution is a product of pixels, and whether it is read straight from the picture. */
bool mbni_conv2d_is_pointwise(const mbni_window *w);
bool mbni_conv2d_is_direct(const mbni_window *w, int64_t filters);
/* The bounds of a ReLU with max_value; NULL: none. */
void mbni_relu_bounds(const mbni_layer *relu, float *low, float *high);

/* Draws the initial values of a layer's parameters: parameter p of layer i has stream 8 i + p of the seed, so
 * that layers do not depend on each other. Values only, the pointers being set. */
void mbni_layer_initialize(mbni_layer *layer, uint64_t seed);

/* Helpers for cutting work by shape. */
/* Adds a parameter in infer_shape. `fans`: receptive field times channels. Returns it. */
mbni_param *mbni_layer_add_param(mbni_layer *layer, const char *name, int32_t rank, const int64_t *dims,
                                 int32_t initializer, int64_t fan_in, int64_t fan_out);
/* One spatial axis: output length and padding before, for MBN_PADDING_...; 0 outputs when the kernel does not
 * fit. */
int64_t mbni_conv_output(int64_t in, int64_t kernel, int64_t stride, int32_t padding, int64_t *pad_before);
/* mbn_status helper: "conv2d 'conv1': ..." */
mbn_status mbni_layer_error(const mbni_layer *layer, mbn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
