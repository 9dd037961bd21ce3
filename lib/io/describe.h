/* The section "network": the chain of layers with their settings. */
#ifndef MBNI_IO_DESCRIBE_H
#define MBNI_IO_DESCRIBE_H

#include "io/bytes.h"
#include "model/model.h"

mbn_status mbni_network_write(const mbn_model *model, mbni_bytes *bytes);
/* Adds the layers to an empty model, through the same checks as the constructors. Not yet built. */
mbn_status mbni_network_read(const mbni_source *source, const unsigned char *data, int64_t count,
                             mbn_model *model);

#endif
