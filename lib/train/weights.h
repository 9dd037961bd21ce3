/* Weights of classes and of pictures in fit. */
#ifndef MBNI_WEIGHTS_H
#define MBNI_WEIGHTS_H

#include "train/trainer.h"

typedef struct mbni_weights {
    const double *classes; /* [class_count], or NULL */
    const float *samples;  /* by picture, or NULL */
    int64_t class_count;
} mbni_weights;

/* Whether there are any. */
static inline bool mbni_weighted(const mbni_weights *weights)
{
    return weights->classes || weights->samples;
}
/* From the options of fit on a tensor of `rows` pictures, those that validate included; 0: not on a tensor.
 * Everything is checked. */
mbn_status mbni_weights_read(const mbn_model *model, const mbn_fit_options *options, int64_t rows,
                             mbni_weights *weights);
/* Of the pictures order[0] to order[count - 1], whose targets are ids or, when soft is not NULL, its rows. */
void mbni_weights_fill(const mbni_weights *weights, int64_t count, const int64_t *order, const int32_t *ids,
                       const float *soft, float *out);

#endif
