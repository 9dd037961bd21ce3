/* Data sets: what the api room calls. Arguments are checked by the callee; the call's name is already set. */
#ifndef MBNI_DATA_DATA_H
#define MBNI_DATA_DATA_H

#include <mobilenet/data.h>

/* mbn_cifar10_load. Peak memory is twice the data set: the files as they are, beside the tensors. */
mbn_status mbni_cifar10_load(mbn_context *context, const char *directory, int32_t part, mbn_tensor **images,
                             mbn_tensor **labels);

/* mbn_shapes_create. Picture i and its label depend on the seed, the size and i alone, not on `count`. */
mbn_status mbni_shapes_create(mbn_context *context, int64_t count, int64_t height, int64_t width,
                              uint64_t seed, mbn_tensor **images, mbn_tensor **labels);

/* Names of classes 0 to 9, NULL for any other number. */
const char *mbni_cifar10_label(int32_t label);
const char *mbni_shapes_label(int32_t label);

#endif
