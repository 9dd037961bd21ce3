/* Files on disk: what cannot be opened or written, and what happens to the old file. */
#include "io/files.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

START_TEST(path_that_cannot_be_read_is_named)
{
    char directory[256];
    mbn_model *model = small_model(NULL), *out;
    temporary_directory(directory);
    const char *missing = in_directory(directory, "missing.mbn");
    ck_fails(mbn_model_load(NULL, missing, &out), MBN_ERR_IO, "missing.mbn");
    ck_fails(mbn_model_load(NULL, directory, &out), MBN_ERR_IO, directory);
    ck_fails(mbn_checkpoint_load(NULL, missing, &out), MBN_ERR_IO, "missing.mbn");
    ck_fails(mbn_model_load_weights(model, missing, 0, NULL), MBN_ERR_IO, "missing.mbn");
    ck_fails(mbn_model_load(NULL, "/dev/null", &out), MBN_ERR_IO, "/dev/null");
    const char *empty = in_directory(directory, "empty.mbn");
    write_file(empty, "", 0);
    ck_fails(mbn_model_load(NULL, empty, &out), MBN_ERR_FORMAT, "empty.mbn");
    const char *text = in_directory(directory, "text.mbn");
    write_file(text, "All work and no play makes this a file, though not one of a model.", 66);
    ck_fails(mbn_model_load(NULL, text, &out), MBN_ERR_FORMAT, "not an .mbn file");
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

START_TEST(path_that_cannot_be_written_is_named)
{
    char directory[256];
    mbn_model *model = small_model(NULL);
    temporary_directory(directory);
    ck_fails(mbn_model_save(model, directory, NULL), MBN_ERR_IO, directory);
    ck_fails(mbn_model_save(model, in_directory(directory, "none/a.mbn"), NULL), MBN_ERR_IO, "none/a.mbn");
    ck_fails(mbn_model_save(model, "/proc/self/a.mbn", NULL), MBN_ERR_IO, "/proc/self/a.mbn");
    if (geteuid() == 0) {
        printf("runs as root, whom no permission stops: directory without permission skipped\n");
    } else {
        ck_assert_int_eq(chmod(directory, 0500), 0);
        ck_fails(mbn_model_save(model, in_directory(directory, "a.mbn"), NULL), MBN_ERR_IO, "a.mbn");
        ck_assert_int_eq(chmod(directory, 0700), 0);
    }
    ck_assert_int_eq(files_in(directory), 0);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

/* In a child, so that the limit and the signal stay there. */
static int save_with_limit(const mbn_model *model, const char *path, rlim_t limit)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct rlimit bytes = {limit, limit};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &bytes);
        mbn_status status = mbn_model_save(model, path, NULL);
        _exit(status == MBN_OK ? 0 : status == MBN_ERR_IO && strstr(mbn_last_error(), path) ? 1 : 2);
    }
    int code;
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    ck_assert(WIFEXITED(code));
    return WEXITSTATUS(code);
}

START_TEST(full_disk_leaves_the_old_file_whole)
{
    char directory[256];
    size_t before, after;
    mbn_model *model = small_model(NULL);
    const char *path = in_directory(temporary_directory(directory), "a.mbn");
    ck_ok(mbn_model_save(model, path, NULL));
    unsigned char *old = read_file(path, &before);
    ck_ok(mbn_model_set_preprocessing(model, MBN_PREPROCESSING_RAW));
    const rlim_t limits[] = {0, 1, 16, 100, before / 2, before - 1};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        ck_assert_int_eq(save_with_limit(model, path, limits[i]), 1);
        unsigned char *now = read_file(path, &after);
        ck_assert_uint_eq(after, before);
        ck_assert(memcmp(old, now, before) == 0);
        ck_assert_int_eq(files_in(directory), 1);
        free(now);
    }
    ck_assert_int_eq(save_with_limit(model, path, 1 << 20), 0);
    free(old);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

START_TEST(save_that_fails_half_way_leaves_the_old_file_and_nothing_else)
{
    char directory[256];
    mbn_model *model = small_model(NULL), *loaded;
    mbn_tensor *tensor;
    mbn_save_options options;
    const char *path = in_directory(temporary_directory(directory), "a.mbn");
    ck_ok(mbn_model_save(model, path, NULL));
    ck_ok(mbn_model_get_parameter(model, "dense/kernel", &tensor));
    ((float *)mbn_tensor_data(tensor))[3] = 1e6f;
    ck_ok(mbn_model_set_parameter(model, "dense/kernel", tensor));
    mbn_save_options_init(&options);
    options.encoding = MBN_ENCODING_F16;
    ck_fails(mbn_model_save(model, path, &options), MBN_ERR_ARGUMENT, "dense/kernel");
    ck_assert_int_eq(files_in(directory), 1);
    ck_ok(mbn_model_load(NULL, path, &loaded));
    mbn_model_destroy(loaded);
    mbn_tensor_destroy(tensor);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

/* Saves one of two models in turn until it is killed. */
static void save_for_ever(mbn_model *const models[2], const char *path)
{
    for (int i = 0;; i++)
        if (mbn_model_save(models[i % 2], path, NULL))
            _exit(1);
}

START_TEST(kill_in_the_middle_of_a_save_leaves_a_file_that_loads)
{
    char directory[256];
    mbn_model *models[2] = {small_model(NULL), small_model(NULL)}, *loaded;
    const char *path = in_directory(temporary_directory(directory), "a.mbn");
    int rounds = (int)unless_valgrind(40, 2), seen[2] = {0};
    ck_ok(mbn_model_set_preprocessing(models[1], MBN_PREPROCESSING_RAW));
    ck_ok(mbn_model_save(models[0], path, NULL));
    for (int round = 0; round < rounds; round++) {
        int code;
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
            save_for_ever(models, path);
        usleep((useconds_t)(500 + round * 7919 % 12000));
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &code, 0), child);
        ck_assert_msg(WIFSIGNALED(code), "saving failed by itself");
        ck_ok(mbn_model_load(NULL, path, &loaded));
        int which = mbn_model_preprocessing(loaded) == MBN_PREPROCESSING_RAW;
        same_models(models[which], loaded);
        seen[which]++;
        mbn_model_destroy(loaded);
    }
    ck_assert_int_eq(seen[0] + seen[1], rounds);
    mbn_model_destroy(models[0]);
    mbn_model_destroy(models[1]);
    remove_directory(directory);
}
END_TEST

SUITE("io/replace", path_that_cannot_be_read_is_named, path_that_cannot_be_written_is_named,
      full_disk_leaves_the_old_file_whole, save_that_fails_half_way_leaves_the_old_file_and_nothing_else,
      kill_in_the_middle_of_a_save_leaves_a_file_that_loads)
