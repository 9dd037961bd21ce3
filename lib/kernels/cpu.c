/* Which instruction sets this machine has, of those that this build carries kernels for: today the generic C
 * alone, so that there is nothing to detect. mbni_cpu_isa is declared in core/context.h, which asks. */
#include "kernels/kernels.h"

int32_t mbni_cpu_isa(void)
{
    return MBN_ISA_GENERIC;
}
