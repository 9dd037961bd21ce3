/* Public calls of <mobilenet/layers.h>: options and constructors. A constructor reads the options of a caller
 * of any age over the defaults and hands them to the model; the layer itself checks them. */
#include <mobilenet/layers.h>
#include "core/options.h"
#include "model/model.h"
#include <string.h>

#define OPTIONS_INIT(type, ops)                                                                     \
    MBN_API void mbn_##type##_options_init_sized(mbn_##type##_options *options, size_t struct_size) \
    {                                                                                               \
        options_init(options, struct_size, ops, sizeof *options);                                   \
    }

static mbni_layer with_defaults(const mbni_layer_ops *ops)
{
    mbni_layer layer;
    memset(&layer, 0, sizeof layer);
    layer.ops = ops;
    if (ops->defaults)
        ops->defaults(&layer);
    return layer;
}

/* Not a call that can fail, so it begins with no name: a NULL or a size without room for the size is ignored.
 */
static void options_init(void *options, size_t struct_size, const mbni_layer_ops *ops, size_t known_bytes)
{
    mbni_layer layer = with_defaults(ops);
    if (options && struct_size >= sizeof(size_t))
        mbni_options_write(options, struct_size, &layer.config, known_bytes);
}

OPTIONS_INIT(conv2d, &mbni_conv2d_ops)
OPTIONS_INIT(depthwise_conv2d, &mbni_depthwise_conv2d_ops)
OPTIONS_INIT(separable_conv2d, &mbni_separable_conv2d_ops)
OPTIONS_INIT(batch_norm, &mbni_batch_norm_ops)
OPTIONS_INIT(relu, &mbni_relu_ops)
OPTIONS_INIT(zero_padding2d, &mbni_zero_padding2d_ops)
OPTIONS_INIT(average_pooling2d, &mbni_average_pooling2d_ops)
OPTIONS_INIT(dense, &mbni_dense_ops)

/* A failure before there is a layer latches as well, unless the model is built. */
static mbn_status refuse(mbn_model *model, mbn_status status)
{
    MBNI_TRY(mbni_model_write_begin(model));
    if (!model->built)
        mbni_model_latch(model, status);
    mbni_model_write_end(model);
    return status;
}

static mbn_status add(mbn_model *model, const mbni_layer_ops *ops, const char *name, const void *config,
                      size_t config_bytes)
{
    if (!model)
        return mbni_error(MBN_ERR_ARGUMENT, "argument model is NULL");
    mbni_layer_request request = {.ops = ops, .name = name, .config = config, .config_bytes = config_bytes};
    MBNI_TRY(mbni_model_write_begin(model));
    mbn_status status = mbni_model_add(model, &request);
    mbni_model_write_end(model);
    return status;
}

/* `name` points into layer->config, and so is read after the options. */
static mbn_status add_with_options(mbn_model *model, mbni_layer *layer, const char *const *name,
                                   const void *options, size_t options_bytes, const char *what)
{
    if (!model)
        return mbni_error(MBN_ERR_ARGUMENT, "argument model is NULL");
    mbn_status status = mbni_options_read(&layer->config, options_bytes, options, what);
    if (status)
        return refuse(model, status);
    return add(model, layer->ops, *name, &layer->config, options_bytes);
}

MBN_API mbn_status mbn_model_add_input(mbn_model *model, int64_t height, int64_t width, int64_t channels)
{
    MBNI_CALL();
    mbni_input_config config = {height, width, channels};
    return add(model, &mbni_input_ops, NULL, &config, sizeof config);
}

MBN_API mbn_status mbn_model_add_conv2d(mbn_model *model, const mbn_conv2d_options *options)
{
    MBNI_CALL();
    mbni_layer layer = with_defaults(&mbni_conv2d_ops);
    return add_with_options(model, &layer, &layer.config.conv2d.name, options, sizeof *options,
                            "mbn_conv2d_options");
}

MBN_API mbn_status mbn_model_add_depthwise_conv2d(mbn_model *model,
                                                  const mbn_depthwise_conv2d_options *options)
{
    MBNI_CALL();
    mbni_layer layer = with_defaults(&mbni_depthwise_conv2d_ops);
    return add_with_options(model, &layer, &layer.config.depthwise_conv2d.name, options, sizeof *options,
                            "mbn_depthwise_conv2d_options");
}

