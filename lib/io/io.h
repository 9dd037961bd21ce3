/* The .mbn container: reading and writing models and lists of records. Holds no lock: the api room does. */
#ifndef MBNI_IO_H
#define MBNI_IO_H

#include <mobilenet/io.h>
#include "core/record.h"
#include "model/model.h"

/* values: a block like the model's that is written instead of its own; NULL: its own. records NULL: none.
 * Into a file, or (path NULL) into memory. */
mbn_status mbni_mbn_write(const mbn_model *model, const float *values, const mbni_records *records,
                          const mbn_save_options *options, const char *path, mbn_tensor **out);
/* From a file (path), or from memory. records NULL: training state is skipped, else filled (empty when the
 * file has none). */
mbn_status mbni_mbn_read(mbn_context *context, const char *path, const void *data, size_t bytes,
                         mbni_records *records, mbn_model **out);
/* Reads all of a model but its parameters, which `use` asks for one by one; the model is lent to it, marked
 * as built, and released afterwards. */
typedef mbn_status mbni_stream_fn(void *user, const mbn_model *model, const mbni_weight_source *source);
mbn_status mbni_mbn_stream(mbn_context *context, const char *path, mbni_stream_fn *use, void *user);
/* Copies parameters of a file into a built model by name, all or (partial) those that fit. On failure the
 * model is as it was, for which the values are read into memory of their own first. */
mbn_status mbni_mbn_read_weights(mbn_model *model, const char *path, int32_t partial, int64_t *loaded);

#endif
