/* mbni_parallel on the library's threads, on a host's executor, nested, from several callers and after fork.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "core/context.h"
#include "core/platform.h"
#include "support/suite.h"

static mbn_context *with_threads(int32_t threads)
{
    mbn_context_options options;
    mbn_context *context;
    mbn_context_options_init(&options);
    options.threads = threads;
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

#define MOST 1000

typedef struct tally {
    mbn_context *context;
    atomic_int runs[MOST];
    int64_t written[MOST]; /* not atomic: must be visible when mbni_parallel returns */
    int sleep_us;
} tally;

static void count_run(void *data, int64_t i)
{
    tally *t = data;
    if (t->sleep_us > 0)
        nanosleep(&(struct timespec){0, t->sleep_us * 1000L}, NULL);
    atomic_fetch_add(&t->runs[i], 1);
    t->written[i] = 3 * i + 1;
}

static int every_index_once(tally *t, int64_t count)
{
    for (int64_t i = 0; i < MOST; i++) {
        if (atomic_load(&t->runs[i]) != (i < count) || t->written[i] != (i < count ? 3 * i + 1 : 0))
            return 0;
    }
    return 1;
}

START_TEST(every_index_runs_exactly_once)
{
    static const int32_t threads[] = {1, 2, 3, 5, 256};
    static const int64_t counts[] = {-1, 0, 1, 2, 3, 7, 64, MOST};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        mbn_context *context = with_threads(threads[t]);
        for (int round = 0; round < 20; round++) {
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                tally work = {0};
                mbni_parallel(context, counts[c], count_run, &work);
                ck_assert(every_index_once(&work, counts[c]));
            }
        }
        mbn_context_destroy(context);
    }
}
END_TEST

/* Waits for the other: returns only when two tasks run at the same time. */
static void meet(void *data, int64_t i)
{
    atomic_int *arrived = data;
    double deadline = mbni_platform_seconds() + 20;
    (void)i;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 2 && mbni_platform_seconds() < deadline)
        nanosleep(&(struct timespec){0, 100000}, NULL);
    if (atomic_load(arrived) < 2)
        atomic_store(arrived, -100);
}

START_TEST(tasks_run_at_the_same_time)
{
    mbn_context *context = with_threads(2);
    for (int round = 0; round < 20; round++) {
        atomic_int arrived = 0;
        if (round % 5 == 4)
            nanosleep(&(struct timespec){0, 2000000}, NULL); /* the thread sleeps by now */
        mbni_parallel(context, 2, meet, &arrived);
        ck_assert_int_eq(arrived, 2);
    }
    mbn_context_destroy(context);
}
END_TEST

static int threads_of_process(void)
{
    char line[256];
    int threads = -1;
    FILE *status = fopen("/proc/self/status", "r");
    if (!status)
        return -1;
    while (fgets(line, sizeof line, status))
        sscanf(line, "Threads: %d", &threads);
    fclose(status);
    return threads;
}

static void *do_nothing(void *unused)
{
    return unused;
}

START_TEST(threads_start_with_the_first_job_and_end_with_the_context)
{
    /* Sanitizers start a thread of theirs with the first one. */
    pthread_t first;
    ck_assert_int_eq(pthread_create(&first, NULL, do_nothing, NULL), 0);
    pthread_join(first, NULL);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    int before = threads_of_process();
    if (before < 0) {
        printf("skipped: no /proc/self/status\n");
        return;
    }
    mbn_context *context = with_threads(5);
    ck_assert_int_eq(threads_of_process(), before);
    tally one = {0};
    mbni_parallel(context, 1, count_run, &one);
    ck_assert_int_eq(threads_of_process(), before);
    tally many = {0};
    mbni_parallel(context, 10, count_run, &many);
    ck_assert_int_eq(threads_of_process(), before + 4);
    mbn_context_destroy(context);
    /* A joined thread may be listed for a moment longer. */
    for (int i = 0; i < 200 && threads_of_process() != before; i++)
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    ck_assert_int_eq(threads_of_process(), before);
}
END_TEST

static double processor_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

START_TEST(idle_threads_use_no_processor)
{
    mbn_context *context = with_threads(mbni_platform_cores() > 1 ? 2 : 3);
    tally work = {0};
    mbni_parallel(context, 100, count_run, &work);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    double before = processor_seconds();
    nanosleep(&(struct timespec){0, 200000000}, NULL);
    ck_assert_double_lt(processor_seconds() - before, 0.02);
    mbn_context_destroy(context);
}
END_TEST

static void run_inner(void *data, int64_t i)
{
    tally *t = (tally *)data + i;
    mbni_parallel(t->context, 50, count_run, t);
}

START_TEST(nested_calls_run_and_do_not_wait)
{
    for (int32_t threads = 1; threads <= 4; threads++) {
        mbn_context *context = with_threads(threads);
        tally *tallies = calloc(8, sizeof *tallies);
        for (int i = 0; i < 8; i++)
            tallies[i].context = context;
        mbni_parallel(context, 8, run_inner, tallies);
        for (int i = 0; i < 8; i++)
            ck_assert(every_index_once(&tallies[i], 50));
        free(tallies);
        mbn_context_destroy(context);
    }
}
END_TEST

