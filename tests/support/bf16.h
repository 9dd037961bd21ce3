/* The products of AVX-512 with instructions for bfloat16, for a machine that has none: their own source over
 * operations in plain C, which do what VDPBF16PS and VCVTNE2PS2BF16 are documented to do, and the tile that
 * AVX-512 has. bf16_kernels() is a table of them, the other kernels being those of plain C. */
#ifndef TESTS_BF16_H
#define TESTS_BF16_H

/* Operations are functions: sixteen lanes of each in every place of a tile would take minutes to compile. */
#define MBNI_SANITIZED
#include <math.h>
#include "core/half.h"
#include "kernels/vector/names.h"

#define MBNI_KERNEL(name) MBNI_DECLARE(mbni_kernels, emulated, name)
#include "kernels/kernels.inc"
#define MBNI_BF16_KERNEL(name) MBNI_DECLARE(mbni_kernels, emulatedbf16, name)
#include "kernels/kernels.inc"

/* Twice, as the library reads its own: first for what there is without those instructions. */
#define MBNI_ISA emulated
#include "support/bf16_ops.h"
#include "kernels/vector/pointwise.c"
#undef MBNI_THIS_FILE
#include "kernels/vector/ops_end.h"

#define MBNI_ISA emulatedbf16
#define MBNI_PAIRS
#include "support/bf16_ops.h"
#include "kernels/vector/pointwise_bf16.h"
#undef MBNI_PAIRS
#include "kernels/vector/ops_end.h"

#define MBNI_PLAIN_KERNEL(name) .name = mbni_generic_##name,
#define MBNI_KERNEL(name) .name = mbni_generic_##name,
static const mbni_kernels bf16_plain = {
    .name = "emulated",
#include "kernels/kernels.inc"
};

static inline mbni_kernels bf16_kernels(void)
{
    mbni_kernels k = bf16_plain;
    k.panel_columns = mbni_emulated_panel_columns;
    k.pointwise = mbni_emulated_pointwise;
    k.pointwise_bf16 = mbni_emulatedbf16_pointwise_bf16;
    k.pointwise_bf16_floats = mbni_emulatedbf16_pointwise_bf16_floats;
    return k;
}

#endif
