/* Files read with bounds, and files replaced as a whole, with every way that may fail. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/context.h"
#include "core/platform.h"
#include "support/allocator.h"
#include "support/suite.h"

/* A directory of the test's own, which is the working directory until leave(). */
static char directory[64];

static void enter(void)
{
    strcpy(directory, "/tmp/mbn-core-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static int entries(const char *path)
{
    DIR *listing = opendir(path);
    ck_assert_ptr_nonnull(listing);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(listing);
    return count;
}

static void leave(void)
{
    DIR *listing = opendir(".");
    ck_assert_ptr_nonnull(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove(entry->d_name);
    }
    closedir(listing);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
    mbn_default_context_shutdown();
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    ck_assert_int_eq(fclose(file), 0);
}

static void check_text(const char *path, const char *expected)
{
    char text[64] = "";
    mbni_file file;
    ck_ok(mbni_file_open(path, &file));
    ck_assert_int_eq(file.bytes, (int64_t)strlen(expected));
    ck_ok(mbni_file_read(&file, path, 0, text, file.bytes));
    mbni_file_close(&file);
    ck_assert_str_eq(text, expected);
}

static mbn_status replace(const char *path, const char *text)
{
    mbni_replacement *file;
    MBNI_TRY(mbni_replacement_open(NULL, path, &file));
    mbn_status status = mbni_replacement_write(file, text, (int64_t)strlen(text));
    if (status) {
        mbni_replacement_discard(file);
        return status;
    }
    return mbni_replacement_commit(file);
}

static unsigned mode_of(const char *path)
{
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    return about.st_mode & 0777;
}

START_TEST(reading_is_bounded_by_the_file)
{
    char text[8] = "";
    mbni_file file;
    enter();
    put("data", "0123456789");
    ck_ok(mbni_file_open("data", &file));
    ck_assert_int_eq(file.bytes, 10);
    ck_ok(mbni_file_read(&file, "data", 7, text, 3));
    ck_assert_str_eq(text, "789");
    ck_ok(mbni_file_read(&file, "data", 0, text, 2));
    ck_assert_mem_eq(text, "01", 2);
    ck_ok(mbni_file_read(&file, "data", 10, text, 0));
    ck_fails(mbni_file_read(&file, "data", 8, text, 3), MBN_ERR_IO,
             "3 bytes at byte 8 of \"data\": it has 10");
    ck_fails(mbni_file_read(&file, "data", 11, text, 0), MBN_ERR_IO, "at byte 11");
    ck_fails(mbni_file_read(&file, "data", -1, text, 1), MBN_ERR_IO, "at byte -1");
    ck_fails(mbni_file_read(&file, "data", 1, text, -1), MBN_ERR_IO, "-1 bytes");
    ck_fails(mbni_file_read(&file, "data", INT64_MAX, text, INT64_MAX), MBN_ERR_IO, "data");
    mbni_file_close(&file);
    ck_ok(mbni_file_open("data", &file));
    ck_assert_int_eq(truncate("data", 4), 0);
    ck_fails(mbni_file_read(&file, "data", 5, text, 3), MBN_ERR_IO, "shorter");
    mbni_file_close(&file);
    mbni_file_close(&file);
    leave();
}
END_TEST

START_TEST(what_is_no_file_is_not_opened)
{
    mbni_file file;
    enter();
    ck_fails(mbni_file_open("absent", &file), MBN_ERR_IO, "\"absent\": No such file");
    ck_assert_ptr_null(file.stream);
    ck_fails(mbni_file_open(".", &file), MBN_ERR_IO, "it is a directory");
    ck_fails(mbni_file_open("/dev/null", &file), MBN_ERR_IO, "not a regular file");
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    alarm(20);
    ck_fails(mbni_file_open("pipe", &file), MBN_ERR_IO, "not a regular file");
    mbni_file_close(&file);
    leave();
}
END_TEST

START_TEST(commit_replaces_and_leaves_nothing_else)
{
    enter();
    ck_ok(replace("new", "first"));
    check_text("new", "first");
    ck_ok(replace("new", "second, longer"));
    check_text("new", "second, longer");
    ck_ok(replace("new", ""));
    check_text("new", "");
    char path[128];
    snprintf(path, sizeof path, "%s/absolute", directory);
    ck_ok(replace(path, "absolute"));
    check_text("absolute", "absolute");
    ck_assert_int_eq(entries("."), 2);
    leave();
}
END_TEST

START_TEST(large_and_small_writes_keep_their_order)
{
    enum { BYTES = 300000 };
    unsigned char *data = malloc(BYTES), *back = malloc(BYTES);
    static const int parts[] = {1, 65535, 1, 65536, 0, 7, 100000, 3, 65530};
    mbni_replacement *file;
    mbni_file read;
    int written = 0;
    enter();
    for (int i = 0; i < BYTES; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    ck_ok(mbni_replacement_open(NULL, "large", &file));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        ck_ok(mbni_replacement_write(file, data + written, parts[i]));
        written += parts[i];
    }
    ck_ok(mbni_replacement_commit(file));
    ck_ok(mbni_file_open("large", &read));
    ck_assert_int_eq(read.bytes, written);
    ck_ok(mbni_file_read(&read, "large", 0, back, written));
    ck_assert_int_eq(memcmp(data, back, (size_t)written), 0);
    mbni_file_close(&read);
    free(data);
    free(back);
    leave();
}
END_TEST

START_TEST(discard_keeps_the_old_file_and_so_does_the_time_before_commit)
{
    mbni_replacement *file;
    enter();
    put("kept", "old");
    ck_ok(mbni_replacement_open(NULL, "kept", &file));
    ck_ok(mbni_replacement_write(file, "new bytes", 9));
    check_text("kept", "old");
    ck_assert_int_eq(entries("."), 2);
    mbni_replacement_discard(file);
    check_text("kept", "old");
    ck_assert_int_eq(entries("."), 1);
    mbni_replacement_discard(NULL);
    leave();
}
END_TEST

START_TEST(two_writers_of_one_file_do_not_mix)
{
    mbni_replacement *first, *second;
    enter();
    ck_ok(mbni_replacement_open(NULL, "shared", &first));
    ck_ok(mbni_replacement_open(NULL, "shared", &second));
    ck_ok(mbni_replacement_write(first, "aaaa", 4));
    ck_ok(mbni_replacement_write(second, "bb", 2));
    ck_ok(mbni_replacement_commit(first));
    check_text("shared", "aaaa");
    ck_ok(mbni_replacement_commit(second));
    check_text("shared", "bb");
    ck_assert_int_eq(entries("."), 1);
    leave();
}
END_TEST

START_TEST(permissions_of_the_old_file_are_kept)
{
    enter();
    mode_t before = umask(027);
    ck_ok(replace("new", "x"));
    ck_assert_uint_eq(mode_of("new"), 0640);
    ck_assert_int_eq(chmod("new", 0604), 0);
    ck_ok(replace("new", "y"));
    ck_assert_uint_eq(mode_of("new"), 0604);
    ck_assert_uint_eq(umask(before), 027);
    leave();
}
END_TEST

START_TEST(symbolic_link_stays_and_its_target_is_replaced)
{
    struct stat about;
    enter();
    ck_assert_int_eq(mkdir("inner", 0700), 0);
    put("inner/real", "old");
    ck_assert_int_eq(symlink("inner/real", "link"), 0);
    ck_ok(replace("link", "new"));
    check_text("inner/real", "new");
    ck_assert_int_eq(lstat("link", &about), 0);
    ck_assert(S_ISLNK(about.st_mode));
    ck_assert_int_eq(entries("inner"), 1);
    ck_assert_int_eq(symlink("nowhere/real", "dangling"), 0);
    ck_fails(replace("dangling", "new"), MBN_ERR_IO, "dangling");
    ck_assert_int_eq(unlink("inner/real"), 0);
    leave();
}
END_TEST

START_TEST(places_that_cannot_be_written_are_refused_at_once)
{
    char long_name[5000];
    mbni_replacement *file = (mbni_replacement *)8;
    enter();
    ck_fails(mbni_replacement_open(NULL, "absent/file", &file), MBN_ERR_IO, "\"absent/file\": No such file");
    ck_assert_ptr_null(file);
    ck_fails(replace(".", "x"), MBN_ERR_IO, "it is a directory");
    ck_fails(replace("absent/", "x"), MBN_ERR_IO, "cannot write");
    ck_fails(replace("", "x"), MBN_ERR_IO, "No such file");
    ck_fails(replace("/dev/full", "x"), MBN_ERR_IO, "not a regular file");
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    ck_fails(replace(long_name, "x"), MBN_ERR_IO, "too long");
    ck_assert_int_eq(entries("."), 0);
    leave();
}
END_TEST

/* Root writes anywhere, so a child gives it up first. */
static int refused_without_rights(void)
{
    if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
        return 2;
    if (replace("closed/file", "new") != MBN_ERR_IO || !strstr(mbn_last_error(), "Permission denied"))
        return 3;
    if (replace("protected", "new") != MBN_ERR_IO || !strstr(mbn_last_error(), "Permission denied"))
        return 4;
    return 0;
}

START_TEST(directory_and_file_without_write_permission_are_refused)
{
    enter();
    ck_assert_int_eq(chmod(".", 0777), 0);
    ck_assert_int_eq(mkdir("closed", 0755), 0);
    put("closed/file", "old");
    put("protected", "old");
    ck_assert_int_eq(chmod("closed/file", 0666), 0);
    ck_assert_int_eq(chmod("protected", 0444), 0);
    ck_assert_int_eq(chmod("closed", 0555), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(refused_without_rights());
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    check_text("closed/file", "old");
    check_text("protected", "old");
    ck_assert_int_eq(chmod("closed", 0755), 0);
    ck_assert_int_eq(entries("closed"), 1);
    ck_assert_int_eq(entries("."), 2);
    ck_assert_int_eq(unlink("closed/file"), 0);
    leave();
}
END_TEST

START_TEST(full_disk_is_an_error_and_the_old_file_stays)
{
    enum { BYTES = 200000 };
    char *data = calloc(1, BYTES);
    struct rlimit limit = {100000, 100000};
    mbni_replacement *file;
    enter();
    put("kept", "old");
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    /* Found by the write, by the last piece at commit, and by a commit that follows a failed write. */
    for (int way = 0; way < 3; way++) {
        ck_ok(mbni_replacement_open(NULL, "kept", &file));
        mbn_status status = MBN_OK;
        if (way == 1) {
            ck_ok(mbni_replacement_write(file, data, 60000));
            ck_ok(mbni_replacement_write(file, data, 60000));
        } else {
            status = mbni_replacement_write(file, data, BYTES);
            ck_assert_int_eq(status, MBN_ERR_IO);
            ck_assert_ptr_nonnull(strstr(mbn_last_error(), "kept\": File too large"));
        }
        if (way == 0)
            mbni_replacement_discard(file);
        else
            ck_assert_int_eq(mbni_replacement_commit(file), MBN_ERR_IO);
        check_text("kept", "old");
        ck_assert_int_eq(entries("."), 1);
    }
    free(data);
    leave();
}
END_TEST

START_TEST(killed_writer_leaves_the_old_file_whole)
{
    enter();
    put("kept", "old");
    pid_t child = fork();
    if (child == 0) {
        mbni_replacement *file;
        if (mbni_replacement_open(NULL, "kept", &file) == MBN_OK) {
            static const char part[70000] = "part";
            mbni_replacement_write(file, part, sizeof part);
            kill(getpid(), SIGKILL);
        }
        _exit(1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    check_text("kept", "old");
    ck_assert_int_eq(entries("."), 2);
    ck_ok(replace("kept", "new"));
    check_text("kept", "new");
    leave();
}
END_TEST

START_TEST(opening_survives_a_failing_allocation)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    mbni_replacement *file = (mbni_replacement *)8;
    enter();
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    allocator.fail_at = allocator.calls + 1;
    ck_fails(mbni_replacement_open(context, "file", &file), MBN_ERR_MEMORY, "no memory");
    ck_assert_ptr_null(file);
    ck_ok(mbni_replacement_open(context, "file", &file));
    mbn_context_destroy(context);
    ck_ok(mbni_replacement_commit(file));
    ck_assert_int_eq(allocator.live, 0);
    leave();
}
END_TEST

START_TEST(platform_tells_time_and_terminals)
{
    double before = mbni_platform_seconds();
    usleep(2000);
    double passed = mbni_platform_seconds() - before;
    ck_assert_double_ge(passed, 0.002);
    ck_assert_double_lt(passed, 10);
    FILE *file = tmpfile();
    ck_assert_int_eq(mbni_platform_is_terminal(file), 0);
    fclose(file);
}
END_TEST

SUITE("core files", reading_is_bounded_by_the_file, what_is_no_file_is_not_opened,
      commit_replaces_and_leaves_nothing_else, large_and_small_writes_keep_their_order,
      discard_keeps_the_old_file_and_so_does_the_time_before_commit, two_writers_of_one_file_do_not_mix,
      permissions_of_the_old_file_are_kept, symbolic_link_stays_and_its_target_is_replaced,
      places_that_cannot_be_written_are_refused_at_once,
      directory_and_file_without_write_permission_are_refused, full_disk_is_an_error_and_the_old_file_stays,
      killed_writer_leaves_the_old_file_whole, opening_survives_a_failing_allocation,
      platform_tells_time_and_terminals)
