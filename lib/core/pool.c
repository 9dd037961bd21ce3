/* Fork-join over independent tasks, on threads that are started by the first job and sleep when idle.
 *
 * A job is open from its publication until the caller finds no more tasks. A thread enters an open job under
 * the lock, takes indices from an atomic counter and leaves; the caller closes the job and waits only for
 * those that entered, so a thread that wakes late costs nobody time. One job runs at a time: whoever finds
 * the pool taken runs its tasks itself. */
#include "core/pool.h"
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include "core/platform.h"

/* Looks at a condition before sleeping: a few microseconds, which spans the gaps between the layers of a
 * training step. */
#define SPINS 300
/* Looks at a rendezvous before giving the core away: some hundred microseconds, longer than parts of a layer
 * differ. */
#define MEET_SPINS 20000

struct mbni_pool {
    atomic_flag taken; /* by a caller; guards everything up to the threads */
    pid_t process;     /* that started the threads; 0 before */
    int32_t threads;   /* the caller's included */
    int32_t workers;   /* started */
    int32_t spins;

    pthread_mutex_t lock;
    pthread_cond_t published, left;
    atomic_uint jobs; /* published so far; written under the lock, read by spinning threads without */
    bool open, stop;
    int32_t sleeping;
    atomic_int inside; /* threads in the open or closing job; changed under the lock */
    mbn_task_fn task;
    void *data;
    int64_t count;
    atomic_int_fast64_t next;

    pthread_t ids[];
};

/* Set while this thread runs a task: what it starts in turn runs serially, in the pool and in the host's
 * executor, so that no task ever waits for another. */
static _Thread_local bool in_task;

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void take_tasks(struct mbni_pool *pool, mbn_task_fn task, void *data, int64_t count)
{
    for (;;) {
        int64_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= count)
            return;
        task(data, i);
    }
}

/* With the lock held: returns when a job after `seen` was published or the pool stops. */
static void wait_for_job(struct mbni_pool *pool, unsigned seen)
{
    if (atomic_load_explicit(&pool->jobs, memory_order_relaxed) == seen && !pool->stop && pool->spins > 0) {
        pthread_mutex_unlock(&pool->lock);
        for (int32_t i = 0; i < pool->spins; i++) {
            if (atomic_load_explicit(&pool->jobs, memory_order_relaxed) != seen)
                break;
            pause_briefly();
        }
        pthread_mutex_lock(&pool->lock);
    }
    while (atomic_load_explicit(&pool->jobs, memory_order_relaxed) == seen && !pool->stop) {
        pool->sleeping++;
        pthread_cond_wait(&pool->published, &pool->lock);
        pool->sleeping--;
    }
}

