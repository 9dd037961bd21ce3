/* A file's frame: header, trailer and table of sections. */
#ifndef MBNI_IO_TABLE_H
#define MBNI_IO_TABLE_H

#include "io/codec.h"

/* A file that is open for reading: every section's place, size and CRC have been checked. */
typedef struct mbni_archive {
    mbn_context *context;
    mbni_source source;
    mbni_codec codec;
    mbni_section *sections; /* in the order of the file */
    int32_t *sorted;        /* their indices by kind and name */
    int32_t count;
} mbni_archive;

mbn_status mbni_archive_open(mbn_context *context, const char *path, const void *data, size_t bytes,
                             mbni_archive *archive);
void mbni_archive_close(mbni_archive *archive);
/* NULL: none of that name. */
const mbni_section *mbni_archive_find(const mbni_archive *archive, uint32_t kind, const char *name);

mbn_status mbni_header_write(mbni_sink *sink);
/* Adds the row of a written section to a table. */
void mbni_table_add(mbni_bytes *table, const mbni_section *section);
/* Writes the table and the trailer. */
mbn_status mbni_table_write(mbni_sink *sink, const mbni_bytes *table, int32_t count);

#endif
