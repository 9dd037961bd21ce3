/* The input of a network: a shape, nothing to compute. */
#include "layers/common.h"

enum { LIMIT = 65536 };

static mbn_status infer_shape(mbni_layer *layer)
{
    const mbni_input_config *config = &layer->config.input;
    layer->param_count = 0;
    MBNI_TRY(mbni_check_integer(layer, "height", config->height, 1, LIMIT));
    MBNI_TRY(mbni_check_integer(layer, "width", config->width, 1, LIMIT));
    MBNI_TRY(mbni_check_integer(layer, "channels", config->channels, 1, LIMIT));
    layer->in = (mbni_shape){.rank = 3, .dims = {config->height, config->width, config->channels}};
    layer->out = layer->in;
    return mbni_check_sizes(layer);
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    mbni_input_config *config = &layer->config.input;
    MBNI_TRY(fields->integer(fields, "height", &config->height));
    MBNI_TRY(fields->integer(fields, "width", &config->width));
    return fields->integer(fields, "channels", &config->channels);
}

const mbni_layer_ops mbni_input_ops = {
    .type = "input",
    .class_name = "InputLayer",
    .infer_shape = infer_shape,
    .describe = describe,
};
