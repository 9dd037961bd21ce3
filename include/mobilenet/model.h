/* Models: a chain of layers with its parameters, and MobileNet V1 as a ready-made chain.
 *
 * A model is made by mbn_mobilenet_create, by mbn_model_create and the layer constructors of layers.h, or by
 * loading a file (io.h). Until mbn_model_build it can grow; afterwards it has parameters and can compute.
 *
 * Thread rule of a model: calls that take it const may run side by side; calls that change it (build, fit,
 * loading weights, setting parameters, truncating) want it alone and answer MBN_ERR_BUSY when it is in use;
 * while one of them runs, calls that return a status and only read answer MBN_ERR_BUSY too. Calls that lend
 * (names, dims, labels) do not look: keep them away from a thread that changes layers or labels. */
#ifndef MOBILENET_MODEL_H
#define MOBILENET_MODEL_H

#include <mobilenet/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mbn_model mbn_model;

typedef struct mbn_mobilenet_options {
    size_t struct_size;
    double alpha; /* width multiplier: layers have (int)(filters * alpha) channels, which must be at least 1;
                     above 0 to 16; default 1 */
    double dropout; /* before the classifier, 0 to below 1; default 1e-3; only with include_top */
    uint64_t seed;  /* of the initial weights; default 0 */
    int64_t height; /* of the input, min_size to 65536; default 224 */
    int64_t width;
    int64_t channels; /* 1 to 1024; default 3 */
    int64_t classes;  /* 1 to 1,000,000; 0: 1000 with include_top; refused without */
    int64_t min_size; /* smallest height and width accepted, at least 1; default 32 (Keras); the paper's code
                         96 */
    int32_t depth_multiplier; /* of the depthwise convolutions, 1 to 64; default 1 */
    int32_t data_format; /* MBN_CHANNELS_LAST or _FIRST: order of axes of the pictures given; default last */
    int32_t include_top; /* 1 (default): pooling, dropout, classifier and softmax; 0: without */
    int32_t pooling;     /* MBN_POOLING_...: end of a net without top; refused with include_top */
    int32_t shallow;     /* 1: without the five 512-channel stride-1 blocks; default 0 */
    int32_t activation;  /* MBN_ACTIVATION_...; default ReLU6 */
    int32_t stem_stride; /* stride of the first convolution, 1 or 2; default 2 */
    int32_t preprocessing; /* MBN_PREPROCESSING_... of u8 pictures; 0: symmetric, as MobileNet's */
} mbn_mobilenet_options;

MBN_API void mbn_mobilenet_options_init_sized(mbn_mobilenet_options *options, size_t struct_size);
static inline void mbn_mobilenet_options_init(mbn_mobilenet_options *options)
{
    mbn_mobilenet_options_init_sized(options, sizeof *options);
}

/** The options for CIFAR-10 and other pictures of its size: 32 x 32 x 3, 10 classes and a first convolution
 * of stride 1, which leaves four stride-2 blocks and a last map of 2 x 2; the rest as in
 * mbn_mobilenet_options. */
MBN_API void mbn_mobilenet_cifar_init_sized(mbn_mobilenet_options *options, size_t struct_size);
static inline void mbn_mobilenet_cifar_init(mbn_mobilenet_options *options)
{
    mbn_mobilenet_cifar_init_sized(options, sizeof *options);
}

/** Builds MobileNet V1 (arXiv 1704.04861, table 1), with the layers, names and paddings of Keras
 * Applications.
 *  @param context  NULL for the default
 *  @param options  NULL for the defaults: alpha 1, 224 x 224 x 3, 1000 classes
 *  @param out      receives the built model, to be released with mbn_model_destroy; NULL on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_SHAPE, MBN_ERR_MEMORY. Any thread. */
MBN_API mbn_status mbn_mobilenet_create(mbn_context *context, const mbn_mobilenet_options *options,
                                        mbn_model **out);

/** Appends MobileNet V1 to a model that already has an input and maybe other layers (Keras' `input_tensor`).
 * height, width and channels of the options are taken from the model's present end and are not looked at;
 * data_format and preprocessing are the model's and are not looked at. Does not build. Like a layer
 * constructor it latches its failure: a layer name that is taken, for instance.
 *  @return as mbn_mobilenet_create, and MBN_ERR_STATE when the model is built or has no input. */
