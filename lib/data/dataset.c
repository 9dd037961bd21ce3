/* The data set object, and the kinds that hold tensors or ask a function of the caller. Views are in
 * dataset_view.c, directories in directory.c. */
#include "data/dataset.h"
#include <string.h>
#include "core/tensor.h"
#include "data/data.h"

enum { MAX_SIDE = 65535, MAX_CHANNELS = 4096, MAX_CLASSES = 1000000 };

mbn_dataset *mbni_dataset_new(mbn_context *context, int32_t type, int64_t count, int64_t height,
                              int64_t width, int64_t channels, int64_t classes)
{
    const int64_t dims[] = {height, width, channels, mbni_type_bytes(type)};
    int64_t bytes, total;
    if (!mbni_product(4, dims, &bytes) || !mbni_mul(bytes, count, &total)) {
        mbni_error(MBN_ERR_MEMORY, "%lld pictures of %lld x %lld x %lld are more than can be addressed",
                   (long long)count, (long long)height, (long long)width, (long long)channels);
        return NULL;
    }
    mbn_context *owner = mbni_context_retain(context);
    if (!owner)
        return NULL;
    mbn_dataset *dataset = mbni_alloc_zeroed(owner, sizeof *dataset);
    if (!dataset) {
        mbni_context_release(owner);
        return NULL;
    }
    dataset->context = owner;
    dataset->count = count;
    dataset->height = height;
    dataset->width = width;
    dataset->channels = channels;
    dataset->classes = classes;
    dataset->picture_bytes = bytes;
    dataset->type = type;
    dataset->thread_safe = true;
    atomic_init(&dataset->references, 1);
    return dataset;
}

void mbni_dataset_retain(mbn_dataset *dataset)
{
    atomic_fetch_add_explicit(&dataset->references, 1, memory_order_relaxed);
}

void mbni_dataset_release(mbn_dataset *dataset)
{
    if (!dataset || atomic_fetch_sub_explicit(&dataset->references, 1, memory_order_acq_rel) > 1)
        return;
    if (dataset->kind)
        dataset->kind->close(dataset);
    mbni_dataset_release(dataset->root);
    mbni_dataset_release(dataset->source);
    mbn_context *context = dataset->context;
    mbni_free(context, dataset);
    mbni_context_release(context);
}

const void *mbni_dataset_pixels(const mbn_dataset *dataset, int64_t index)
{
    return dataset->in_memory ? dataset->kind->pixels(dataset, index) : NULL;
}

mbn_status mbni_dataset_read(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *id,
                             float *soft)
{
    return dataset->kind->read(dataset, index, pixels, id, soft);
}

static int32_t largest(const float *shares, int64_t classes)
{
    int64_t best = 0;
    for (int64_t c = 1; c < classes; c++)
        best = shares[c] > shares[best] ? c : best;
    return (int32_t)best;
}

/* Tensors: self is this. */
typedef struct tensors {
    const unsigned char *pixels;
    const int32_t *ids;  /* [count], or */
    const float *shares; /* [count, classes] */
    mbn_tensor *x, *y;   /* those that are owned, or NULL */
} tensors;

static const void *tensors_pixels(const mbn_dataset *dataset, int64_t index)
{
    const tensors *t = dataset->self;
    return t->pixels + index * dataset->picture_bytes;
}

static mbn_status tensors_read(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *id,
                               float *soft)
{
    const tensors *t = dataset->self;
    if (pixels)
        memcpy(pixels, tensors_pixels(dataset, index), (size_t)dataset->picture_bytes);
    if (dataset->soft)
        memcpy(soft, t->shares + index * dataset->classes, (size_t)dataset->classes * sizeof *soft);
    else
        *id = t->ids[index];
    return MBN_OK;
}

static void tensors_close(mbn_dataset *dataset)
{
    tensors *t = dataset->self;
    if (!t)
        return;
    mbni_tensor_free(t->x);
    mbni_tensor_free(t->y);
    mbni_free(dataset->context, t);
}

static const mbni_dataset_kind TENSORS = {tensors_pixels, tensors_read, tensors_close};

/* The views of a set of shares, too, get at the row without a copy: only the kind of tensors has shares. */
mbn_status mbni_dataset_label(const mbn_dataset *dataset, int64_t index, int32_t *label)
{
    const mbn_dataset *holder = dataset->root ? dataset->root : dataset;
    if (!dataset->soft)
        return mbni_dataset_read(dataset, index, NULL, label, NULL);
    const tensors *t = holder->self;
    const int64_t at = dataset->root ? ((const int64_t *)dataset->self)[index] : index;
    *label = largest(t->shares + at * dataset->classes, dataset->classes);
    return MBN_OK;
}

