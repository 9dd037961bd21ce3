/* What the works of `benchmark` have in common: names of instruction sets, the context that was asked for,
 * random bytes. Times nothing. */
#ifndef EXAMPLES_COMMON_BENCHMARK_H
#define EXAMPLES_COMMON_BENCHMARK_H

#include <mobilenet/mobilenet.h>
#include <inttypes.h>
#include "cli.h"
#include "measure.h"
#include "peak.h"

static const char BENCHMARK_ISAS[] = "best|generic|avx2|avx512|neon"; /* in the order of MBN_ISA_... */

static inline const char *isa_name(int32_t isa)
{
    static const char *const NAMES[] = {"best", "generic", "avx2", "avx512", "neon"};
    return NAMES[isa];
}

/* A context of the threads and the instruction set asked for, exactly. 0, or -1 with a message. */
static inline int benchmark_context(int64_t threads, int32_t isa, mbn_context **context)
{
    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = (int32_t)threads;
    options.isa_limit = isa;
    if (mbn_context_create(&options, context)) {
        fprintf(stderr, "benchmark: %s\n", mbn_last_error());
        return -1;
    }
    const int32_t used = mbn_context_isa(*context);
    if (isa != MBN_ISA_BEST && isa != used) {
        fprintf(stderr, "benchmark: --isa %s: this machine, build or MBN_ISA has %s\n", isa_name(isa),
                isa_name(used));
        return -1;
    }
    return 0;
}

/* Of Marsaglia's xorshift64. */
static inline void benchmark_random(uint8_t *bytes, int64_t count)
{
    uint64_t state = 88172645463325252u;
    for (int64_t i = 0; i < count; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (uint8_t)(state >> 56);
    }
}

/* "null" or the number, for JSON. */
static inline const char *benchmark_number(char text[32], int known, double value)
{
    snprintf(text, 32, known ? "%.10g" : "null", value);
    return text;
}

#endif
