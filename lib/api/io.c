/* mobilenet/io.h: models and checkpoints in files and in memory. Joins the train room, which knows what
 * training needs to go on, with the io room, which knows files. */
#include "io/io.h"
#include "api/checkpoint.h"
#include "core/options.h"
#include "train/train.h"

static const mbn_save_options default_options = {sizeof(mbn_save_options), MBN_ENCODING_F32, 6, 0, 0};

MBN_API void mbn_save_options_init_sized(mbn_save_options *options, size_t struct_size)
{
    if (options)
        mbni_options_write(options, struct_size, &default_options, sizeof default_options);
}

static mbn_status refuse_null(const char *argument)
{
    return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", argument);
}

static mbn_status check_path(const char *path)
{
    if (!path)
        return refuse_null("path");
    if (!*path)
        return mbni_error(MBN_ERR_ARGUMENT, "argument path is empty");
    return MBN_OK;
}

static mbn_status read_options(const mbn_save_options *options, mbn_save_options *known)
{
    *known = default_options;
    MBNI_TRY(mbni_options_read(known, sizeof *known, options, "options"));
    if (known->encoding < MBN_ENCODING_F32 || known->encoding > MBN_ENCODING_BF16)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option encoding is %d; allowed are 0 (f32), 1 (f16) and 2 (bf16)",
                          (int)known->encoding);
    if (known->compression < 0 || known->compression > 9)
        return mbni_error(MBN_ERR_ARGUMENT, "option compression is %d; allowed are 0 to 9",
                          (int)known->compression);
    if (known->average != 0 && known->average != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option average is %d; allowed are 0 and 1", (int)known->average);
    if (known->reserved != 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option reserved is %d; allowed is 0", (int)known->reserved);
    return MBN_OK;
}

static mbn_status check_built(const mbn_model *model)
{
    if (!model->built)
        return mbni_error(MBN_ERR_STATE, "argument model is not built; call mbn_model_build first");
    return MBN_OK;
}

static mbn_status save(const mbn_model *model, const char *path, const mbn_save_options *options,
                       mbn_tensor **out)
{
    mbn_save_options known;
    MBNI_TRY(read_options(options, &known));
    MBNI_TRY(mbni_model_read_begin(model));
    const float *values = NULL;
    mbn_status status = check_built(model);
    if (!status && known.average)
        status = mbni_average_values(model, &values);
    if (!status)
        status = mbni_mbn_write(model, values, NULL, &known, path, out);
    mbni_model_read_end(model);
    return status;
}

MBN_API mbn_status mbn_model_save(const mbn_model *model, const char *path, const mbn_save_options *options)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(check_path(path));
    return save(model, path, options, NULL);
}

MBN_API mbn_status mbn_model_save_memory(const mbn_model *model, const mbn_save_options *options,
                                         mbn_tensor **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!model)
        return refuse_null("model");
    return save(model, NULL, options, out);
}

MBN_API mbn_status mbn_model_load(mbn_context *context, const char *path, mbn_model **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    MBNI_TRY(check_path(path));
    return mbni_mbn_read(context, path, NULL, 0, NULL, out);
}

MBN_API mbn_status mbn_model_load_memory(mbn_context *context, const void *data, size_t bytes,
                                         mbn_model **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!data)
        return refuse_null("data");
    return mbni_mbn_read(context, NULL, data, bytes, NULL, out);
}

MBN_API mbn_status mbn_model_load_weights(mbn_model *model, const char *path, int32_t partial,
                                          int64_t *loaded)
{
    MBNI_CALL();
    int64_t copied = 0;
    if (loaded)
        *loaded = 0;
    if (!model)
        return refuse_null("model");
    MBNI_TRY(check_path(path));
    if (partial != 0 && partial != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "argument partial is %d; allowed are 0 and 1", (int)partial);
    MBNI_TRY(mbni_model_write_begin(model));
    mbn_status status = check_built(model);
    if (!status)
        status = mbni_mbn_read_weights(model, path, partial, &copied);
    mbni_model_write_end(model);
    if (!status && loaded)
        *loaded = copied;
    return status;
}

mbn_status mbni_checkpoint_write(const mbn_model *model, const char *path, int32_t what)
{
    mbni_records records;
    const float *values = NULL;
    mbn_status status = MBN_OK;
    mbni_records_init(&records, model->context);
    if (what == MBNI_WRITE_CHECKPOINT)
        status = mbni_trainer_export(model, &records);
    else if (what == MBNI_WRITE_AVERAGES)
        status = mbni_average_values(model, &values);
    if (!status)
        status = mbni_mbn_write(model, values, what == MBNI_WRITE_CHECKPOINT ? &records : NULL,
                                &default_options, path, NULL);
    mbni_records_free(&records);
    return status;
}

MBN_API mbn_status mbn_checkpoint_save(const mbn_model *model, const char *path)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    MBNI_TRY(check_path(path));
    MBNI_TRY(mbni_model_read_begin(model));
    mbn_status status = check_built(model);
    if (!status)
        status = mbni_checkpoint_write(model, path, MBNI_WRITE_CHECKPOINT);
    mbni_model_read_end(model);
    return status;
}

/* A file whose records do not fit the model is damaged or foreign, whatever the train room calls it. */
static mbn_status import(mbn_model *model, const mbni_records *records, const char *path)
{
    if (records->count == 0)
        return mbni_error(MBN_ERR_FORMAT, "file '%.320s' holds a model without training state", path);
    MBNI_TRY(mbni_model_write_begin(model));
    mbn_status status = mbni_trainer_import(model, records);
    mbni_model_write_end(model);
    return status && status != MBN_ERR_MEMORY ? MBN_ERR_FORMAT : status;
}

MBN_API mbn_status mbn_checkpoint_load(mbn_context *context, const char *path, mbn_model **out)
{
    MBNI_CALL();
    mbni_records records;
    mbn_model *model = NULL;
    if (!out)
        return refuse_null("out");
    *out = NULL;
    MBNI_TRY(check_path(path));
    context = mbni_context_retain(context);
    if (!context)
        return MBN_ERR_MEMORY;
    mbni_records_init(&records, context);
    mbn_status status = mbni_mbn_read(context, path, NULL, 0, &records, &model);
    if (!status)
        status = import(model, &records, path);
    mbni_records_free(&records);
    if (status && model)
        mbni_model_free(model);
    else
        *out = model;
    mbni_context_release(context);
    return status;
}