mbn_status mbni_dataset_copy(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *label)
{
    int32_t id;
    if (!dataset->soft) {
        MBNI_TRY(mbni_dataset_read(dataset, index, pixels, &id, NULL));
        if (label)
            *label = id;
        return MBN_OK;
    }
    memcpy(pixels, mbni_dataset_pixels(dataset, index), (size_t)dataset->picture_bytes);
    return label ? mbni_dataset_label(dataset, index, label) : MBN_OK;
}

static mbn_status check_ids(const int32_t *ids, int64_t count, int64_t *classes)
{
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= (*classes ? *classes : MAX_CLASSES))
            return mbni_error(MBN_ERR_ARGUMENT, "argument y has class %d at %lld; allowed are 0 to %lld",
                              (int)ids[i], (long long)i, (long long)(*classes ? *classes : MAX_CLASSES) - 1);
        most = ids[i] >= most ? (int64_t)ids[i] + 1 : most;
    }
    if (!*classes && !most)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument classes is 0 and y has no class to count; allowed are "
                          "1 to %d",
                          MAX_CLASSES);
    *classes = *classes ? *classes : most;
    return MBN_OK;
}

static mbn_status check_x(const mbn_tensor *x)
{
    char text[MBNI_DIMS_TEXT];
    if (x->type != MBN_U8 && x->type != MBN_F32)
        return mbni_error(MBN_ERR_TYPE, "argument x is %s; allowed are u8 and f32", mbni_type_name(x->type));
    if (x->rank != 4 || x->dims[1] < 1 || x->dims[2] < 1 || x->dims[3] < 1)
        return mbni_error(MBN_ERR_SHAPE, "argument x is %s; allowed are [n, height, width, channels]",
                          mbni_dims_text(text, x->rank, x->dims));
    return MBN_OK;
}

static mbn_status check_tensors(const mbn_tensor *x, const mbn_tensor *y, int64_t *classes)
{
    char text[MBNI_DIMS_TEXT];
    MBNI_TRY(check_x(x));
    if (*classes < 0 || *classes > MAX_CLASSES)
        return mbni_error(MBN_ERR_ARGUMENT, "argument classes is %lld; allowed are 0 to %d",
                          (long long)*classes, MAX_CLASSES);
    if (y->type != MBN_I32 && y->type != MBN_F32)
        return mbni_error(MBN_ERR_TYPE, "argument y is %s; allowed are i32 and f32", mbni_type_name(y->type));
    if (y->rank != (y->type == MBN_I32 ? 1 : 2) || y->dims[0] != x->dims[0])
        return mbni_error(MBN_ERR_SHAPE,
                          "argument y is %s %s; allowed are i32 [%lld] and f32 [%lld, classes]",
                          mbni_type_name(y->type), mbni_dims_text(text, y->rank, y->dims),
                          (long long)x->dims[0], (long long)x->dims[0]);
    if (y->type == MBN_I32)
        return check_ids(y->data, y->dims[0], classes);
    if (y->dims[1] < 1 || y->dims[1] > MAX_CLASSES || (*classes && *classes != y->dims[1]))
        return mbni_error(MBN_ERR_SHAPE, "argument y has rows of %lld shares, and classes is %lld",
                          (long long)y->dims[1], (long long)*classes);
    *classes = y->dims[1];
    return MBN_OK;
}

static mbn_status tensors_new(mbn_context *context, const mbn_tensor *x, const mbn_tensor *y, int64_t classes,
                              mbn_dataset **out)
{
    MBNI_TRY(check_tensors(x, y, &classes));
    mbn_dataset *dataset =
        mbni_dataset_new(context, x->type, x->dims[0], x->dims[1], x->dims[2], x->dims[3], classes);
    if (!dataset)
        return MBN_ERR_MEMORY;
    tensors *t = dataset->self = mbni_alloc_zeroed(dataset->context, sizeof *t);
    if (!t) {
        mbni_dataset_release(dataset);
        return MBN_ERR_MEMORY;
    }
    t->pixels = x->data;
    dataset->soft = y->type == MBN_F32;
    if (dataset->soft)
        t->shares = y->data;
    else
        t->ids = y->data;
    dataset->kind = &TENSORS;
    dataset->in_memory = true;
    *out = dataset;
    return MBN_OK;
}

mbn_status mbni_dataset_from_tensors(mbn_context *context, const mbn_tensor *x, const mbn_tensor *y,
                                     int64_t classes, mbn_dataset **out)
{
    return tensors_new(context, x, y, classes, out);
}

