/* train.h: compile, fit, evaluate, history. */
#include "api/feeding.h"
#include <math.h>
#include <string.h>
#include "core/options.h"

MBN_API void mbn_compile_options_init_sized(mbn_compile_options *options, size_t struct_size)
{
    /* Below 0: to be chosen for the optimizer. */
    mbn_compile_options defaults = {.struct_size = sizeof defaults,
                                    .learning_rate = -1,
                                    .rho = 0.9,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .epsilon = 1e-7,
                                    .weight_decay = -1};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API void mbn_fit_options_init_sized(mbn_fit_options *options, size_t struct_size)
{
    mbn_fit_options defaults = {.struct_size = sizeof defaults, .batch_size = 32, .epochs = 1, .shuffle = 1};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

static mbn_status refuse_null(const char *name)
{
    return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", name);
}

MBN_API mbn_status mbn_compile(mbn_model *model, const mbn_compile_options *options)
{
    MBNI_CALL();
    mbn_compile_options known;
    mbn_status status;
    if (!model)
        return refuse_null("model");
    mbn_compile_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    MBNI_TRY(mbni_model_write_begin(model));
    status = mbni_compile_check(model, &known);
    if (!status)
        status = mbni_trainer_create(model, &known);
    mbni_model_write_end(model);
    return status;
}

MBN_API mbn_status mbn_fit(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                           const mbn_fit_options *options, mbn_history **history)
{
    MBNI_CALL();
    mbn_fit_options known;
    mbn_status status;
    if (history)
        *history = NULL;
    if (!model)
        return refuse_null("model");
    mbn_fit_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    MBNI_TRY(mbni_model_write_begin(model));
    uint32_t denormals = mbni_denormals_flush();
    mbni_fit_tensors memory;
    mbni_fit_data data;
    mbni_feeding feeding = {0};
    status = mbni_fit_check(model, &known);
    if (!status)
        status = mbni_feeding_check(&known);
    if (!status)
        status = mbni_fit_data_of(model, x, y, &known, &memory, &data);
    if (!status && known.augment)
        status = mbni_feeding_augment(&feeding, model, x, y, &known, denormals, &data);
    if (!status)
        status = mbni_fit(model, &data, &known, denormals, history);
    mbni_feeding_close(&feeding);
    mbni_denormals_restore(denormals);
    mbni_model_write_end(model);
    return status;
}

MBN_API mbn_status mbn_fit_memory(const mbn_model *model, int64_t batch_size, int64_t *bytes)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!bytes)
        return refuse_null("bytes");
    *bytes = 0;
    MBNI_TRY(mbni_model_read_begin(model));
    mbn_status status = mbni_fit_memory(model, batch_size, bytes);
    mbni_model_read_end(model);
    return status;
}

MBN_API mbn_status mbn_train_on_batch(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                                      double *loss, double *accuracy)
{
    MBNI_CALL();
    double unasked[2];
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_write_begin(model));
    uint32_t denormals = mbni_denormals_flush();
    mbn_status status =
        mbni_train_on_batch(model, x, y, loss ? loss : &unasked[0], accuracy ? accuracy : &unasked[1]);
    mbni_denormals_restore(denormals);
    mbni_model_write_end(model);
    return status;
}

MBN_API mbn_status mbn_evaluate(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                                int64_t batch_size, double *loss, double *accuracy)
{
    MBNI_CALL();
    double unasked[2];
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_read_begin(model));
    uint32_t denormals = mbni_denormals_flush();
    mbn_status status =
        mbni_evaluate(model, x, y, batch_size, loss ? loss : &unasked[0], accuracy ? accuracy : &unasked[1]);
    mbni_denormals_restore(denormals);
    mbni_model_read_end(model);
    return status;
}

MBN_API mbn_status mbn_model_use_average(mbn_model *model, int32_t use)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (use != 0 && use != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "argument use is %d; allowed are 0 and 1", (int)use);
    MBNI_TRY(mbni_model_write_begin(model));
    mbn_status status = mbni_average_use(model, use == 1);
    model->revision += !status;
    mbni_model_write_end(model);
    return status;
}

MBN_API double mbn_learning_rate(const mbn_model *model)
{
    return model && model->trainer ? model->trainer->options.learning_rate : NAN;
}

MBN_API mbn_status mbn_set_learning_rate(mbn_model *model, double learning_rate)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!model->trainer)
        return mbni_error(MBN_ERR_STATE, "the model is not compiled; call mbn_compile first");
    if (!(learning_rate >= 0 && learning_rate <= 1e6))
        return mbni_error(MBN_ERR_ARGUMENT, "argument learning_rate is %g; allowed are 0 to 1e6",
                          learning_rate);
    model->trainer->options.learning_rate = learning_rate;
    return MBN_OK;
}

MBN_API mbn_status mbn_set_learning_rate_factor(mbn_model *model, const char *layer, double factor)
{
    MBNI_CALL();
    if (!model)
        return refuse_null("model");
    if (!(factor >= 0 && factor <= 1e6))
        return mbni_error(MBN_ERR_ARGUMENT, "argument factor is %g; allowed are 0 to 1e6", factor);
    MBNI_TRY(mbni_model_write_begin(model));
    mbn_status status = mbni_trainer_set_factor(model, layer, factor);
    mbni_model_write_end(model);
    return status;
}

MBN_API int64_t mbn_trained_epochs(const mbn_model *model)
{
    return model && model->trainer ? model->trainer->epochs : 0;
}

MBN_API int64_t mbn_history_epochs(const mbn_history *history)
{
    return history ? mbni_history_epochs(history) : 0;
}

MBN_API int64_t mbn_history_columns(const mbn_history *history)
{
    return history ? mbni_history_columns(history) : 0;
}

MBN_API const char *mbn_history_column_name(const mbn_history *history, int64_t column)
{
    return column >= 0 && column < mbn_history_columns(history) ? mbni_history_column_name(history, column)
                                                                : NULL;
}

MBN_API mbn_status mbn_history_get(const mbn_history *history, const char *column, int64_t epoch,
                                   double *value)
{
    MBNI_CALL();
    if (!history)
        return refuse_null("history");
    if (!column)
        return refuse_null("column");
    if (!value)
        return refuse_null("value");
    if (epoch < 0 || epoch >= mbni_history_epochs(history))
        return mbni_error(MBN_ERR_ARGUMENT, "argument epoch is %lld; the history has %lld epochs",
                          (long long)epoch, (long long)mbni_history_epochs(history));
    for (int64_t i = 0; i < mbni_history_columns(history); i++)
        if (!strcmp(mbni_history_column_name(history, i), column)) {
            *value = mbni_history_value(history, i, epoch);
            return MBN_OK;
        }
    return mbni_error(MBN_ERR_NOT_FOUND,
                      "argument column is '%.40s'; the history has loss, acc%s, lr and seconds", column,
                      mbni_history_columns(history) == MBNI_HISTORY_COLUMNS ? ", val_loss, val_acc" : "");
}

MBN_API void mbn_history_destroy(mbn_history *history)
{
    if (history)
        mbni_history_free(history);
}
