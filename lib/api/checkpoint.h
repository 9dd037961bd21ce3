/* How api's files save for each other. */
#ifndef MBNI_API_CHECKPOINT_H
#define MBNI_API_CHECKPOINT_H

#include <mobilenet/model.h>

enum { MBNI_WRITE_CHECKPOINT, MBNI_WRITE_WEIGHTS, MBNI_WRITE_AVERAGES };
/* A checkpoint, or the weights or their averages alone, of a compiled model that the caller has for reading
 * or alone. */
mbn_status mbni_checkpoint_write(const mbn_model *model, const char *path, int32_t what);

#endif