static void *call_often(void *argument)
{
    mbn_context *context = argument;
    intptr_t right = 0;
    tally *t = malloc(sizeof *t);
    for (int round = 0; round < 200; round++) {
        memset(t, 0, sizeof *t);
        t->sleep_us = round % 4 == 0 ? 50 : 0; /* jobs long enough to meet those of the other callers */
        mbni_parallel(context, 1 + round % 40, count_run, t);
        right += every_index_once(t, 1 + round % 40);
    }
    free(t);
    return (void *)right;
}

START_TEST(callers_side_by_side_each_get_their_work_done)
{
    mbn_context *context = with_threads(3);
    pthread_t callers[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&callers[i], NULL, call_often, context), 0);
    for (int i = 0; i < 4; i++) {
        void *right;
        pthread_join(callers[i], &right);
        ck_assert_int_eq((intptr_t)right, 200);
    }
    mbn_context_destroy(context);
}
END_TEST

/* What the child does; its exit code is 0 when its work was done. */
static int work_in_child(mbn_context *context)
{
    tally *t = calloc(1, sizeof *t);
    alarm(30);
    mbni_parallel(context, 100, count_run, t);
    int done = every_index_once(t, 100);
    free(t);
    mbn_context_destroy(context);
    return done ? 0 : 1;
}

static void fork_and_check(mbn_context *context)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(work_in_child(context));
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *keep_busy(void *argument)
{
    static tally
        t; /* not on the heap: a child is forked meanwhile, and has not the stack that points there */
    mbn_context *context = argument;
    t.sleep_us = 2000;
    mbni_parallel(context, 100, count_run, &t);
    return (void *)(intptr_t)every_index_once(&t, 100);
}

START_TEST(forked_children_work_before_after_and_during_a_job)
{
    mbn_context *context = with_threads(3);
    fork_and_check(context);
    tally before = {0}, after = {0};
    mbni_parallel(context, 100, count_run, &before);
    fork_and_check(context);
    pthread_t busy;
    void *right;
    ck_assert_int_eq(pthread_create(&busy, NULL, keep_busy, context), 0);
    for (int i = 0; i < 5; i++) {
        nanosleep(&(struct timespec){0, 3000000}, NULL);
        fork_and_check(context);
    }
    pthread_join(busy, &right);
    ck_assert_int_eq((intptr_t)right, 1);
    mbni_parallel(context, 100, count_run, &after);
    ck_assert(every_index_once(&after, 100));
    mbn_context_destroy(context);
}
END_TEST

typedef struct executor {
    mbn_context *context;
    int reverse;
    atomic_int calls;
} executor;

static void execute(void *user, mbn_task_fn task, void *task_data, int64_t count)
{
    executor *e = user;
    atomic_fetch_add(&e->calls, 1);
    mbni_call_begin("mbn_of_the_host");
    for (int64_t i = 0; i < count; i++)
        task(task_data, e->reverse ? count - 1 - i : i);
}

static void note_order(void *data, int64_t i)
{
    int64_t *order = data;
    order[1 + order[0]++] = i;
}

START_TEST(executor_of_the_host_runs_the_tasks_in_its_order)
{
    for (int reverse = 0; reverse <= 1; reverse++) {
        executor host = {NULL, reverse, 0};
        mbn_context_options options;
        mbn_context_options_init(&options);
        options.threads = 4;
        options.execute = execute;
        options.execute_user = &host;
        ck_ok(mbn_context_create(&options, &host.context));
        ck_assert_int_eq(mbn_context_threads(host.context), 4);
        int64_t order[11] = {0};
        mbni_call_begin("mbn_running");
        mbni_parallel(host.context, 10, note_order, order);
        ck_assert_int_eq(host.calls, 1);
        ck_assert_int_eq(order[0], 10);
        for (int64_t i = 0; i < 10; i++)
            ck_assert_int_eq(order[1 + i], reverse ? 9 - i : i);
        ck_assert_str_eq(mbni_call_begin(NULL), "mbn_running");
        mbni_parallel(host.context, 0, note_order, order);
        ck_assert_int_eq(host.calls, 1);

        /* A task that starts tasks does not go to the executor again, which might wait for itself. */
        tally *tallies = calloc(3, sizeof *tallies);
        for (int i = 0; i < 3; i++)
            tallies[i].context = host.context;
        mbni_parallel(host.context, 3, run_inner, tallies);
        ck_assert_int_eq(host.calls, 2);
        for (int i = 0; i < 3; i++)
            ck_assert(every_index_once(&tallies[i], 50));
        free(tallies);
        mbn_context_destroy(host.context);
    }
}
END_TEST

/* Each part notes the phase that it is in; a phase that finds another one unfinished has begun too early. */
typedef struct march {
    int64_t parts;
    atomic_int done[MOST]; /* parts of each phase */
    atomic_int early;
    int64_t written[MBNI_PHASE_PARTS]; /* not atomic: a phase must see what the one before wrote */
} march;

