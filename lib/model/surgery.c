/* Changes of a built model: cut at a layer, or another classifier. Whatever can fail comes before the first
 * change that cannot be taken back. */
#include "model/model.h"
#include <string.h>

enum { MAX_CLASSES = 1000000 };

static mbn_status check_ready(const mbn_model *model)
{
    return model->built ? MBN_OK
                        : mbni_error(MBN_ERR_STATE, "the model is not built; call mbn_model_build first");
}

static void forget_labels(mbn_model *model)
{
    mbni_free(model->context, model->labels);
    model->labels = NULL;
    model->label_count = 0;
}

/* Labels outlive a cut that takes only layers without parameters and leaves as many outputs, such as the
 * softmax: the outputs are of the same classes then. */
static bool labels_still_fit(const mbn_model *model, int64_t layers)
{
    for (int64_t i = layers; i < model->layer_count; i++)
        if (model->layers[i].param_count)
            return false;
    return mbni_shape_count(&model->layers[layers - 1].out) == model->label_count;
}

mbn_status mbni_model_truncate(mbn_model *model, const char *layer)
{
    MBNI_TRY(check_ready(model));
    int64_t index = mbni_model_find(model, layer);
    if (index < 0)
        return mbni_error(MBN_ERR_NOT_FOUND, "argument layer is '%.70s'; the model has no such layer", layer);
    if (index == 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument layer is '%s', the input; allowed are the layers after it", layer);
    bool labels_fit = labels_still_fit(model, index + 1);
    MBNI_TRY(mbni_model_lay_out(model, index + 1));
    if (!labels_fit)
        forget_labels(model);
    mbni_model_forget_training(model);
    return MBN_OK;
}

/* The classes that a layer decides between; 0: it is no classifier. */
static int64_t classifier_outputs(const mbni_layer *layer)
{
    const mbn_conv2d_options *c = &layer->config.conv2d;
    if (layer->ops == &mbni_dense_ops)
        return layer->config.dense.units;
    if (layer->ops == &mbni_conv2d_ops && c->kernel_height == 1 && c->kernel_width == 1)
        return c->filters;
    return 0;
}

static void set_outputs(mbni_layer *layer, int64_t classes)
{
    if (layer->ops == &mbni_dense_ops)
        layer->config.dense.units = classes;
    else
        layer->config.conv2d.filters = classes;
    layer->trainable = 1;
    layer->param_count = 0;
    memset(layer->params, 0, sizeof layer->params); /* without values, so that they are laid out anew */
}

/* A reshape names its lengths: the last one that is the old number of classes becomes the new one. */
static void follow_reshape(mbni_layer *layer, int64_t old_classes, int64_t classes)
{
    mbni_reshape_config *config = &layer->config.reshape;
    for (int64_t i = config->rank - 1; i >= 0; i--)
        if (config->dims[i] == old_classes) {
            config->dims[i] = classes;
            return;
        }
}

static mbn_status infer_again(mbn_model *model, int64_t head, int64_t classes)
{
    int64_t old_classes = classifier_outputs(&model->layers[head]);
    for (int64_t i = head; i < model->layer_count; i++) {
        mbni_layer *layer = &model->layers[i];
        layer->in = model->layers[i - 1].out;
        if (i == head)
            set_outputs(layer, classes);
        else if (layer->ops == &mbni_reshape_ops)
            follow_reshape(layer, old_classes, classes);
        MBNI_TRY(layer->ops->infer_shape(layer));
    }
    return MBN_OK;
}

static mbn_status replace_classifier(mbn_model *model, int64_t head, int64_t classes)
{
    size_t bytes = (size_t)(model->layer_count - head) * sizeof(mbni_layer);
    mbni_layer *kept = mbni_alloc(model->context, (int64_t)bytes);
    if (!kept)
        return MBN_ERR_MEMORY;
    memcpy(kept, model->layers + head, bytes);
    mbn_status status = infer_again(model, head, classes);
    if (!status)
        status = mbni_model_lay_out(model, model->layer_count);
    if (status)
        memcpy(model->layers + head, kept, bytes);
    mbni_free(model->context, kept);
    return status;
}

static mbn_status add(mbn_model *model, const mbni_layer_ops *ops, const char *name, const void *config,
                      size_t config_bytes)
{
    return mbni_model_add(model, &(mbni_layer_request){ops, name, config, config_bytes});
}

static mbn_status add_head(mbn_model *model, int64_t classes)
{
    mbni_dropout_config dropout = {.rate = 1e-3};
    mbn_dense_options dense = {.units = classes, .use_bias = 1};
    if (mbni_model_last(model)->out.rank == 3)
        MBNI_TRY(add(model, &mbni_global_average_pooling2d_ops, NULL, NULL, 0));
    MBNI_TRY(add(model, &mbni_dropout_ops, NULL, &dropout, sizeof dropout));
    MBNI_TRY(add(model, &mbni_dense_ops, "predictions_dense", &dense, sizeof dense));
    return add(model, &mbni_softmax_ops, "predictions", NULL, 0);
}

/* Opens the built model for constructors; on failure the layers that were added go again. */
static mbn_status append_classifier(mbn_model *model, int64_t classes)
{
    int64_t before = model->layer_count;
    model->built = 0;
    mbn_status status = add_head(model, classes);
    if (!status)
        status = mbni_model_lay_out(model, model->layer_count);
    if (status)
        model->layer_count = before;
    model->built = 1;
    model->latched = MBN_OK;
    mbni_model_update_edges(model);
    return status;
}

/* The last layer with parameters; 0, the input, for none. */
static int64_t last_with_parameters(const mbn_model *model)
{
    int64_t i = model->layer_count - 1;
    while (i > 0 && model->layers[i].param_count == 0)
        i--;
    return i;
}

mbn_status mbni_model_replace_head(mbn_model *model, int64_t classes, uint64_t seed)
{
    MBNI_TRY(check_ready(model));
    if (classes < 1 || classes > MAX_CLASSES)
        return mbni_error(MBN_ERR_ARGUMENT, "argument classes is %lld; allowed are 1 to %d",
                          (long long)classes, MAX_CLASSES);
    const mbni_layer *last = mbni_model_last(model);
    int64_t before = model->layer_count, head = last_with_parameters(model);
    bool replaces = last->out.rank == 1 && classifier_outputs(&model->layers[head]) == last->out.dims[0];
    if (!replaces && (last->ops == &mbni_softmax_ops || last->out.rank == 2))
        return mbni_error(
            MBN_ERR_STATE,
            "the model's last layer with parameters is '%s' (%s) and its end '%s' (%s); needed is a "
            "dense layer or a 1 x 1 convolution whose channels are the outputs, or a network "
            "without classifier that ends in a map or a vector",
            model->layers[head].name, model->layers[head].ops->class_name, last->name, last->ops->class_name);
    MBNI_TRY(replaces ? replace_classifier(model, head, classes) : append_classifier(model, classes));
    for (int64_t i = replaces ? head : before; i < model->layer_count; i++)
        mbni_layer_initialize(&model->layers[i], seed);
    forget_labels(model);
    mbni_model_forget_training(model);
    return MBN_OK;
}