MBN_API mbn_status mbn_mobilenet_append(mbn_model *model, const mbn_mobilenet_options *options);

/** Creates an empty model. @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. Any thread. */
MBN_API mbn_status mbn_model_create(mbn_context *context, mbn_model **out);

/** Ends construction: reports the first latched failure, allocates the parameters and draws their initial
 * values with the model's seed. Calling it again is MBN_ERR_STATE.
 *  @return MBN_OK, any status of a constructor, MBN_ERR_MEMORY, MBN_ERR_BUSY */
MBN_API mbn_status mbn_model_build(mbn_model *model);

/** Sets the seed that mbn_model_build draws from; default 0. MBN_ERR_STATE once built. */
MBN_API mbn_status mbn_model_set_seed(mbn_model *model, uint64_t seed);

/** Sets the order of axes of the pictures given to and of feature maps answered by the model,
 * MBN_CHANNELS_LAST (default) or MBN_CHANNELS_FIRST. Layers compute channels last either way. */
MBN_API mbn_status mbn_model_set_data_format(mbn_model *model, int32_t data_format);

/** Releases a model. NULL is allowed. A model in use, by another thread or by the call whose callback this
 * is, is not released; mbn_last_error says so. */
MBN_API void mbn_model_destroy(mbn_model *model);

/** The numbers of a model or layer that is asked for; filled by the library up to the caller's struct_size.
 */
typedef struct mbn_layer_info {
    size_t struct_size;
    const char *name;                  /* lent by the model, as is type */
    const char *type;                  /* Keras' class, e.g. "Conv2D" */
    int64_t output_dims[MBN_MAX_RANK]; /* without the batch axis; channels last */
    int64_t parameters;
    int64_t trainable_parameters; /* 0 for a frozen layer */
    int64_t multiply_adds;        /* for one picture: of convolutions and dense layers, as the paper counts */
    int32_t output_rank;
    int32_t trainable; /* 1 unless frozen */
} mbn_layer_info;

MBN_API void mbn_layer_info_init_sized(mbn_layer_info *info, size_t struct_size);
static inline void mbn_layer_info_init(mbn_layer_info *info)
{
    mbn_layer_info_init_sized(info, sizeof *info);
}

/** Number of layers, the input among them; 0 for NULL. */
MBN_API size_t mbn_model_layer_count(const mbn_model *model);

/** Describes layer `index`, 0 being the input. info->struct_size says how much may be written.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_BUSY. Before and after build. */
MBN_API mbn_status mbn_model_layer_info(const mbn_model *model, size_t index, mbn_layer_info *info);

/** Finds a layer by name. @return MBN_OK and its index, or MBN_ERR_NOT_FOUND. */
MBN_API mbn_status mbn_model_layer_index(const mbn_model *model, const char *name, size_t *index);

/** Freezes (0) or thaws (1) a layer by name; NULL means every layer, and a name that no layer has and that
 * ends in '*' all whose names begin with what stands before it: "conv_dw_1*" is conv_dw_1, its batch norm and
 * ReLU, and conv_dw_10. A frozen layer's parameters do not
 * change in training, and a frozen batch norm uses its running statistics. @return MBN_OK, MBN_ERR_NOT_FOUND,
 * MBN_ERR_BUSY */
MBN_API mbn_status mbn_model_set_trainable(mbn_model *model, const char *layer, int32_t trainable);

/** All parameters, and those that training changes now. Either pointer may be NULL. */
MBN_API mbn_status mbn_model_parameter_count(const mbn_model *model, int64_t *total, int64_t *trainable);

/** Multiply-adds for one picture, convolutions and dense layers, as the paper counts them. */
MBN_API mbn_status mbn_model_multiply_adds(const mbn_model *model, int64_t *multiply_adds);

/** Bytes that mbn_predict needs for `batch_size` pictures at once: the parameters, and beside them the packed
 * weights and the workspace of the predictor that it keeps in the model. Either pointer may be NULL.
 * MBN_ERR_STATE before build. */
MBN_API mbn_status mbn_model_inference_memory(const mbn_model *model, int64_t batch_size,
                                              int64_t *parameter_bytes, int64_t *workspace_bytes);

