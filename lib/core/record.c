/* The list of named arrays. It borrows its context; whoever made it frees it before the context goes. */
#include "core/record.h"
#include <string.h>

static int64_t element_bytes(int32_t type)
{
    switch (type) {
    case MBNI_RECORD_F32:
        return 4;
    case MBNI_RECORD_I64:
    case MBNI_RECORD_F64:
        return 8;
    default:
        return 0;
    }
}

void mbni_records_init(mbni_records *records, mbn_context *context)
{
    memset(records, 0, sizeof *records);
    records->context = context;
}

void mbni_records_free(mbni_records *records)
{
    for (int64_t i = 0; i < records->count; i++)
        mbni_free(records->context, records->items[i].data);
    mbni_free(records->context, records->items);
    mbni_records_init(records, records->context);
}

static mbn_status grow(mbni_records *records)
{
    int64_t capacity, bytes;
    if (!mbni_mul(records->capacity ? records->capacity : 8, 2, &capacity) ||
        !mbni_mul(capacity, sizeof(mbni_record), &bytes))
        return mbni_error(MBN_ERR_MEMORY, "%lld records are more than can be addressed",
                          (long long)records->capacity);
    mbni_record *items = mbni_alloc(records->context, bytes);
    if (!items)
        return MBN_ERR_MEMORY;
    if (records->count > 0)
        memcpy(items, records->items, (size_t)records->count * sizeof *items);
    mbni_free(records->context, records->items);
    records->items = items;
    records->capacity = capacity;
    return MBN_OK;
}

mbn_status mbni_records_add(mbni_records *records, const char *name, int32_t type, int64_t count,
                            const void *data, void **out)
{
    int64_t bytes;
    size_t length = strlen(name);
    if (out)
        *out = NULL;
    if (length == 0 || length >= sizeof records->items->name)
        return mbni_error(MBN_ERR_ARGUMENT, "name \"%.40s\" of a record has %zu bytes; allowed are 1 to %zu",
                          name, length, sizeof records->items->name - 1);
    if (element_bytes(type) == 0)
        return mbni_error(MBN_ERR_ARGUMENT, "record %s has the unknown type %d", name, (int)type);
    if (!mbni_mul(count, element_bytes(type), &bytes))
        return mbni_error(MBN_ERR_ARGUMENT, "record %s has the impossible count %lld", name,
                          (long long)count);
    if (records->count == records->capacity)
        MBNI_TRY(grow(records));
    mbni_record *record = &records->items[records->count];
    memset(record, 0, sizeof *record);
    record->data = data ? mbni_alloc(records->context, bytes) : mbni_alloc_zeroed(records->context, bytes);
    if (!record->data)
        return MBN_ERR_MEMORY;
    if (data)
        memcpy(record->data, data, (size_t)bytes);
    memcpy(record->name, name, length);
    record->type = type;
    record->count = count;
    records->count++;
    if (out)
        *out = record->data;
    return MBN_OK;
}

const mbni_record *mbni_records_find(const mbni_records *records, const char *name, int32_t type,
                                     int64_t count)
{
    for (int64_t i = 0; i < records->count; i++) {
        const mbni_record *record = &records->items[i];
        if (record->type == type && (count == -1 || record->count == count) &&
            strcmp(record->name, name) == 0)
            return record;
    }
    return NULL;
}
