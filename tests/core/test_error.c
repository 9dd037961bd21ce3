/* Status names, the sentence of the last failure, and the option structs of other versions. */
#include <pthread.h>
#include "core/error.h"
#include "core/options.h"
#include "support/suite.h"

START_TEST(every_status_has_its_name)
{
    ck_assert_str_eq(mbn_status_name(MBN_OK), "MBN_OK");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_ARGUMENT), "MBN_ERR_ARGUMENT");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_SHAPE), "MBN_ERR_SHAPE");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_TYPE), "MBN_ERR_TYPE");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_MEMORY), "MBN_ERR_MEMORY");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_STATE), "MBN_ERR_STATE");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_BUSY), "MBN_ERR_BUSY");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_IO), "MBN_ERR_IO");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_FORMAT), "MBN_ERR_FORMAT");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_VERSION), "MBN_ERR_VERSION");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_UNSUPPORTED), "MBN_ERR_UNSUPPORTED");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_NOT_FOUND), "MBN_ERR_NOT_FOUND");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_NUMERIC), "MBN_ERR_NUMERIC");
    ck_assert_str_eq(mbn_status_name(MBN_ERR_CALLBACK), "MBN_ERR_CALLBACK");
    ck_assert_str_eq(mbn_status_name(1), "unknown status");
    ck_assert_str_eq(mbn_status_name(-14), "unknown status");
    ck_assert_str_eq(mbn_status_name(INT32_MIN), "unknown status");
    ck_assert_str_eq(mbn_status_name(INT32_MAX), "unknown status");
}
END_TEST

START_TEST(sentence_begins_with_the_call_and_stays_after_success)
{
    ck_assert_str_eq(mbn_last_error(), "");
    mbni_call_begin("mbn_example");
    ck_assert_int_eq(mbni_error(MBN_ERR_SHAPE, "argument x is %d", -3), MBN_ERR_SHAPE);
    ck_assert_str_eq(mbn_last_error(), "mbn_example: argument x is -3");
    ck_assert_str_eq(mbni_call_begin("mbn_other"), "mbn_example");
    ck_assert_str_eq(mbn_last_error(), "mbn_example: argument x is -3");
    mbni_error(MBN_ERR_IO, "after (%s)", mbn_last_error());
    ck_assert_str_eq(mbn_last_error(), "mbn_other: after (mbn_example: argument x is -3)");
}
END_TEST

START_TEST(public_call_names_itself_and_its_argument)
{
    ck_fails(mbn_context_create(NULL, NULL), MBN_ERR_ARGUMENT, "mbn_context_create: argument out is NULL");
}
END_TEST

START_TEST(long_sentence_is_cut_at_a_whole_character)
{
    char text[3000];
    mbni_call_begin(NULL);
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    mbni_error(MBN_ERR_IO, "%s", text);
    ck_assert_uint_eq(strlen(mbn_last_error()), 1023);
    /* 1,022 letters and then a character of two, three and four bytes that no longer fits */
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (int i = 0; i < 3; i++) {
        text[1022] = '\0';
        strcat(text, characters[i]);
        mbni_error(MBN_ERR_IO, "%s", text);
        ck_assert_uint_eq(strlen(mbn_last_error()), 1022);
    }
    text[1021] = '\0';
    strcat(text, "\xc3\xa9z"); /* fits; only the letter after it is lost */
    mbni_error(MBN_ERR_IO, "%s", text);
    ck_assert_uint_eq(strlen(mbn_last_error()), 1023);
    ck_assert_mem_eq(mbn_last_error() + 1021, "\xc3\xa9", 3);
}
END_TEST

START_TEST(copy_tells_the_size_and_closes_the_text)
{
    char buffer[8] = "zzzzzzz";
    mbni_call_begin(NULL);
    mbni_error(MBN_ERR_IO, "0123456789");
    ck_assert_uint_eq(mbn_last_error_copy(NULL, 0), 11);
    ck_assert_uint_eq(mbn_last_error_copy(buffer, 0), 11);
    ck_assert_str_eq(buffer, "zzzzzzz");
    ck_assert_uint_eq(mbn_last_error_copy(buffer, 4), 11);
    ck_assert_str_eq(buffer, "012");
    ck_assert_mem_eq(buffer + 4, "zzz", 4);
    char whole[11];
    ck_assert_uint_eq(mbn_last_error_copy(whole, sizeof whole), 11);
    ck_assert_str_eq(whole, "0123456789");
}
END_TEST

