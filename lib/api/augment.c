/* The public calls of mobilenet/augment.h: fills options; checks tensors, and runs pictures over the
 * context's threads. */
#include "data/augment.h"
#include "core/error.h"
#include "core/options.h"

MBN_API void mbn_augment_options_init_sized(mbn_augment_options *options, size_t struct_size)
{
    mbn_augment_options defaults;
    mbni_augment_defaults(&defaults);
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API void mbn_augment_standard_init_sized(mbn_augment_options *options, size_t struct_size)
{
    mbn_augment_options standard;
    mbni_augment_standard(&standard);
    mbni_options_write(options, struct_size, &standard, sizeof standard);
}

MBN_API mbn_status mbn_augment(mbn_context *context, const mbn_augment_options *options, uint64_t seed,
                               const mbn_tensor *x, const mbn_tensor *y, mbn_tensor *out_x, mbn_tensor *out_y)
{
    MBNI_CALL();
    mbn_augment_options known;
    mbni_augment_defaults(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    return mbni_augment_batch(context, &known, seed, x, y, out_x, out_y);
}
