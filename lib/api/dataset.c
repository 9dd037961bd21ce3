/* The public calls of mobilenet/dataset.h: checks pointers and indices and calls down. */
#include "data/dataset.h"
#include "core/error.h"
#include "core/options.h"
#include "data/skipped.h"

static mbn_status refuse_null(const char *argument)
{
    return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", argument);
}

static mbn_status check_view(const mbn_dataset *dataset, mbn_dataset **out)
{
    if (!out)
        return refuse_null("out");
    *out = NULL;
    return dataset ? MBN_OK : refuse_null("dataset");
}

MBN_API mbn_status mbn_dataset_from_tensors(mbn_context *context, const mbn_tensor *x, const mbn_tensor *y,
                                            int64_t classes, mbn_dataset **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!x || !y)
        return refuse_null(x ? "y" : "x");
    return mbni_dataset_from_tensors(context, x, y, classes, out);
}

MBN_API mbn_status mbn_dataset_cifar(mbn_context *context, const char *directory, int32_t set, int32_t part,
                                     mbn_dataset **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!directory)
        return refuse_null("directory");
    return mbni_dataset_cifar(context, directory, set, part, out);
}

MBN_API mbn_status mbn_dataset_shapes(mbn_context *context, int64_t count, int64_t height, int64_t width,
                                      uint64_t seed, mbn_dataset **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    return mbni_dataset_shapes(context, count, height, width, seed, out);
}

