/* MobileNet V1 (Howard et al. 2017, arXiv 1704.04861, table 1) as a chain of layers, with the layers, names
 * and paddings of Keras Applications (TensorFlow 2.0 to 2.5): a stride-2 convolution pads one row and column
 * after the map and runs `valid`, which differs from `same` on odd maps. The shallow net numbers its 8 blocks
 * through. */
#include "model/model.h"
#include <math.h>
#include <stdio.h>

enum { BLOCKS = 13, STEM_FILTERS = 32, MAX_ALPHA = 16 };

static const struct block {
    int32_t filters, stride, deep; /* deep: left out of the shallow net */
} blocks[BLOCKS] = {{64, 1, 0},  {128, 2, 0},  {128, 1, 0}, {256, 2, 0}, {256, 1, 0},
                    {512, 2, 0}, {512, 1, 1},  {512, 1, 1}, {512, 1, 1}, {512, 1, 1},
                    {512, 1, 1}, {1024, 2, 0}, {1024, 1, 0}};

void mbni_mobilenet_defaults(mbn_mobilenet_options *options)
{
    *options = (mbn_mobilenet_options){.struct_size = sizeof *options,
                                       .alpha = 1,
                                       .dropout = 1e-3,
                                       .height = 224,
                                       .width = 224,
                                       .channels = 3,
                                       .min_size = 32,
                                       .depth_multiplier = 1,
                                       .include_top = 1,
                                       .stem_stride = 2,
                                       .preprocessing = MBN_PREPROCESSING_SYMMETRIC};
}

static mbn_status check_integer(const char *name, int64_t value, int64_t low, int64_t high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "option %s is %lld; allowed are %lld to %lld", name, (long long)value,
                      (long long)low, (long long)high);
}

/* One of two or more named constants, which the sentence spells out. */
static mbn_status check_choice(const char *name, int32_t value, int32_t low, int32_t high,
                               const char *allowed)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "option %s is %d; allowed are %s", name, (int)value, allowed);
}

/* Rules that join the top with other options: what would be ignored is refused. */
static mbn_status check_top(const mbn_mobilenet_options *o)
{
    if (o->include_top && o->pooling != MBN_POOLING_NONE)
        return mbni_error(
            MBN_ERR_ARGUMENT,
            "option pooling is %d with include_top 1; allowed is MBN_POOLING_NONE (0), since the top "
            "has its own pooling",
            (int)o->pooling);
    if (!o->include_top && o->classes != 0)
        return mbni_error(
            MBN_ERR_ARGUMENT,
            "option classes is %lld with include_top 0; allowed is 0, since a net without top has "
            "no classes",
            (long long)o->classes);
    if (!o->include_top && o->dropout != 0 && o->dropout != 1e-3)
        return mbni_error(
            MBN_ERR_ARGUMENT,
            "option dropout is %g with include_top 0; allowed are the default and 0, since a net "
            "without top has no dropout",
            o->dropout);
    return MBN_OK;
}

/* What concerns the input of a net of its own. */
static mbn_status check_input(const mbn_mobilenet_options *o)
{
    MBNI_TRY(check_integer("height", o->height, o->min_size, 65536));
    MBNI_TRY(check_integer("width", o->width, o->min_size, 65536));
    MBNI_TRY(check_integer("channels", o->channels, 1, 1024));
    MBNI_TRY(check_choice("data_format", o->data_format, 0, 1,
                          "MBN_CHANNELS_LAST (0) and MBN_CHANNELS_FIRST (1)"));
    return check_choice("preprocessing", o->preprocessing, 0, MBN_PREPROCESSING_RAW,
                        "MBN_PREPROCESSING_SYMMETRIC (1, and 0 for it), _UNIT (2) and _RAW (3)");
}

