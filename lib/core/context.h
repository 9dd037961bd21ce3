/* The context object and what rooms above ask of it: references, threads, denormals, messages. */
#ifndef MBNI_CORE_CONTEXT_H
#define MBNI_CORE_CONTEXT_H

#include <mobilenet/context.h>
#include <stdatomic.h>
#include "core/error.h"
#include "core/memory.h"

struct mbni_pool;

struct mbn_context {
    atomic_int references;
    /* complete: functions and threads are never 0 here, but for execute and log */
    mbn_context_options options;
    /* NULL with the host's executor or one thread; its threads start when first needed */
    struct mbni_pool *pool;
    int32_t isa; /* in use, MBN_ISA_GENERIC or higher */
};

/* What a limit (MBN_ISA_...) leaves of an instruction set. */
int32_t mbni_isa_limited(int32_t isa, int32_t limit);

/* The highest instruction set that this machine and the library's kernels have. Core asks and does not know
 * the answer: the kernels room, which is above, defines it (kernels/cpu.c). */
int32_t mbni_cpu_isa(void);

/* The defaults of mbn_context_options. */
void mbni_context_defaults(mbn_context_options *options);
/* mbn_context_create for a machine whose best instruction set is machine_isa. */
mbn_status mbni_context_new(const mbn_context_options *options, int32_t machine_isa, mbn_context **out);
/* Gives up the library's own reference to the default context. */
void mbni_context_shutdown_default(void);

/* Another reference to `context`, or to the default context for NULL; NULL on failure, with the error
 * recorded. */
mbn_context *mbni_context_retain(mbn_context *context);
void mbni_context_release(mbn_context *context); /* NULL is allowed */

/* Runs task(data, i) for i in [0, count) on up to the context's threads and returns when all are done. Tasks
 * do not wait for each other and write to places of their own. Runs serially when the pool is busy (nested,
 * or another caller), after fork, and when count is 1. Tasks run with denormals flushed to zero. Never fails.
 */
void mbni_parallel(mbn_context *context, int64_t count, mbn_task_fn task, void *data);

/* Runs task(data, phase, part) for every part in [0, parts) of one phase after the other; a phase begins when
 * all parts of the one before are done. parts: at most MBNI_PHASE_PARTS. The context's own threads keep to
 * their part through the phases, as far as they can, and meet between two of them without sleeping; a host's
 * executor gets each phase by itself. Never fails, allocates nothing. */
enum { MBNI_PHASE_PARTS = 256 };
typedef void (*mbni_phase_fn)(void *data, int64_t phase, int64_t part);
void mbni_parallel_phases(mbn_context *context, int64_t phases, int64_t parts, mbni_phase_fn task,
                          void *data);

/* Flushes denormals on this thread; returns the mode before, to be restored on every way out and around
 * callbacks. */
uint32_t mbni_denormals_flush(void);
void mbni_denormals_restore(uint32_t mode);

/* One message, formatted, to the context's log or stdout (with a newline). Only where the caller asked with
 * `verbose`. */
void mbni_log(mbn_context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
