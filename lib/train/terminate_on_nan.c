/* TerminateOnNaN: a mark, at which fit ends well where a loss is not finite. */
#include "train/callbacks.h"

static const mbni_callback_ops ops = {
    .name = "terminate_on_nan", .turn = MBNI_TURN_STATE, .forgives_nan = true};

mbn_status mbni_terminate_on_nan(mbn_context *context, mbn_callback **out)
{
    *out = mbni_callback_new(context, &ops, sizeof **out);
    return *out ? MBN_OK : MBN_ERR_MEMORY;
}
