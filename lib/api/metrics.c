/* metrics.h: checks arguments, takes the model for reading, reads counts. */
#include "train/metrics.h"
#include <math.h>
#include "train/trainer.h"

static mbn_status evaluate(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                           int64_t batch_size, int64_t top_k, mbn_metrics **metrics)
{
    mbni_tensors tensors;
    mbni_feed feed;
    MBNI_TRY(mbni_metrics_check(model, batch_size, &top_k));
    MBNI_TRY(mbni_labelled(model, x, y, "x", "y", &tensors, &feed));
    return mbni_evaluate_metrics_feed(model, &feed, batch_size, top_k, metrics);
}

MBN_API mbn_status mbn_evaluate_metrics(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                                        int64_t batch_size, int64_t top_k, mbn_metrics **metrics)
{
    MBNI_CALL();
    if (metrics)
        *metrics = NULL;
    if (!model || !metrics)
        return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", model ? "metrics" : "model");
    MBNI_TRY(mbni_model_read_begin(model));
    uint32_t denormals = mbni_denormals_flush();
    mbn_status status = evaluate(model, x, y, batch_size, top_k, metrics);
    mbni_denormals_restore(denormals);
    mbni_model_read_end(model);
    return status;
}

MBN_API void mbn_metrics_destroy(mbn_metrics *metrics)
{
    if (metrics)
        mbni_metrics_free(metrics);
}

MBN_API int64_t mbn_metrics_samples(const mbn_metrics *metrics)
{
    return metrics ? metrics->samples : 0;
}

MBN_API int64_t mbn_metrics_undecided(const mbn_metrics *metrics)
{
    return metrics ? metrics->undecided : 0;
}

MBN_API int64_t mbn_metrics_classes(const mbn_metrics *metrics)
{
    return metrics ? metrics->classes : 0;
}

MBN_API double mbn_metrics_loss(const mbn_metrics *metrics)
{
    return metrics ? metrics->loss : NAN;
}

MBN_API double mbn_metrics_accuracy(const mbn_metrics *metrics)
{
    return metrics ? metrics->accuracy : NAN;
}

/* a / b; NaN for 0 / 0. */
static double fraction(int64_t a, int64_t b)
{
    return b > 0 ? (double)a / (double)b : NAN;
}

MBN_API double mbn_metrics_top_k_accuracy(const mbn_metrics *metrics)
{
    return metrics ? fraction(metrics->in_top_k, metrics->samples) : NAN;
}

MBN_API int64_t mbn_metrics_top_k(const mbn_metrics *metrics)
{
    return metrics ? metrics->top_k : 0;
}

static bool has_class(const mbn_metrics *metrics, int64_t class_id)
{
    return metrics && class_id >= 0 && class_id < metrics->classes;
}

MBN_API int64_t mbn_metrics_support(const mbn_metrics *metrics, int64_t class_id)
{
    return has_class(metrics, class_id) ? metrics->support[class_id] : 0;
}

MBN_API double mbn_metrics_recall(const mbn_metrics *metrics, int64_t class_id)
{
    return has_class(metrics, class_id)
               ? fraction(metrics->confusion[class_id * (metrics->classes + 1)], metrics->support[class_id])
               : NAN;
}

MBN_API double mbn_metrics_precision(const mbn_metrics *metrics, int64_t class_id)
{
    return has_class(metrics, class_id)
               ? fraction(metrics->confusion[class_id * (metrics->classes + 1)], metrics->predicted[class_id])
               : NAN;
}

MBN_API const int64_t *mbn_metrics_confusion(const mbn_metrics *metrics)
{
    return metrics ? metrics->confusion : NULL;
}
