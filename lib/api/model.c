/* model.h: every call checks its arguments, takes the access that it needs, and goes down. */
#include "model/model.h"
#include "core/options.h"
#include "predict/predict.h"

static mbn_status refuse_null(const char *name)
{
    return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", name);
}

static mbn_status check_integer(const char *name, int64_t value, int64_t low, int64_t high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "argument %s is %lld; allowed are %lld to %lld", name,
                      (long long)value, (long long)low, (long long)high);
}

static mbn_status end_read(const mbn_model *model, mbn_status status)
{
    mbni_model_read_end(model);
    return status;
}

static mbn_status end_write(mbn_model *model, mbn_status status)
{
    mbni_model_write_end(model);
    return status;
}

/* Construction. */

MBN_API void mbn_mobilenet_options_init_sized(mbn_mobilenet_options *options, size_t struct_size)
{
    mbn_mobilenet_options defaults;
    mbni_mobilenet_defaults(&defaults);
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API void mbn_mobilenet_cifar_init_sized(mbn_mobilenet_options *options, size_t struct_size)
{
    mbn_mobilenet_options cifar;
    mbni_mobilenet_defaults(&cifar);
    cifar.height = cifar.width = 32;
    cifar.classes = 10;
    cifar.stem_stride = 1;
    mbni_options_write(options, struct_size, &cifar, sizeof cifar);
}

static mbn_status read_mobilenet_options(mbn_mobilenet_options *known, const mbn_mobilenet_options *options,
                                         int append)
{
    mbni_mobilenet_defaults(known);
    MBNI_TRY(mbni_options_read(known, sizeof *known, options, "options"));
    return mbni_mobilenet_check(known, append);
}

MBN_API mbn_status mbn_mobilenet_create(mbn_context *context, const mbn_mobilenet_options *options,
                                        mbn_model **out)
{
    MBNI_CALL();
    mbn_mobilenet_options known;
    if (!out)
        return refuse_null("out");
    *out = NULL;
    MBNI_TRY(read_mobilenet_options(&known, options, 0));
    return mbni_mobilenet_create(context, &known, out);
}

static mbn_status append_mobilenet(mbn_model *model, const mbn_mobilenet_options *options)
{
    mbn_mobilenet_options known;
    if (model->built)
        return mbni_error(MBN_ERR_STATE,
                          "the model is built already; layers are added before mbn_model_build");
    if (model->latched)
        return mbni_error(model->latched, "an earlier call failed: %s", model->latched_text);
    mbn_status status = model->layer_count ? read_mobilenet_options(&known, options, 1)
                                           : mbni_error(MBN_ERR_STATE, "the model has no input yet; call "
                                                                       "mbn_model_add_input first");
    if (status)
        return mbni_model_latch(model, status);
    return mbni_mobilenet_append(model, &known);
}

MBN_API mbn_status mbn_mobilenet_append(mbn_model *model, const mbn_mobilenet_options *options)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_write_begin(model));
    return end_write(model, append_mobilenet(model, options));
}

MBN_API mbn_status mbn_model_create(mbn_context *context, mbn_model **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    return mbni_model_new(context, out);
}

MBN_API mbn_status mbn_model_build(mbn_model *model)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_write_begin(model));
    mbn_status status = mbni_model_allocate(model);
    if (!status)
        mbni_model_initialize(model, model->seed);
    return end_write(model, status);
}

MBN_API mbn_status mbn_model_set_seed(mbn_model *model, uint64_t seed)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_write_begin(model));
    mbn_status status = MBN_OK;
    if (model->built)
        status = mbni_error(MBN_ERR_STATE, "the model is built already; its weights have been drawn");
    else
        model->seed = seed;
    return end_write(model, status);
}

MBN_API mbn_status mbn_model_set_data_format(mbn_model *model, int32_t data_format)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(check_integer("data_format", data_format, MBN_CHANNELS_LAST, MBN_CHANNELS_FIRST));
    MBNI_TRY(mbni_model_write_begin(model));
    mbni_model_set_data_format(model, data_format);
    return end_write(model, MBN_OK);
}

/* A model in use, by another thread or by the call whose callback this is, stays as it is: a leak is better
 * than a crash. */
MBN_API void mbn_model_destroy(mbn_model *model)
{
    MBNI_CALL();
    if (model && !mbni_model_write_begin(model))
        mbni_model_free(model);
}

