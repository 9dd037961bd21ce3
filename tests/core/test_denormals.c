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
/* The control register without the flags that any arithmetic raises. */
static unsigned control(void)
{
    return _mm_getcsr() & ~0x3fu;
}

static int32_t note_control(void *user, mbn_model *model, const mbn_fit_event *event)
{
    (void)model;
    (void)event;
    *(unsigned *)user = control();
    return 0;
}

static void compute_with(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y, unsigned after[6])
{
    mbn_tensor *out;
    mbn_fit_options options;
    mbn_fit_options_init(&options);
    options.batch_size = 4;
    options.epochs = 1;
    options.on_batch_end = note_control;
    options.callback_user = &after[5];
    ck_ok(mbn_predict(model, x, &out));
    after[0] = control();
    ck_ok(mbn_train_on_batch(model, x, y, NULL, NULL));
    after[1] = control();
    ck_ok(mbn_evaluate(model, x, y, 0, NULL, NULL));
    after[2] = control();
    ck_ok(mbn_fit(model, x, y, &options, NULL));
    after[3] = control();
    ck_assert(mbn_fit(model, x, x, &options, NULL) != MBN_OK); /* no labels: refused on the way */
    after[4] = control();
    mbn_tensor_destroy(out);
}

START_TEST(control_register_is_the_same_after_prediction_and_training_and_in_callbacks)
{
    static const unsigned modes[] = {0x1f80, 0x9fc0, 0x1fc0, 0x9f80};
    mbn_mobilenet_options net;
    mbn_model *model;
    mbn_tensor *x, *y;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.classes = 10;
    net.alpha = 0.125;
    net.shallow = 1;
    ck_ok(mbn_mobilenet_create(NULL, &net, &model));
    ck_ok(mbn_compile(model, NULL));
    ck_ok(mbn_shapes_create(NULL, 8, 32, 32, 5, &x, &y));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        unsigned after[6] = {0};
        _mm_setcsr(modes[i]);
        compute_with(model, x, y, after);
        _mm_setcsr(0x1f80);
        for (int call = 0; call < 6; call++)
            ck_assert_uint_eq(after[call], modes[i]);
    }
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST
#else
START_TEST(control_register_is_the_same_after_a_call)
{
    printf("skipped: no MXCSR on this machine\n");
}
END_TEST

START_TEST(control_register_is_the_same_after_prediction_and_training_and_in_callbacks)
{
}
END_TEST
#endif

SUITE("core denormals", flush_is_undone_by_restore, tasks_flush_on_every_thread_and_callers_keep_their_mode,
      control_register_is_the_same_after_a_call,
      control_register_is_the_same_after_prediction_and_training_and_in_callbacks)
