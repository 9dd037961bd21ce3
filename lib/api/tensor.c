/* mobilenet/tensor.h */
#include "core/tensor.h"

MBN_API mbn_status mbn_tensor_create(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims,
                                     mbn_tensor **out)
{
    MBNI_CALL();
    if (!out)
        return mbni_error(MBN_ERR_ARGUMENT, "argument out is NULL");
    return mbni_tensor_new(context, type, rank, dims, 1, out);
}

MBN_API mbn_status mbn_tensor_wrap(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims,
                                   void *data, mbn_release_fn release, void *user, mbn_tensor **out)
{
    MBNI_CALL();
    if (!out)
        return mbni_error(MBN_ERR_ARGUMENT, "argument out is NULL");
    return mbni_tensor_wrap(context, type, rank, dims, data, release, user, out);
}

MBN_API void mbn_tensor_destroy(mbn_tensor *tensor)
{
    mbni_tensor_free(tensor);
}

MBN_API int32_t mbn_tensor_type(const mbn_tensor *tensor)
{
    return tensor ? tensor->type : -1;
}

MBN_API int32_t mbn_tensor_rank(const mbn_tensor *tensor)
{
    return tensor ? tensor->rank : 0;
}

MBN_API const int64_t *mbn_tensor_dims(const mbn_tensor *tensor)
{
    return tensor ? tensor->dims : NULL;
}

MBN_API void *mbn_tensor_data(const mbn_tensor *tensor)
{
    return tensor ? tensor->data : NULL;
}

MBN_API int64_t mbn_tensor_count(const mbn_tensor *tensor)
{
    return tensor ? tensor->count : 0;
}

MBN_API size_t mbn_tensor_bytes(const mbn_tensor *tensor)
{
    return tensor ? (size_t)(tensor->count * mbni_type_bytes(tensor->type)) : 0;
}
