/* train.h, what takes data sets: checks them against the model, and joins the rooms of data, training and
 * prediction, which do not know each other. */
#include "api/feeding.h"
#include <string.h>
#include "core/options.h"
#include "predict/predict.h"

enum { BATCH = 128, AHEAD = 2, READERS = 2, MAX_READERS = 64, MAX_AHEAD = 1024 };

static mbn_status refuse_null(const char *name)
{
    return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", name);
}

/* Pictures of the model's size and kind; the same context, whose allocator both use. */
static mbn_status check_pictures(const mbn_model *model, const mbn_dataset *d, const char *name)
{
    if (!d)
        return refuse_null(name);
    if (model->layer_count == 0)
        return mbni_error(MBN_ERR_STATE, "the model has no input; call mbn_model_add_input first");
    const int64_t *dims = model->layers[0].out.dims;
    if (d->context != model->context)
        return mbni_error(MBN_ERR_ARGUMENT, "argument %s belongs to another context than the model", name);
    if (d->height != dims[0] || d->width != dims[1] || d->channels != dims[2])
        return mbni_error(
            MBN_ERR_SHAPE,
            "argument %s has pictures of %lld x %lld with %lld channels; the model takes %lld x "
            "%lld with %lld",
            name, (long long)d->height, (long long)d->width, (long long)d->channels, (long long)dims[0],
            (long long)dims[1], (long long)dims[2]);
    if (d->type == MBN_U8 && model->preprocessing == MBN_PREPROCESSING_NONE)
        return mbni_error(MBN_ERR_STATE,
                          "argument %s has u8 pictures, and the model does not know how they become numbers; "
                          "call mbn_model_set_preprocessing",
                          name);
    return MBN_OK;
}

/* And as many classes, and at least one picture. */
static mbn_status check_labelled(const mbn_model *model, const mbn_dataset *d, const char *name)
{
    MBNI_TRY(mbni_model_check_classifier(model));
    MBNI_TRY(check_pictures(model, d, name));
    const int64_t classes = mbni_model_last(model)->out.dims[0];
    if (d->classes != classes)
        return mbni_error(MBN_ERR_SHAPE, "argument %s has %lld classes; the model has %lld", name,
                          (long long)d->classes, (long long)classes);
    if (d->count == 0)
        return mbni_error(MBN_ERR_SHAPE, "argument %s has no pictures; at least 1 is needed", name);
    return MBN_OK;
}

mbn_status mbni_feeding_check(const mbn_fit_options *o)
{
    if (o->readers < 0 || o->readers > MAX_READERS)
        return mbni_error(MBN_ERR_ARGUMENT, "option readers is %d; allowed are 1 to %d, or 0 for %d",
                          (int)o->readers, MAX_READERS, READERS);
    if (o->batches_ahead < 0 || o->batches_ahead > MAX_AHEAD)
        return mbni_error(MBN_ERR_ARGUMENT, "option batches_ahead is %d; allowed are 1 to %d, or 0 for %d",
                          (int)o->batches_ahead, MAX_AHEAD, AHEAD);
    return MBN_OK;
}

