/* Top-k accuracy and the confusion matrix. The pass over the pictures is evaluate.c's; here rows of logits
 * are counted. */
#include "train/metrics.h"
#include <math.h>
#include "train/trainer.h"

mbn_metrics *mbni_metrics_new(mbn_context *context, int64_t classes, int64_t top_k)
{
    int64_t cells, all, bytes;
    if (!mbni_mul(classes, classes, &cells) || !mbni_add(cells, 2 * classes, &all) ||
        !mbni_mul(all, sizeof(int64_t), &bytes)) {
        (void)mbni_error(MBN_ERR_MEMORY, "a confusion matrix of %lld classes is too large for this machine",
                         (long long)classes);
        return NULL;
    }
    mbn_metrics *metrics = mbni_alloc_zeroed(context, sizeof *metrics);
    int64_t *counts = metrics ? mbni_alloc_zeroed(context, bytes) : NULL;
    if (!counts) {
        mbni_free(context, metrics);
        return NULL;
    }
    metrics->context = mbni_context_retain(context);
    metrics->classes = classes;
    metrics->top_k = top_k;
    metrics->confusion = counts;
    metrics->support = counts + cells;
    metrics->predicted = metrics->support + classes;
    return metrics;
}

void mbni_metrics_free(mbn_metrics *metrics)
{
    mbn_context *context = metrics->context;
    mbni_free(context, metrics->confusion);
    mbni_free(context, metrics);
    mbni_context_release(context);
}

/* Classes that come before one, without NaN among them. */
static int64_t rank_of(int64_t n, const float *logits, int64_t id)
{
    int64_t before = 0;
    for (int64_t i = 0; i < n; i++)
        before += logits[i] > logits[id] || (i < id && logits[i] == logits[id]);
    return before;
}

void mbni_metrics_count(mbn_metrics *m, int64_t rows, const float *logits, const int32_t *ids,
                        const float *soft, const float *losses)
{
    const int64_t n = m->classes;
    for (int64_t r = 0; r < rows; r++, logits += n) {
        const int64_t id = ids ? ids[r] : mbni_first_largest(n, soft + r * n);
        m->samples++;
        m->support[id]++;
        if (isnan(losses[r])) {
            m->undecided++;
            continue;
        }
        const int64_t prediction = mbni_first_largest(n, logits);
        m->predicted[prediction]++;
        m->confusion[id * n + prediction]++;
        m->correct += prediction == id;
        m->in_top_k += rank_of(n, logits, id) < m->top_k;
    }
}

mbn_status mbni_metrics_check(const mbn_model *model, int64_t batch_size, int64_t *top_k)
{
    if (batch_size < 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument batch_size is %lld; allowed are 1 and more, or 0 for 128",
                          (long long)batch_size);
    MBNI_TRY(mbni_model_check_classifier(model));
    const int64_t classes = mbni_model_last(model)->out.dims[0];
    if (*top_k < 0 || *top_k > classes)
        return mbni_error(MBN_ERR_ARGUMENT, "argument top_k is %lld; allowed are 1 to %lld, or 0 for %d",
                          (long long)*top_k, (long long)classes, classes < 5 ? (int)classes : 5);
    if (*top_k == 0)
        *top_k = classes < 5 ? classes : 5;
    return MBN_OK;
}

mbn_status mbni_evaluate_metrics_feed(const mbn_model *model, const mbni_feed *feed, int64_t batch_size,
                                      int64_t top_k, mbn_metrics **out)
{
    mbn_metrics *metrics = mbni_metrics_new(model->context, mbni_model_last(model)->out.dims[0], top_k);
    if (!metrics)
        return MBN_ERR_MEMORY;
    mbn_status status =
        mbni_evaluate_counting(model, feed, batch_size, metrics, &metrics->loss, &metrics->accuracy);
    if (status)
        mbni_metrics_free(metrics);
    else
        *out = metrics;
    return status;
}
