/* What other rooms may ask of training. */
#ifndef MBNI_TRAIN_H
#define MBNI_TRAIN_H

#include <mobilenet/train.h>
#include "core/record.h"
#include "model/model.h"

/* Everything that a compiled model needs to go on: settings and state of the optimizer, epochs, steps. The
 * model is held for reading. */
mbn_status mbni_trainer_export(const mbn_model *model, mbni_records *records);
/* The reverse, on a model held alone; MBN_ERR_FORMAT when a record is missing or does not fit. */
mbn_status mbni_trainer_import(mbn_model *model, const mbni_records *records);
/* Where the moving averages are, a block like the model's; MBN_ERR_STATE: there are none. */
mbn_status mbni_average_values(const mbn_model *model, const float **values);

#endif
