/* mobilenet/callbacks.h: schedules, and the constructors of callbacks but for ModelCheckpoint. */
#include <mobilenet/callbacks.h>
#include <math.h>
#include "core/error.h"
#include "core/options.h"
#include "train/callbacks.h"

MBN_API void mbn_schedule_options_init_sized(mbn_schedule_options *options, size_t struct_size)
{
    mbn_schedule_options defaults;
    mbni_schedule_defaults(&defaults);
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_schedule_rate(const mbn_schedule_options *options, double epoch, double *rate)
{
    MBNI_CALL();
    mbn_schedule_options known;
    if (!rate)
        return mbni_error(MBN_ERR_ARGUMENT, "argument rate is NULL");
    *rate = NAN;
    if (!options)
        return mbni_error(MBN_ERR_ARGUMENT, "argument options is NULL");
    if (!(epoch >= 0 && epoch <= 1e9))
        return mbni_error(MBN_ERR_ARGUMENT, "argument epoch is %g; allowed are 0 to 1e9", epoch);
    MBNI_TRY(mbni_schedule_read(options, "options", &known));
    *rate = mbni_schedule_rate(&known, epoch);
    return MBN_OK;
}

MBN_API void mbn_callback_destroy(mbn_callback *callback)
{
    if (callback)
        mbni_callback_free(callback);
}

MBN_API void mbn_callback_options_init_sized(mbn_callback_options *options, size_t struct_size)
{
    mbn_callback_options defaults = {.struct_size = sizeof defaults};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API void mbn_early_stopping_options_init_sized(mbn_early_stopping_options *options, size_t struct_size)
{
    mbn_early_stopping_options defaults = {.struct_size = sizeof defaults, .baseline = NAN};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

/* What all constructors begin with: out NULL refused, else cleared. */
static mbn_status begin(mbn_callback **out)
{
    if (!out)
        return mbni_error(MBN_ERR_ARGUMENT, "argument out is NULL");
    *out = NULL;
    return MBN_OK;
}

MBN_API mbn_status mbn_callback_create(mbn_context *context, const mbn_callback_options *options,
                                       mbn_callback **out)
{
    MBNI_CALL();
    mbn_callback_options known;
    MBNI_TRY(begin(out));
    mbn_callback_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_user_callback(context, &known, out);
}

MBN_API mbn_status mbn_early_stopping_create(mbn_context *context, const mbn_early_stopping_options *options,
                                             mbn_callback **out)
{
    MBNI_CALL();
    mbn_early_stopping_options known;
    MBNI_TRY(begin(out));
    mbn_early_stopping_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_early_stopping(context, &known, out);
}

MBN_API void mbn_reduce_on_plateau_options_init_sized(mbn_reduce_on_plateau_options *options,
                                                      size_t struct_size)
{
    mbn_reduce_on_plateau_options defaults = {
        .struct_size = sizeof defaults, .factor = 0.1, .min_delta = 1e-4, .patience = 10};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_reduce_on_plateau_create(mbn_context *context,
                                                const mbn_reduce_on_plateau_options *options,
                                                mbn_callback **out)
{
    MBNI_CALL();
    mbn_reduce_on_plateau_options known;
    MBNI_TRY(begin(out));
    mbn_reduce_on_plateau_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_reduce_on_plateau(context, &known, out);
}

MBN_API void mbn_learning_rate_scheduler_options_init_sized(mbn_learning_rate_scheduler_options *options,
                                                            size_t struct_size)
{
    mbn_learning_rate_scheduler_options defaults = {.struct_size = sizeof defaults};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_learning_rate_scheduler_create(mbn_context *context,
                                                      const mbn_learning_rate_scheduler_options *options,
                                                      mbn_callback **out)
{
    MBNI_CALL();
    mbn_learning_rate_scheduler_options known;
    MBNI_TRY(begin(out));
    mbn_learning_rate_scheduler_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_rate_scheduler(context, &known, out);
}

MBN_API void mbn_csv_logger_options_init_sized(mbn_csv_logger_options *options, size_t struct_size)
{
    mbn_csv_logger_options defaults = {.struct_size = sizeof defaults, .append = 1};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_csv_logger_create(mbn_context *context, const mbn_csv_logger_options *options,
                                         mbn_callback **out)
{
    MBNI_CALL();
    mbn_csv_logger_options known;
    MBNI_TRY(begin(out));
    mbn_csv_logger_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_csv_logger(context, &known, out);
}

MBN_API void mbn_progress_options_init_sized(mbn_progress_options *options, size_t struct_size)
{
    mbn_progress_options defaults = {.struct_size = sizeof defaults, .step_percent = 1};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_progress_create(mbn_context *context, const mbn_progress_options *options,
                                       mbn_callback **out)
{
    MBNI_CALL();
    mbn_progress_options known;
    MBNI_TRY(begin(out));
    mbn_progress_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_progress_callback(context, &known, out);
}

MBN_API mbn_status mbn_terminate_on_nan_create(mbn_context *context, mbn_callback **out)
{
    MBNI_CALL();
    MBNI_TRY(begin(out));
    return mbni_terminate_on_nan(context, out);
}
