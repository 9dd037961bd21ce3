/* The table of inference kernels for an instruction set. Starts from generic; a higher instruction set
 * replaces what it has. The training table is apart, in select_train.c, so that a program that only predicts
 * does not link it. */
#include "kernels/generic/generic.h"

static const mbni_kernels generic = {
    .name = "generic",
#define MBNI_KERNEL(name) .name = mbni_generic_##name,
#include "kernels/kernels.inc"
};

const mbni_kernels *mbni_kernels_select(int32_t isa)
{
    (void)isa; /* generic is at or below every instruction set */
    return &generic;
}
