/* Tensors: made, wrapped, refused, released. */
#include "core/tensor.h"
#include "support/allocator.h"
#include "support/suite.h"

START_TEST(created_tensor_is_zero_aligned_and_knows_its_shape)
{
    static const struct {
        int32_t type;
        size_t bytes;
        const char *name;
    } types[] = {{MBN_F32, 4, "f32"}, {MBN_U8, 1, "u8"}, {MBN_I8, 1, "i8"}, {MBN_I32, 4, "i32"}};
    test_allocator allocator; /* fills memory with other bytes than zero */
    mbn_context_options options;
    mbn_context *context;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const int64_t dims[] = {2, 3, 5, 7};
        int64_t count = 1;
        for (int32_t rank = 1; rank <= MBN_MAX_RANK; rank++) {
            mbn_tensor *tensor;
            count *= dims[rank - 1];
            ck_ok(mbn_tensor_create(context, types[t].type, rank, dims, &tensor));
            ck_assert_int_eq(mbn_tensor_type(tensor), types[t].type);
            ck_assert_int_eq(mbn_tensor_rank(tensor), rank);
            ck_assert_mem_eq(mbn_tensor_dims(tensor), dims, (size_t)rank * sizeof *dims);
            ck_assert_int_eq(mbn_tensor_count(tensor), count);
            ck_assert_uint_eq(mbn_tensor_bytes(tensor), (size_t)count * types[t].bytes);
            const unsigned char *bytes = mbn_tensor_data(tensor);
            ck_assert_uint_eq((uintptr_t)bytes % 64, 0);
            int all = 0;
            for (size_t i = 0; i < mbn_tensor_bytes(tensor); i++)
                all |= bytes[i];
            ck_assert_int_eq(all, 0);
            mbn_tensor_destroy(tensor);
        }
        ck_assert_str_eq(mbni_type_name(types[t].type), types[t].name);
        ck_assert_int_eq(mbni_type_bytes(types[t].type), (int64_t)types[t].bytes);
    }
    ck_assert_int_eq(mbni_type_bytes(4), 0);
    ck_assert_int_eq(mbni_type_bytes(-1), 0);
    mbn_context_destroy(context);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

START_TEST(empty_tensors_are_allowed)
{
    mbn_tensor *tensor;
    const int64_t dims[] = {0, 32, 32, 3};
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, dims, &tensor));
    ck_assert_int_eq(mbn_tensor_count(tensor), 0);
    ck_assert_uint_eq(mbn_tensor_bytes(tensor), 0);
    ck_assert_ptr_nonnull(mbn_tensor_data(tensor));
    mbn_tensor_destroy(tensor);
    ck_ok(mbn_tensor_wrap(NULL, MBN_F32, 4, dims, NULL, NULL, NULL, &tensor));
    ck_assert_ptr_null(mbn_tensor_data(tensor));
    mbn_tensor_destroy(tensor);
    mbn_default_context_shutdown();
}
END_TEST

static int releases;

static void count_release(void *user, void *data)
{
    ck_assert_ptr_eq(*(void **)user, data);
    releases++;
}

START_TEST(bad_shapes_are_refused_and_not_released)
{
    static const struct {
        int32_t type, rank;
        int64_t dims[MBN_MAX_RANK];
        mbn_status status;
        const char *text;
    } bad[] = {
        {-1, 1, {1}, MBN_ERR_ARGUMENT, "argument type is -1; allowed are MBN_F32 (0)"},
        {4, 1, {1}, MBN_ERR_ARGUMENT, "argument type is 4"},
        {MBN_F32, 0, {1}, MBN_ERR_ARGUMENT, "argument rank is 0; allowed are 1 to 4"},
        {MBN_F32, 5, {1, 1, 1, 1}, MBN_ERR_ARGUMENT, "argument rank is 5"},
        {MBN_F32, INT32_MIN, {1}, MBN_ERR_ARGUMENT, "argument rank is -2147483648"},
        {MBN_F32, 3, {4, -1, 3}, MBN_ERR_ARGUMENT, "argument dims is [4, -1, 3]"},
        {MBN_U8, 2, {0, INT64_MIN}, MBN_ERR_ARGUMENT, "argument dims is [0, -9223372036854775808]"},
        {MBN_U8, 2, {INT64_MAX, 2}, MBN_ERR_MEMORY, "argument dims is [9223372036854775807, 2]"},
        {MBN_F32, 1, {INT64_MAX / 4}, MBN_ERR_MEMORY, "more than can be addressed"},
        {MBN_F32, 3, {0, INT64_C(1) << 40, INT64_C(1) << 40}, MBN_ERR_MEMORY, "more than can be addressed"},
    };
    float data[16];
    void *expected = data;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mbn_tensor *tensor = (mbn_tensor *)8;
        ck_fails(mbn_tensor_create(NULL, bad[i].type, bad[i].rank, bad[i].dims, &tensor), bad[i].status,
                 bad[i].text);
        ck_assert_ptr_null(tensor);
        tensor = (mbn_tensor *)8;
        ck_fails(mbn_tensor_wrap(NULL, bad[i].type, bad[i].rank, bad[i].dims, data, count_release, &expected,
                                 &tensor),
                 bad[i].status, bad[i].text);
        ck_assert_ptr_null(tensor);
    }
    mbn_tensor *tensor;
    const int64_t one[] = {1};
    ck_fails(mbn_tensor_create(NULL, MBN_F32, 1, NULL, &tensor), MBN_ERR_ARGUMENT,
             "mbn_tensor_create: argument dims is NULL");
    ck_fails(mbn_tensor_create(NULL, MBN_F32, 1, one, NULL), MBN_ERR_ARGUMENT, "argument out is NULL");
    ck_fails(mbn_tensor_wrap(NULL, MBN_F32, 1, one, data, NULL, NULL, NULL), MBN_ERR_ARGUMENT,
             "mbn_tensor_wrap: argument out is NULL");
    ck_fails(mbn_tensor_wrap(NULL, MBN_F32, 1, one, NULL, count_release, NULL, &tensor), MBN_ERR_ARGUMENT,
             "argument data is NULL");
    ck_fails(mbn_tensor_wrap(NULL, MBN_I32, 1, one, (char *)data + 2, count_release, NULL, &tensor),
             MBN_ERR_ARGUMENT, "argument data is not aligned to its i32 elements of 4 bytes");
    ck_assert_int_eq(releases, 0);
    mbn_default_context_shutdown();
}
END_TEST