static void step(void *data, int64_t phase, int64_t part)
{
    march *m = data;
    const int64_t other = (part + 1) % m->parts;
    if (phase > 0 && atomic_load(&m->done[phase - 1]) != m->parts)
        atomic_fetch_add(&m->early, 1);
    if (phase % 2 == 0)
        m->written[part] += phase;
    else if (m->written[other] != (phase - 1) * (phase + 1) / 4)
        atomic_fetch_add(&m->early, 1);
    atomic_fetch_add(&m->done[phase], 1);
}

static int phases_in_order(mbn_context *context, int64_t phases, int64_t parts)
{
    march *m = calloc(1, sizeof *m);
    m->parts = parts;
    mbni_parallel_phases(context, phases, parts, step, m);
    int right = atomic_load(&m->early) == 0;
    for (int64_t i = 0; i < MOST; i++)
        right = right && atomic_load(&m->done[i]) == (i < phases ? parts : 0);
    free(m);
    return right;
}

START_TEST(a_phase_begins_when_all_parts_of_the_one_before_are_done)
{
    static const int32_t threads[] = {1, 2, 3, 5};
    static const int64_t phases[] = {0, 1, 2, 30, 301}, parts[] = {1, 2, 3, 7, MBNI_PHASE_PARTS};
    for (size_t t = 0; t < 4; t++) {
        mbn_context *context = with_threads(threads[t]);
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < 5; j++)
                ck_assert(
                    phases_in_order(context, parts[j] > 7 && phases[i] > 30 ? 31 : phases[i], parts[j]));
        mbn_context_destroy(context);
    }
}
END_TEST

static void *march_often(void *argument)
{
    intptr_t right = 0;
    for (int round = 0; round < 50; round++)
        right += phases_in_order(argument, 1 + round % 9, 1 + round % 5);
    return (void *)right;
}

typedef struct inner_march {
    mbn_context *context;
    atomic_int right;
} inner_march;

static void run_phases_inside(void *data, int64_t i)
{
    inner_march *inner = data;
    (void)i;
    atomic_fetch_add(&inner->right, phases_in_order(inner->context, 6, 3));
}

START_TEST(phases_of_several_callers_in_tasks_and_on_a_host)
{
    mbn_context *context = with_threads(3);
    pthread_t callers[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&callers[i], NULL, march_often, context), 0);
    for (int i = 0; i < 4; i++) {
        void *right;
        pthread_join(callers[i], &right);
        ck_assert_int_eq((intptr_t)right, 50);
    }
    inner_march inside = {.context = context};
    mbni_parallel(context, 7, run_phases_inside, &inside);
    ck_assert_int_eq(atomic_load(&inside.right), 7);
    mbn_context_destroy(context);
    for (int reverse = 0; reverse <= 1; reverse++) {
        executor host = {NULL, reverse, 0};
        mbn_context_options options;
        mbn_context_options_init(&options);
        options.threads = 4;
        options.execute = execute;
        options.execute_user = &host;
        ck_ok(mbn_context_create(&options, &host.context));
        ck_assert(phases_in_order(host.context, 12, 4));
        ck_assert_int_eq(host.calls, 12); /* each phase by itself: a host may run tasks one by one */
        mbn_context_destroy(host.context);
    }
}
END_TEST

/* In a child: the limit on processes cannot be lifted again. Its exit code is 0 when all was done. */
static int work_under_a_limit(void)
{
    struct rlimit limit = {1, 1};
    mbn_context_options options;
    mbn_context *context;
    tally *work = calloc(1, sizeof *work);
    if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
        return 2; /* root, whom the limit does not bind */
    if (setrlimit(RLIMIT_NPROC, &limit))
        return 3;
    int before = threads_of_process();
    mbn_context_options_init(&options);
    options.threads = 8;
    if (mbn_context_create(&options, &context))
        return 4;
    mbni_parallel(context, MOST, count_run, work);
    if (!every_index_once(work, MOST))
        return 5;
    if (threads_of_process() >= before + 7)
        return 6;
    mbn_context_destroy(context);
    free(work);
    return 0;
}

START_TEST(work_is_done_with_fewer_threads_than_asked_for)
{
    int status;
    if (threads_of_process() < 0) {
        printf("skipped: no /proc/self/status\n");
        return;
    }
    pid_t child = fork();
    if (child == 0)
        _exit(work_under_a_limit());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

SUITE("core pool", every_index_runs_exactly_once, tasks_run_at_the_same_time,
      threads_start_with_the_first_job_and_end_with_the_context, idle_threads_use_no_processor,
      nested_calls_run_and_do_not_wait, callers_side_by_side_each_get_their_work_done,
      forked_children_work_before_after_and_during_a_job, executor_of_the_host_runs_the_tasks_in_its_order,
      work_is_done_with_fewer_threads_than_asked_for,
      a_phase_begins_when_all_parts_of_the_one_before_are_done,
      phases_of_several_callers_in_tasks_and_on_a_host)