static void *fail_elsewhere(void *found)
{
    strcpy(found, mbn_last_error());
    mbni_call_begin("mbn_elsewhere");
    mbni_error(MBN_ERR_IO, "other thread");
    return NULL;
}

START_TEST(each_thread_has_its_own_sentence)
{
    char found[64] = "not run";
    pthread_t thread;
    mbni_call_begin("mbn_here");
    mbni_error(MBN_ERR_IO, "this thread");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, found), 0);
    pthread_join(thread, NULL);
    ck_assert_str_eq(found, "");
    ck_assert_str_eq(mbn_last_error(), "mbn_here: this thread");
    mbni_error(MBN_ERR_IO, "again");
    ck_assert_str_eq(mbn_last_error(), "mbn_here: again");
}
END_TEST

typedef struct old_options {
    size_t struct_size;
    int32_t a, b;
} old_options;
typedef struct now_options {
    size_t struct_size;
    int32_t a, b;
    double c;
} now_options;
typedef struct new_options {
    size_t struct_size;
    int32_t a, b;
    double c;
    int64_t d;
} new_options;

static now_options defaults(void)
{
    return (now_options){sizeof(now_options), 1, 2, 3.5};
}

START_TEST(older_options_keep_the_defaults_they_lack)
{
    now_options known = defaults();
    old_options given = {sizeof given, 10, 20};
    ck_ok(mbni_options_read(&known, sizeof known, &given, "options"));
    ck_assert_int_eq(known.a, 10);
    ck_assert_int_eq(known.b, 20);
    ck_assert(known.c == 3.5);
    ck_assert_uint_eq(known.struct_size, sizeof known);
    known = defaults();
    known.struct_size = 0;
    ck_ok(mbni_options_read(&known, sizeof known, NULL, "options"));
    ck_assert_int_eq(known.a, 1);
    ck_assert_uint_eq(known.struct_size, sizeof known);
}
END_TEST

START_TEST(newer_options_pass_when_their_new_fields_are_zero)
{
    now_options known = defaults();
    new_options given = {sizeof given, 10, 20, 30, 0};
    ck_ok(mbni_options_read(&known, sizeof known, &given, "options"));
    ck_assert(known.c == 30);
    ck_assert_uint_eq(known.struct_size, sizeof known);
    known = defaults();
    given.d = INT64_C(1) << 56;
    ck_fails(mbni_options_read(&known, sizeof known, &given, "fit options"), MBN_ERR_ARGUMENT,
             "fit options set a field at byte");
    ck_assert_int_eq(known.a, 1);
}
END_TEST

START_TEST(impossible_struct_size_is_refused)
{
    now_options known = defaults();
    now_options given = defaults();
    static const size_t sizes[] = {0, sizeof(size_t) - 1, 65537, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        given.struct_size = sizes[i];
        ck_fails(mbni_options_read(&known, sizeof known, &given, "options"), MBN_ERR_ARGUMENT,
                 "struct_size of options");
    }
}
END_TEST

START_TEST(init_writes_the_callers_struct_and_not_a_byte_more)
{
    now_options source = defaults();
    for (size_t size = 0; size <= sizeof(new_options); size++) {
        unsigned char target[sizeof(new_options) + 8];
        memset(target, 0xee, sizeof target);
        mbni_options_write(target, size, &source, sizeof source);
        for (size_t i = size < sizeof size ? 0 : size; i < sizeof target; i++)
            ck_assert_int_eq(target[i], 0xee);
        if (size < sizeof size)
            continue;
        size_t written;
        memcpy(&written, target, sizeof written);
        ck_assert_uint_eq(written, size);
        for (size_t i = sizeof size; i < size; i++)
            ck_assert_int_eq(target[i], i < sizeof source ? ((unsigned char *)&source)[i] : 0);
    }
    mbni_options_write(NULL, 64, &source, sizeof source);
}
END_TEST

SUITE("core errors and options", every_status_has_its_name,
      sentence_begins_with_the_call_and_stays_after_success, public_call_names_itself_and_its_argument,
      long_sentence_is_cut_at_a_whole_character, copy_tells_the_size_and_closes_the_text,
      each_thread_has_its_own_sentence, older_options_keep_the_defaults_they_lack,
      newer_options_pass_when_their_new_fields_are_zero, impossible_struct_size_is_refused,
      init_writes_the_callers_struct_and_not_a_byte_more)
