/* A list of named arrays: how training state passes between the train room and the io room, which do not know
 * each other. */
#ifndef MBNI_CORE_RECORD_H
#define MBNI_CORE_RECORD_H

#include "core/context.h"

enum { MBNI_RECORD_F32 = 0, MBNI_RECORD_I64 = 1, MBNI_RECORD_F64 = 2 };

typedef struct mbni_record {
    char name[160];
    int32_t type;
    int64_t count;
    void *data; /* count elements, in memory of the context when owned by the list */
} mbni_record;

typedef struct mbni_records {
    mbn_context *context;
    mbni_record *items;
    int64_t count, capacity;
} mbni_records;

void mbni_records_init(mbni_records *records, mbn_context *context);
void mbni_records_free(mbni_records *records);
/* Copies `count` elements into a new record; data NULL: zeros. Returns its data through `out` when not NULL.
 */
mbn_status mbni_records_add(mbni_records *records, const char *name, int32_t type, int64_t count,
                            const void *data, void **out);
/* The record of that name, type and count (count -1: any); NULL: none. */
const mbni_record *mbni_records_find(const mbni_records *records, const char *name, int32_t type,
                                     int64_t count);

#endif
