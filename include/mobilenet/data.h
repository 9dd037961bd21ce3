/* Data sets as tensors: CIFAR-10 from its binary files, and pictures that the library draws. */
#ifndef MOBILENET_DATA_H
#define MOBILENET_DATA_H

#include <mobilenet/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MBN_CIFAR10_TRAIN = 0, /* data_batch_1 to data_batch_5 */
    MBN_CIFAR10_TEST = 1   /* test_batch */
};

/** Reads the binary version of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html).
 *  @param directory  has data_batch_1.bin to data_batch_5.bin or test_batch.bin, plain or with .gz; each a
 * whole number of 3073-byte records, at most 10,000
 *  @param part       MBN_CIFAR10_TRAIN or MBN_CIFAR10_TEST
 *  @param images     receives u8 [n, 32, 32, 3], red green blue; released by the caller
 *  @param labels     receives i32 [n], 0 to 9; released by the caller. Both are NULL on failure.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_IO (the message names the file), MBN_ERR_FORMAT (and says
 * where), MBN_ERR_MEMORY. Any thread. */
MBN_API mbn_status mbn_cifar10_load(mbn_context *context, const char *directory, int32_t part,
                                    mbn_tensor **images, mbn_tensor **labels);

/** Name of a CIFAR-10 class, 0 to 9; NULL otherwise. A constant. */
MBN_API const char *mbn_cifar10_label(int32_t label);

/** Draws a ten-class set of colour pictures: shapes and textures at random places, sizes, colours and angles,
 * over clutter and noise. The same arguments give the same bytes on every machine; classes are equally
 * frequent up to one.
 *  @param count          pictures, 0 to 10,000,000
 *  @param height, width  8 to 1024
 *  @param seed           any
 *  @param images         receives u8 [count, height, width, 3]; released by the caller
 *  @param labels         receives i32 [count], 0 to 9; released by the caller. Both are NULL on failure.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. Any thread. */
MBN_API mbn_status mbn_shapes_create(mbn_context *context, int64_t count, int64_t height, int64_t width,
                                     uint64_t seed, mbn_tensor **images, mbn_tensor **labels);

/** Name of a class of drawn pictures, 0 to 9; NULL otherwise. A constant. */
MBN_API const char *mbn_shapes_label(int32_t label);

#ifdef __cplusplus
}
#endif
#endif
