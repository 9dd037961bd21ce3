/* Augmentation of a batch of tensors over the context's threads. A picture's partner is augmented again where
 * it is mixed in, so that no picture waits for another and none is mixed with what was mixed before. */
#include "data/augment.h"
#include <string.h>
#include "core/random.h"
#include "core/tensor.h"

enum { TASKS_A_THREAD = 4 };

typedef struct batch {
    const mbn_augment_options *options;
    uint64_t seed;
    int64_t count, height, width, channels, picture_bytes, classes;
    const uint8_t *x;
    uint8_t *out_x;
    const mbn_tensor *y; /* NULL: no targets */
    float *out_y;
    uint8_t *work; /* work_bytes for each of the tasks */
    int64_t work_bytes, scratch_bytes, tasks;
} batch;

static mbn_status check_pictures(const mbn_tensor *x, const mbn_tensor *out_x)
{
    char got[MBNI_DIMS_TEXT], wanted[MBNI_DIMS_TEXT];
    if (!x || !out_x)
        return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", x ? "out_x" : "x");
    if (x->type != MBN_U8 || out_x->type != MBN_U8)
        return mbni_error(MBN_ERR_TYPE, "argument %s is %s; pictures are u8",
                          x->type != MBN_U8 ? "x" : "out_x",
                          mbni_type_name(x->type != MBN_U8 ? x->type : out_x->type));
    mbni_dims_text(wanted, x->rank, x->dims);
    if (x->rank != 4)
        return mbni_error(MBN_ERR_SHAPE, "argument x is %s; allowed is [n, height, width, channels]", wanted);
    if (out_x->rank != 4 || memcmp(x->dims, out_x->dims, sizeof x->dims))
        return mbni_error(MBN_ERR_SHAPE, "argument out_x is %s; x is %s, and so must it be",
                          mbni_dims_text(got, out_x->rank, out_x->dims), wanted);
    const uintptr_t from = (uintptr_t)x->data, to = (uintptr_t)out_x->data;
    if (x->count && (from < to ? to - from : from - to) < (uintptr_t)x->count)
        return mbni_error(MBN_ERR_ARGUMENT, "arguments x and out_x share memory; allowed are two places");
    return MBN_OK;
}

static mbn_status check_ids(const mbn_tensor *y, int64_t classes)
{
    const int32_t *ids = y->data;
    for (int64_t i = 0; i < y->count; i++)
        if (ids[i] < 0 || ids[i] >= classes)
            return mbni_error(MBN_ERR_ARGUMENT,
                              "argument y, picture %lld: the class is %d; out_y has room for 0 to %lld",
                              (long long)i, (int)ids[i], (long long)classes - 1);
    return MBN_OK;
}

static mbn_status check_targets(const mbn_tensor *y, const mbn_tensor *out_y, int64_t count, bool mixes)
{
    char got[MBNI_DIMS_TEXT];
    if (!y && !out_y && !mixes)
        return MBN_OK;
    if (!y || !out_y)
        return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL%s", y ? "out_y" : "y",
                          mixes ? "; options mixup and cutmix mix targets too" : ", the other one is not");
    if (out_y->type != MBN_F32)
        return mbni_error(MBN_ERR_TYPE, "argument out_y is %s; targets are f32", mbni_type_name(out_y->type));
    if (out_y->rank != 2 || out_y->dims[0] != count)
        return mbni_error(MBN_ERR_SHAPE, "argument out_y is %s; allowed is [%lld, classes]",
                          mbni_dims_text(got, out_y->rank, out_y->dims), (long long)count);
    const int64_t classes = out_y->dims[1];
    if (y->type != MBN_I32 && y->type != MBN_F32)
        return mbni_error(MBN_ERR_TYPE, "argument y is %s; allowed are i32 and f32", mbni_type_name(y->type));
    if (y->rank != (y->type == MBN_I32 ? 1 : 2) || y->dims[0] != count ||
        (y->type == MBN_F32 && y->dims[1] != classes))
        return mbni_error(MBN_ERR_SHAPE,
                          "argument y is %s %s; allowed are i32 [%lld] and f32 [%lld, %lld], as out_y",
                          mbni_type_name(y->type), mbni_dims_text(got, y->rank, y->dims), (long long)count,
                          (long long)count, (long long)classes);
    if (y->count && y->data == out_y->data)
        return mbni_error(MBN_ERR_ARGUMENT, "arguments y and out_y share memory; allowed are two places");
    return y->type == MBN_I32 ? check_ids(y, classes) : MBN_OK;
}