/* Layers. */

MBN_API void mbn_layer_info_init_sized(mbn_layer_info *info, size_t struct_size)
{
    mbn_layer_info empty = {.struct_size = sizeof empty};
    mbni_options_write(info, struct_size, &empty, sizeof empty);
}

MBN_API size_t mbn_model_layer_count(const mbn_model *model)
{
    return model ? (size_t)model->layer_count : 0;
}

static mbn_status fill_info(const mbn_model *model, size_t index, mbn_layer_info *info)
{
    mbn_layer_info filled = {.struct_size = sizeof filled};
    if (index >= (size_t)model->layer_count)
        return mbni_error(MBN_ERR_ARGUMENT, "argument index is %zu; the model has %lld layers", index,
                          (long long)model->layer_count);
    const mbni_layer *layer = &model->layers[index];
    filled.name = layer->name;
    filled.type = layer->ops->class_name;
    for (int32_t i = 0; i < layer->out.rank; i++)
        filled.output_dims[i] = layer->out.dims[i];
    mbni_layer_parameter_count(layer, &filled.parameters, &filled.trainable_parameters);
    filled.multiply_adds = mbni_layer_multiply_adds(layer);
    filled.output_rank = layer->out.rank;
    filled.trainable = layer->trainable;
    mbni_options_write(info, info->struct_size, &filled, sizeof filled);
    return MBN_OK;
}

MBN_API mbn_status mbn_model_layer_info(const mbn_model *model, size_t index, mbn_layer_info *info)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!info)
        return refuse_null("info");
    if (info->struct_size < sizeof info->struct_size || info->struct_size > 65536)
        return mbni_error(
            MBN_ERR_ARGUMENT,
            "struct_size of info is %zu; allowed are %zu to 65536 (set it with the init function)",
            info->struct_size, sizeof info->struct_size);
    MBNI_TRY(mbni_model_read_begin(model));
    return end_read(model, fill_info(model, index, info));
}

static mbn_status find_layer(const mbn_model *model, const char *argument, const char *name, int64_t *index)
{
    *index = mbni_model_find(model, name);
    if (*index >= 0)
        return MBN_OK;
    return mbni_error(MBN_ERR_NOT_FOUND, "argument %s is '%.70s'; the model has no such layer", argument,
                      name);
}

MBN_API mbn_status mbn_model_layer_index(const mbn_model *model, const char *name, size_t *index)
{
    MBNI_CALL();
    int64_t found;
    if (!model)
        return refuse_null("model");
    if (!name)
        return refuse_null("name");
    if (!index)
        return refuse_null("index");
    MBNI_TRY(mbni_model_read_begin(model));
    mbn_status status = find_layer(model, "name", name, &found);
    if (!status)
        *index = (size_t)found;
    return end_read(model, status);
}

MBN_API mbn_status mbn_model_set_trainable(mbn_model *model, const char *layer, int32_t trainable)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(check_integer("trainable", trainable, 0, 1));
    MBNI_TRY(mbni_model_write_begin(model));
    mbn_status status = layer ? mbni_model_check_selection(model, layer) : MBN_OK;
    for (int64_t i = 0; !status && (i = mbni_model_next(model, layer, i)) < model->layer_count; i++)
        model->layers[i].trainable = trainable;
    return end_write(model, status);
}

/* Costs and shapes. */

MBN_API mbn_status mbn_model_parameter_count(const mbn_model *model, int64_t *total, int64_t *trainable)
{
    MBNI_CALL();
    int64_t unasked[2];
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_read_begin(model));
    mbni_model_parameter_count(model, total ? total : &unasked[0], trainable ? trainable : &unasked[1]);
    return end_read(model, MBN_OK);
}

MBN_API mbn_status mbn_model_multiply_adds(const mbn_model *model, int64_t *multiply_adds)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!multiply_adds)
        return refuse_null("multiply_adds");
    MBNI_TRY(mbni_model_read_begin(model));
    *multiply_adds = mbni_model_multiply_adds(model);
    return end_read(model, MBN_OK);
}

static mbn_status inference_memory(const mbn_model *model, int64_t batch_size, int64_t *parameter_bytes,
                                   int64_t *workspace_bytes)
{
    int64_t weights, workspace;
    MBNI_TRY(mbni_predict_memory(model, batch_size, &weights, &workspace));
    if (parameter_bytes)
        *parameter_bytes = model->value_count * (int64_t)sizeof(float);
    if (workspace_bytes)
        *workspace_bytes = weights + workspace;
    return MBN_OK;
}

