/* Contexts: options, instruction sets, references, the default one, messages, versions. */
#include <pthread.h>
#include <stdio.h>
#include "core/context.h"
#include "core/platform.h"
#include "support/allocator.h"
#include "support/suite.h"

START_TEST(version_agrees_with_the_header)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", MBN_VERSION_MAJOR, MBN_VERSION_MINOR, MBN_VERSION_PATCH);
    ck_assert_str_eq(mbn_version_string(), text);
    ck_assert_int_eq(mbn_version(), MBN_VERSION_MAJOR * 10000 + MBN_VERSION_MINOR * 100 + MBN_VERSION_PATCH);
    ck_assert(strstr(mbn_build_info(), "openblas") || strstr(mbn_build_info(), "none"));
    ck_assert(strstr(mbn_build_info(), "gcc ") || strstr(mbn_build_info(), "clang "));
}
END_TEST

START_TEST(defaults_are_one_thread_per_core_and_the_best_isa)
{
    mbn_context_options options;
    mbn_context *context;
    memset(&options, 0xee, sizeof options);
    mbn_context_options_init(&options);
    ck_assert_uint_eq(options.struct_size, sizeof options);
    ck_assert(!options.allocate && !options.deallocate && !options.execute && !options.log);
    ck_assert_int_eq(options.threads, 0);
    ck_assert_int_eq(options.isa_limit, MBN_ISA_BEST);
    ck_ok(mbn_context_create(&options, &context));
    int32_t cores = mbni_platform_cores();
    ck_assert_int_ge(cores, 1);
    ck_assert_int_eq(mbn_context_threads(context), cores < 256 ? cores : 256);
    ck_assert_int_ge(mbn_context_isa(context), MBN_ISA_GENERIC);
    mbn_context_destroy(context);
    mbn_context_destroy(NULL);
}
END_TEST

static void *never_allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user, (void)bytes, (void)alignment;
    ck_abort_msg("a refused context allocated");
    return NULL;
}

static void never_deallocate(void *user, void *memory)
{
    (void)user, (void)memory;
    ck_abort_msg("a refused context freed");
}

START_TEST(bad_options_are_refused_with_their_value)
{
    static const struct {
        int32_t threads, isa;
        int allocate, deallocate;
        const char *text;
    } bad[] = {
        {-1, 0, 1, 1, "option threads is -1; allowed are 0 to 256"},
        {257, 0, 1, 1, "option threads is 257"},
        {INT32_MIN, 0, 1, 1, "option threads is -2147483648"},
        {1, -1, 1, 1, "option isa_limit is -1; allowed are 0 to 4"},
        {1, 5, 1, 1, "option isa_limit is 5"},
        {1, 0, 1, 0, "option deallocate is NULL"},
        {1, 0, 0, 1, "option allocate is NULL"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mbn_context_options options;
        mbn_context *context = (mbn_context *)8;
        mbn_context_options_init(&options);
        options.threads = bad[i].threads;
        options.isa_limit = bad[i].isa;
        options.allocate = bad[i].allocate ? never_allocate : NULL;
        options.deallocate = bad[i].deallocate ? never_deallocate : NULL;
        ck_fails(mbn_context_create(&options, &context), MBN_ERR_ARGUMENT, bad[i].text);
        ck_assert_ptr_null(context);
    }
    mbn_context_options options = {0};
    mbn_context *context = (mbn_context *)8;
    ck_fails(mbn_context_create(&options, &context), MBN_ERR_ARGUMENT, "struct_size of options is 0");
    ck_assert_ptr_null(context);
}
END_TEST

START_TEST(largest_number_of_threads_is_accepted)
{
    mbn_context_options options;
    mbn_context *context;
    mbn_context_options_init(&options);
    options.threads = 256;
    ck_ok(mbn_context_create(&options, &context));
    ck_assert_int_eq(mbn_context_threads(context), 256);
    mbn_context_destroy(context);
}
END_TEST

static int32_t isa_of(int32_t machine, int32_t limit)
{
    mbn_context_options options;
    mbn_context *context;
    mbn_context_options_init(&options);
    options.isa_limit = limit;
    ck_ok(mbni_context_new(&options, machine, &context));
    int32_t isa = mbn_context_isa(context);
    mbn_context_destroy(context);
    return isa;
}

START_TEST(isa_is_the_lower_of_machine_and_limit)
{
    unsetenv("MBN_ISA");
    ck_assert_int_eq(isa_of(MBN_ISA_AVX512, MBN_ISA_BEST), MBN_ISA_AVX512);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX512, MBN_ISA_AVX512), MBN_ISA_AVX512);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX512, MBN_ISA_AVX2), MBN_ISA_AVX2);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX512, MBN_ISA_GENERIC), MBN_ISA_GENERIC);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX2, MBN_ISA_AVX512), MBN_ISA_AVX2);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX2, MBN_ISA_NEON), MBN_ISA_AVX2);
    ck_assert_int_eq(isa_of(MBN_ISA_GENERIC, MBN_ISA_NEON), MBN_ISA_GENERIC);
    ck_assert_int_eq(isa_of(MBN_ISA_NEON, MBN_ISA_BEST), MBN_ISA_NEON);
    ck_assert_int_eq(isa_of(MBN_ISA_NEON, MBN_ISA_NEON), MBN_ISA_NEON);
    ck_assert_int_eq(isa_of(MBN_ISA_NEON, MBN_ISA_AVX512), MBN_ISA_GENERIC);
    ck_assert_int_eq(isa_of(MBN_ISA_NEON, MBN_ISA_GENERIC), MBN_ISA_GENERIC);
}
END_TEST

