/* Metrics beyond loss and accuracy, counted picture by picture. */
#ifndef MBNI_METRICS_H
#define MBNI_METRICS_H

#include <mobilenet/metrics.h>
#include "core/feed.h"
#include "model/model.h"

struct mbn_metrics {
    mbn_context *context; /* a reference: metrics outlive their model */
    int64_t classes, top_k;
    int64_t samples, undecided, correct, in_top_k;
    double loss, accuracy;
    int64_t *support;   /* [classes] pictures of each class */
    int64_t *predicted; /* [classes] pictures predicted as it */
    int64_t *confusion; /* [classes, classes] class, prediction */
};

/* All zero. top_k has been checked. */
mbn_metrics *mbni_metrics_new(mbn_context *context, int64_t classes, int64_t top_k);
void mbni_metrics_free(mbn_metrics *metrics);
/* Counts rows of logits; targets are ids or, when that is NULL, soft. losses are those of the rows: one that
 * is NaN tells of a row without prediction. */
void mbni_metrics_count(mbn_metrics *metrics, int64_t rows, const float *logits, const int32_t *ids,
                        const float *soft, const float *losses);
/* MBN_OK when these may be asked for; resolves top_k 0. */
mbn_status mbni_metrics_check(const mbn_model *model, int64_t batch_size, int64_t *top_k);
/* Evaluates a whole feed; batch_size and top_k have been checked. */
mbn_status mbni_evaluate_metrics_feed(const mbn_model *model, const mbni_feed *feed, int64_t batch_size,
                                      int64_t top_k, mbn_metrics **out);

#endif
