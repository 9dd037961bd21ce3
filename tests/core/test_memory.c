/* Checked arithmetic, the context's allocator, the arena and the list of records. */
#include <stdio.h>
#include "core/context.h"
#include "core/record.h"
#include "support/allocator.h"
#include "support/suite.h"

START_TEST(products_and_sums_are_checked)
{
    int64_t out = -7;
    ck_assert(mbni_mul(0, INT64_MAX, &out) && out == 0);
    ck_assert(mbni_mul(INT64_MAX, 0, &out) && out == 0);
    ck_assert(mbni_mul(3037000499, 1518500249, &out) && out == INT64_C(3037000499) * 1518500249);
    ck_assert(mbni_mul(INT64_MAX / 2, 1, &out) && out == INT64_MAX / 2);
    ck_assert(mbni_add(INT64_MAX / 2, 0, &out) && out == INT64_MAX / 2);
    out = -7;
    ck_assert(!mbni_mul(INT64_MAX / 2 + 1, 1, &out));
    ck_assert(!mbni_mul(INT64_C(1) << 32, INT64_C(1) << 32, &out));
    ck_assert(!mbni_mul(-1, 5, &out));
    ck_assert(!mbni_mul(5, -1, &out));
    ck_assert(!mbni_mul(INT64_MIN, -1, &out));
    ck_assert(!mbni_add(-1, 5, &out));
    ck_assert(!mbni_add(INT64_MAX, 1, &out));
    ck_assert(!mbni_add(INT64_MAX / 2, 1, &out));
    ck_assert_int_eq(out, -7);
}
END_TEST

START_TEST(product_of_lengths_does_not_depend_on_their_order)
{
    int64_t out;
    ck_assert(mbni_product(3, (int64_t[]){2, 3, 4}, &out) && out == 24);
    ck_assert(mbni_product(0, NULL, &out) && out == 1);
    ck_assert(mbni_product(2, (int64_t[]){0, 5}, &out) && out == 0);
    ck_assert(!mbni_product(2, (int64_t[]){2, -1}, &out));
    ck_assert(!mbni_product(2, (int64_t[]){0, -1}, &out));
    const int64_t large = INT64_C(1) << 40;
    ck_assert(!mbni_product(3, (int64_t[]){0, large, large}, &out));
    ck_assert(!mbni_product(3, (int64_t[]){large, large, 0}, &out));
}
END_TEST

START_TEST(allocator_of_the_host_gets_every_request_and_all_back)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    options.threads = 3;
    ck_ok(mbn_context_create(&options, &context));
    long long base = allocator.live;
    ck_assert_int_gt(base, 0);
    void *empty = mbni_alloc(context, 0);
    unsigned char *zeros = mbni_alloc_zeroed(context, 1000);
    char *text = mbni_strdup(context, "depthwise");
    ck_assert_ptr_nonnull(empty);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(zeros[i], 0);
    ck_assert_uint_eq((uintptr_t)zeros % MBNI_ALIGNMENT, 0);
    ck_assert_str_eq(text, "depthwise");
    ck_assert_int_eq(allocator.live, base + 3);
    mbni_free(context, empty);
    mbni_free(context, zeros);
    mbni_free(context, text);
    mbni_free(context, NULL);
    ck_assert_int_eq(allocator.live, base);
    mbn_context_destroy(context);
    ck_assert_int_eq(allocator.live, 0);
    ck_assert_int_eq(allocator.live_bytes, 0);
}
END_TEST

START_TEST(impossible_sizes_fail_without_asking_the_allocator)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    long long calls = allocator.calls;
    ck_assert_ptr_null(mbni_alloc(context, -1));
    ck_assert_ptr_null(mbni_alloc(context, INT64_MAX));
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "does not fit"));
    ck_assert_int_eq(allocator.calls, calls);
    allocator.fail_at = calls + 1;
    ck_assert_ptr_null(mbni_alloc(context, 12345));
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "no memory for 12345 bytes"));
    mbn_context_destroy(context);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

static _Alignas(64) unsigned char crooked_block[256];
static int crooked_returned;

static void *allocate_crooked(void *user, size_t bytes, size_t alignment)
{
    (void)user, (void)bytes, (void)alignment;
    return crooked_block + 16;
}

static void deallocate_crooked(void *user, void *memory)
{
    (void)user;
    ck_assert_ptr_eq(memory, crooked_block + 16);
    crooked_returned++;
}

START_TEST(misaligned_memory_of_the_host_is_given_back)
{
    mbn_context_options options;
    mbn_context *context = (mbn_context *)8;
    mbn_context_options_init(&options);
    options.allocate = allocate_crooked;
    options.deallocate = deallocate_crooked;
    ck_fails(mbn_context_create(&options, &context), MBN_ERR_MEMORY, "not aligned to 64 bytes");
    ck_assert_ptr_null(context);
    ck_assert_int_eq(crooked_returned, 1);
}
END_TEST