MBN_API mbn_status mbn_model_inference_memory(const mbn_model *model, int64_t batch_size,
                                              int64_t *parameter_bytes, int64_t *workspace_bytes)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(check_integer("batch_size", batch_size, 1, INT32_MAX));
    MBNI_TRY(mbni_model_read_begin(model));
    return end_read(model, inference_memory(model, batch_size, parameter_bytes, workspace_bytes));
}

MBN_API const int64_t *mbn_model_input_dims(const mbn_model *model)
{
    return model && model->layer_count ? model->input_dims : NULL;
}

MBN_API const int64_t *mbn_model_output_dims(const mbn_model *model)
{
    return model && model->layer_count ? model->output_dims : NULL;
}

MBN_API int32_t mbn_model_output_rank(const mbn_model *model)
{
    return model && model->layer_count ? mbni_model_last(model)->out.rank : 0;
}

MBN_API mbn_status mbn_model_summary(const mbn_model *model, char *buffer, size_t capacity, size_t *needed)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!buffer && capacity)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument buffer is NULL with capacity %zu; allowed with capacity 0", capacity);
    MBNI_TRY(mbni_model_read_begin(model));
    return end_read(model, mbni_model_summary(model, buffer, capacity, needed));
}

/* Parameters. */

MBN_API size_t mbn_model_parameter_tensors(const mbn_model *model)
{
    return model ? (size_t)model->entry_count : 0;
}

MBN_API const char *mbn_model_parameter_name(const mbn_model *model, size_t index)
{
    return index < mbn_model_parameter_tensors(model) ? model->entries[index].name : NULL;
}

MBN_API mbn_status mbn_model_get_parameter(const mbn_model *model, const char *name, mbn_tensor **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!model)
        return refuse_null("model");
    if (!name)
        return refuse_null("name");
    MBNI_TRY(mbni_model_read_begin(model));
    return end_read(model, mbni_model_get_parameter(model, name, out));
}

MBN_API mbn_status mbn_model_set_parameter(mbn_model *model, const char *name, const mbn_tensor *values)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!name)
        return refuse_null("name");
    if (!values)
        return refuse_null("values");
    MBNI_TRY(mbni_model_write_begin(model));
    return end_write(model, mbni_model_set_parameter(model, name, values));
}

/* What travels with a model. */

MBN_API mbn_status mbn_model_set_preprocessing(mbn_model *model, int32_t preprocessing)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(check_integer("preprocessing", preprocessing, MBN_PREPROCESSING_NONE, MBN_PREPROCESSING_RAW));
    MBNI_TRY(mbni_model_write_begin(model));
    model->preprocessing = preprocessing;
    return end_write(model, MBN_OK);
}

MBN_API int32_t mbn_model_preprocessing(const mbn_model *model)
{
    return model ? model->preprocessing : MBN_PREPROCESSING_NONE;
}

MBN_API mbn_status mbn_model_set_labels(mbn_model *model, const char *const *labels, size_t count)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!labels && count)
        return mbni_error(MBN_ERR_ARGUMENT, "argument labels is NULL with count %zu; allowed with count 0",
                          count);
    if (count > INT64_MAX / 2)
        return mbni_error(MBN_ERR_SHAPE, "argument count is %zu; allowed are 0 and the number of outputs",
                          count);
    MBNI_TRY(mbni_model_write_begin(model));
    return end_write(model, mbni_model_set_labels(model, labels, (int64_t)count));
}

MBN_API const char *mbn_model_label(const mbn_model *model, size_t index)
{
    return model && index < (size_t)model->label_count ? model->labels[index] : NULL;
}

/* Surgery. */

MBN_API mbn_status mbn_model_truncate(mbn_model *model, const char *layer)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!layer)
        return refuse_null("layer");
    MBNI_TRY(mbni_model_write_begin(model));
    return end_write(model, mbni_model_truncate(model, layer));
}

MBN_API mbn_status mbn_model_replace_head(mbn_model *model, int64_t classes, uint64_t seed)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_write_begin(model));
    return end_write(model, mbni_model_replace_head(model, classes, seed));
}