static void *work(void *argument)
{
    struct mbni_pool *pool = argument;
    unsigned seen = 0;
    mbni_denormals_flush();
    in_task = true;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stop) {
        wait_for_job(pool, seen);
        seen = atomic_load_explicit(&pool->jobs, memory_order_relaxed);
        if (!pool->open)
            continue;
        mbn_task_fn task = pool->task;
        void *data = pool->data;
        int64_t count = pool->count;
        atomic_fetch_add_explicit(&pool->inside, 1, memory_order_relaxed);
        pthread_mutex_unlock(&pool->lock);
        take_tasks(pool, task, data, count);
        pthread_mutex_lock(&pool->lock);
        if (atomic_fetch_sub_explicit(&pool->inside, 1, memory_order_release) == 1)
            pthread_cond_signal(&pool->left);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Starts the threads, as many as the system gives. */
static void start(struct mbni_pool *pool)
{
    pool->process = getpid();
    while (pool->workers < pool->threads - 1 && mbni_platform_thread(&pool->ids[pool->workers], work, pool))
        pool->workers++;
}

static void publish(struct mbni_pool *pool, int64_t count, mbn_task_fn task, void *data)
{
    pthread_mutex_lock(&pool->lock);
    pool->task = task;
    pool->data = data;
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pool->open = true;
    atomic_fetch_add_explicit(&pool->jobs, 1, memory_order_relaxed);
    if (count - 1 >= pool->sleeping) {
        pthread_cond_broadcast(&pool->published);
    } else {
        for (int64_t i = 1; i < count; i++)
            pthread_cond_signal(&pool->published);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void close_job(struct mbni_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->open = false;
    if (atomic_load_explicit(&pool->inside, memory_order_acquire) > 0) {
        pthread_mutex_unlock(&pool->lock);
        for (int32_t i = 0; i < pool->spins; i++) {
            if (atomic_load_explicit(&pool->inside, memory_order_acquire) == 0)
                return;
            pause_briefly();
        }
        pthread_mutex_lock(&pool->lock);
        while (atomic_load_explicit(&pool->inside, memory_order_acquire) > 0)
            pthread_cond_wait(&pool->left, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void run_serially(int64_t count, mbn_task_fn task, void *data)
{
    for (int64_t i = 0; i < count; i++)
        task(data, i);
}

static void run_on_pool(struct mbni_pool *pool, int64_t count, mbn_task_fn task, void *data)
{
    if (atomic_flag_test_and_set_explicit(&pool->taken, memory_order_acquire)) {
        run_serially(count, task, data);
        return;
    }
    if (pool->process == 0)
        start(pool);
    /* In a forked child the threads are not there, and the lock is in whatever state it was. */
    if (pool->workers == 0 || pool->process != getpid()) {
        run_serially(count, task, data);
    } else {
        publish(pool, count, task, data);
        take_tasks(pool, task, data, count);
        close_job(pool);
    }
    atomic_flag_clear_explicit(&pool->taken, memory_order_release);
}

typedef struct lent_task {
    mbn_task_fn task;
    void *data;
} lent_task;

/* A task on a thread of the host, whose denormal mode is the host's. */
static void run_lent_task(void *lent, int64_t index)
{
    const lent_task *task = lent;
    uint32_t mode = mbni_denormals_flush();
    bool before = in_task;
    in_task = true;
    task->task(task->data, index);
    in_task = before;
    mbni_denormals_restore(mode);
}

void mbni_parallel(mbn_context *context, int64_t count, mbn_task_fn task, void *data)
{
    if (count <= 0)
        return;
    bool nested = in_task;
    if (context->options.execute && count > 1 && !nested) {
        lent_task lent = {task, data};
        const char *call = mbni_call_begin(NULL);
        context->options.execute(context->options.execute_user, run_lent_task, &lent, count);
        mbni_call_begin(call);
        return;
    }
    uint32_t mode = mbni_denormals_flush();
    in_task = nested || count > 1;
    if (context->pool && count > 1 && !nested)
        run_on_pool(context->pool, count, task, data);
    else
        run_serially(count, task, data);
    in_task = nested;
    mbni_denormals_restore(mode);
}

/* Phases: every participant goes through all of them and meets the others behind each. Part i is first
 * offered to participant i, so that what a part wrote is read by the same core in the next phase; a part that
 * nobody has taken, its participant being late or not there, is anybody's, and nobody waits for a thread that
 * has not begun. `taken` counts the phases that a part has been taken in. */
typedef struct mbni_rendezvous {
    _Alignas(64) atomic_int_fast64_t finished; /* parts, of all phases */
    struct {
        _Alignas(64) atomic_int_fast64_t phases;
    } taken[MBNI_PHASE_PARTS];
    int64_t phases, parts;
    mbni_phase_fn task;
    void *data;
} mbni_rendezvous;

static void take_part(mbni_rendezvous *r, int64_t phase, int64_t part)
{
    int_fast64_t seen = phase;
    if (atomic_load_explicit(&r->taken[part].phases, memory_order_relaxed) != phase ||
        !atomic_compare_exchange_strong_explicit(&r->taken[part].phases, &seen, phase + 1,
                                                 memory_order_relaxed, memory_order_relaxed))
        return;
    r->task(r->data, phase, part);
    atomic_fetch_add_explicit(&r->finished, 1, memory_order_acq_rel);
}

/* Spins while the others can be expected to be close, then gives the core away: they may need it. */
static void meet(mbni_rendezvous *r, int64_t wanted)
{
    for (int32_t i = 0; atomic_load_explicit(&r->finished, memory_order_acquire) < wanted; i++)
        if (i < MEET_SPINS)
            pause_briefly();
        else
            mbni_platform_yield();
}

static void participate(void *data, int64_t rank)
{
    mbni_rendezvous *r = data;
    for (int64_t phase = 0; phase < r->phases; phase++) {
        for (int64_t i = 0; i < r->parts; i++)
            take_part(r, phase, (rank + i) % r->parts);
        meet(r, (phase + 1) * r->parts);
    }
}

typedef struct one_phase {
    mbni_phase_fn task;
    void *data;
    int64_t phase;
} one_phase;

static void run_part(void *data, int64_t part)
{
    const one_phase *p = data;
    p->task(p->data, p->phase, part);
}

void mbni_parallel_phases(mbn_context *context, int64_t phases, int64_t parts, mbni_phase_fn task, void *data)
{
    if (context->pool && parts > 1 && phases > 1 && !in_task) {
        mbni_rendezvous r = {.phases = phases, .parts = parts, .task = task, .data = data};
        mbni_parallel(context, parts, participate, &r);
        return;
    }
    for (int64_t phase = 0; phase < phases; phase++) {
        one_phase p = {task, data, phase};
        mbni_parallel(context, parts, run_part, &p);
    }
}

mbn_status mbni_pool_create(mbn_context *context, int32_t threads, struct mbni_pool **out)
{
    struct mbni_pool *pool =
        mbni_alloc_zeroed(context, (int64_t)sizeof *pool + (threads - 1) * (int64_t)sizeof pool->ids[0]);
    *out = pool;
    if (!pool)
        return MBN_ERR_MEMORY;
    atomic_flag_clear(&pool->taken);
    atomic_init(&pool->jobs, 0);
    atomic_init(&pool->inside, 0);
    atomic_init(&pool->next, 0);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->published, NULL);
    pthread_cond_init(&pool->left, NULL);
    pool->threads = threads;
    /* With more threads than cores a spinning thread keeps a working one from its core. */
    pool->spins = threads <= mbni_platform_cores() ? SPINS : 0;
    return MBN_OK;
}

void mbni_pool_destroy(mbn_context *context, struct mbni_pool *pool)
{
    if (!pool)
        return;
    if (pool->process == 0 || pool->process == getpid()) {
        pthread_mutex_lock(&pool->lock);
        pool->stop = true;
        pthread_cond_broadcast(&pool->published);
        pthread_mutex_unlock(&pool->lock);
        for (int32_t i = 0; i < pool->workers; i++)
            pthread_join(pool->ids[i], NULL);
        pthread_cond_destroy(&pool->left);
        pthread_cond_destroy(&pool->published);
        pthread_mutex_destroy(&pool->lock);
    }
    mbni_free(context, pool);
}
