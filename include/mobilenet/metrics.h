/* What evaluation measures beyond loss and accuracy: top-k accuracy, recall and precision of each class, the
 * confusion matrix.
 *
 * The class of a picture is its label, or its largest target; its prediction is the class of the largest
 * probability; of equals the first. A picture whose probabilities are NaN has no prediction: it counts as
 * wrong everywhere, and in no column of the confusion matrix. */
#ifndef MOBILENET_METRICS_H
#define MOBILENET_METRICS_H

#include <mobilenet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Measurements of one evaluation; nothing changes them. */
typedef struct mbn_metrics mbn_metrics;

/** Evaluates in inference mode and keeps all metrics. x, y, batch_size and the statuses are as in
 * mbn_evaluate, and so are loss and accuracy, to the bit.
 *  @param top_k    pictures count for mbn_metrics_top_k_accuracy when fewer than so many classes come before
 *                  theirs, a larger probability or an equal one of a lower index; 1 to classes; 0: 5, or all
 *                  classes if there are fewer
 *  @param metrics  receives the measurements, to be released with mbn_metrics_destroy
 *  @return as mbn_evaluate. Memory beside that of mbn_evaluate: 8 bytes for each pair of classes. */
MBN_API mbn_status mbn_evaluate_metrics(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                                        int64_t batch_size, int64_t top_k, mbn_metrics **metrics);
/** Releases measurements. NULL is allowed. */
MBN_API void mbn_metrics_destroy(mbn_metrics *metrics);

/** Pictures; 0 for NULL. */
MBN_API int64_t mbn_metrics_samples(const mbn_metrics *metrics);
/** Pictures without a prediction, their probabilities being NaN; 0 for NULL. */
MBN_API int64_t mbn_metrics_undecided(const mbn_metrics *metrics);
/** Number of classes; 0 for NULL. */
MBN_API int64_t mbn_metrics_classes(const mbn_metrics *metrics);
/** Mean loss, L2 terms included; NaN for NULL. */
MBN_API double mbn_metrics_loss(const mbn_metrics *metrics);
/** Fraction of pictures predicted right; NaN for NULL. */
MBN_API double mbn_metrics_accuracy(const mbn_metrics *metrics);
/** Fraction of pictures whose class is among the first k; NaN for NULL. */
MBN_API double mbn_metrics_top_k_accuracy(const mbn_metrics *metrics);
/** The k of the call; 0 for NULL. */
MBN_API int64_t mbn_metrics_top_k(const mbn_metrics *metrics);

/** Pictures of a class; 0 for NULL and for a class out of range. */
MBN_API int64_t mbn_metrics_support(const mbn_metrics *metrics, int64_t class_id);
/** Of the pictures of a class, the fraction predicted as it. NaN when it has none, and for NULL or a class
 * out of range. */
MBN_API double mbn_metrics_recall(const mbn_metrics *metrics, int64_t class_id);
/** Of the pictures predicted as a class, the fraction that are of it. NaN when there are none, and for NULL
 * or a class out of range. */
MBN_API double mbn_metrics_precision(const mbn_metrics *metrics, int64_t class_id);
/** The confusion matrix [classes, classes]: row = class, column = prediction. Lent: valid as long as the
 * measurements. NULL for NULL. */
MBN_API const int64_t *mbn_metrics_confusion(const mbn_metrics *metrics);

#ifdef __cplusplus
}
#endif
#endif
