/* The context object and what rooms above ask of it: references, threads, messages, kernel tables. */
#ifndef MBNI_CORE_CONTEXT_H
#define MBNI_CORE_CONTEXT_H

#include <mobilenet/context.h>
#include <stdatomic.h>
#include "core/error.h"
#include "core/memory.h"

struct mbni_pool;
struct mbni_kernels;
struct mbni_train_kernels;

struct mbn_context {
    atomic_int references;
    mbn_context_options
        options; /* complete: functions and threads are never 0 here, but for execute and log */
    struct mbni_pool
        *pool;   /* NULL with the host's executor or one thread; its threads start when first needed */
    int32_t isa; /* in use, MBN_ISA_GENERIC or higher */
    const void *kernels; /* const struct mbni_kernels *; set by the api room, which knows core and kernels */
};

/* Another reference to `context`, or to the default context for NULL; NULL on failure, with the error
 * recorded. */
mbn_context *mbni_context_retain(mbn_context *context);
void mbni_context_release(mbn_context *context); /* NULL is allowed */

/* Runs task(data, i) for i in [0, count) on up to the context's threads and returns when all are done. Tasks
 * do not wait for each other and write to places of their own. Runs serially when the pool is busy (nested,
 * or another caller), after fork, and when count is 1. Tasks run with denormals flushed to zero. Never fails.
 */
void mbni_parallel(mbn_context *context, int64_t count, mbn_task_fn task, void *data);

/* Flushes denormals on this thread; returns the mode before, to be restored on every way out and around
 * callbacks. */
uint32_t mbni_denormals_flush(void);
void mbni_denormals_restore(uint32_t mode);

/* One message, formatted, to the context's log or stdout (with a newline). Only where the caller asked with
 * `verbose`. */
void mbni_log(mbn_context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
