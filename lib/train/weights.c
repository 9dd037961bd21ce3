/* Weights of pictures: by class, by picture, or both. What a weight does to loss and gradient is step.c's. */
#include "train/weights.h"
#include <math.h>

enum { MOST = 1000000 }; /* products of two stay far below infinity */

static mbn_status check_classes(const mbn_model *model, const mbn_fit_options *o)
{
    const int64_t classes = mbni_model_last(model)->out.dims[0];
    if (!o->class_weights != !o->class_weight_count)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option class_weight_count is %lld with class_weights %s; they are given together",
                          (long long)o->class_weight_count, o->class_weights ? "given" : "NULL");
    if (o->class_weights && o->class_weight_count != classes)
        return mbni_error(MBN_ERR_ARGUMENT, "option class_weight_count is %lld; the model has %lld classes",
                          (long long)o->class_weight_count, (long long)classes);
    for (int64_t c = 0; o->class_weights && c < classes; c++)
        if (!(o->class_weights[c] >= 0 && o->class_weights[c] <= MOST))
            return mbni_error(MBN_ERR_ARGUMENT,
                              "option class_weights has %g for class %lld; allowed are 0 to %d",
                              o->class_weights[c], (long long)c, MOST);
    return MBN_OK;
}

static mbn_status check_samples(const mbn_tensor *weights, int64_t count)
{
    char dims[MBNI_DIMS_TEXT];
    if (weights->type != MBN_F32)
        return mbni_error(MBN_ERR_TYPE, "option sample_weights is %s; allowed is f32 [n]",
                          mbni_type_name(weights->type));
    if (weights->rank != 1 || weights->dims[0] != count)
        return mbni_error(MBN_ERR_SHAPE,
                          "option sample_weights is %s; allowed is [%lld], one for each picture",
                          mbni_dims_text(dims, weights->rank, weights->dims), (long long)count);
    const float *w = weights->data;
    for (int64_t i = 0; i < count; i++)
        if (!(w[i] >= 0 && w[i] <= MOST))
            return mbni_error(MBN_ERR_ARGUMENT,
                              "option sample_weights has %g at position %lld; allowed are 0 to %d",
                              (double)w[i], (long long)i, MOST);
    return MBN_OK;
}

mbn_status mbni_weights_read(const mbn_model *model, const mbn_fit_options *options, int64_t rows,
                             mbni_weights *weights)
{
    MBNI_TRY(check_classes(model, options));
    *weights =
        (mbni_weights){.classes = options->class_weights, .class_count = mbni_model_last(model)->out.dims[0]};
    if (!options->sample_weights)
        return MBN_OK;
    if (rows == 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option sample_weights is given; it is allowed with pictures from tensors only");
    MBNI_TRY(check_samples(options->sample_weights, rows));
    weights->samples = options->sample_weights->data;
    return MBN_OK;
}

void mbni_weights_fill(const mbni_weights *w, int64_t count, const int64_t *order, const int32_t *ids,
                       const float *soft, float *out)
{
    for (int64_t i = 0; i < count; i++) {
        double weight = w->samples ? (double)w->samples[order[i]] : 1;
        if (w->classes)
            weight *=
                w->classes[soft ? mbni_first_largest(w->class_count, soft + i * w->class_count) : ids[i]];
        out[i] = (float)weight;
    }
}
