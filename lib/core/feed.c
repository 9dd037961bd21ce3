/* Tensors as a feed of pictures: everything is there at any time. */
#include "core/feed.h"
#include <string.h>

static int64_t picture_at(const mbni_tensors *t, int64_t place)
{
    return t->order ? t->order[place] : place;
}

static mbn_status begin(void *self, const int64_t *order, int64_t place, int64_t end, uint64_t seed)
{
    (void)place, (void)end, (void)seed;
    ((mbni_tensors *)self)->order = order;
    return MBN_OK;
}

static mbn_status ready(void *self, int64_t place, int64_t count)
{
    (void)self, (void)place, (void)count;
    return MBN_OK;
}

static const void *pixels(void *self, int64_t place)
{
    const mbni_tensors *t = self;
    return (const unsigned char *)t->x->data + picture_at(t, place) * t->picture_bytes;
}

static void labels(void *self, int64_t place, int64_t count, int32_t *ids, float *soft)
{
    const mbni_tensors *t = self;
    for (int64_t i = 0; i < count; i++) {
        const int64_t picture = picture_at(t, place + i);
        if (ids && t->ids)
            ids[i] = t->ids[picture];
        else if (soft && t->soft)
            memcpy(soft + i * t->classes, t->soft + picture * t->classes, (size_t)t->classes * sizeof(float));
    }
}

mbni_feed mbni_tensors_feed(mbni_tensors *tensors, bool planes)
{
    const mbn_tensor *x = tensors->x;
    int64_t floats = 1;
    for (int32_t i = 1; i < x->rank; i++)
        floats *= x->dims[i];
    tensors->picture_bytes = floats * mbni_type_bytes(x->type);
    tensors->order = NULL;
    return (mbni_feed){.self = tensors,
                       .count = x->dims[0],
                       .type = x->type,
                       .soft = !tensors->ids,
                       .planes = planes,
                       .begin = begin,
                       .ready = ready,
                       .pixels = pixels,
                       .labels = labels};
}
