/* Bounded decompression of a gzip file that is already in memory. */
#ifndef MBNI_DATA_GZIP_H
#define MBNI_DATA_GZIP_H

#include "core/context.h"

/* Inflates every member of `source` into `target`, which has room for `capacity` bytes. *bytes receives what
 * came out. MBN_ERR_FORMAT, naming `path`, for what is no whole gzip file, and when more than `capacity`
 * bytes come out: a small file that expands without end costs no more than its bound. */
mbn_status mbni_gzip_inflate(mbn_context *context, const char *path, const unsigned char *source,
                             int64_t source_bytes, unsigned char *target, int64_t capacity, int64_t *bytes);

#endif
