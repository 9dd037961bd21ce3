/* Flatten and reshape: another view of the same bytes, so that there is nothing to compute. */
#include "layers/common.h"
#include "core/tensor.h"

static mbn_status flatten_infer_shape(mbni_layer *layer)
{
    layer->param_count = 0;
    layer->out = (mbni_shape){.rank = 1, .dims = {mbni_shape_count(&layer->in)}};
    return mbni_check_sizes(layer);
}

const mbni_layer_ops mbni_flatten_ops = {
    .type = "flatten",
    .class_name = "Flatten",
    .flags = MBNI_LAYER_ALIAS,
    .infer_shape = flatten_infer_shape,
};

static mbn_status reshape_infer_shape(mbni_layer *layer)
{
    static const char *const names[] = {"dims[0]", "dims[1]", "dims[2]"};
    const mbni_reshape_config *config = &layer->config.reshape;
    layer->param_count = 0;
    MBNI_TRY(mbni_check_integer(layer, "rank", config->rank, 1, 3));
    layer->out = (mbni_shape){.rank = (int32_t)config->rank};
    for (int32_t i = 0; i < layer->out.rank; i++) {
        MBNI_TRY(mbni_check_integer(layer, names[i], config->dims[i], 1, MBNI_LAYER_MAX_COUNT));
        layer->out.dims[i] = config->dims[i];
    }
    MBNI_TRY(mbni_check_sizes(layer));
    if (mbni_shape_count(&layer->in) != mbni_shape_count(&layer->out)) {
        char in[MBNI_DIMS_TEXT], out[MBNI_DIMS_TEXT];
        return mbni_layer_error(
            layer, MBN_ERR_SHAPE, "dims %s have %lld numbers, the input %s has %lld",
            mbni_dims_text(out, layer->out.rank, layer->out.dims), (long long)mbni_shape_count(&layer->out),
            mbni_dims_text(in, layer->in.rank, layer->in.dims), (long long)mbni_shape_count(&layer->in));
    }
    return MBN_OK;
}

static mbn_status reshape_describe(mbni_layer *layer, mbni_fields *fields)
{
    mbni_reshape_config *config = &layer->config.reshape;
    MBNI_TRY(fields->integer(fields, "rank", &config->rank));
    MBNI_TRY(fields->integer(fields, "dim_0", &config->dims[0]));
    MBNI_TRY(fields->integer(fields, "dim_1", &config->dims[1]));
    return fields->integer(fields, "dim_2", &config->dims[2]);
}

const mbni_layer_ops mbni_reshape_ops = {
    .type = "reshape",
    .class_name = "Reshape",
    .flags = MBNI_LAYER_ALIAS,
    .infer_shape = reshape_infer_shape,
    .describe = reshape_describe,
};
