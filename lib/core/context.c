/* Contexts: options checked and completed, references counted, the default one made on first use.
 *
 * The default context is found through an atomic pointer, not under a lock: a child that is forked while
 * another thread makes it can never find the lock held. Two threads that meet here both make one, which is
 * cheap as no thread is started, and one of them gives its own away. */
#include "core/context.h"
#include <stdlib.h>
#include <string.h>
#include "core/options.h"
#include "core/platform.h"
#include "core/pool.h"

#define MAX_THREADS 256

static _Atomic(mbn_context *) default_context;

static void *allocate_default(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void deallocate_default(void *user, void *memory)
{
    (void)user;
    free(memory);
}

void mbni_context_defaults(mbn_context_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* NEON stands beside the others, not above them. */
int32_t mbni_isa_limited(int32_t machine_isa, int32_t limit)
{
    if (limit == MBN_ISA_BEST || limit >= machine_isa)
        return machine_isa;
    return machine_isa == MBN_ISA_NEON ? MBN_ISA_GENERIC : limit;
}

/* The limit of the environment variable MBN_ISA; MBN_ISA_BEST when it is not set or empty. */
static mbn_status environment_limit(int32_t *limit)
{
    static const struct {
        const char *name;
        int32_t isa;
    } known[] = {{"generic", MBN_ISA_GENERIC},
                 {"avx2", MBN_ISA_AVX2},
                 {"avx512", MBN_ISA_AVX512},
                 {"neon", MBN_ISA_NEON}};
    const char *value = getenv("MBN_ISA");
    *limit = MBN_ISA_BEST;
    if (!value || !*value)
        return MBN_OK;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(value, known[i].name) == 0) {
            *limit = known[i].isa;
            return MBN_OK;
        }
    }
    return mbni_error(MBN_ERR_ARGUMENT,
                      "environment variable MBN_ISA is \"%.64s\"; allowed are generic, avx2, avx512, neon",
                      value);
}

static mbn_status complete_options(mbn_context_options *options)
{
    if (options->threads < 0 || options->threads > MAX_THREADS)
        return mbni_error(MBN_ERR_ARGUMENT, "option threads is %d; allowed are 0 to %d",
                          (int)options->threads, MAX_THREADS);
    if (options->isa_limit < MBN_ISA_BEST || options->isa_limit > MBN_ISA_NEON)
        return mbni_error(MBN_ERR_ARGUMENT, "option isa_limit is %d; allowed are %d to %d",
                          (int)options->isa_limit, MBN_ISA_BEST, MBN_ISA_NEON);
    if (!options->allocate != !options->deallocate)
        return mbni_error(MBN_ERR_ARGUMENT, "option %s is NULL; allocate and deallocate are given together",
                          options->allocate ? "deallocate" : "allocate");
    if (!options->allocate) {
        options->allocate = allocate_default;
        options->deallocate = deallocate_default;
    }
    if (options->threads == 0) {
        int32_t cores = mbni_platform_cores();
        options->threads = cores > MAX_THREADS ? MAX_THREADS : cores;
    }
    return MBN_OK;
}

mbn_status mbni_context_new(const mbn_context_options *options, int32_t machine_isa, mbn_context **out)
{
    mbn_context seed; /* lends its allocator to the context's own memory */
    int32_t limit;
    *out = NULL;
    memset(&seed, 0, sizeof seed);
    mbni_context_defaults(&seed.options);
    MBNI_TRY(mbni_options_read(&seed.options, sizeof seed.options, options, "options"));
    MBNI_TRY(complete_options(&seed.options));
    MBNI_TRY(environment_limit(&limit));
    seed.isa = mbni_isa_limited(mbni_isa_limited(machine_isa, seed.options.isa_limit), limit);

    mbn_context *context = mbni_alloc(&seed, sizeof *context);
    if (!context)
        return MBN_ERR_MEMORY;
    memcpy(context, &seed, sizeof seed);
    atomic_init(&context->references, 1);
    if (context->options.threads > 1 && !context->options.execute) {
        mbn_status status = mbni_pool_create(context, context->options.threads, &context->pool);
        if (status) {
            mbni_free(&seed, context);
            return status;
        }
    }
    *out = context;
    return MBN_OK;
}

static mbn_context *find_default(void)
{
    mbn_context *found = atomic_load_explicit(&default_context, memory_order_acquire);
    if (found)
        return found;
    mbn_context *made;
    if (mbni_context_new(NULL, mbni_cpu_isa(), &made))
        return NULL;
    if (atomic_compare_exchange_strong(&default_context, &found, made))
        return made;
    mbni_context_release(made);
    return found;
}

mbn_context *mbni_context_retain(mbn_context *context)
{
    if (!context)
        context = find_default();
    if (context)
        atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void mbni_context_release(mbn_context *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    mbni_pool_destroy(context, context->pool);
    mbn_context seed;
    memset(&seed, 0, sizeof seed);
    seed.options = context->options;
    mbni_free(&seed, context);
}

void mbni_context_shutdown_default(void)
{
    mbni_context_release(atomic_exchange(&default_context, NULL));
}
