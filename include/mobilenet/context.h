/* Contexts: where memory comes from, which threads compute, where messages go.
 *
 * Every object belongs to a context; NULL means the default one (malloc, one thread per core, messages to
 * stdout), which is made on first use. A context never changes after creation and may be shared by any number
 * of threads and models. */
#ifndef MOBILENET_CONTEXT_H
#define MOBILENET_CONTEXT_H

#include <mobilenet/export.h>
#include <mobilenet/status.h>
#include <mobilenet/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mbn_context mbn_context;

/** Returns `bytes` bytes aligned to `alignment` (a power of two, at least 64), or NULL. Called from any
 * thread. */
typedef void *(*mbn_allocate_fn)(void *user, size_t bytes, size_t alignment);
/** Gives back what the allocate function returned; never called with NULL. Called from any thread. */
typedef void (*mbn_deallocate_fn)(void *user, void *memory);
/** One of several independent tasks. */
typedef void (*mbn_task_fn)(void *task_data, int64_t index);
/** Runs task(task_data, i) once for every i from 0 to count - 1, in any order, on any threads, and returns
 * when all are done. No task waits for another, so running them one by one is right too. */
typedef void (*mbn_execute_fn)(void *user, mbn_task_fn task, void *task_data, int64_t count);
/** Receives one message, without a newline at its end. `level` 0 is progress that a call's `verbose` asked
 * for. */
typedef void (*mbn_log_fn)(void *user, int32_t level, const char *message);

typedef struct mbn_context_options {
    size_t struct_size;           /* set by the init function */
    mbn_allocate_fn allocate;     /* NULL: the C library's */
    mbn_deallocate_fn deallocate; /* given together with allocate */
    void *allocator_user;         /* first argument of both */
    mbn_execute_fn execute;       /* the host's executor; NULL: the library's own threads */
    void *execute_user;           /* its first argument */
    mbn_log_fn log;               /* receives progress; NULL: stdout, and only where `verbose` asks */
    void *log_user;               /* its first argument */
    int32_t threads;   /* 1 to 256 that compute at once; 0: one per core that the process may use */
    int32_t isa_limit; /* MBN_ISA_...; the highest instruction set to use; default MBN_ISA_BEST */
} mbn_context_options;

/** Fills `options` with the defaults. `struct_size` is sizeof of the caller's struct. */
MBN_API void mbn_context_options_init_sized(mbn_context_options *options, size_t struct_size);
static inline void mbn_context_options_init(mbn_context_options *options)
{
    mbn_context_options_init_sized(options, sizeof *options);
}

/** Creates a context.
 *  @param options  NULL for the defaults
 *  @param out      receives the context, to be released with mbn_context_destroy; NULL on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY
 *  Any thread. The library's own threads are started by the first call that computes, and sleep when idle.
 * The environment variable MBN_ISA (generic, avx2, avx512, neon) lowers the limit further, for tests. */
MBN_API mbn_status mbn_context_create(const mbn_context_options *options, mbn_context **out);

/** Gives up the caller's reference; the context goes when its last object has gone. NULL is allowed. Any
 * thread. */
MBN_API void mbn_context_destroy(mbn_context *context);

/** The number of threads that a context computes with; NULL is the default context, 0 when that cannot be
 * made. Any thread. */
MBN_API int32_t mbn_context_threads(const mbn_context *context);

/** The instruction set in use, MBN_ISA_GENERIC or higher; NULL is the default context, 0 when that cannot be
 * made. Any thread. */
MBN_API int32_t mbn_context_isa(const mbn_context *context);

/** Stops the threads of the default context and releases it; objects that still use it stay valid and keep it
 * alive. Programs need not call this; memory checkers and hosts that unload the library do. Not while another
 * call runs. */
MBN_API void mbn_default_context_shutdown(void);

#ifdef __cplusplus
}
#endif
#endif
