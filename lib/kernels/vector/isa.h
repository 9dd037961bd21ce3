/* Compiles the file that includes it once for each instruction set of the target.
 *
 * A family of kernels is written once, over the vector operations below, in a file that begins with
 *
 *     #define MBNI_THIS_FILE "kernels/vector/elementwise.c"
 *     #include "kernels/vector/isa.h"
 *     #ifdef MBNI_ISA
 *     ... functions named ISA(affine), helpers static ...
 *     #endif
 *
 * and is read again by this header for generic, avx2 and avx512, or generic and neon, with the operations,
 * the number of lanes (VW) and the target pragma of each. ISA(affine) is mbni_avx2_affine there. Which of
 * them runs is decided by the tables (kernels/select.c), so nothing here may be called on a machine that has
 * not been asked.
 *
 * The operations, on a vector vf of VW floats and a mask vm:
 *     v_zero() v_set(x) v_load(p) v_store(p, v)         p needs the alignment of float only
 *     v_load_n(p, n) v_store_n(p, n, v)                  the first n lanes, 0 <= n <= VW; others read as zero
 *     a + b, a - b, a * b, a / b                         the compiler's, each rounded
 *     v_fma(a, b, c) v_fnma(a, b, c)                     a * b + c and c - a * b, rounded once;
 *                                                        on generic, twice
 *     v_max(a, b) v_min(a, b)                            b where either is not a number
 *     v_sqrt(a)                                          correctly rounded
 *     v_le(a, b) v_ge(a, b) v_or(m, n)                   false where not a number
 *     v_select(m, a, b) v_clear(m, a)                    a where m, else b; 0 where m, else a
 *     v_power2(n)                                        2^n, n integral in [-126, 127]; else undefined
 *     v_sum(a)                                           of all lanes, halves onto halves
 *     vd_zero() vd_add(d, a) vd_sum(d)                   sums in double: vd is VW of them, d + a lane by lane
 *     v_load_u8(p)                                       VW bytes as floats
 *     v_load_bf16(p, odd)                                VW bfloat16 of VW pairs, odd known at compile time
 *     v_transpose(v)                                     VW vectors in place
 * VREGS is the number of vector registers. */
#ifndef MBNI_ISA

#include "kernels/vector/names.h"

#define MBNI_ISA generic
#include "kernels/vector/ops_generic.h"
#include MBNI_THIS_FILE
#include "kernels/vector/ops_end.h"

#ifdef MBNI_HAVE_X86
#define MBNI_ISA avx2
#include "kernels/vector/ops_avx2.h"
#include MBNI_THIS_FILE
#include "kernels/vector/ops_end.h"

#define MBNI_ISA avx512
#include "kernels/vector/ops_avx512.h"
#include MBNI_THIS_FILE
#include "kernels/vector/ops_end.h"
#endif

#ifdef MBNI_HAVE_NEON
#define MBNI_ISA neon
#include "kernels/vector/ops_neon.h"
#include MBNI_THIS_FILE
#include "kernels/vector/ops_end.h"
#endif

#undef MBNI_THIS_FILE
#endif