START_TEST(environment_lowers_the_isa_and_never_raises_it)
{
    setenv("MBN_ISA", "avx2", 1);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX512, MBN_ISA_BEST), MBN_ISA_AVX2);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX512, MBN_ISA_GENERIC), MBN_ISA_GENERIC);
    ck_assert_int_eq(isa_of(MBN_ISA_GENERIC, MBN_ISA_BEST), MBN_ISA_GENERIC);
    ck_assert_int_eq(isa_of(MBN_ISA_NEON, MBN_ISA_BEST), MBN_ISA_GENERIC);
    setenv("MBN_ISA", "generic", 1);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX512, MBN_ISA_BEST), MBN_ISA_GENERIC);
    setenv("MBN_ISA", "avx512", 1);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX2, MBN_ISA_BEST), MBN_ISA_AVX2);
    setenv("MBN_ISA", "neon", 1);
    ck_assert_int_eq(isa_of(MBN_ISA_NEON, MBN_ISA_BEST), MBN_ISA_NEON);
    setenv("MBN_ISA", "", 1);
    ck_assert_int_eq(isa_of(MBN_ISA_AVX512, MBN_ISA_BEST), MBN_ISA_AVX512);
}
END_TEST

START_TEST(unknown_environment_value_is_refused_by_name)
{
    mbn_context *context = (mbn_context *)8;
    mbn_tensor *tensor;
    setenv("MBN_ISA", "AVX2", 1);
    ck_fails(mbn_context_create(NULL, &context), MBN_ERR_ARGUMENT,
             "MBN_ISA is \"AVX2\"; allowed are generic");
    ck_assert_ptr_null(context);
    ck_assert_int_eq(mbn_context_threads(NULL), 0);
    ck_assert_int_eq(mbn_context_isa(NULL), 0);
    mbn_status status = mbn_tensor_create(NULL, MBN_F32, 1, (int64_t[]){1}, &tensor);
    ck_assert_int_ne(status, MBN_OK);
    ck_assert_ptr_null(tensor);
    unsetenv("MBN_ISA");
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 1, (int64_t[]){1}, &tensor));
    mbn_tensor_destroy(tensor);
    mbn_default_context_shutdown();
}
END_TEST

START_TEST(context_lives_until_its_last_object)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    mbn_tensor *first, *second;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    ck_ok(mbn_tensor_create(context, MBN_F32, 1, (int64_t[]){8}, &first));
    ck_ok(mbn_tensor_create(context, MBN_F32, 1, (int64_t[]){8}, &second));
    mbn_context_destroy(context);
    mbn_tensor_destroy(first);
    ck_assert_int_gt(allocator.live, 0);
    ((float *)mbn_tensor_data(second))[7] = 1;
    mbn_tensor_destroy(second);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