/** Shape of one input picture in the order of axes that the model takes, by default [height, width,
 * channels]. Lent: valid as long as the model. NULL when there is no input. */
MBN_API const int64_t *mbn_model_input_dims(const mbn_model *model);

/** Shape of the output for one picture: mbn_model_output_rank numbers; of a map in the order of axes that the
 * model takes. NULL when there is no input. Lent: valid until the model changes.
 */
MBN_API const int64_t *mbn_model_output_dims(const mbn_model *model);
/** Number of axes of the output for one picture; 0 for NULL or a model without layers. */
MBN_API int32_t mbn_model_output_rank(const mbn_model *model);

/** Writes the table of layers as text: name, type, output shape, parameters, multiply-adds, and the totals.
 *  @param buffer    receives the text, cut if need be, always closed by a NUL; may be NULL when capacity is 0
 *  @param needed    receives the bytes that the whole text needs, with its NUL; may be NULL
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY */
MBN_API mbn_status mbn_model_summary(const mbn_model *model, char *buffer, size_t capacity, size_t *needed);

/** How many named parameters the model has; 0 before build. */
MBN_API size_t mbn_model_parameter_tensors(const mbn_model *model);

/** The name of a parameter, "layer/parameter", e.g. "conv1/kernel"; NULL when index is out of range. Lent:
 * valid until layers change. */
MBN_API const char *mbn_model_parameter_name(const mbn_model *model, size_t index);

/** Copies a parameter out, as an f32 tensor of its own shape, to be released by the caller.
 *  @return MBN_OK, MBN_ERR_NOT_FOUND, MBN_ERR_STATE, MBN_ERR_MEMORY */
MBN_API mbn_status mbn_model_get_parameter(const mbn_model *model, const char *name, mbn_tensor **out);

/** Copies values into a parameter. @param values  f32, with exactly the parameter's shape
 *  @return MBN_OK, MBN_ERR_NOT_FOUND, MBN_ERR_SHAPE, MBN_ERR_TYPE, MBN_ERR_STATE, MBN_ERR_BUSY */
MBN_API mbn_status mbn_model_set_parameter(mbn_model *model, const char *name, const mbn_tensor *values);

/** Sets how u8 pictures become numbers, MBN_PREPROCESSING_...; saved with the model. */
MBN_API mbn_status mbn_model_set_preprocessing(mbn_model *model, int32_t preprocessing);
/** The model's preprocessing; MBN_PREPROCESSING_NONE for NULL. */
MBN_API int32_t mbn_model_preprocessing(const mbn_model *model);

/** Names the classes; saved with the model. @param labels  count UTF-8 strings of at most 255 bytes, copied;
 * count 0 removes them. count must be the number of outputs (MBN_ERR_SHAPE), or 0. */
MBN_API mbn_status mbn_model_set_labels(mbn_model *model, const char *const *labels, size_t count);
/** The name of a class; NULL when the model has none. Lent: valid until labels are set. */
MBN_API const char *mbn_model_label(const mbn_model *model, size_t index);

/** Ends the network at a layer: all layers after it go. What training knew (optimizer state) is forgotten,
 * and so are labels, unless only layers without parameters go and as many outputs stay. On failure nothing
 * has changed.
 *  @param layer  any but the input
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_NOT_FOUND, MBN_ERR_STATE, MBN_ERR_BUSY, MBN_ERR_MEMORY */
MBN_API mbn_status mbn_model_truncate(mbn_model *model, const char *layer);

/** Gives the network a classifier with another number of classes, for fine-tuning; all other weights stay.
 * Where the network ends in a vector that is the output of its last layer with parameters, a dense layer or a
 * 1 x 1 convolution, that layer is drawn anew from `seed` and is trainable; layers after it follow. A network
 * without classifier, which ends in a map or a vector, gets pooling (where it ends in a map), dropout of
 * 1e-3, a dense layer "predictions_dense" and softmax "predictions". Anything else is MBN_ERR_STATE. Labels
 * and optimizer state are forgotten. On failure nothing has changed.
 *  @param classes  1 to 1,000,000
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_STATE, MBN_ERR_BUSY, MBN_ERR_MEMORY */
MBN_API mbn_status mbn_model_replace_head(mbn_model *model, int64_t classes, uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
