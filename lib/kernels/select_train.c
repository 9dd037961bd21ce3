/* The table of training kernels for an instruction set; see select.c. */
#include "kernels/generic/generic.h"

static const mbni_train_kernels generic = {
    .name = "generic",
#define MBNI_TRAIN_KERNEL(name) .name = mbni_generic_##name,
#include "kernels/kernels.inc"
};

const mbni_train_kernels *mbni_train_kernels_select(int32_t isa)
{
    (void)isa; /* generic is at or below every instruction set */
    return &generic;
}
