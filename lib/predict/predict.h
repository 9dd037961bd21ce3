/* Prediction by predictors: what the api room asks of it. Options are complete and checked. */
#ifndef MBNI_PREDICT_H
#define MBNI_PREDICT_H

#include <mobilenet/predict.h>
#include "core/tensor.h"
#include "model/model.h"

void mbni_predictor_defaults(mbn_predictor_options *options);
mbn_status mbni_predictor_check(const mbn_predictor_options *options);
/* The model is held for reading. source: NULL, or where its weights come from, when it has none itself. */
mbn_status mbni_predictor_create(const mbn_model *model, const mbn_predictor_options *options,
                                 const mbni_weight_source *source, mbn_predictor **out);
mbn_status mbni_predictor_clone(const mbn_predictor *predictor, mbn_predictor **out);
void mbni_predictor_free(mbn_predictor *predictor);
mbn_status mbni_predictor_needs(const mbn_model *model, const mbn_predictor_options *options,
                                int64_t *weights_bytes, int64_t *workspace_bytes);
mbn_status mbni_predictor_run_bytes(mbn_predictor *predictor, int64_t n, const void *input,
                                    size_t input_bytes, void *output, size_t output_bytes);
mbn_status mbni_predictor_run_tensor(mbn_predictor *predictor, const mbn_tensor *x, mbn_tensor *out);
mbn_status mbni_predictor_profile(mbn_predictor *predictor, int64_t n, const void *input, size_t input_bytes,
                                  int32_t repeats);
void mbni_predictor_step(const mbn_predictor *predictor, size_t index, mbn_step_info *info);

/* mbn_predict for a model that is held for reading, and what it needs: the packed weights and the workspace
 * for `batch` pictures at once. */
mbn_status mbni_predict(const mbn_model *model, const mbn_tensor *x, mbn_tensor **out);
/* The answers for all pictures of a feed, which the model has been found to take, up to `batch` at once. */
mbn_status mbni_predict_feed(const mbn_model *model, const mbni_feed *feed, int64_t batch, mbn_tensor **out);
mbn_status mbni_predict_memory(const mbn_model *model, int64_t batch, int64_t *weights_bytes,
                               int64_t *workspace_bytes);

mbn_status mbni_top_k(const float *scores, int64_t classes, int64_t k, int64_t *indices);

#endif
