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