/* Sanitizers end the program at an impossible size unless told not to. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

START_TEST(more_memory_than_there_is_is_an_error)
{
    mbn_tensor *tensor = (mbn_tensor *)8;
    ck_fails(mbn_tensor_create(NULL, MBN_U8, 1, (int64_t[]){INT64_C(1) << 61}, &tensor), MBN_ERR_MEMORY,
             "no memory for 2305843009213693952 bytes");
    ck_assert_ptr_null(tensor);
    mbn_default_context_shutdown();
}
END_TEST

START_TEST(wrapped_memory_is_used_in_place_and_released_once)
{
    releases = 0;
    float data[6] = {1, 2, 3, 4, 5, 6};
    void *expected = data;
    mbn_tensor *tensor;
    const int64_t dims[] = {2, 3};
    ck_ok(mbn_tensor_wrap(NULL, MBN_F32, 2, dims, data, count_release, &expected, &tensor));
    ck_assert_ptr_eq(mbn_tensor_data(tensor), data);
    ck_assert(data[5] == 6);
    ck_assert_int_eq(releases, 0);
    mbn_tensor_destroy(tensor);
    ck_assert_int_eq(releases, 1);
    ck_ok(mbn_tensor_wrap(NULL, MBN_F32, 2, dims, data, NULL, NULL, &tensor));
    mbn_tensor_destroy(tensor);
    ck_assert(data[0] == 1 && data[5] == 6);
    unsigned char bytes[3] = {7, 8, 9}; /* u8 needs no alignment */
    ck_ok(mbn_tensor_wrap(NULL, MBN_U8, 1, (int64_t[]){2}, bytes + 1, NULL, NULL, &tensor));
    mbn_tensor_destroy(tensor);
    mbn_default_context_shutdown();
}
END_TEST

START_TEST(creation_survives_every_failing_allocation)
{
    releases = 0;
    for (int wrapped = 0; wrapped <= 1; wrapped++) {
        for (long long k = 1;; k++) {
            test_allocator allocator;
            mbn_context_options options;
            mbn_context *context;
            mbn_tensor *tensor = (mbn_tensor *)8;
            float data[4];
            void *expected = data;
            const int64_t dims[] = {4};
            test_allocator_init(&allocator);
            test_allocator_options(&allocator, &options);
            ck_ok(mbn_context_create(&options, &context));
            allocator.fail_at = allocator.calls + k;
            mbn_status status =
                wrapped ? mbn_tensor_wrap(context, MBN_F32, 1, dims, data, count_release, &expected, &tensor)
                        : mbn_tensor_create(context, MBN_F32, 1, dims, &tensor);
            mbn_context_destroy(context);
            if (status == MBN_OK) {
                ck_assert_int_eq(k, wrapped ? 2 : 3);
                mbn_tensor_destroy(tensor);
                ck_assert_int_eq(allocator.live, 0);
                break;
            }
            ck_assert_int_eq(status, MBN_ERR_MEMORY);
            ck_assert_ptr_null(tensor);
            ck_assert_int_eq(allocator.live, 0);
            ck_assert_int_eq(releases, 0);
        }
    }
    ck_assert_int_eq(releases, 1);
}
END_TEST

START_TEST(null_tensor_answers_nothing)
{
    ck_assert_int_eq(mbn_tensor_type(NULL), -1);
    ck_assert_int_eq(mbn_tensor_rank(NULL), 0);
    ck_assert_ptr_null(mbn_tensor_dims(NULL));
    ck_assert_ptr_null(mbn_tensor_data(NULL));
    ck_assert_int_eq(mbn_tensor_count(NULL), 0);
    ck_assert_uint_eq(mbn_tensor_bytes(NULL), 0);
    mbn_tensor_destroy(NULL);
}
END_TEST

START_TEST(text_of_the_longest_shape_fits)
{
    char text[MBNI_DIMS_TEXT];
    const int64_t longest[] = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN};
    ck_assert_str_eq(mbni_dims_text(text, 4, longest), "[-9223372036854775808, -9223372036854775808, "
                                                       "-9223372036854775808, -9223372036854775808]");
    ck_assert_str_eq(mbni_dims_text(text, 1, (int64_t[]){7}), "[7]");
    ck_assert_str_eq(mbni_dims_text(text, 0, longest), "[]");
}
END_TEST

SUITE("core tensors", created_tensor_is_zero_aligned_and_knows_its_shape, empty_tensors_are_allowed,
      bad_shapes_are_refused_and_not_released, more_memory_than_there_is_is_an_error,
      wrapped_memory_is_used_in_place_and_released_once, creation_survives_every_failing_allocation,
      null_tensor_answers_nothing, text_of_the_longest_shape_fits)
