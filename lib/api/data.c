/* The public calls of mobilenet/data.h: checks pointers and calls down. */
#include <mobilenet/data.h>
#include "core/error.h"
#include "data/data.h"

static mbn_status check_outputs(mbn_tensor **images, mbn_tensor **labels)
{
    if (images)
        *images = NULL;
    if (labels)
        *labels = NULL;
    if (!images || !labels)
        return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", images ? "labels" : "images");
    if (images == labels)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "arguments images and labels are the same pointer; allowed are two places");
    return MBN_OK;
}

MBN_API mbn_status mbn_cifar10_load(mbn_context *context, const char *directory, int32_t part,
                                    mbn_tensor **images, mbn_tensor **labels)
{
    MBNI_CALL();
    MBNI_TRY(check_outputs(images, labels));
    if (!directory)
        return mbni_error(MBN_ERR_ARGUMENT, "argument directory is NULL");
    return mbni_cifar_load(context, directory, MBN_CIFAR10, part, images, labels);
}

MBN_API const char *mbn_cifar10_label(int32_t label)
{
    return label >= 0 && label < mbni_cifar_classes(MBN_CIFAR10) ? mbni_cifar_labels(MBN_CIFAR10)[label]
                                                                 : NULL;
}

MBN_API mbn_status mbn_shapes_create(mbn_context *context, int64_t count, int64_t height, int64_t width,
                                     uint64_t seed, mbn_tensor **images, mbn_tensor **labels)
{
    MBNI_CALL();
    MBNI_TRY(check_outputs(images, labels));
    return mbni_shapes_create(context, count, height, width, seed, images, labels);
}

MBN_API const char *mbn_shapes_label(int32_t label)
{
    return label >= 0 && label < MBNI_SHAPES_CLASSES ? mbni_shapes_labels()[label] : NULL;
}
