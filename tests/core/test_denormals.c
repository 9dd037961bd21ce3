/* Denormal numbers: flushed in tasks, and the caller's mode untouched afterwards. */
#include <stdio.h>
#include "core/context.h"
#include "support/suite.h"

/* Half of the smallest normal number, computed where the compiler cannot. */
static float half_of_smallest(void)
{
    volatile float smallest = 1.17549435e-38f;
    volatile float half = smallest * 0.5f;
    return half;
}

static int is_zero_to_the_bit(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits == 0;
}

static int machine_flushes(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
    return 1;
#else
    printf("skipped: this machine has no known way to flush denormals\n");
    return 0;
#endif
}

START_TEST(flush_is_undone_by_restore)
{
    if (!machine_flushes())
        return;
    ck_assert(!is_zero_to_the_bit(half_of_smallest()));
    uint32_t mode = mbni_denormals_flush();
    int flushed = is_zero_to_the_bit(half_of_smallest());
    uint32_t inner = mbni_denormals_flush();
    mbni_denormals_restore(inner);
    int still = is_zero_to_the_bit(half_of_smallest());
    mbni_denormals_restore(mode);
    ck_assert(flushed);
    ck_assert(still);
    ck_assert(!is_zero_to_the_bit(half_of_smallest()));
}
END_TEST

static void compute(void *data, int64_t i)
{
    ((float *)data)[i] = half_of_smallest();
}

static void execute_one_by_one(void *user, mbn_task_fn task, void *task_data, int64_t count)
{
    int *kept = user;
    for (int64_t i = 0; i < count; i++) {
        task(task_data, i);
        *kept &= !is_zero_to_the_bit(half_of_smallest());
    }
}

START_TEST(tasks_flush_on_every_thread_and_callers_keep_their_mode)
{
    if (!machine_flushes())
        return;
    int kept = 1;
    for (int variant = 0; variant < 3; variant++) {
        mbn_context_options options;
        mbn_context *context;
        float results[64];
        mbn_context_options_init(&options);
        options.threads = variant == 0 ? 1 : 3;
        options.execute = variant == 2 ? execute_one_by_one : NULL;
        options.execute_user = &kept;
        ck_ok(mbn_context_create(&options, &context));
        for (int64_t count = 1; count <= 64; count += 63) {
            memset(results, 0xff, sizeof results);
            mbni_parallel(context, count, compute, results);
            ck_assert(!is_zero_to_the_bit(half_of_smallest()));
            for (int64_t i = 0; i < count; i++)
                ck_assert(is_zero_to_the_bit(results[i]));
        }
        mbn_context_destroy(context);
    }
    ck_assert(kept);
}
END_TEST

#if defined(__x86_64__)
#include <xmmintrin.h>

START_TEST(control_register_is_the_same_after_a_call)
{
    static const unsigned modes[] = {0x1f80, 0x9fc0, 0x1fc0, 0x9f80, 0x3f80};
    mbn_context *context;
    float results[64];
    ck_ok(mbn_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        _mm_setcsr(modes[i]);
        mbni_parallel(context, 64, compute, results);
        unsigned after = _mm_getcsr() & ~0x3fu; /* without the flags that any arithmetic raises */
        _mm_setcsr(0x1f80);
        ck_assert_uint_eq(after, modes[i]);
    }
    mbn_context_destroy(context);
}
END_TEST
#else
START_TEST(control_register_is_the_same_after_a_call)
{
    printf("skipped: no MXCSR on this machine\n");
}
END_TEST
#endif

SUITE("core denormals", flush_is_undone_by_restore, tasks_flush_on_every_thread_and_callers_keep_their_mode,
      control_register_is_the_same_after_a_call)
