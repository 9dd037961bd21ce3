/* Every allocation of every call fails once: a status, nothing left behind, and the next try works. */
#include "io/files.h"
#include "support/allocator.h"

typedef struct fixture {
    test_allocator allocator;
    mbn_context *context;
    mbn_model *model;
    char directory[256];
    const char *path;
    mbn_tensor *bytes;
} fixture;

static fixture *set_up(void)
{
    static fixture f;
    mbn_context_options options;
    const char *labels[] = {"a", "b", "c", "d"};
    test_allocator_init(&f.allocator);
    test_allocator_options(&f.allocator, &options);
    ck_ok(mbn_context_create(&options, &f.context));
    f.model = small_model(f.context);
    ck_ok(mbn_model_set_labels(f.model, labels, 4));
    ck_ok(mbn_compile(f.model, NULL));
    f.path = in_directory(temporary_directory(f.directory), "a.mbn");
    ck_ok(mbn_checkpoint_save(f.model, f.path));
    ck_ok(mbn_model_save_memory(f.model, NULL, &f.bytes));
    return &f;
}

static void tear_down(fixture *f)
{
    mbn_tensor_destroy(f->bytes);
    mbn_model_destroy(f->model);
    mbn_context_destroy(f->context);
    ck_assert_int_eq(atomic_load(&f->allocator.live), 0);
    remove_directory(f->directory);
}

static mbn_status call_save(fixture *f)
{
    return mbn_model_save(f->model, f->path, NULL);
}
static mbn_status call_save_memory(fixture *f)
{
    mbn_tensor *out;
    mbn_status status = mbn_model_save_memory(f->model, NULL, &out);
    ck_assert((status == MBN_OK) == (out != NULL));
    mbn_tensor_destroy(out);
    return status;
}
static mbn_status call_checkpoint_save(fixture *f)
{
    return mbn_checkpoint_save(f->model, f->path);
}
static mbn_status finish_load(mbn_status status, mbn_model *out)
{
    ck_assert((status == MBN_OK) == (out != NULL));
    mbn_model_destroy(out);
    return status;
}
static mbn_status call_load(fixture *f)
{
    mbn_model *out;
    mbn_status status = mbn_model_load(f->context, f->path, &out);
    return finish_load(status, out);
}
static mbn_status call_load_memory(fixture *f)
{
    mbn_model *out;
    mbn_status status =
        mbn_model_load_memory(f->context, mbn_tensor_data(f->bytes), mbn_tensor_bytes(f->bytes), &out);
    return finish_load(status, out);
}
static mbn_status call_checkpoint_load(fixture *f)
{
    mbn_model *out;
    mbn_status status = mbn_checkpoint_load(f->context, f->path, &out);
    return finish_load(status, out);
}
static mbn_status call_load_weights(fixture *f)
{
    return mbn_model_load_weights(f->model, f->path, 0, NULL);
}

/* Fails allocation 1, then 2, ... until the call gets through; `after`: all later ones too. */
static int64_t sweep(fixture *f, mbn_status (*call)(fixture *), int after)
{
    int64_t failures = 0;
    for (;;) {
        long long live = atomic_load(&f->allocator.live);
        f->allocator.fail_after = after;
        f->allocator.fail_at = atomic_load(&f->allocator.calls) + failures + 1;
        mbn_status status = call(f);
        f->allocator.fail_at = 0;
        ck_assert_int_eq(atomic_load(&f->allocator.live), live);
        ck_assert_int_eq(files_in(f->directory), 1);
        if (status == MBN_OK)
            return failures;
        ck_assert_msg(status == MBN_ERR_MEMORY, "allocation %lld: %s: %s", (long long)failures + 1,
                      mbn_status_name(status), mbn_last_error());
        ck_assert_msg(strstr(mbn_last_error(), "memory") != NULL, "%s", mbn_last_error());
        ck_assert_int_lt(++failures, 1000);
    }
}

static void sweep_call(mbn_status (*call)(fixture *), int64_t at_least)
{
    fixture *f = set_up();
    for (int after = 0; after < 2; after++)
        ck_assert_int_ge(sweep(f, call, after), at_least);
    tear_down(f);
}

START_TEST(saving_survives_any_allocation_that_fails)
{
    sweep_call(call_save, 5);
    sweep_call(call_save_memory, 5);
    sweep_call(call_checkpoint_save, 10);
}
END_TEST

START_TEST(loading_survives_any_allocation_that_fails)
{
    sweep_call(call_load, 10);
    sweep_call(call_load_memory, 10);
    sweep_call(call_checkpoint_load, 15);
    sweep_call(call_load_weights, 5);
}
END_TEST

START_TEST(loading_needs_little_beside_the_parameters)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    mbn_mobilenet_options net;
    mbn_model *model, *loaded;
    mbn_tensor *bytes;
    int64_t parameters;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.alpha = 0.5;
    ck_ok(mbn_mobilenet_create(NULL, &net, &model));
    ck_ok(mbn_model_save_memory(model, NULL, &bytes));
    ck_ok(mbn_model_parameter_count(model, &parameters, NULL));
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    ck_ok(mbn_model_load_memory(context, mbn_tensor_data(bytes), mbn_tensor_bytes(bytes), &loaded));
    ck_assert_int_lt(atomic_load(&allocator.peak_bytes), parameters * 4 + (3 << 20));
    mbn_model_destroy(loaded);
    mbn_context_destroy(context);
    mbn_tensor_destroy(bytes);
    mbn_model_destroy(model);
}
END_TEST

SUITE("io/allocation", saving_survives_any_allocation_that_fails, loading_survives_any_allocation_that_fails,
      loading_needs_little_beside_the_parameters)
