/* The tensor object. */
#ifndef MBNI_CORE_TENSOR_H
#define MBNI_CORE_TENSOR_H

#include <mobilenet/tensor.h>
#include "core/context.h"

struct mbn_tensor {
    mbn_context *context; /* a reference */
    void *data;
    mbn_release_fn release; /* of wrapped memory; may be NULL */
    void *release_user;
    int64_t dims[MBN_MAX_RANK];
    int64_t count;
    int32_t type;
    int32_t rank;
    int32_t owned; /* 1: data is the context's memory */
};

int64_t mbni_type_bytes(int32_t type);    /* 0 for an unknown type */
const char *mbni_type_name(int32_t type); /* "f32" */
/* "[2, 3, 4]" into a buffer of at least MBNI_DIMS_TEXT bytes; returns it. */
#define MBNI_DIMS_TEXT 96
const char *mbni_dims_text(char *buffer, int32_t rank, const int64_t *dims);

/* mbn_tensor_create without the public call's name; cleared unless `zeroed` is 0. */
mbn_status mbni_tensor_new(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims, int zeroed,
                           mbn_tensor **out);
/* mbn_tensor_wrap without the public call's name, and mbn_tensor_destroy. */
mbn_status mbni_tensor_wrap(mbn_context *context, int32_t type, int32_t rank, const int64_t *dims, void *data,
                            mbn_release_fn release, void *user, mbn_tensor **out);
void mbni_tensor_free(mbn_tensor *tensor);

#endif
