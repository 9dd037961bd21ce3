/* The kernels by name, for every instruction set of the target: what the tables are made of. Signatures are
 * those of kernels.h; a vector kernel exists for each instruction set, a plain one in C alone. */
#ifndef MBNI_TABLES_H
#define MBNI_TABLES_H

#include <stdbool.h>
#include "kernels/kernels.h"

/* The vector families use the extensions of gcc and clang; elsewhere the generic ones would not compile
 * either. */
#if defined(__x86_64__)
#define MBNI_HAVE_X86
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define MBNI_HAVE_NEON
#endif

/* Whether the compiler knows AVX-512's instructions for bfloat16. */
#if defined(MBNI_HAVE_X86) && (defined(__clang__) ? __clang_major__ >= 11 : __GNUC__ >= 11)
#define MBNI_HAVE_BF16
#endif

/* Whether clang instruments this build. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define MBNI_SANITIZED
#endif
#endif

#define MBNI_DECLARE(table, isa, name) __typeof__(*((table *)0)->name) mbni_##isa##_##name;

#define MBNI_KERNEL(name) MBNI_DECLARE(mbni_kernels, generic, name)
#define MBNI_PLAIN_KERNEL(name) MBNI_DECLARE(mbni_kernels, generic, name)
#define MBNI_TRAIN_KERNEL(name) MBNI_DECLARE(mbni_train_kernels, generic, name)
#define MBNI_TRAIN_PLAIN_KERNEL(name) MBNI_DECLARE(mbni_train_kernels, generic, name)
#include "kernels/kernels.inc"

#ifdef MBNI_HAVE_X86
#define MBNI_KERNEL(name) MBNI_DECLARE(mbni_kernels, avx2, name)
#define MBNI_TRAIN_KERNEL(name) MBNI_DECLARE(mbni_train_kernels, avx2, name)
#include "kernels/kernels.inc"
#define MBNI_KERNEL(name) MBNI_DECLARE(mbni_kernels, avx512, name)
#define MBNI_TRAIN_KERNEL(name) MBNI_DECLARE(mbni_train_kernels, avx512, name)
#include "kernels/kernels.inc"
#endif

#ifdef MBNI_HAVE_BF16
#define MBNI_BF16_KERNEL(name) MBNI_DECLARE(mbni_kernels, avx512bf16, name)
#include "kernels/kernels.inc"
#endif

/* Whether this machine, which has AVX-512, has its instructions for bfloat16, and the build kernels for them.
 */
bool mbni_cpu_has_bf16(void);

#ifdef MBNI_HAVE_NEON
#define MBNI_KERNEL(name) MBNI_DECLARE(mbni_kernels, neon, name)
#define MBNI_TRAIN_KERNEL(name) MBNI_DECLARE(mbni_train_kernels, neon, name)
#include "kernels/kernels.inc"
#endif

#endif