START_TEST(creation_survives_every_failing_allocation)
{
    for (int32_t threads = 1; threads <= 4; threads += 3) {
        for (long long k = 1;; k++) {
            test_allocator allocator;
            mbn_context_options options;
            mbn_context *context;
            test_allocator_init(&allocator);
            test_allocator_options(&allocator, &options);
            options.threads = threads;
            allocator.fail_at = k;
            mbn_status status = mbn_context_create(&options, &context);
            if (status == MBN_OK) {
                ck_assert_int_eq(k, threads == 1 ? 2 : 3);
                mbn_context_destroy(context);
                ck_assert_int_eq(allocator.live, 0);
                break;
            }
            ck_assert_int_eq(status, MBN_ERR_MEMORY);
            ck_assert_ptr_null(context);
            ck_assert_int_eq(allocator.live, 0);
        }
    }
}
END_TEST

START_TEST(default_context_outlives_its_shutdown_in_its_objects)
{
    mbn_tensor *tensor, *later;
    mbn_default_context_shutdown();
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 1, (int64_t[]){8}, &tensor));
    mbn_context *before = mbni_context_retain(NULL);
    mbn_default_context_shutdown();
    mbn_default_context_shutdown();
    ((float *)mbn_tensor_data(tensor))[7] = 1;
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 1, (int64_t[]){8}, &later));
    mbn_context *after = mbni_context_retain(NULL);
    ck_assert_ptr_ne(before, after);
    ck_assert_int_ge(mbn_context_threads(NULL), 1);
    ck_assert_int_ge(mbn_context_isa(NULL), MBN_ISA_GENERIC);
    mbni_context_release(before);
    mbni_context_release(after);
    mbn_tensor_destroy(tensor);
    mbn_tensor_destroy(later);
    mbn_default_context_shutdown();
}
END_TEST

static void *take_default(void *unused)
{
    (void)unused;
    return mbni_context_retain(NULL);
}

START_TEST(threads_that_meet_share_one_default_context)
{
    for (int round = 0; round < 50; round++) {
        pthread_t threads[8];
        void *found[8];
        for (int i = 0; i < 8; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, take_default, NULL), 0);
        for (int i = 0; i < 8; i++) {
            pthread_join(threads[i], &found[i]);
            ck_assert_ptr_nonnull(found[i]);
            ck_assert_ptr_eq(found[i], found[0]);
        }
        for (int i = 0; i < 8; i++)
            mbni_context_release(found[i]);
        mbn_default_context_shutdown();
    }
}
END_TEST

typedef struct messages {
    char text[256];
    int32_t level;
    int count;
} messages;

static void take_message(void *user, int32_t level, const char *message)
{
    messages *taken = user;
    taken->level = level;
    taken->count++;
    snprintf(taken->text, sizeof taken->text, "%s", message);
    mbni_call_begin("mbn_called_inside");
}

START_TEST(messages_go_to_the_hosts_log)
{
    mbn_context_options options;
    mbn_context *context;
    messages taken = {"", -1, 0};
    mbn_context_options_init(&options);
    options.log = take_message;
    options.log_user = &taken;
    ck_ok(mbn_context_create(&options, &context));
    mbni_call_begin("mbn_running");
    mbni_log(context, "epoch %d/%d", 2, 5);
    ck_assert_int_eq(taken.count, 1);
    ck_assert_int_eq(taken.level, 0);
    ck_assert_str_eq(taken.text, "epoch 2/5");
    ck_assert_str_eq(mbni_call_begin(NULL), "mbn_running");
    mbn_context_destroy(context);
}
END_TEST

SUITE("core contexts", version_agrees_with_the_header, defaults_are_one_thread_per_core_and_the_best_isa,
      bad_options_are_refused_with_their_value, largest_number_of_threads_is_accepted,
      isa_is_the_lower_of_machine_and_limit, environment_lowers_the_isa_and_never_raises_it,
      unknown_environment_value_is_refused_by_name, context_lives_until_its_last_object,
      creation_survives_every_failing_allocation, default_context_outlives_its_shutdown_in_its_objects,
      threads_that_meet_share_one_default_context, messages_go_to_the_hosts_log)
