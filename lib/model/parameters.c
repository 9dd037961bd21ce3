/* Parameters by name, and the counts of parameters and multiply-adds. */
#include "model/model.h"
#include <string.h>

mbni_param *mbni_model_find_param(const mbn_model *model, const char *name)
{
    for (int64_t i = 0; i < model->entry_count; i++) {
        const mbni_param_entry *entry = &model->entries[i];
        if (!strcmp(entry->name, name))
            return &model->layers[entry->layer].params[entry->param];
    }
    return NULL;
}

void mbni_layer_parameter_count(const mbni_layer *layer, int64_t *total, int64_t *trainable)
{
    *total = *trainable = 0;
    for (int32_t p = 0; p < layer->param_count; p++) {
        *total += layer->params[p].count;
        if (layer->trainable && layer->params[p].trained)
            *trainable += layer->params[p].count;
    }
}

int64_t mbni_layer_multiply_adds(const mbni_layer *layer)
{
    return layer->ops->multiply_adds ? layer->ops->multiply_adds(layer) : 0;
}

/* A layer has at most 4 x 2^40 parameters and a model 4096 layers: the sum cannot wrap. */
void mbni_model_parameter_count(const mbn_model *model, int64_t *total, int64_t *trainable)
{
    *total = *trainable = 0;
    for (int64_t i = 0; i < model->layer_count; i++) {
        int64_t layer_total, layer_trainable;
        mbni_layer_parameter_count(&model->layers[i], &layer_total, &layer_trainable);
        *total += layer_total;
        *trainable += layer_trainable;
    }
}

/* A layer may need up to 2^62: the sum stops at the largest number. */
int64_t mbni_model_multiply_adds(const mbn_model *model)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < model->layer_count; i++) {
        int64_t layer = mbni_layer_multiply_adds(&model->layers[i]);
        sum = layer > INT64_MAX - sum ? INT64_MAX : sum + layer;
    }
    return sum;
}

static mbn_status find(const mbn_model *model, const char *name, mbni_param **param)
{
    if (!model->built)
        return mbni_error(MBN_ERR_STATE, "the model is not built; call mbn_model_build first");
    *param = mbni_model_find_param(model, name);
    if (!*param)
        return mbni_error(MBN_ERR_NOT_FOUND,
                          "argument name is '%.130s'; the model has no such parameter (they are called "
                          "\"layer/parameter\", as mbn_model_parameter_name lists them)",
                          name);
    return MBN_OK;
}

mbn_status mbni_model_get_parameter(const mbn_model *model, const char *name, mbn_tensor **out)
{
    mbni_param *param;
    MBNI_TRY(find(model, name, &param));
    MBNI_TRY(mbni_tensor_new(model->context, MBN_F32, param->shape.rank, param->shape.dims, 0, out));
    memcpy((*out)->data, param->value, (size_t)param->count * sizeof(float));
    return MBN_OK;
}

mbn_status mbni_model_set_parameter(mbn_model *model, const char *name, const mbn_tensor *values)
{
    mbni_param *param;
    char needed[MBNI_DIMS_TEXT], given[MBNI_DIMS_TEXT];
    MBNI_TRY(find(model, name, &param));
    if (values->type != MBN_F32)
        return mbni_error(MBN_ERR_TYPE, "argument values is %s; allowed is f32",
                          mbni_type_name(values->type));
    if (values->rank != param->shape.rank ||
        memcmp(values->dims, param->shape.dims, (size_t)values->rank * sizeof *values->dims))
        return mbni_error(MBN_ERR_SHAPE, "argument values is %s; allowed is %s, the shape of '%s'",
                          mbni_dims_text(given, values->rank, values->dims),
                          mbni_dims_text(needed, param->shape.rank, param->shape.dims), name);
    memcpy(param->value, values->data, (size_t)param->count * sizeof(float));
    model->revision++;
    return MBN_OK;
}
