/* How api's files save for each other. */
#ifndef MBNI_API_CHECKPOINT_H
#define MBNI_API_CHECKPOINT_H

#include <mobilenet/model.h>
#include <stdbool.h>

/* A checkpoint, or the weights alone, of a compiled model that the caller has for reading or alone. */
mbn_status mbni_checkpoint_write(const mbn_model *model, const char *path, bool weights_only);

#endif
