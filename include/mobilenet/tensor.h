/* Tensors: dense arrays with one to four axes, the last one varying fastest. */
#ifndef MOBILENET_TENSOR_H
#define MOBILENET_TENSOR_H

#include <mobilenet/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mbn_tensor mbn_tensor;

/** Told when a tensor that wraps foreign memory no longer needs it. */
typedef void (*mbn_release_fn)(void *user, void *data);

/** Creates a tensor with its own memory, all zero, aligned to 64 bytes.
 *  @param context  NULL for the default
 *  @param type     MBN_F32, MBN_U8, MBN_I8 or MBN_I32
 *  @param rank     1 to MBN_MAX_RANK
 *  @param dims     `rank` lengths, each at least 0
 *  @param out      receives the tensor, to be released with mbn_tensor_destroy; NULL on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. Any thread. */
MBN_API mbn_status mbn_tensor_create(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims,
                                     mbn_tensor **out);

/** Creates a tensor over memory of the caller, without a copy.
 *  @param data     at least the product of dims elements, aligned to its element; stays the caller's and must
 * live until the tensor is destroyed
 *  @param release  called once with `user` and `data` when the tensor is destroyed; NULL: nothing is called.
 * On failure it is not called.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. Other arguments as for mbn_tensor_create. Any thread. */
MBN_API mbn_status mbn_tensor_wrap(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims,
                                   void *data, mbn_release_fn release, void *user, mbn_tensor **out);

/** Releases a tensor. NULL is allowed. */
MBN_API void mbn_tensor_destroy(mbn_tensor *tensor);

/** Element type, MBN_F32 to MBN_I32; -1 for NULL. */
MBN_API int32_t mbn_tensor_type(const mbn_tensor *tensor);
/** Number of axes; 0 for NULL. */
MBN_API int32_t mbn_tensor_rank(const mbn_tensor *tensor);
/** The lengths of the axes: `rank` numbers. Lent: valid as long as the tensor. NULL for NULL. */
MBN_API const int64_t *mbn_tensor_dims(const mbn_tensor *tensor);
/** The elements. Lent: valid as long as the tensor. NULL for NULL. */
MBN_API void *mbn_tensor_data(const mbn_tensor *tensor);
/** Number of elements; 0 for NULL. */
MBN_API int64_t mbn_tensor_count(const mbn_tensor *tensor);
/** Size of all elements in bytes; 0 for NULL. */
MBN_API size_t mbn_tensor_bytes(const mbn_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
