/* The model object itself: creation, release, room for layers, the shapes at its edges, labels. */
#include "model/model.h"
#include <string.h>

enum { FIRST_CAPACITY = 16, LABEL_BYTES = 255 };

mbn_status mbni_model_new(mbn_context *context, mbn_model **out)
{
    *out = NULL;
    context = mbni_context_retain(context);
    if (!context)
        return MBN_ERR_MEMORY;
    mbn_model *model = mbni_alloc_zeroed(context, sizeof *model);
    if (!model) {
        mbni_context_release(context);
        return MBN_ERR_MEMORY;
    }
    model->context = context;
    atomic_init(&model->attachment, NULL);
    atomic_init(&model->users, 0);
    *out = model;
    return MBN_OK;
}

void mbni_model_free(mbn_model *model)
{
    mbn_context *context = model->context;
    mbni_attachment *attachment = atomic_load(&model->attachment);
    mbni_model_forget_training(model);
    if (attachment)
        attachment->detach(attachment);
    while (model->blocks) {
        mbni_layer_block *before = model->blocks->before;
        mbni_free(context, model->blocks);
        model->blocks = before;
    }
    mbni_free(context, model->values);
    mbni_free(context, model->entries);
    mbni_free(context, model->labels);
    mbni_free(context, model);
    mbni_context_release(context);
}

/* An outgrown block is kept: names lent out of it stay readable. Doubling bounds what that costs. */
mbn_status mbni_model_reserve(mbn_model *model, int64_t layers)
{
    if (layers <= model->layer_capacity)
        return MBN_OK;
    int64_t capacity = model->layer_capacity ? 2 * model->layer_capacity : FIRST_CAPACITY;
    capacity = capacity < layers ? layers : capacity;
    unsigned char *memory =
        mbni_alloc_zeroed(model->context, MBNI_ALIGNMENT + capacity * (int64_t)sizeof(mbni_layer));
    if (!memory)
        return MBN_ERR_MEMORY;
    mbni_layer_block *block = (mbni_layer_block *)(void *)memory;
    mbni_layer *moved = (mbni_layer *)(void *)(memory + MBNI_ALIGNMENT);
    if (model->layer_count)
        memcpy(moved, model->layers, (size_t)model->layer_count * sizeof *moved);
    block->before = model->blocks;
    model->blocks = block;
    model->layers = moved;
    model->layer_capacity = capacity;
    return MBN_OK;
}

int64_t mbni_model_find(const mbn_model *model, const char *layer)
{
    for (int64_t i = 0; i < model->layer_count; i++)
        if (!strcmp(model->layers[i].name, layer))
            return i;
    return -1;
}

const mbni_layer *mbni_model_last(const mbn_model *model)
{
    return &model->layers[model->layer_count - 1];
}

void mbni_model_forget_training(mbn_model *model)
{
    if (model->trainer && model->trainer_destroy)
        model->trainer_destroy(model->trainer);
    model->trainer = NULL;
    model->trainer_destroy = NULL;
}

/* Maps are [height, width, channels] inside. */
static void edge(const mbn_model *model, const mbni_shape *shape, int64_t *dims)
{
    bool first = model->data_format == MBN_CHANNELS_FIRST && shape->rank == 3;
    for (int32_t i = 0; i < shape->rank; i++)
        dims[i] = shape->dims[first ? (i + 2) % 3 : i];
}

void mbni_model_update_edges(mbn_model *model)
{
    if (model->layer_count == 0)
        return;
    edge(model, &model->layers[0].out, model->input_dims);
    edge(model, &mbni_model_last(model)->out, model->output_dims);
}

void mbni_model_set_data_format(mbn_model *model, int32_t data_format)
{
    model->data_format = data_format;
    mbni_model_update_edges(model);
}

static mbn_status check_labels(const mbn_model *model, const char *const *labels, int64_t count,
                               int64_t *bytes)
{
    if (!model->built)
        return mbni_error(MBN_ERR_STATE, "the model is not built; call mbn_model_build first");
    int64_t outputs = mbni_shape_count(&mbni_model_last(model)->out);
    if (count != outputs)
        return mbni_error(MBN_ERR_SHAPE,
                          "argument count is %lld; allowed are 0 and the number of outputs, %lld",
                          (long long)count, (long long)outputs);
    *bytes = count * (int64_t)sizeof(char *);
    for (int64_t i = 0; i < count; i++) {
        if (!labels[i])
            return mbni_error(MBN_ERR_ARGUMENT, "argument labels has NULL at position %lld", (long long)i);
        size_t length = strnlen(labels[i], LABEL_BYTES + 1);
        if (length > LABEL_BYTES)
            return mbni_error(MBN_ERR_ARGUMENT,
                              "argument labels has more than %d bytes at position %lld; allowed are up to %d",
                              LABEL_BYTES, (long long)i, LABEL_BYTES);
        *bytes += (int64_t)length + 1;
    }
    return MBN_OK;
}

mbn_status mbni_model_set_labels(mbn_model *model, const char *const *labels, int64_t count)
{
    char **block = NULL;
    int64_t bytes = 0;
    if (count) {
        MBNI_TRY(check_labels(model, labels, count, &bytes));
        block = mbni_alloc(model->context, bytes);
        if (!block)
            return MBN_ERR_MEMORY;
        char *text = (char *)(block + count);
        for (int64_t i = 0; i < count; i++) {
            size_t length = strlen(labels[i]) + 1;
            block[i] = memcpy(text, labels[i], length);
            text += length;
        }
    }
    mbni_free(model->context, model->labels);
    model->labels = block;
    model->label_count = count;
    return MBN_OK;
}
