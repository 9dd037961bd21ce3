/* The names in a directory. */
#ifndef MBNI_CORE_LISTING_H
#define MBNI_CORE_LISTING_H

#include "core/context.h"

enum { MBNI_ENTRY_FILE = 0, MBNI_ENTRY_DIRECTORY = 1, MBNI_ENTRY_OTHER = 2 }; /* other: links, pipes, ... */

typedef struct mbni_entry {
    char *name;
    int32_t kind;
} mbni_entry;

typedef struct mbni_listing {
    mbni_entry *entries; /* in the order of the names' bytes */
    int64_t count, capacity;
} mbni_listing;

/* What is in the directory, but for names that begin with a dot. MBN_ERR_IO, naming the path; on failure the
 * listing is empty. */
mbn_status mbni_listing_read(mbn_context *context, const char *path, mbni_listing *listing);
void mbni_listing_free(mbn_context *context, mbni_listing *listing);

#endif
