/* Prediction through the layers of a model. */
#ifndef MBNI_PREDICT_H
#define MBNI_PREDICT_H

#include <mobilenet/predict.h>
#include "model/model.h"

/* mbn_predict for a model that is held for reading. */
mbn_status mbni_predict(const mbn_model *model, const mbn_tensor *x, mbn_tensor **out);

#endif
