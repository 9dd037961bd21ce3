/* A test program: SUITE(name, test, ...) makes a main that runs the Check tests given. CK_RUN_CASE and
 * CK_FORK work as Check documents. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <mobilenet/mobilenet.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(suite_name, ...)                                    \
    int main(void)                                                \
    {                                                             \
        const TTest *tests[] = {__VA_ARGS__};                     \
        Suite *suite = suite_create(suite_name);                  \
        TCase *tcase = tcase_create(suite_name);                  \
        tcase_set_timeout(tcase, 120);                            \
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) \
            tcase_add_test(tcase, tests[i]);                      \
        suite_add_tcase(suite, tcase);                            \
        SRunner *runner = srunner_create(suite);                  \
        srunner_run_all(runner, CK_ENV);                          \
        int failed = srunner_ntests_failed(runner);               \
        srunner_free(runner);                                     \
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;              \
    }

/* Under valgrind, where everything takes fifty times as long, what repeats itself does so less often. */
static inline int64_t unless_valgrind(int64_t all, int64_t few)
{
    return getenv("MBN_TEST_VALGRIND") ? few : all;
}

/* The call must succeed; prints the library's sentence otherwise. */
#define ck_ok(call)                                                                                   \
    do {                                                                                              \
        mbn_status ck_status_ = (call);                                                               \
        ck_assert_msg(ck_status_ == MBN_OK, "%s: %s", mbn_status_name(ck_status_), mbn_last_error()); \
    } while (0)
/* The call must fail with this status and a sentence that contains the text. */
#define ck_fails(call, status, text)                                                                         \
    do {                                                                                                     \
        mbn_status ck_status_ = (call);                                                                      \
        ck_assert_msg(ck_status_ == (status), "got %s, expected %s: %s", mbn_status_name(ck_status_),        \
                      mbn_status_name(status), mbn_last_error());                                            \
        ck_assert_msg(strstr(mbn_last_error(), (text)) != NULL, "no '%s' in: %s", (text), mbn_last_error()); \
    } while (0)

#endif
