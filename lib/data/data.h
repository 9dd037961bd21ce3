/* Data sets: what the api room calls. Arguments are checked by the callee; the call's name is already set. */
#ifndef MBNI_DATA_DATA_H
#define MBNI_DATA_DATA_H

#include <mobilenet/data.h>
#include <mobilenet/dataset.h>

/* A part of a set, MBN_CIFAR10 to MBN_CIFAR100_COARSE: u8 [n, 32, 32, 3] and i32 [n]. Peak memory is twice
 * the data: the files as they are, beside the tensors. */
mbn_status mbni_cifar_load(mbn_context *context, const char *directory, int32_t set, int32_t part,
                           mbn_tensor **images, mbn_tensor **labels);
/* Its classes and their names. */
int64_t mbni_cifar_classes(int32_t set);
const char *const *mbni_cifar_labels(int32_t set);

/* mbn_shapes_create. Picture i and its label depend on the seed, the size and i alone, not on `count`. */
mbn_status mbni_shapes_create(mbn_context *context, int64_t count, int64_t height, int64_t width,
                              uint64_t seed, mbn_tensor **images, mbn_tensor **labels);

/* Names of the classes of drawn pictures. */
enum { MBNI_SHAPES_CLASSES = 10 };
const char *const *mbni_shapes_labels(void);

#endif
