/* Which instruction sets this machine has. Tells only of those for which this build carries kernels. */
#include "kernels/kernels.h"

int32_t mbni_cpu_isa(void)
{
    /* Detection belongs here, highest first, as soon as a table above generic exists in select.c. */
    return MBN_ISA_GENERIC;
}