MBN_API void mbn_directory_options_init_sized(mbn_directory_options *options, size_t struct_size)
{
    mbn_directory_options defaults;
    mbni_directory_defaults(&defaults);
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_dataset_directory(mbn_context *context, const char *path,
                                         const mbn_directory_options *options, mbn_dataset **out)
{
    MBNI_CALL();
    mbn_directory_options known;
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!path)
        return refuse_null("path");
    mbni_directory_defaults(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_dataset_directory(context, path, &known, out);
}

MBN_API int64_t mbn_dataset_skipped(const mbn_dataset *dataset)
{
    return dataset ? mbni_skipped_count(dataset->skipped) : 0;
}

MBN_API const char *mbn_dataset_skipped_name(const mbn_dataset *dataset, int64_t index)
{
    return dataset ? mbni_skipped_name(dataset->skipped, index) : NULL;
}

MBN_API const char *mbn_dataset_skipped_reason(const mbn_dataset *dataset, int64_t index)
{
    return dataset ? mbni_skipped_reason(dataset->skipped, index) : NULL;
}

MBN_API void mbn_dataset_callback_options_init_sized(mbn_dataset_callback_options *options,
                                                     size_t struct_size)
{
    mbn_dataset_callback_options defaults;
    mbni_dataset_callback_defaults(&defaults);
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_dataset_from_callback(mbn_context *context,
                                             const mbn_dataset_callback_options *options, mbn_dataset **out)
{
    MBNI_CALL();
    mbn_dataset_callback_options known;
    if (!out)
        return refuse_null("out");
    *out = NULL;
    mbni_dataset_callback_defaults(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_dataset_from_callback(context, &known, out);
}

MBN_API void mbn_dataset_destroy(mbn_dataset *dataset)
{
    mbni_dataset_release(dataset);
}

MBN_API mbn_status mbn_dataset_split(mbn_dataset *dataset, double fraction, uint64_t seed,
                                     int32_t is_stratified, mbn_dataset **first, mbn_dataset **second)
{
    MBNI_CALL();
    if (first)
        *first = NULL;
    if (second)
        *second = NULL;
    if (!first || !second)
        return refuse_null(first ? "second" : "first");
    if (first == second)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "arguments first and second are the same pointer; allowed are two places");
    if (!dataset)
        return refuse_null("dataset");
    return mbni_dataset_split(dataset, fraction, seed, is_stratified != 0, first, second);
}

MBN_API mbn_status mbn_dataset_subset(mbn_dataset *dataset, const int64_t *indices, int64_t count,
                                      mbn_dataset **out)
{
    MBNI_CALL();
    MBNI_TRY(check_view(dataset, out));
    if (!indices && count)
        return refuse_null("indices");
    return mbni_dataset_subset(dataset, indices, count, out);
}

MBN_API mbn_status mbn_dataset_shuffle(mbn_dataset *dataset, uint64_t seed, mbn_dataset **out)
{
    MBNI_CALL();
    MBNI_TRY(check_view(dataset, out));
    return mbni_dataset_shuffle(dataset, seed, out);
}

MBN_API mbn_status mbn_dataset_balance(mbn_dataset *dataset, uint64_t seed, mbn_dataset **out)
{
    MBNI_CALL();
    MBNI_TRY(check_view(dataset, out));
    return mbni_dataset_balance(dataset, seed, out);
}

MBN_API mbn_status mbn_dataset_cache(mbn_dataset *dataset, mbn_dataset **out)
{
    MBNI_CALL();
    MBNI_TRY(check_view(dataset, out));
    return mbni_dataset_cache(dataset, out);
}

MBN_API mbn_status mbn_dataset_tensors(const mbn_dataset *dataset, mbn_tensor **x, mbn_tensor **y)
{
    MBNI_CALL();
    if (x)
        *x = NULL;
    if (y)
        *y = NULL;
    if (!x || !y)
        return refuse_null(x ? "y" : "x");
    if (x == y)
        return mbni_error(MBN_ERR_ARGUMENT, "arguments x and y are the same pointer; allowed are two places");
    if (!dataset)
        return refuse_null("dataset");
    return mbni_dataset_tensors(dataset, x, y);
}

MBN_API int64_t mbn_dataset_count(const mbn_dataset *dataset)
{
    return dataset ? dataset->count : 0;
}

MBN_API int64_t mbn_dataset_height(const mbn_dataset *dataset)
{
    return dataset ? dataset->height : 0;
}

MBN_API int64_t mbn_dataset_width(const mbn_dataset *dataset)
{
    return dataset ? dataset->width : 0;
}

MBN_API int64_t mbn_dataset_channels(const mbn_dataset *dataset)
{
    return dataset ? dataset->channels : 0;
}

MBN_API int32_t mbn_dataset_type(const mbn_dataset *dataset)
{
    return dataset ? dataset->type : -1;
}

MBN_API int64_t mbn_dataset_classes(const mbn_dataset *dataset)
{
    return dataset ? dataset->classes : 0;
}

MBN_API const char *mbn_dataset_class_name(const mbn_dataset *dataset, int64_t class_id)
{
    const bool known = dataset && dataset->names && class_id >= 0 && class_id < dataset->classes;
    return known ? dataset->names[class_id] : NULL;
}

static mbn_status check_index(const mbn_dataset *dataset, int64_t index)
{
    if (!dataset)
        return refuse_null("dataset");
    if (index < 0 || index >= dataset->count)
        return mbni_error(MBN_ERR_ARGUMENT, "argument index is %lld; the data set has %lld pictures",
                          (long long)index, (long long)dataset->count);
    return MBN_OK;
}

MBN_API mbn_status mbn_dataset_label(const mbn_dataset *dataset, int64_t index, int32_t *label)
{
    MBNI_CALL();
    MBNI_TRY(check_index(dataset, index));
    return label ? mbni_dataset_label(dataset, index, label) : refuse_null("label");
}

MBN_API mbn_status mbn_dataset_read(const mbn_dataset *dataset, int64_t index, void *pixels, size_t bytes,
                                    int32_t *label)
{
    MBNI_CALL();
    MBNI_TRY(check_index(dataset, index));
    if (!pixels)
        return refuse_null("pixels");
    if (bytes != (size_t)dataset->picture_bytes)
        return mbni_error(MBN_ERR_ARGUMENT, "argument bytes is %zu; a picture has %lld", bytes,
                          (long long)dataset->picture_bytes);
    return mbni_dataset_copy(dataset, index, pixels, label);
}