MBN_API mbn_status mbn_model_add_separable_conv2d(mbn_model *model,
                                                  const mbn_separable_conv2d_options *options)
{
    MBNI_CALL();
    mbni_layer layer = with_defaults(&mbni_separable_conv2d_ops);
    return add_with_options(model, &layer, &layer.config.separable_conv2d.name, options, sizeof *options,
                            "mbn_separable_conv2d_options");
}

MBN_API mbn_status mbn_model_add_batch_norm(mbn_model *model, const mbn_batch_norm_options *options)
{
    MBNI_CALL();
    mbni_layer layer = with_defaults(&mbni_batch_norm_ops);
    return add_with_options(model, &layer, &layer.config.batch_norm.name, options, sizeof *options,
                            "mbn_batch_norm_options");
}

MBN_API mbn_status mbn_model_add_relu(mbn_model *model, const mbn_relu_options *options)
{
    MBNI_CALL();
    mbni_layer layer = with_defaults(&mbni_relu_ops);
    return add_with_options(model, &layer, &layer.config.relu.name, options, sizeof *options,
                            "mbn_relu_options");
}

MBN_API mbn_status mbn_model_add_zero_padding2d(mbn_model *model, const mbn_zero_padding2d_options *options)
{
    MBNI_CALL();
    mbni_layer layer = with_defaults(&mbni_zero_padding2d_ops);
    return add_with_options(model, &layer, &layer.config.zero_padding2d.name, options, sizeof *options,
                            "mbn_zero_padding2d_options");
}

MBN_API mbn_status mbn_model_add_average_pooling2d(mbn_model *model,
                                                   const mbn_average_pooling2d_options *options)
{
    MBNI_CALL();
    mbni_layer layer = with_defaults(&mbni_average_pooling2d_ops);
    return add_with_options(model, &layer, &layer.config.average_pooling2d.name, options, sizeof *options,
                            "mbn_average_pooling2d_options");
}

MBN_API mbn_status mbn_model_add_global_average_pooling2d(mbn_model *model, const char *name)
{
    MBNI_CALL();
    return add(model, &mbni_global_average_pooling2d_ops, name, NULL, 0);
}

MBN_API mbn_status mbn_model_add_global_max_pooling2d(mbn_model *model, const char *name)
{
    MBNI_CALL();
    return add(model, &mbni_global_max_pooling2d_ops, name, NULL, 0);
}

MBN_API mbn_status mbn_model_add_dropout(mbn_model *model, double rate, const char *name)
{
    MBNI_CALL();
    mbni_dropout_config config = {rate};
    return add(model, &mbni_dropout_ops, name, &config, sizeof config);
}

MBN_API mbn_status mbn_model_add_flatten(mbn_model *model, const char *name)
{
    MBNI_CALL();
    return add(model, &mbni_flatten_ops, name, NULL, 0);
}

MBN_API mbn_status mbn_model_add_reshape(mbn_model *model, int32_t rank, const int64_t *dims,
                                         const char *name)
{
    MBNI_CALL();
    if (!model)
        return mbni_error(MBN_ERR_ARGUMENT, "argument model is NULL");
    if (!dims)
        return refuse(model, mbni_error(MBN_ERR_ARGUMENT, "argument dims is NULL"));
    mbni_reshape_config config = {.rank = rank}; /* a wrong rank is refused by the layer */
    for (int32_t i = 0; i < rank && i < MBN_MAX_RANK - 1; i++)
        config.dims[i] = dims[i];
    return add(model, &mbni_reshape_ops, name, &config, sizeof config);
}

MBN_API mbn_status mbn_model_add_dense(mbn_model *model, const mbn_dense_options *options)
{
    MBNI_CALL();
    mbni_layer layer = with_defaults(&mbni_dense_ops);
    return add_with_options(model, &layer, &layer.config.dense.name, options, sizeof *options,
                            "mbn_dense_options");
}

MBN_API mbn_status mbn_model_add_softmax(mbn_model *model, const char *name)
{
    MBNI_CALL();
    return add(model, &mbni_softmax_ops, name, NULL, 0);
}
