/* Slots, as a ring over the places of a pass, and who fills them: the task that asks for the picture (what
 * lies in memory cannot fail, and takes little), threads that run ahead of it (files), or the thread that
 * waits (functions of the host that are not safe on others). */
#include "data/loader.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include "core/context.h"
#include "core/platform.h"

enum { MAX_THREADS = 64, ERROR_BYTES = 1024 };

typedef enum filler { IN_PLACE, BY_TASKS, BY_THREADS, BY_CALLER } filler;

typedef struct bench {
    mbni_sample_bench tools;
    atomic_flag busy;
} bench;

struct mbni_loader {
    mbn_context *context;
    mbni_loader_options options;
    mbni_sampler sampler;
    filler filler;
    mbni_arena arena;
    int64_t slots, bench_count;
    uint8_t *pixels; /* [slots, picture] */
    int32_t *ids;    /* [slots] */
    float *soft;     /* [slots, classes] */
    uint8_t *filled; /* [slots]: BY_THREADS */
    bench *benches;
    /* Of the threads. */
    pthread_mutex_t lock;
    pthread_cond_t wanted, done;
    int64_t next, end, taken; /* places: to be begun, of the pass, free again */
    int64_t working;          /* threads at a picture */
    bool stop;
    mbn_status failure; /* of the first place that failed */
    int64_t failed;
    char text[ERROR_BYTES];
    int32_t benches_taken, thread_count;
    pthread_t threads[MAX_THREADS];
};

static filler filler_of(const mbni_sampler *s)
{
    if (mbni_sampler_direct(s))
        return IN_PLACE;
    return s->dataset->in_memory ? BY_TASKS : s->dataset->thread_safe ? BY_THREADS : BY_CALLER;
}

/* Plans the arena, and on the second round, when it has memory, connects it. */
static void lay_out(mbni_loader *l, mbni_arena *cursor)
{
    const mbni_sampler *s = &l->sampler;
    unsigned char *base = l->arena.base;
    const int64_t slots = l->slots, classes = mbni_sampler_soft(s) ? s->dataset->classes : 0;
    int64_t pixels = 0, numbers = 0;
    if (!mbni_mul(slots, s->picture_bytes, &pixels) || !mbni_mul(slots, classes, &numbers))
        cursor->overflow = true;
    const int64_t pixels_at = mbni_arena_plan(cursor, pixels, 1);
    const int64_t ids_at = mbni_arena_plan(cursor, slots, sizeof *l->ids);
    const int64_t soft_at = mbni_arena_plan(cursor, numbers, sizeof *l->soft);
    const int64_t filled_at = mbni_arena_plan(cursor, slots, 1);
    const int64_t benches_at = mbni_arena_plan(cursor, l->bench_count, sizeof *l->benches);
    if (base) {
        l->pixels = base + pixels_at;
        l->ids = (int32_t *)(void *)(base + ids_at);
        l->soft = (float *)(void *)(base + soft_at);
        l->filled = base + filled_at;
        l->benches = (bench *)(void *)(base + benches_at);
    }
    for (int64_t i = 0; i < l->bench_count; i++)
        mbni_sample_bench_plan(s, cursor, base, base ? &l->benches[i].tools : NULL);
}

static void plan(mbni_loader *l, mbn_context *context, const mbn_dataset *dataset,
                 const mbni_loader_options *options)
{
    *l = (mbni_loader){.context = context, .options = *options, .failed = INT64_MAX};
    if (l->options.threads > MAX_THREADS)
        l->options.threads = MAX_THREADS;
    l->sampler = mbni_sampler_of(dataset, options->augment);
    l->filler = filler_of(&l->sampler);
    /* While a batch computes, the next one is taken, and its labels are wanted after that; threads fill those
     * behind it. */
    l->slots = l->filler == IN_PLACE ? 0 : options->batch;
    if (l->filler == BY_THREADS && !mbni_mul(options->batch, 1 + options->ahead, &l->slots))
        l->arena.overflow = true;
    l->bench_count = l->filler == BY_TASKS     ? context->options.threads
                     : l->filler == BY_THREADS ? l->options.threads
                                               : 1;
    lay_out(l, &l->arena);
}

