/* The library's own threads, for context.c; everyone else calls mbni_parallel. */
#ifndef MBNI_CORE_POOL_H
#define MBNI_CORE_POOL_H

#include "core/context.h"

/* A pool of `threads` (2 or more), the caller's own included. No thread is started before the first job. */
mbn_status mbni_pool_create(mbn_context *context, int32_t threads, struct mbni_pool **out);
/* Stops and joins the threads. Not while a job runs, and not from a task. NULL is allowed. */
void mbni_pool_destroy(mbn_context *context, struct mbni_pool *pool);

#endif
