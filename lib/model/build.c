/* Construction: layers are appended one by one, each checked against the one before; then their parameters
 * get one block of memory. The first failure latches, so that a program may look at build's status alone. */
#include "model/model.h"
#include <stdio.h>
#include <string.h>

enum { MAX_LAYERS = 4096 };

/* The text as it stands in mbn_last_error, which already names the call that failed. */
mbn_status mbni_model_latch(mbn_model *model, mbn_status status)
{
    if (status && !model->latched) {
        model->latched = status;
        snprintf(model->latched_text, sizeof model->latched_text, "%s", mbni_error_text());
    }
    return status;
}

static mbn_status report_latched(const mbn_model *model)
{
    return mbni_error(model->latched, "an earlier call failed: %s", model->latched_text);
}

static mbn_status check_name(const mbn_model *model, const char *name)
{
    size_t length = strnlen(name, MBNI_NAME_BYTES);
    if (length == 0 || length == MBNI_NAME_BYTES)
        return mbni_error(MBN_ERR_ARGUMENT, "option name is '%.70s'; allowed are 1 to %d bytes", name,
                          MBNI_NAME_BYTES - 1);
    if (strchr(name, '/'))
        return mbni_error(MBN_ERR_ARGUMENT, "option name is '%s'; a slash is not allowed", name);
    int64_t taken = mbni_model_find(model, name);
    if (taken >= 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option name is '%s', which layer %lld has already; names occur once in a model",
                          name, (long long)taken);
    return MBN_OK;
}

/* The number in a name that this library gave: "conv2d" 0, "conv2d_3" 3; -1 for any other name. */
static int64_t number_in_name(const char *name, const char *type)
{
    size_t length = strlen(type);
    int64_t number = 0;
    if (strncmp(name, type, length))
        return -1;
    if (name[length] == '\0')
        return 0;
    if (name[length] != '_' || name[length + 1] < '1' || name[length + 1] > '9')
        return -1;
    for (const char *digit = name + length + 1; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || number > MAX_LAYERS)
            return -1;
        number = number * 10 + (*digit - '0');
    }
    return number;
}

/* The lowest number that no layer has. */
static void number_name(const mbn_model *model, const char *type, char name[MBNI_NAME_BYTES])
{
    unsigned char taken[MAX_LAYERS + 1] = {0};
    int number = 0;
    for (int64_t i = 0; i < model->layer_count; i++) {
        int64_t has = number_in_name(model->layers[i].name, type);
        if (has >= 0 && has <= MAX_LAYERS)
            taken[has] = 1;
    }
    while (taken[number])
        number++;
    snprintf(name, MBNI_NAME_BYTES, number ? "%s_%d" : "%s", type, number);
}

static mbn_status check_place(const mbn_model *model, const mbni_layer_request *request)
{
    bool input = request->ops == &mbni_input_ops;
    if (!input && model->layer_count == 0)
        return mbni_error(MBN_ERR_STATE, "the model has no input yet; call mbn_model_add_input first");
    if (input && model->layer_count > 0)
        return mbni_error(MBN_ERR_STATE,
                          "the model has its input already; it is the first layer, and the only "
                          "one of its kind");
    if (model->layer_count >= MAX_LAYERS)
        return mbni_error(MBN_ERR_ARGUMENT, "the model has %lld layers, which is the most",
                          (long long)model->layer_count);
    if (request->config_bytes > sizeof model->layers->config)
        return mbni_error(MBN_ERR_ARGUMENT, "the settings of a layer have %zu bytes; allowed are up to %zu",
                          request->config_bytes, sizeof model->layers->config);
    return request->name ? check_name(model, request->name) : MBN_OK;
}