int64_t mbni_loader_bytes(mbn_context *context, const mbn_dataset *dataset,
                          const mbni_loader_options *options)
{
    mbni_loader l;
    plan(&l, context, dataset, options);
    return l.arena.overflow ? INT64_MAX / 2 : l.arena.bytes + (int64_t)sizeof l;
}

mbn_status mbni_loader_create(mbn_context *context, const mbn_dataset *dataset,
                              const mbni_loader_options *options, mbni_loader **out)
{
    mbni_loader *l = mbni_alloc(context, sizeof *l);
    *out = NULL;
    if (!l)
        return MBN_ERR_MEMORY;
    plan(l, context, dataset, options);
    const mbn_status status = l->arena.overflow ? mbni_error(MBN_ERR_MEMORY,
                                                             "%lld pictures ahead need more memory than can "
                                                             "be addressed",
                                                             (long long)l->slots)
                                                : mbni_arena_create(context, &l->arena);
    if (status) {
        mbni_free(context, l);
        return status;
    }
    mbni_arena cursor = {0};
    lay_out(l, &cursor);
    for (int64_t i = 0; i < l->bench_count; i++)
        atomic_flag_clear(&l->benches[i].busy);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wanted, NULL);
    pthread_cond_init(&l->done, NULL);
    *out = l;
    return MBN_OK;
}

static mbn_status fill(mbni_loader *l, int64_t place, const bench *b)
{
    const mbni_sampler *s = &l->sampler;
    const int64_t slot = place % l->slots;
    return mbni_sample_make(s, place, &b->tools, l->pixels + slot * s->picture_bytes, l->ids + slot,
                            mbni_sampler_soft(s) ? l->soft + slot * s->dataset->classes : NULL);
}

/* One of as many benches as there are threads: somebody else's is free soon at the latest. */
static bench *take_bench(mbni_loader *l)
{
    for (int64_t i = 0;; i = (i + 1) % l->bench_count) {
        if (!atomic_flag_test_and_set_explicit(&l->benches[i].busy, memory_order_acquire))
            return &l->benches[i];
        if (i + 1 == l->bench_count)
            mbni_platform_yield();
    }
}

static void note_failure(mbni_loader *l, int64_t place, mbn_status status)
{
    if (place > l->failed)
        return;
    l->failure = status;
    l->failed = place;
    memcpy(l->text, mbni_error_text(), strlen(mbni_error_text()) + 1);
}