mbn_status mbni_mobilenet_check(const mbn_mobilenet_options *o, int append)
{
    /* Comparisons with NaN are false, so NaN is refused too. */
    if (!(o->alpha >= 1.0 / STEM_FILTERS && o->alpha <= MAX_ALPHA))
        return mbni_error(
            MBN_ERR_ARGUMENT,
            "option alpha is %g; allowed are 1/%d, which leaves the first layer one channel, to %d", o->alpha,
            STEM_FILTERS, MAX_ALPHA);
    if (!(o->dropout >= 0 && o->dropout < 1))
        return mbni_error(MBN_ERR_ARGUMENT, "option dropout is %g; allowed are 0 to below 1", o->dropout);
    MBNI_TRY(check_integer("classes", o->classes, 0, 1000000));
    MBNI_TRY(check_integer("min_size", o->min_size, 1, 65536));
    MBNI_TRY(check_integer("depth_multiplier", o->depth_multiplier, 1, 64));
    MBNI_TRY(check_choice("include_top", o->include_top, 0, 1, "0 and 1"));
    MBNI_TRY(check_choice("pooling", o->pooling, 0, MBN_POOLING_MAX,
                          "MBN_POOLING_NONE (0), MBN_POOLING_AVG (1) and MBN_POOLING_MAX (2)"));
    MBNI_TRY(check_choice("shallow", o->shallow, 0, 1, "0 and 1"));
    MBNI_TRY(check_choice("activation", o->activation, 0, MBN_ACTIVATION_RELU,
                          "MBN_ACTIVATION_RELU6 (0) and MBN_ACTIVATION_RELU (1)"));
    MBNI_TRY(check_integer("stem_stride", o->stem_stride, 1, 2));
    MBNI_TRY(check_top(o));
    return append ? MBN_OK : check_input(o);
}

static int64_t scaled(const mbn_mobilenet_options *o, int32_t filters)
{
    return (int64_t)(filters * o->alpha);
}

static mbn_status add(mbn_model *model, const mbni_layer_ops *ops, const char *name, const void *config,
                      size_t config_bytes)
{
    return mbni_model_add(model, &(mbni_layer_request){ops, name, config, config_bytes});
}

static mbn_status add_convolution(mbn_model *model, const char *name, int64_t filters, int32_t kernel,
                                  int32_t stride, int32_t bias)
{
    mbn_conv2d_options config = {.filters = filters,
                                 .kernel_height = kernel,
                                 .kernel_width = kernel,
                                 .stride_height = stride,
                                 .stride_width = stride,
                                 .padding = stride == 1 ? MBN_PADDING_SAME : MBN_PADDING_VALID,
                                 .use_bias = bias};
    return add(model, &mbni_conv2d_ops, name, &config, sizeof config);
}

static mbn_status add_depthwise(mbn_model *model, const char *name, int32_t multiplier, int32_t stride)
{
    mbn_depthwise_conv2d_options config = {.kernel_height = 3,
                                           .kernel_width = 3,
                                           .stride_height = stride,
                                           .stride_width = stride,
                                           .padding = stride == 1 ? MBN_PADDING_SAME : MBN_PADDING_VALID,
                                           .depth_multiplier = multiplier};
    return add(model, &mbni_depthwise_conv2d_ops, name, &config, sizeof config);
}

static mbn_status add_padding(mbn_model *model, const char *name)
{
    mbn_zero_padding2d_options config = {.bottom = 1, .right = 1};
    return add(model, &mbni_zero_padding2d_ops, name, &config, sizeof config);
}

/* "<name>_bn" and "<name>_relu" */
static mbn_status add_norm_and_activation(mbn_model *model, const mbn_mobilenet_options *o, const char *name)
{
    char text[MBNI_NAME_BYTES];
    mbn_relu_options config = {.max_value = o->activation == MBN_ACTIVATION_RELU6 ? 6 : 0};
    snprintf(text, sizeof text, "%s_bn", name);
    MBNI_TRY(add(model, &mbni_batch_norm_ops, text, NULL, 0));
    snprintf(text, sizeof text, "%s_relu", name);
    return add(model, &mbni_relu_ops, text, &config, sizeof config);
}

static mbn_status add_stem(mbn_model *model, const mbn_mobilenet_options *o)
{
    if (o->stem_stride == 2)
        MBNI_TRY(add_padding(model, "conv1_pad"));
    MBNI_TRY(add_convolution(model, "conv1", scaled(o, STEM_FILTERS), 3, o->stem_stride, 0));
    return add_norm_and_activation(model, o, "conv1");
}