static mbn_status append(mbn_model *model, const mbni_layer_request *request)
{
    MBNI_TRY(check_place(model, request));
    MBNI_TRY(mbni_model_reserve(model, model->layer_count + 1));
    mbni_layer *layer = &model->layers[model->layer_count];
    memset(layer, 0, sizeof *layer);
    layer->ops = request->ops;
    layer->index = (int32_t)model->layer_count;
    layer->input = model->layer_count - 1;
    layer->trainable = 1;
    if (request->name)
        snprintf(layer->name, sizeof layer->name, "%s", request->name);
    else if (request->ops == &mbni_input_ops)
        snprintf(layer->name, sizeof layer->name, "input_1");
    else
        number_name(model, request->ops->type, layer->name);
    if (model->layer_count)
        layer->in = mbni_model_last(model)->out;
    if (request->ops->defaults)
        request->ops->defaults(layer);
    if (request->config)
        memcpy(&layer->config, request->config, request->config_bytes);
    MBNI_TRY(request->ops->infer_shape(layer));
    model->layer_count++;
    model->revision++;
    mbni_model_update_edges(model);
    return MBN_OK;
}

mbn_status mbni_model_add(mbn_model *model, const mbni_layer_request *request)
{
    if (model->latched)
        return report_latched(model);
    if (model->built) /* the model stays good: nothing latches */
        return mbni_error(MBN_ERR_STATE,
                          "the model is built already; layers are added before mbn_model_build");
    return mbni_model_latch(model, append(model, request));
}

/* Sums up the floats of the block: each parameter begins on a multiple of 64 bytes. */
static mbn_status plan_values(const mbni_layer *layers, int64_t count, int64_t *floats, int64_t *params)
{
    mbni_arena plan = {0};
    *params = 0;
    for (int64_t i = 0; i < count; i++)
        for (int32_t p = 0; p < layers[i].param_count; p++, ++*params)
            mbni_arena_plan(&plan, layers[i].params[p].count, sizeof(float));
    *floats = plan.bytes / (int64_t)sizeof(float);
    if (plan.overflow || (uint64_t)plan.bytes > PTRDIFF_MAX)
        return mbni_error(MBN_ERR_MEMORY, "the parameters need more memory than can be addressed");
    return MBN_OK;
}

static void name_entry(mbni_param_entry *entry, const mbni_layer *layer, int32_t param)
{
    snprintf(entry->name, sizeof entry->name, "%s/%s", layer->name, layer->params[param].name);
    entry->layer = layer->index;
    entry->param = param;
}

mbn_status mbni_model_lay_out(mbn_model *model, int64_t count)
{
    int64_t floats, params, at = 0;
    MBNI_TRY(plan_values(model->layers, count, &floats, &params));
    float *values = mbni_alloc_zeroed(model->context, floats * (int64_t)sizeof(float));
    mbni_param_entry *entries = mbni_alloc(model->context, params * (int64_t)sizeof *entries);
    if (!values || !entries) {
        mbni_free(model->context, values);
        mbni_free(model->context, entries);
        return MBN_ERR_MEMORY;
    }
    mbni_arena cursor = {0};
    for (int64_t i = 0; i < count; i++) {
        mbni_layer *layer = &model->layers[i];
        for (int32_t p = 0; p < layer->param_count; p++) {
            mbni_param *param = &layer->params[p];
            float *value =
                values + mbni_arena_plan(&cursor, param->count, sizeof(float)) / (int64_t)sizeof(float);
            if (param->value)
                memcpy(value, param->value, (size_t)param->count * sizeof(float));
            param->value = value;
            name_entry(&entries[at++], layer, p);
        }
    }
    mbni_free(model->context, model->values);
    mbni_free(model->context, model->entries);
    model->values = values;
    model->value_count = floats;
    model->entries = entries;
    model->entry_count = params;
    model->layer_count = count;
    model->revision++;
    mbni_model_update_edges(model);
    return MBN_OK;
}

mbn_status mbni_model_allocate(mbn_model *model)
{
    if (model->latched)
        return report_latched(model);
    if (model->built)
        return mbni_error(MBN_ERR_STATE, "the model is built already");
    if (model->layer_count == 0)
        return mbni_error(MBN_ERR_STATE, "the model has no input; call mbn_model_add_input first");
    if (model->layer_count == 1)
        return mbni_error(MBN_ERR_STATE, "the model has no layer but its input; add at least one");
    MBNI_TRY(mbni_model_lay_out(model, model->layer_count));
    model->built = 1;
    return MBN_OK;
}

void mbni_model_initialize(mbn_model *model, uint64_t seed)
{
    for (int64_t i = 0; i < model->layer_count; i++)
        mbni_layer_initialize(&model->layers[i], seed);
    model->revision++;
}