/* A thread: picture after picture, as long as there is a slot for it. */
static void *read_ahead(void *data)
{
    mbni_loader *l = data;
    mbni_denormals_restore(l->options.denormals);
    pthread_mutex_lock(&l->lock);
    bench *b = &l->benches[l->benches_taken++];
    while (!l->stop) {
        if (l->next >= l->end || l->next >= l->taken + l->slots) {
            pthread_cond_wait(&l->wanted, &l->lock);
            continue;
        }
        const int64_t place = l->next++;
        l->working++;
        pthread_mutex_unlock(&l->lock);
        const mbn_status status = fill(l, place, b);
        pthread_mutex_lock(&l->lock);
        l->working--;
        l->filled[place % l->slots] = 1;
        if (status)
            note_failure(l, place, status);
        pthread_cond_broadcast(&l->done);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* As many as the system gives; when it gives none, the caller reads. */
static void start_threads(mbni_loader *l)
{
    while (l->thread_count < l->options.threads &&
           mbni_platform_thread(&l->threads[l->thread_count], read_ahead, l))
        l->thread_count++;
    if (l->thread_count == 0)
        l->filler = BY_CALLER;
}

/* The pass before may have been left on its way: threads end the pictures that they are at. */
static mbn_status begin(void *self, const int64_t *order, int64_t place, int64_t end, uint64_t seed)
{
    mbni_loader *l = self;
    mbni_sampler *s = &l->sampler;
    pthread_mutex_lock(&l->lock);
    l->end = 0;
    while (l->working > 0)
        pthread_cond_wait(&l->done, &l->lock);
    s->order = order;
    s->end = end;
    s->seed = seed;
    l->next = l->taken = place;
    l->end = end;
    l->failure = MBN_OK;
    l->failed = INT64_MAX;
    memset(l->filled, 0, (size_t)l->slots);
    pthread_cond_broadcast(&l->wanted);
    pthread_mutex_unlock(&l->lock);
    if (l->filler == BY_THREADS && l->thread_count == 0)
        start_threads(l);
    return MBN_OK;
}

static mbn_status wait_for(mbni_loader *l, int64_t place, int64_t count)
{
    pthread_mutex_lock(&l->lock);
    for (int64_t i = place; i < place + count; i++)
        while (!l->filled[i % l->slots])
            pthread_cond_wait(&l->done, &l->lock);
    const mbn_status status = l->failed < place + count ? l->failure : MBN_OK;
    pthread_mutex_unlock(&l->lock);
    return status ? mbni_error(status, "%s", l->text) : MBN_OK;
}

/* On the thread that waits, in the mode and without the name of the running call. */
static mbn_status read_here(mbni_loader *l, int64_t place, int64_t count)
{
    const uint32_t mode = mbni_denormals_flush();
    mbni_denormals_restore(l->options.denormals);
    mbn_status status = MBN_OK;
    for (int64_t i = place; i < place + count && !status; i++)
        status = fill(l, i, &l->benches[0]);
    mbni_denormals_restore(mode);
    return status;
}

static mbn_status ready(void *self, int64_t place, int64_t count)
{
    mbni_loader *l = self;
    return l->filler == BY_THREADS  ? wait_for(l, place, count)
           : l->filler == BY_CALLER ? read_here(l, place, count)
                                    : MBN_OK;
}

static const void *pixels_at(void *self, int64_t place)
{
    mbni_loader *l = self;
    if (l->filler == IN_PLACE)
        return mbni_dataset_pixels(l->sampler.dataset, mbni_sample_index(&l->sampler, place));
    if (l->filler == BY_TASKS) {
        bench *b = take_bench(l);
        (void)fill(l, place, b); /* what lies in memory can be read */
        atomic_flag_clear_explicit(&b->busy, memory_order_release);
    }
    return l->pixels + place % l->slots * l->sampler.picture_bytes;
}

static void copy_label(mbni_loader *l, int64_t place, int32_t *id, float *soft)
{
    const mbni_sampler *s = &l->sampler;
    const int64_t slot = l->slots ? place % l->slots : 0, classes = s->dataset->classes;
    if (l->filler == IN_PLACE)
        (void)mbni_dataset_read(s->dataset, mbni_sample_index(s, place), NULL, id, soft);
    else if (soft)
        memcpy(soft, l->soft + slot * classes, (size_t)classes * sizeof *soft);
    else
        *id = l->ids[slot];
}

static void labels(void *self, int64_t place, int64_t count, int32_t *ids, float *soft)
{
    mbni_loader *l = self;
    const bool rows = mbni_sampler_soft(&l->sampler), wanted = ids || soft;
    for (int64_t i = 0; i < count && wanted; i++)
        copy_label(l, place + i, rows ? NULL : ids + i, rows ? soft + i * l->sampler.dataset->classes : NULL);
    if (l->filler != BY_THREADS)
        return;
    pthread_mutex_lock(&l->lock);
    for (int64_t i = place; i < place + count; i++)
        l->filled[i % l->slots] = 0;
    l->taken = place + count;
    pthread_cond_broadcast(&l->wanted);
    pthread_mutex_unlock(&l->lock);
}

mbni_feed mbni_loader_feed(mbni_loader *loader)
{
    const mbni_sampler *s = &loader->sampler;
    return (mbni_feed){.self = loader,
                       .count = s->dataset->count,
                       .type = s->dataset->type,
                       .soft = mbni_sampler_soft(s),
                       .begin = begin,
                       .ready = ready,
                       .pixels = pixels_at,
                       .labels = labels};
}

void mbni_loader_destroy(mbni_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->wanted);
    pthread_mutex_unlock(&l->lock);
    for (int32_t i = 0; i < l->thread_count; i++)
        pthread_join(l->threads[i], NULL);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->wanted);
    pthread_cond_destroy(&l->done);
    mbni_arena_destroy(l->context, &l->arena);
    mbni_free(l->context, l);
}
