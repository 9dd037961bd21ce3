/* Pictures and labels as training takes them: in passes, a few at a time, from tensors or from a data set,
 * which training does not know. */
#ifndef MBNI_CORE_FEED_H
#define MBNI_CORE_FEED_H

#include "core/tensor.h"

typedef struct mbni_feed {
    void *self;
    int64_t count; /* pictures that there are */
    int32_t type;  /* of their pixels: MBN_U8 or MBN_F32 */
    bool soft;     /* a target is a row of numbers, one for each class, instead of a class id */
    bool planes;   /* pixels lie channels first */
    /* Begins a pass over the places [place, end), ascending. Place i is picture order[i], or i when order is
     * NULL; the order is lent until the next pass: an empty one gives it back. The seed is of what the feed
     * changes by chance. */
    mbn_status (*begin)(void *self, const int64_t *order, int64_t place, int64_t end, uint64_t seed);
    /* Waits until these places, the next ones of the pass, can be taken. */
    mbn_status (*ready)(void *self, int64_t place, int64_t count);
    /* The pixels of a place that is ready, on any thread, once; valid until its label has been taken. */
    const void *(*pixels)(void *self, int64_t place);
    /* The targets of places whose pixels have been taken, into ids or soft; NULL both: none. The feed may
     * forget these places now. */
    void (*labels)(void *self, int64_t place, int64_t count, int32_t *ids, float *soft);
} mbni_feed;

/* Of tensors, which are lent. */
typedef struct mbni_tensors {
    const mbn_tensor *x; /* u8 or f32 [n, ...] */
    const int32_t *ids;  /* [n], or */
    const float *soft;   /* [n, classes], or neither */
    int64_t classes;
    int64_t picture_bytes;
    const int64_t *order; /* of the pass */
} mbni_tensors;

/* `tensors` has x and targets; it is lent as long as the feed is used. */
mbni_feed mbni_tensors_feed(mbni_tensors *tensors, bool planes);

#endif
