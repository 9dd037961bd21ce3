/* The tensor object: made with its own memory or around the caller's. */
#include "core/tensor.h"
#include <stdio.h>
#include <string.h>

int64_t mbni_type_bytes(int32_t type)
{
    switch (type) {
    case MBN_F32:
    case MBN_I32:
        return 4;
    case MBN_U8:
    case MBN_I8:
        return 1;
    default:
        return 0;
    }
}

const char *mbni_type_name(int32_t type)
{
    switch (type) {
    case MBN_F32:
        return "f32";
    case MBN_U8:
        return "u8";
    case MBN_I8:
        return "i8";
    case MBN_I32:
        return "i32";
    default:
        return "unknown type";
    }
}

const char *mbni_dims_text(char *buffer, int32_t rank, const int64_t *dims)
{
    int used = snprintf(buffer, MBNI_DIMS_TEXT, "[");
    for (int32_t i = 0; i < rank && i < MBN_MAX_RANK; i++)
        used += snprintf(buffer + used, (size_t)(MBNI_DIMS_TEXT - used), "%s%lld", i ? ", " : "",
                         (long long)dims[i]);
    snprintf(buffer + used, (size_t)(MBNI_DIMS_TEXT - used), "]");
    return buffer;
}

static mbn_status check_shape(int32_t type, int32_t rank, const int64_t *dims, int64_t *count, int64_t *bytes)
{
    char text[MBNI_DIMS_TEXT];
    if (mbni_type_bytes(type) == 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument type is %d; allowed are MBN_F32 (0), MBN_U8 (1), MBN_I8 (2), MBN_I32 (3)",
                          (int)type);
    if (rank < 1 || rank > MBN_MAX_RANK)
        return mbni_error(MBN_ERR_ARGUMENT, "argument rank is %d; allowed are 1 to %d", (int)rank,
                          MBN_MAX_RANK);
    if (!dims)
        return mbni_error(MBN_ERR_ARGUMENT, "argument dims is NULL");
    for (int32_t i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return mbni_error(MBN_ERR_ARGUMENT, "argument dims is %s; each length must be at least 0",
                              mbni_dims_text(text, rank, dims));
    }
    if (!mbni_product(rank, dims, count) || !mbni_mul(*count, mbni_type_bytes(type), bytes))
        return mbni_error(MBN_ERR_MEMORY, "argument dims is %s; this is more than can be addressed",
                          mbni_dims_text(text, rank, dims));
    return MBN_OK;
}

/* The object alone, with a reference to its context and no data yet. */
static mbn_status new_object(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims,
                             int64_t count, mbn_tensor **out)
{
    context = mbni_context_retain(context);
    if (!context)
        return MBN_ERR_MEMORY;
    mbn_tensor *tensor = mbni_alloc_zeroed(context, sizeof *tensor);
    if (!tensor) {
        mbni_context_release(context);
        return MBN_ERR_MEMORY;
    }
    tensor->context = context;
    tensor->type = type;
    tensor->rank = rank;
    tensor->count = count;
    memcpy(tensor->dims, dims, (size_t)rank * sizeof *dims);
    *out = tensor;
    return MBN_OK;
}

mbn_status mbni_tensor_new(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims, int zeroed,
                           mbn_tensor **out)
{
    int64_t count, bytes;
    mbn_tensor *tensor;
    *out = NULL;
    MBNI_TRY(check_shape(type, rank, dims, &count, &bytes));
    MBNI_TRY(new_object(context, type, rank, dims, count, &tensor));
    tensor->data = zeroed ? mbni_alloc_zeroed(tensor->context, bytes) : mbni_alloc(tensor->context, bytes);
    tensor->owned = 1;
    if (!tensor->data) {
        mbni_tensor_free(tensor);
        return MBN_ERR_MEMORY;
    }
    *out = tensor;
    return MBN_OK;
}

mbn_status mbni_tensor_wrap(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims, void *data,
                            mbn_release_fn release, void *user, mbn_tensor **out)
{
    int64_t count, bytes;
    mbn_tensor *tensor;
    *out = NULL;
    MBNI_TRY(check_shape(type, rank, dims, &count, &bytes));
    if (!data && count > 0)
        return mbni_error(MBN_ERR_ARGUMENT, "argument data is NULL");
    if ((uintptr_t)data % (uintptr_t)mbni_type_bytes(type) != 0)
        return mbni_error(MBN_ERR_ARGUMENT, "argument data is not aligned to its %s elements of %d bytes",
                          mbni_type_name(type), (int)mbni_type_bytes(type));
    MBNI_TRY(new_object(context, type, rank, dims, count, &tensor));
    tensor->data = data;
    tensor->release = release;
    tensor->release_user = user;
    *out = tensor;
    return MBN_OK;
}

void mbni_tensor_free(mbn_tensor *tensor)
{
    if (!tensor)
        return;
    mbn_context *context = tensor->context;
    if (tensor->owned)
        mbni_free(context, tensor->data);
    else if (tensor->release)
        tensor->release(tensor->release_user, tensor->data);
    mbni_free(context, tensor);
    mbni_context_release(context);
}