mbn_status mbni_dataset_own_tensors(mbn_tensor *x, mbn_tensor *y, int64_t classes, const char *const *names,
                                    mbn_dataset **out)
{
    mbn_status status = tensors_new(x->context, x, y, classes, out);
    if (status) {
        mbni_tensor_free(x);
        mbni_tensor_free(y);
        return status;
    }
    tensors *t = (*out)->self;
    t->x = x;
    t->y = y;
    (*out)->names = names;
    return MBN_OK;
}

mbn_status mbni_dataset_cifar(mbn_context *context, const char *directory, int32_t set, int32_t part,
                              mbn_dataset **out)
{
    mbn_tensor *x, *y;
    if (set != MBN_CIFAR10 && set != MBN_CIFAR100 && set != MBN_CIFAR100_COARSE)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument set is %d; allowed are MBN_CIFAR10 (0), MBN_CIFAR100 (1) and "
                          "MBN_CIFAR100_COARSE (2)",
                          (int)set);
    MBNI_TRY(mbni_cifar_load(context, directory, set, part, &x, &y));
    return mbni_dataset_own_tensors(x, y, mbni_cifar_classes(set), mbni_cifar_labels(set), out);
}

mbn_status mbni_dataset_shapes(mbn_context *context, int64_t count, int64_t height, int64_t width,
                               uint64_t seed, mbn_dataset **out)
{
    mbn_tensor *x, *y;
    MBNI_TRY(mbni_shapes_create(context, count, height, width, seed, &x, &y));
    return mbni_dataset_own_tensors(x, y, MBNI_SHAPES_CLASSES, mbni_shapes_labels(), out);
}

/* Callbacks: self is a copy of the options. */
static mbn_status callback_read(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *id,
                                float *soft)
{
    const mbn_dataset_callback_options *options = dataset->self;
    (void)soft;
    const char *call = mbni_call_begin("");
    *id = -1;
    const int32_t answer =
        options->read(options->user, index, pixels, pixels ? (size_t)dataset->picture_bytes : 0, id);
    (void)mbni_call_begin(call);
    if (answer < 0)
        return mbni_error(MBN_ERR_CALLBACK, "the data set's callback failed with %d on picture %lld",
                          (int)answer, (long long)index);
    if (*id < 0 || *id >= dataset->classes)
        return mbni_error(MBN_ERR_CALLBACK,
                          "the data set's callback gave class %d to picture %lld; allowed are 0 to %lld",
                          (int)*id, (long long)index, (long long)dataset->classes - 1);
    return MBN_OK;
}

static void callback_close(mbn_dataset *dataset)
{
    mbni_free(dataset->context, dataset->self);
}

static const mbni_dataset_kind CALLBACK = {NULL, callback_read, callback_close};

void mbni_dataset_callback_defaults(mbn_dataset_callback_options *options)
{
    *options = (mbn_dataset_callback_options){.struct_size = sizeof *options, .channels = 3, .type = MBN_U8};
}

static mbn_status check_option(const char *name, int64_t value, int64_t low, int64_t high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "options.%s is %lld; allowed are %lld to %lld", name,
                      (long long)value, (long long)low, (long long)high);
}

static mbn_status check_callback(const mbn_dataset_callback_options *options)
{
    if (!options->read)
        return mbni_error(MBN_ERR_ARGUMENT, "options.read is NULL");
    MBNI_TRY(check_option("count", options->count, 0, INT64_MAX / 2));
    MBNI_TRY(check_option("height", options->height, 1, MAX_SIDE));
    MBNI_TRY(check_option("width", options->width, 1, MAX_SIDE));
    MBNI_TRY(check_option("channels", options->channels, 1, MAX_CHANNELS));
    MBNI_TRY(check_option("classes", options->classes, 1, MAX_CLASSES));
    if (options->type != MBN_U8 && options->type != MBN_F32)
        return mbni_error(MBN_ERR_ARGUMENT, "options.type is %d; allowed are MBN_F32 (0) and MBN_U8 (1)",
                          (int)options->type);
    return MBN_OK;
}

mbn_status mbni_dataset_from_callback(mbn_context *context, const mbn_dataset_callback_options *options,
                                      mbn_dataset **out)
{
    MBNI_TRY(check_callback(options));
    mbn_dataset *dataset = mbni_dataset_new(context, options->type, options->count, options->height,
                                            options->width, options->channels, options->classes);
    if (!dataset)
        return MBN_ERR_MEMORY;
    mbn_dataset_callback_options *copy = dataset->self = mbni_alloc(dataset->context, sizeof *copy);
    if (!copy) {
        mbni_dataset_release(dataset);
        return MBN_ERR_MEMORY;
    }
    *copy = *options;
    dataset->kind = &CALLBACK;
    dataset->thread_safe = options->is_thread_safe != 0;
    *out = dataset;
    return MBN_OK;
}