START_TEST(arena_hands_out_aligned_pieces_that_do_not_overlap)
{
    mbn_context *context;
    mbni_arena arena = {0};
    ck_ok(mbn_context_create(NULL, &context));
    ck_assert_int_eq(mbni_arena_plan(&arena, 3, 4), 0);
    ck_assert_int_eq(mbni_arena_plan(&arena, 0, 4), 64);
    ck_assert_int_eq(mbni_arena_plan(&arena, 65, 1), 64);
    ck_assert_int_eq(mbni_arena_plan(&arena, 16, 4), 192);
    ck_assert_int_eq(arena.bytes, 256);
    ck_ok(mbni_arena_create(context, &arena));
    memset(arena.base, 1, (size_t)arena.bytes);
    mbni_arena_destroy(context, &arena);
    ck_assert_ptr_null(arena.base);
    mbni_arena_plan(&arena, INT64_C(1) << 40, INT64_C(1) << 40);
    mbni_arena_plan(&arena, 1, 4);
    ck_fails(mbni_arena_create(context, &arena), MBN_ERR_MEMORY, "address space");
    mbni_arena_destroy(context, &arena);
    mbni_arena_plan(&arena, INT64_MAX / 4, 1);
    mbni_arena_plan(&arena, INT64_MAX / 4, 1);
    mbni_arena_plan(&arena, INT64_MAX / 4, 1);
    ck_assert(arena.overflow);
    mbn_context_destroy(context);
}
END_TEST

/* Builds a list of 40 records: a copy, zeros, and an empty one in turn. */
static mbn_status build_records(mbni_records *records)
{
    for (int i = 0; i < 40; i++) {
        char name[32];
        int64_t values[3] = {i, i + 1, i + 2};
        snprintf(name, sizeof name, "record/%d", i);
        MBNI_TRY(mbni_records_add(records, name, i % 3 == 0 ? MBNI_RECORD_I64 : MBNI_RECORD_F32,
                                  i % 3 == 2 ? 0 : 3, i % 3 == 0 ? values : NULL, NULL));
    }
    return MBN_OK;
}

START_TEST(records_are_found_by_name_type_and_count)
{
    mbn_context *context;
    mbni_records records;
    void *data;
    ck_ok(mbn_context_create(NULL, &context));
    mbni_records_init(&records, context);
    ck_ok(build_records(&records));
    const mbni_record *found = mbni_records_find(&records, "record/39", MBNI_RECORD_I64, 3);
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(((int64_t *)found->data)[2], 41);
    found = mbni_records_find(&records, "record/1", MBNI_RECORD_F32, -1);
    ck_assert(found && found->count == 3 && ((float *)found->data)[2] == 0.0f);
    ck_assert_ptr_null(mbni_records_find(&records, "record/39", MBNI_RECORD_F64, 3));
    ck_assert_ptr_null(mbni_records_find(&records, "record/39", MBNI_RECORD_I64, 2));
    ck_assert_ptr_null(mbni_records_find(&records, "record/40", MBNI_RECORD_I64, 3));
    ck_ok(mbni_records_add(&records, "weights", MBNI_RECORD_F64, 2, NULL, &data));
    ((double *)data)[1] = 5;
    ck_assert(((double *)mbni_records_find(&records, "weights", MBNI_RECORD_F64, 2)->data)[1] == 5);
    char name[200];
    memset(name, 'n', sizeof name);
    name[160] = '\0';
    ck_fails(mbni_records_add(&records, name, MBNI_RECORD_F32, 1, NULL, &data), MBN_ERR_ARGUMENT,
             "160 bytes");
    ck_assert_ptr_null(data);
    name[159] = '\0';
    ck_ok(mbni_records_add(&records, name, MBNI_RECORD_F32, 1, NULL, NULL));
    ck_assert_ptr_nonnull(mbni_records_find(&records, name, MBNI_RECORD_F32, 1));
    ck_fails(mbni_records_add(&records, "", MBNI_RECORD_F32, 1, NULL, NULL), MBN_ERR_ARGUMENT, "0 bytes");
    ck_fails(mbni_records_add(&records, "x", 9, 1, NULL, NULL), MBN_ERR_ARGUMENT, "unknown type 9");
    ck_fails(mbni_records_add(&records, "x", 0, -1, NULL, NULL), MBN_ERR_ARGUMENT, "count -1");
    ck_fails(mbni_records_add(&records, "x", 0, INT64_MAX / 2, NULL, NULL), MBN_ERR_ARGUMENT, "count");
    ck_assert_int_eq(records.count, 42);
    mbni_records_free(&records);
    ck_assert_int_eq(records.count, 0);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(records_survive_every_failing_allocation)
{
    for (long long k = 1;; k++) {
        test_allocator allocator;
        mbn_context_options options;
        mbn_context *context;
        mbni_records records;
        test_allocator_init(&allocator);
        test_allocator_options(&allocator, &options);
        ck_ok(mbn_context_create(&options, &context));
        mbni_records_init(&records, context);
        allocator.fail_at = allocator.calls + k;
        mbn_status status = build_records(&records);
        ck_assert(status == MBN_OK || status == MBN_ERR_MEMORY);
        mbni_records_free(&records);
        mbn_context_destroy(context);
        ck_assert_int_eq(allocator.live, 0);
        if (status == MBN_OK) {
            ck_assert_int_gt(k, 40);
            break;
        }
    }
}
END_TEST

SUITE("core memory", products_and_sums_are_checked, product_of_lengths_does_not_depend_on_their_order,
      allocator_of_the_host_gets_every_request_and_all_back,
      impossible_sizes_fail_without_asking_the_allocator, misaligned_memory_of_the_host_is_given_back,
      arena_hands_out_aligned_pieces_that_do_not_overlap, records_are_found_by_name_type_and_count,
      records_survive_every_failing_allocation)