static mbn_status add_block(mbn_model *model, const mbn_mobilenet_options *o, const struct block *block,
                            int number)
{
    char name[MBNI_NAME_BYTES];
    snprintf(name, sizeof name, "conv_pad_%d", number);
    if (block->stride == 2)
        MBNI_TRY(add_padding(model, name));
    snprintf(name, sizeof name, "conv_dw_%d", number);
    MBNI_TRY(add_depthwise(model, name, o->depth_multiplier, block->stride));
    MBNI_TRY(add_norm_and_activation(model, o, name));
    snprintf(name, sizeof name, "conv_pw_%d", number);
    MBNI_TRY(add_convolution(model, name, scaled(o, block->filters), 1, 1, 0));
    return add_norm_and_activation(model, o, name);
}

static mbn_status add_top(mbn_model *model, const mbn_mobilenet_options *o)
{
    int64_t classes = o->classes ? o->classes : 1000;
    mbni_dropout_config dropout = {.rate = o->dropout};
    mbni_reshape_config map = {.rank = 3, .dims = {1, 1, scaled(o, blocks[BLOCKS - 1].filters)}};
    mbni_reshape_config vector = {.rank = 1, .dims = {classes}};
    MBNI_TRY(add(model, &mbni_global_average_pooling2d_ops, "global_average_pooling2d", NULL, 0));
    MBNI_TRY(add(model, &mbni_reshape_ops, "reshape_1", &map, sizeof map));
    MBNI_TRY(add(model, &mbni_dropout_ops, "dropout", &dropout, sizeof dropout));
    MBNI_TRY(add_convolution(model, "conv_preds", classes, 1, 1, 1));
    MBNI_TRY(add(model, &mbni_reshape_ops, "reshape_2", &vector, sizeof vector));
    return add(model, &mbni_softmax_ops, "predictions", NULL, 0);
}

static mbn_status add_layers(mbn_model *model, const mbn_mobilenet_options *o)
{
    int number = 0;
    MBNI_TRY(add_stem(model, o));
    for (int i = 0; i < BLOCKS; i++)
        if (!o->shallow || !blocks[i].deep)
            MBNI_TRY(add_block(model, o, &blocks[i], ++number));
    if (o->include_top)
        return add_top(model, o);
    if (o->pooling == MBN_POOLING_AVG)
        return add(model, &mbni_global_average_pooling2d_ops, "global_average_pooling2d", NULL, 0);
    if (o->pooling == MBN_POOLING_MAX)
        return add(model, &mbni_global_max_pooling2d_ops, "global_max_pooling2d", NULL, 0);
    return MBN_OK;
}

static mbn_status check_end(const mbn_model *model, const mbn_mobilenet_options *o)
{
    char text[MBNI_DIMS_TEXT];
    const mbni_layer *last = mbni_model_last(model);
    if (last->out.rank == 3 && last->out.dims[0] >= o->min_size && last->out.dims[1] >= o->min_size)
        return MBN_OK;
    return mbni_error(
        MBN_ERR_SHAPE,
        "argument model ends in layer '%s' with shape %s; needed is [height, width, channels] with "
        "height and width at least option min_size, %lld",
        last->name, mbni_dims_text(text, last->out.rank, last->out.dims), (long long)o->min_size);
}

/* On failure the layers that were added go again; latched, the model cannot be built in either case. */
mbn_status mbni_mobilenet_append(mbn_model *model, const mbn_mobilenet_options *options)
{
    int64_t before = model->layer_count;
    mbn_status status = check_end(model, options);
    if (status)
        return mbni_model_latch(model, status);
    status = add_layers(model, options);
    if (status) {
        model->layer_count = before;
        mbni_model_update_edges(model);
    }
    return status;
}

mbn_status mbni_mobilenet_create(mbn_context *context, const mbn_mobilenet_options *options, mbn_model **out)
{
    mbn_model *model;
    mbni_input_config input = {options->height, options->width, options->channels};
    mbn_status status;
    MBNI_TRY(mbni_model_new(context, &model));
    model->data_format = options->data_format;
    model->preprocessing = options->preprocessing ? options->preprocessing : MBN_PREPROCESSING_SYMMETRIC;
    model->seed = options->seed;
    if ((status = add(model, &mbni_input_ops, NULL, &input, sizeof input)) ||
        (status = add_layers(model, options)) || (status = mbni_model_allocate(model))) {
        mbni_model_free(model);
        return status;
    }
    mbni_model_initialize(model, model->seed);
    *out = model;
    return MBN_OK;
}