static void mix_targets(const batch *b, float own, int64_t i, float *row)
{
    if (b->y->type == MBN_I32)
        mbni_mix_targets(own, b->classes, ((const int32_t *)b->y->data)[i], NULL, row);
    else
        mbni_mix_targets(own, b->classes, 0, (const float *)b->y->data + i * b->classes, row);
}

static void augment_one(const batch *b, int64_t i, uint8_t *to, uint8_t *scratch)
{
    mbni_augment_picture(b->options, mbni_random_hash(b->seed, (uint64_t)i), b->x + i * b->picture_bytes,
                         b->height, b->width, b->channels, to, scratch);
}

static void augment_and_mix(const batch *b, int64_t i, uint8_t *work)
{
    uint8_t *picture = b->out_x + i * b->picture_bytes;
    float *row = b->y ? b->out_y + i * b->classes : NULL;
    augment_one(b, i, picture, work);
    if (row)
        mix_targets(b, 0, i, row);
    const uint64_t seed = mbni_random_hash(b->seed, (uint64_t)i);
    const int64_t other = mbni_mix_partner(seed, i, b->count);
    const mbni_mix mix = mbni_mix_draw(b->options, seed, b->height, b->width);
    if (mix.kind == MBNI_MIX_NONE || other == i)
        return;
    uint8_t *partner = work + b->scratch_bytes;
    augment_one(b, other, partner, work);
    mbni_mix_picture(&mix, partner, b->height, b->width, b->channels, picture);
    mix_targets(b, mix.own, other, row);
}

static void augment_part(void *data, int64_t part)
{
    const batch *b = data;
    const int64_t end = b->count * (part + 1) / b->tasks;
    for (int64_t i = b->count * part / b->tasks; i < end; i++)
        augment_and_mix(b, i, b->work + part * b->work_bytes);
}

/* Memory for each task: scratch, and where pictures are mixed a partner. */
static void plan(batch *b, int32_t threads)
{
    const int64_t tasks = (int64_t)TASKS_A_THREAD * threads, unit = MBNI_ALIGNMENT;
    b->tasks = b->count < tasks ? b->count : tasks;
    b->scratch_bytes = mbni_augment_scratch_bytes(b->options, b->height, b->width, b->channels);
    b->work_bytes = b->scratch_bytes + (mbni_augment_mixes(b->options) ? b->picture_bytes : 0);
    b->work_bytes = (b->work_bytes + unit - 1) / unit * unit;
}

mbn_status mbni_augment_batch(mbn_context *context, const mbn_augment_options *o, uint64_t seed,
                              const mbn_tensor *x, const mbn_tensor *y, mbn_tensor *out_x, mbn_tensor *out_y)
{
    MBNI_TRY(check_pictures(x, out_x));
    MBNI_TRY(mbni_augment_check(o, x->dims[1], x->dims[2], x->dims[3]));
    MBNI_TRY(check_targets(y, out_y, x->dims[0], mbni_augment_mixes(o)));
    mbn_context *owner = mbni_context_retain(context);
    if (!owner)
        return MBN_ERR_MEMORY;
    batch b = {.options = o,
               .seed = seed,
               .count = x->dims[0],
               .height = x->dims[1],
               .width = x->dims[2],
               .channels = x->dims[3],
               .picture_bytes = x->dims[1] * x->dims[2] * x->dims[3],
               .classes = out_y ? out_y->dims[1] : 0,
               .x = x->data,
               .out_x = out_x->data,
               .y = y,
               .out_y = out_y ? out_y->data : NULL};
    plan(&b, owner->options.threads);
    b.work = mbni_alloc(owner, b.work_bytes * b.tasks);
    if (b.work && b.tasks)
        mbni_parallel(owner, b.tasks, augment_part, &b);
    const mbn_status status = b.work ? MBN_OK : MBN_ERR_MEMORY;
    mbni_free(owner, b.work);
    mbni_context_release(owner);
    return status;
}
