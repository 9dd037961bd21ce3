/* The list of files that a directory's data set leaves out. */
#include "data/skipped.h"
#include <pthread.h>
#include <string.h>

typedef struct item {
    char *name, *reason;
} item;

struct mbni_skipped {
    pthread_mutex_t lock;
    item *items;
    int64_t count, capacity;
};

mbn_status mbni_skipped_create(mbn_context *context, mbni_skipped **out)
{
    mbni_skipped *list = *out = mbni_alloc_zeroed(context, sizeof *list);
    if (!list)
        return MBN_ERR_MEMORY;
    pthread_mutex_init(&list->lock, NULL);
    return MBN_OK;
}

void mbni_skipped_destroy(mbn_context *context, mbni_skipped *list)
{
    for (int64_t i = 0; list && i < list->count; i++) {
        mbni_free(context, list->items[i].name);
        mbni_free(context, list->items[i].reason);
    }
    if (list) {
        pthread_mutex_destroy(&list->lock);
        mbni_free(context, list->items);
        mbni_free(context, list);
    }
}

/* Room for one more. The lock is held. */
static mbn_status grow(mbn_context *context, mbni_skipped *list)
{
    if (list->count < list->capacity)
        return MBN_OK;
    const int64_t capacity = list->capacity ? 2 * list->capacity : 16;
    item *items = mbni_alloc(context, capacity * (int64_t)sizeof *items);
    if (!items)
        return MBN_ERR_MEMORY;
    if (list->count)
        memcpy(items, list->items, (size_t)list->count * sizeof *items);
    mbni_free(context, list->items);
    list->items = items;
    list->capacity = capacity;
    return MBN_OK;
}

mbn_status mbni_skipped_add(mbn_context *context, mbni_skipped *list, const char *name, const char *reason)
{
    item added = {mbni_strdup(context, name), mbni_strdup(context, reason)};
    mbn_status status = added.name && added.reason ? MBN_OK : MBN_ERR_MEMORY;
    pthread_mutex_lock(&list->lock);
    if (!status)
        status = grow(context, list);
    if (!status)
        list->items[list->count++] = added;
    pthread_mutex_unlock(&list->lock);
    if (status) {
        mbni_free(context, added.name);
        mbni_free(context, added.reason);
    }
    return status;
}

int64_t mbni_skipped_count(mbni_skipped *list)
{
    if (!list)
        return 0;
    pthread_mutex_lock(&list->lock);
    const int64_t count = list->count;
    pthread_mutex_unlock(&list->lock);
    return count;
}

static item find(mbni_skipped *list, int64_t index)
{
    item found = {0};
    if (!list)
        return found;
    pthread_mutex_lock(&list->lock);
    if (index >= 0 && index < list->count)
        found = list->items[index];
    pthread_mutex_unlock(&list->lock);
    return found;
}

const char *mbni_skipped_name(mbni_skipped *list, int64_t index)
{
    return find(list, index).name;
}

const char *mbni_skipped_reason(mbni_skipped *list, int64_t index)
{
    return find(list, index).reason;
}
