/* Names that carry their instruction set, and what the target has: for vector/isa.h and the families. */
#ifndef MBNI_VECTOR_NAMES_H
#define MBNI_VECTOR_NAMES_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "kernels/tables.h"

#ifdef MBNI_HAVE_X86
#include <immintrin.h>
#endif
#ifdef MBNI_HAVE_NEON
#include <arm_neon.h>
#endif

#define MBNI_PASTE(isa, name) mbni_##isa##_##name
#define MBNI_EXPAND(isa, name) MBNI_PASTE(isa, name)
#define ISA(name) MBNI_EXPAND(MBNI_ISA, name)

#define vf ISA(vf)
#define vm ISA(vm)
#define vd ISA(vd)
#define v_zero ISA(v_zero)
#define v_set ISA(v_set)
#define v_load ISA(v_load)
#define v_store ISA(v_store)
#define v_load_n ISA(v_load_n)
#define v_store_n ISA(v_store_n)
#define v_fma ISA(v_fma)
#define v_fnma ISA(v_fnma)
#define v_max ISA(v_max)
#define v_min ISA(v_min)
#define v_sqrt ISA(v_sqrt)
#define v_le ISA(v_le)
#define v_ge ISA(v_ge)
#define v_or ISA(v_or)
#define v_select ISA(v_select)
#define v_clear ISA(v_clear)
#define v_power2 ISA(v_power2)
#define v_sum ISA(v_sum)
#define vd_zero ISA(vd_zero)
#define vd_add ISA(vd_add)
#define vd_sum ISA(vd_sum)
#define v_load_u8 ISA(v_load_u8)
#define v_load_bf16 ISA(v_load_bf16)
#define v_transpose ISA(v_transpose)
#define v_dot ISA(v_dot)
#define v_to_bf16 ISA(v_to_bf16)

/* for (int i = 0; i < n; i++) with n a constant of at most 32, of which no loop is left: an array of vectors
 * that it indexes stays in registers. clang passes over the pragma of gcc, and unrolls by a number only when
 * the array has already gone to memory. */
#if defined(MBNI_SANITIZED)
#define V_UNROLLED /* counts are not constant where operations are functions, see V_OP */
#elif defined(__clang__)
#define V_UNROLLED _Pragma("clang loop unroll(full)")
#else
#define V_UNROLLED _Pragma("GCC unroll 32")
#endif
#define V_EACH(i, n) V_UNROLLED for (int i = 0; i < (n); i++) /* NOLINT(bugprone-macro-parentheses) */

/* An operation: always part of the loop it stands in. Not under a sanitizer, whose checks would then stand in
 * each copy, and clang take minutes for a file. */
#ifdef MBNI_SANITIZED
#define V_OP __attribute__((unused)) static
#else
#define V_OP __attribute__((always_inline, unused)) static inline
#endif

#endif
