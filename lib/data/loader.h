/* A data set as a feed of training: pictures are prepared by the pool's tasks when they lie in memory, and
 * ahead of time by threads of the loader's own when they have to be read. */
#ifndef MBNI_DATA_LOADER_H
#define MBNI_DATA_LOADER_H

#include "core/feed.h"
#include "data/sample.h"

typedef struct mbni_loader mbni_loader;

typedef struct mbni_loader_options {
    const mbn_augment_options *augment; /* lent, checked; NULL: none */
    int64_t batch;                      /* pictures taken together */
    int64_t ahead;                      /* batches that threads may be ahead, at least 1 */
    int32_t threads;                    /* that read, at least 1 */
    uint32_t denormals;                 /* the mode that a host's functions are called in */
} mbni_loader_options;

/* The data set is lent. Threads start with the first pass. */
mbn_status mbni_loader_create(mbn_context *context, const mbn_dataset *dataset,
                              const mbni_loader_options *options, mbni_loader **out);
mbni_feed mbni_loader_feed(mbni_loader *loader);
/* Bytes that create would allocate. */
int64_t mbni_loader_bytes(mbn_context *context, const mbn_dataset *dataset,
                          const mbni_loader_options *options);
/* Ends the threads. NULL is allowed. */
void mbni_loader_destroy(mbni_loader *loader);

#endif
