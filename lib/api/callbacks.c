/* mobilenet/callbacks.h: schedules. */
#include <mobilenet/callbacks.h>
#include <math.h>
#include "core/error.h"
#include "core/options.h"
#include "train/schedule.h"

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