static mbni_loader_options loading(int64_t batch, const mbn_augment_options *augment, int32_t readers,
                                   int32_t ahead, uint32_t denormals)
{
    return (mbni_loader_options){.augment = augment,
                                 .batch = batch,
                                 .ahead = ahead ? ahead : AHEAD,
                                 .threads = readers ? readers : READERS,
                                 .denormals = denormals};
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The caller's augmentation as this library knows it; *out NULL where it asks for none. */
static mbn_status read_augment(const mbn_augment_options *given, const mbn_dataset *d,
                               mbn_augment_options *known, const mbn_augment_options **out)
{
    *out = NULL;
    if (!given)
        return MBN_OK;
    mbn_augment_options_init(known);
    MBNI_TRY(mbni_options_read(known, sizeof *known, given, "option augment"));
    MBNI_TRY(mbni_augment_check(known, d->height, d->width, d->channels));
    if (d->type != MBN_U8)
        return mbni_error(MBN_ERR_TYPE, "option augment works on u8 pictures; these are %s",
                          mbni_type_name(d->type));
    *out = known;
    return MBN_OK;
}

static mbn_status open_train(mbni_feeding *f, const mbn_dataset *d, int64_t count, const mbn_fit_options *o,
                             uint32_t denormals)
{
    const mbn_augment_options *augment;
    MBNI_TRY(read_augment(o->augment, d, &f->augment, &augment));
    const mbni_loader_options l =
        loading(smaller(o->batch_size, count), augment, o->readers, o->batches_ahead, denormals);
    MBNI_TRY(mbni_loader_create(d->context, d, &l, &f->train));
    f->train_feed = mbni_loader_feed(f->train);
    return MBN_OK;
}

static mbn_status open_val(mbni_feeding *f, const mbn_dataset *d, const mbn_fit_options *o,
                           uint32_t denormals)
{
    const mbni_loader_options l =
        loading(smaller(o->batch_size, d->count), NULL, o->readers, o->batches_ahead, denormals);
    MBNI_TRY(mbni_loader_create(d->context, d, &l, &f->val));
    f->val_feed = mbni_loader_feed(f->val);
    return MBN_OK;
}

mbn_status mbni_feeding_augment(mbni_feeding *f, const mbn_model *model, const mbn_tensor *x,
                                const mbn_tensor *y, const mbn_fit_options *o, uint32_t denormals,
                                mbni_fit_data *data)
{
    if (model->data_format != MBN_CHANNELS_LAST)
        return mbni_error(MBN_ERR_STATE,
                          "option augment works on pictures with channels last; the model takes "
                          "them channels first");
    MBNI_TRY(
        mbni_dataset_from_tensors(model->context, x, y, mbni_model_last(model)->out.dims[0], &f->wrapped));
    MBNI_TRY(open_train(f, f->wrapped, data->train_count, o, denormals));
    data->train = &f->train_feed;
    return MBN_OK;
}

void mbni_feeding_close(mbni_feeding *f)
{
    mbni_loader_destroy(f->train);
    mbni_loader_destroy(f->val);
    if (f->wrapped)
        mbni_dataset_release(f->wrapped);
}

static mbn_status fit_dataset(mbn_model *model, const mbn_dataset *train, const mbn_dataset *val,
                              const mbn_fit_options *o, uint32_t denormals, mbn_history **history)
{
    mbni_feeding f = {0};
    mbni_fit_data data = {0};
    MBNI_TRY(mbni_fit_check(model, o));
    MBNI_TRY(mbni_feeding_check(o));
    MBNI_TRY(check_labelled(model, train, "train"));
    if (val)
        MBNI_TRY(check_labelled(model, val, "validation"));
    if (o->validation_x || o->validation_split > 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option %s is given; with data sets, argument validation is it "
                          "(mbn_dataset_split divides one)",
                          o->validation_x ? "validation_x" : "validation_split");
    mbn_status status = open_train(&f, train, train->count, o, denormals);
    if (!status && val)
        status = open_val(&f, val, o, denormals);
    data = (mbni_fit_data){.train = &f.train_feed,
                           .val = &f.val_feed,
                           .train_count = train->count,
                           .val_count = val ? val->count : 0};
    if (!status)
        status = mbni_fit(model, &data, o, denormals, history);
    mbni_feeding_close(&f);
    return status;
}

MBN_API mbn_status mbn_fit_dataset(mbn_model *model, const mbn_dataset *train, const mbn_dataset *validation,
                                   const mbn_fit_options *options, mbn_history **history)
{
    MBNI_CALL();
    mbn_fit_options known;
    if (history)
        *history = NULL;
    if (!model)
        return refuse_null("model");
    mbn_fit_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    MBNI_TRY(mbni_model_write_begin(model));
    const uint32_t denormals = mbni_denormals_flush();
    const mbn_status status = fit_dataset(model, train, validation, &known, denormals, history);
    mbni_denormals_restore(denormals);
    mbni_model_write_end(model);
    return status;
}

static mbn_status check_batch(int64_t *batch_size)
{
    if (*batch_size < 0 || *batch_size > INT32_MAX)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument batch_size is %lld; allowed are 1 to 2147483647, or 0 for %d",
                          (long long)*batch_size, BATCH);
    *batch_size = *batch_size ? *batch_size : BATCH;
    return MBN_OK;
}

static mbn_status evaluate_dataset(const mbn_model *model, const mbn_dataset *d, int64_t batch,
                                   uint32_t denormals, double *loss, double *accuracy)
{
    mbni_loader *loader;
    MBNI_TRY(check_batch(&batch));
    MBNI_TRY(check_labelled(model, d, "dataset"));
    const mbni_loader_options l = loading(smaller(batch, d->count), NULL, 0, 0, denormals);
    MBNI_TRY(mbni_loader_create(d->context, d, &l, &loader));
    const mbni_feed feed = mbni_loader_feed(loader);
    const mbn_status status = mbni_evaluate_feed(model, &feed, batch, loss, accuracy);
    mbni_loader_destroy(loader);
    return status;
}

MBN_API mbn_status mbn_evaluate_dataset(const mbn_model *model, const mbn_dataset *dataset,
                                        int64_t batch_size, double *loss, double *accuracy)
{
    MBNI_CALL();
    double unasked[2];
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_read_begin(model));
    const uint32_t denormals = mbni_denormals_flush();
    const mbn_status status = evaluate_dataset(model, dataset, batch_size, denormals,
                                               loss ? loss : &unasked[0], accuracy ? accuracy : &unasked[1]);
    mbni_denormals_restore(denormals);
    mbni_model_read_end(model);
    return status;
}

static mbn_status predict_dataset(const mbn_model *model, const mbn_dataset *d, int64_t batch,
                                  uint32_t denormals, mbn_tensor **out)
{
    mbni_loader *loader;
    MBNI_TRY(check_batch(&batch));
    MBNI_TRY(check_pictures(model, d, "dataset"));
    const mbni_loader_options l = loading(batch, NULL, 0, 0, denormals);
    MBNI_TRY(mbni_loader_create(d->context, d, &l, &loader));
    const mbni_feed feed = mbni_loader_feed(loader);
    const mbn_status status = mbni_predict_feed(model, &feed, batch, out);
    mbni_loader_destroy(loader);
    return status;
}

MBN_API mbn_status mbn_predict_dataset(const mbn_model *model, const mbn_dataset *dataset, int64_t batch_size,
                                       mbn_tensor **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_read_begin(model));
    const uint32_t denormals = mbni_denormals_flush();
    const mbn_status status = predict_dataset(model, dataset, batch_size, denormals, out);
    mbni_denormals_restore(denormals);
    mbni_model_read_end(model);
    return status;
}
