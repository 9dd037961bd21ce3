/* The data set object and what rooms above ask of it. */
#ifndef MBNI_DATA_DATASET_H
#define MBNI_DATA_DATASET_H

#include <mobilenet/dataset.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "core/context.h"

/* What each kind of data set does. The index is in range. */
typedef struct mbni_dataset_kind {
    /* Where the pixels of a picture lie in memory; NULL for kinds that do not keep them there. */
    const void *(*pixels)(const mbn_dataset *dataset, int64_t index);
    /* One picture, when pixels is not NULL, and its label: `*id`, or the row `soft` when dataset->soft. */
    mbn_status (*read)(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *id, float *soft);
    /* Gives back what the kind owns. */
    void (*close)(mbn_dataset *dataset);
} mbni_dataset_kind;

struct mbn_dataset {
    mbn_context *context; /* a reference */
    const mbni_dataset_kind *kind;
    void *self;               /* of the kind */
    mbn_dataset *root;        /* of a view: what has the pictures, a reference; NULL otherwise */
    mbn_dataset *source;      /* of a cache: what it was made of, which has the names; a reference, or NULL */
    const char *const *names; /* of classes, or NULL; the kind's, or those of the root */
    int64_t count, height, width, channels, classes;
    struct mbni_skipped *skipped; /* of a directory, and lent to what is made of it; NULL otherwise */
    int64_t picture_bytes;
    int32_t type;     /* of pixels: MBN_U8 or MBN_F32 */
    bool soft;        /* a label is a row of `classes` shares instead of an id */
    bool in_memory;   /* mbni_dataset_pixels has an answer for every picture */
    bool thread_safe; /* may be read by any thread; otherwise by the one that is in a public call */
    atomic_int references;
};

/* Where the pixels of a picture lie, as long as the data set lives; NULL when it is not in memory. */
const void *mbni_dataset_pixels(const mbn_dataset *dataset, int64_t index);
/* Copies or decodes one picture into `pixels` (picture_bytes) and gives its label: `*id`, or when
 * dataset->soft `classes` floats into `soft`. Without pixels (NULL) nothing is decoded. The index must be in
 * range. The error of a failure is that of the calling thread. */
mbn_status mbni_dataset_read(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *id,
                             float *soft);
/* The class of a picture; of shares the first of the largest. */
mbn_status mbni_dataset_label(const mbn_dataset *dataset, int64_t index, int32_t *label);
/* Both at once; label may be NULL. */
mbn_status mbni_dataset_copy(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *label);
void mbni_dataset_retain(mbn_dataset *dataset);
void mbni_dataset_release(mbn_dataset *dataset); /* NULL is allowed */

/* A data set with what is common to all kinds: one reference, hard labels, readable by any thread. NULL on
 * failure, with the error recorded. To be completed by the caller; mbni_dataset_release takes it apart, and
 * closes it once `kind` is set. */
mbn_dataset *mbni_dataset_new(mbn_context *context, int32_t type, int64_t count, int64_t height,
                              int64_t width, int64_t channels, int64_t classes);

/* Constructors; arguments are checked but for NULL. */
mbn_status mbni_dataset_from_tensors(mbn_context *context, const mbn_tensor *x, const mbn_tensor *y,
                                     int64_t classes, mbn_dataset **out);
/* Takes over the tensors, also on failure. */
mbn_status mbni_dataset_own_tensors(mbn_tensor *x, mbn_tensor *y, int64_t classes, const char *const *names,
                                    mbn_dataset **out);
mbn_status mbni_dataset_cifar(mbn_context *context, const char *directory, int32_t set, int32_t part,
                              mbn_dataset **out);
mbn_status mbni_dataset_shapes(mbn_context *context, int64_t count, int64_t height, int64_t width,
                               uint64_t seed, mbn_dataset **out);
void mbni_dataset_callback_defaults(mbn_dataset_callback_options *options);
mbn_status mbni_dataset_from_callback(mbn_context *context, const mbn_dataset_callback_options *options,
                                      mbn_dataset **out);

void mbni_directory_defaults(mbn_directory_options *options);
mbn_status mbni_dataset_directory(mbn_context *context, const char *path,
                                  const mbn_directory_options *options, mbn_dataset **out);

/* Views. */
mbn_status mbni_dataset_subset(mbn_dataset *dataset, const int64_t *indices, int64_t count,
                               mbn_dataset **out);
mbn_status mbni_dataset_split(mbn_dataset *dataset, double fraction, uint64_t seed, bool stratified,
                              mbn_dataset **first, mbn_dataset **second);
mbn_status mbni_dataset_shuffle(mbn_dataset *dataset, uint64_t seed, mbn_dataset **out);
mbn_status mbni_dataset_balance(mbn_dataset *dataset, uint64_t seed, mbn_dataset **out);
mbn_status mbni_dataset_cache(mbn_dataset *dataset, mbn_dataset **out);
mbn_status mbni_dataset_tensors(const mbn_dataset *dataset, mbn_tensor **x, mbn_tensor **y);

#endif
