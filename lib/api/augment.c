/* The public calls of mobilenet/augment.h: fills options; checks tensors, and runs pictures over the
 * context's threads. */
#include "data/augment.h"
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
