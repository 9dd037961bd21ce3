/* Directories as data sets, on trees made below /tmp: classes and order, broken, empty, huge and foreign
 * files skipped or refused, stand-ins, threads, memory, failed allocations. */
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include "data/dataset.h"
#include "data/pictures.h"
#include "support/allocator.h"
#include "support/suite.h"

static char root[64];

static void make_root(void)
{
    snprintf(root, sizeof root, "/tmp/test_directory_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void remove_root(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const char *below)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", root, below);
    return path;
}

/* Writes a file and the folders before it. Frees the bytes. */
static void put(const char *below, bytes b)
{
    char folder[512];
    for (const char *slash = strchr(below, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(folder, sizeof folder, "%s/%.*s", root, (int)(slash - below), below);
        mkdir(folder, 0700);
    }
    FILE *file = fopen(path_of(below), "wb");
    ck_assert(file && fwrite(b.data, 1, b.count, file) == b.count);
    ck_assert_int_eq(fclose(file), 0);
    free(b.data);
}

/* A PPM of 2 x 2 pixels, all of `value`. */
static bytes flat(int value)
{
    unsigned char pixels[12];
    memset(pixels, value, sizeof pixels);
    return ppm("P6 2 2 255\n", pixels, sizeof pixels);
}

/* One that only its last byte lacks: its header is whole. */
static bytes cut(void)
{
    return ppm("P6 2 2 255\n", "12345678901", 11);
}

static mbn_directory_options options_of(int64_t side)
{
    mbn_directory_options options;
    mbn_directory_options_init(&options);
    options.height = options.width = side;
    return options;
}

static mbn_dataset *open_root(mbn_context *context, int32_t on_broken)
{
    mbn_directory_options options = options_of(2);
    mbn_dataset *d;
    options.on_broken = on_broken;
    ck_ok(mbn_dataset_directory(context, root, &options, &d));
    return d;
}

/* The first byte of a picture, and its class. */
static int first_byte(const mbn_dataset *d, int64_t index, int32_t *label)
{
    unsigned char pixels[12];
    ck_ok(mbn_dataset_read(d, index, pixels, sizeof pixels, label));
    return pixels[0];
}

START_TEST(folders_are_classes_in_the_order_of_their_names)
{
    static const char *const FILES[] = {"B/x.ppm",  "a/z.ppm", "a/deep/er/y.ppm",
                                        "a/10.ppm", "a/9.ppm", "C/only.ppm"};
    static const char *const NAMES[] = {"B", "C", "a", "empty"};
    static const int VALUES[] = {0, 5, 3, 4, 2, 1}, LABELS[] = {0, 1, 2, 2, 2, 2}; /* 10, 9, deep, z */
    for (int i = 0; i < 6; i++)
        put(FILES[i], flat(i));
    put(".hidden/x.ppm", flat(99));
    put("a/.hidden.ppm", flat(99));
    mkdir(path_of("empty"), 0700);
    mbn_dataset *d = open_root(NULL, MBN_BROKEN_ERROR);
    ck_assert_int_eq(mbn_dataset_count(d), 6);
    ck_assert_int_eq(mbn_dataset_classes(d), 4);
    ck_assert(mbn_dataset_type(d) == MBN_U8 && mbn_dataset_height(d) == 2 && mbn_dataset_channels(d) == 3);
    ck_assert(d->thread_safe && !d->in_memory && !d->soft);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(mbn_dataset_class_name(d, i), NAMES[i]);
    for (int i = 0; i < 6; i++) {
        int32_t label, read_label;
        ck_ok(mbn_dataset_label(d, i, &label));
        ck_assert_int_eq(label, LABELS[i]);
        ck_assert_int_eq(first_byte(d, i, &read_label), VALUES[i]);
        ck_assert_int_eq(read_label, LABELS[i]);
    }
    ck_assert_int_eq(mbn_dataset_skipped(d), 0);
    mbn_dataset_destroy(d);
}
END_TEST

/* Files that are no pictures, each with what is said of it, in the order in which they are found. */
static const struct {
    const char *name, *reason;
} FOREIGN[] = {
    {"README", "beside the class folders"}, {"a/2-empty.jpg", "an empty file"},
    {"a/3-text.txt", "no picture"},         {"a/4-huge.ppm", "99999 x 99999 pixels; allowed are 64000000"},
    {"a/5-link.ppm", "neither a file"},     {"a/6-header.png", "header is cut"},
    {"a/7-pipe", "neither a file"},         {"b/8-none.pgm", "a picture of 0 x 5 pixels"},
};
enum { FOREIGNS = sizeof FOREIGN / sizeof *FOREIGN };

static void put_foreign_files(void)
{
    put("README", ppm("text", "", 0));
    put("a/1.ppm", flat(1));
    put("a/2-empty.jpg", ppm("", "", 0));
    put("a/3-text.txt", ppm("not a picture at all", "", 0));
    put("a/4-huge.ppm", ppm("P6 99999 99999 255\n", "", 0));
    ck_assert_int_eq(symlink("1.ppm", path_of("a/5-link.ppm")), 0);
    put("a/6-header.png", ppm("\x89PNG\r\n\x1a\n", "", 0));
    ck_assert_int_eq(mkfifo(path_of("a/7-pipe"), 0600), 0);
    put("b/8-none.pgm", ppm("P5 5 0 255\n", "", 0));
    put("b/9.ppm", flat(9));
}

START_TEST(what_is_no_picture_is_skipped_counted_and_named)
{
    put_foreign_files();
    mbn_dataset *d = open_root(NULL, MBN_BROKEN_SKIP), *view;
    ck_assert_int_eq(mbn_dataset_count(d), 2);
    ck_assert(first_byte(d, 0, NULL) == 1 && first_byte(d, 1, NULL) == 9);
    ck_assert_int_eq(mbn_dataset_skipped(d), FOREIGNS);
    ck_ok(mbn_dataset_shuffle(d, 1, &view)); /* views tell the same */
    mbn_dataset_destroy(d);
    for (int i = 0; i < FOREIGNS; i++) {
        ck_assert_str_eq(mbn_dataset_skipped_name(view, i), FOREIGN[i].name);
        ck_assert_msg(strstr(mbn_dataset_skipped_reason(view, i), FOREIGN[i].reason) != NULL, "%s: %s",
                      FOREIGN[i].name, mbn_dataset_skipped_reason(view, i));
    }
    ck_assert_ptr_null(mbn_dataset_skipped_name(view, FOREIGNS));
    ck_assert_ptr_null(mbn_dataset_skipped_reason(view, -1));
    mbn_dataset_destroy(view);
    ck_ok(mbn_dataset_shapes(NULL, 1, 8, 8, 1, &d));
    ck_assert(mbn_dataset_skipped(d) == 0 && mbn_dataset_skipped_name(d, 0) == NULL);
    mbn_dataset_destroy(d);
    ck_assert(mbn_dataset_skipped(NULL) == 0 && mbn_dataset_skipped_reason(NULL, 0) == NULL);
}
END_TEST

START_TEST(what_is_no_picture_is_an_error_if_asked)
{
    mbn_directory_options options = options_of(2);
    mbn_dataset *d;
    put_foreign_files();
    options.on_broken = MBN_BROKEN_ERROR;
    for (int i = 0; i < FOREIGNS; i++) {
        ck_fails(mbn_dataset_directory(NULL, root, &options, &d), MBN_ERR_FORMAT, FOREIGN[i].reason);
        ck_assert_ptr_nonnull(strstr(mbn_last_error(), FOREIGN[i].name));
        ck_assert_ptr_null(d);
        ck_assert_int_eq(unlink(path_of(FOREIGN[i].name)), 0);
    }
    ck_ok(mbn_dataset_directory(NULL, root, &options, &d));
    mbn_dataset_destroy(d);
}
END_TEST

START_TEST(next_good_picture_of_the_class_stands_in_for_a_broken_one)
{
    put("a/1.ppm", flat(1));
    put("a/2.ppm", cut());
    put("a/3.ppm", cut());
    put("a/4.ppm", flat(4));
    put("b/5.ppm", flat(5));
    put("b/6.ppm", flat(6));
    put("b/7.ppm", cut()); /* the last of its class */
    static const int EXPECTED[] = {1, 4, 4, 4, 5, 6, 5};
    mbn_dataset *d = open_root(NULL, MBN_BROKEN_SKIP);
    ck_assert_int_eq(mbn_dataset_skipped(d), 0); /* headers are whole */
    for (int round = 0; round < 3; round++)
        for (int i = 6; i >= 0; i--) {
            int32_t label;
            ck_assert_int_eq(first_byte(d, i, &label), EXPECTED[i]);
            ck_assert_int_eq(label, i > 3);
        }
    ck_assert_int_eq(mbn_dataset_skipped(d), 3); /* once each, though read many times */
    ck_assert_str_eq(mbn_dataset_skipped_name(d, 0), "b/7.ppm");
    ck_assert_str_eq(mbn_dataset_skipped_reason(d, 0),
                     "a PPM or PGM file that is cut: 11 of 12 bytes of pixels");
    mbn_dataset_destroy(d);
}
END_TEST

START_TEST(broken_picture_is_an_error_if_asked_each_time)
{
    unsigned char pixels[12];
    int32_t label;
    put("a/1.ppm", flat(1));
    put("a/2.ppm", cut());
    mbn_dataset *d = open_root(NULL, MBN_BROKEN_ERROR);
    ck_assert_int_eq(first_byte(d, 0, NULL), 1);
    for (int i = 0; i < 2; i++)
        ck_fails(mbn_dataset_read(d, 1, pixels, 12, &label), MBN_ERR_FORMAT,
                 "a/2.ppm: a PPM or PGM file that is cut");
    mbn_dataset_destroy(d);
}
END_TEST

START_TEST(class_with_no_good_picture_left_is_an_error)
{
    unsigned char pixels[12];
    mbn_dataset *cached;
    put("a/1.ppm", cut());
    put("a/2.ppm", cut());
    put("b/3.ppm", flat(3));
    mbn_dataset *d = open_root(NULL, MBN_BROKEN_SKIP);
    for (int i = 0; i < 2; i++)
        ck_fails(mbn_dataset_read(d, 0, pixels, 12, NULL), MBN_ERR_FORMAT, "/a has no picture left");
    ck_fails(mbn_dataset_cache(d, &cached), MBN_ERR_FORMAT, "mbn_dataset_cache: class folder");
    ck_assert_ptr_null(cached);
    ck_assert_int_eq(first_byte(d, 2, NULL), 3);
    mbn_dataset_destroy(d);
}
END_TEST

START_TEST(directories_without_pictures_are_refused)
{
    mbn_directory_options options = options_of(2);
    mbn_dataset *d;
    ck_fails(mbn_dataset_directory(NULL, path_of("nowhere"), &options, &d), MBN_ERR_IO, "nowhere");
    ck_assert_ptr_null(d);
    ck_fails(mbn_dataset_directory(NULL, root, &options, &d), MBN_ERR_FORMAT, "has no class folder");
    mkdir(path_of("a"), 0700);
    ck_fails(mbn_dataset_directory(NULL, root, &options, &d), MBN_ERR_FORMAT,
             "no picture in its class folders");
    put("a/x.ppm", ppm("P6 2", "", 0));
    ck_fails(mbn_dataset_directory(NULL, root, &options, &d), MBN_ERR_FORMAT,
             "1 files were skipped, the first, a/x.ppm: a PPM");
    ck_fails(mbn_dataset_directory(NULL, path_of("a/x.ppm"), &options, &d), MBN_ERR_IO, "a/x.ppm");
    char deep[400] = "a";
    for (int i = 0; i < 40; i++)
        strcat(deep, "/d");
    strcat(deep, "/x.ppm");
    put(deep, flat(1));
    ck_fails(mbn_dataset_directory(NULL, root, &options, &d), MBN_ERR_IO, "more than 32 deep");
}
END_TEST

START_TEST(options_are_checked)
{
    mbn_directory_options options;
    mbn_dataset *d;
    put("a/x.ppm", flat(1));
#define REFUSED(field, value, text)                                                        \
    do {                                                                                   \
        options = options_of(2);                                                           \
        options.field = (value);                                                           \
        ck_fails(mbn_dataset_directory(NULL, root, &options, &d), MBN_ERR_ARGUMENT, text); \
        ck_assert_ptr_null(d);                                                             \
    } while (0)
    REFUSED(height, 0, "options.height is 0; allowed are 1 to 8192");
    REFUSED(width, 8193, "options.width is 8193");
    REFUSED(channels, 2, "options.channels is 2; allowed are 1 and 3");
    REFUSED(max_pixels, 0, "options.max_pixels is 0");
    REFUSED(max_pixels, 1000000001, "options.max_pixels is 1000000001");
    REFUSED(resize, 2, "options.resize is 2");
    REFUSED(on_broken, -1, "options.on_broken is -1");
    REFUSED(struct_size, 2, "struct_size of options is 2");
#undef REFUSED
    options = options_of(2);
    ck_fails(mbn_dataset_directory(NULL, NULL, &options, &d), MBN_ERR_ARGUMENT, "path is NULL");
    ck_fails(mbn_dataset_directory(NULL, "", &options, &d), MBN_ERR_ARGUMENT, "path is empty");
    ck_fails(mbn_dataset_directory(NULL, root, &options, NULL), MBN_ERR_ARGUMENT, "out is NULL");
    ck_fails(mbn_dataset_directory(NULL, root, NULL, &d), MBN_ERR_ARGUMENT, "options.height is 0");
    options.max_pixels = 3; /* a bound of one's own */
    ck_fails(mbn_dataset_directory(NULL, root, &options, &d), MBN_ERR_FORMAT,
             "2 x 2 pixels; allowed are 3 in all");
}
END_TEST

/* Left half 0, right half 200, in 4 rows of 8 pixels. */
static bytes halves(void)
{
    unsigned char pixels[4 * 8];
    for (int i = 0; i < 32; i++)
        pixels[i] = i % 8 < 4 ? 0 : 200;
    return ppm("P5 8 4 255\n", pixels, sizeof pixels);
}

START_TEST(pictures_are_stretched_or_cropped_and_get_their_channels)
{
    unsigned char grey[4 * 4], colour[4 * 4 * 3];
    mbn_directory_options options = options_of(4);
    mbn_dataset *d;
    put("a/x.pgm", halves());
    ck_ok(mbn_dataset_directory(NULL, root, &options, &d));
    ck_ok(mbn_dataset_read(d, 0, colour, sizeof colour, NULL));
    mbn_dataset_destroy(d);
    /* eight columns to four: a triangle of 1 3 3 1 eighths of its neighbours */
    static const unsigned char STRETCHED[] = {0, 25, 175, 200};
    for (int i = 0; i < 16; i++)
        for (int c = 0; c < 3; c++)
            ck_assert_uint_eq(colour[3 * i + c], STRETCHED[i % 4]);
    options.channels = 1;
    options.resize = MBN_RESIZE_CROP;
    ck_ok(mbn_dataset_directory(NULL, root, &options, &d));
    ck_ok(mbn_dataset_read(d, 0, grey, sizeof grey, NULL));
    mbn_dataset_destroy(d);
    for (int i = 0; i < 16; i++) /* the middle, of the same scale */
        ck_assert_uint_eq(grey[i], i % 4 < 2 ? 0 : 200);
}
END_TEST

START_TEST(formats_of_libraries_are_read_or_skipped_by_name)
{
    unsigned char pixels[16 * 16 * 3];
    memset(pixels, 120, sizeof pixels);
    put("a/1.ppm", flat(120));
    put("a/2.png", png(16, 16, 8, 2, pixels, 48, NULL, 0));
#if defined(MBNI_HAVE_JPEG)
    put("a/3.any", jpeg(16, 16, 3, pixels, 0, 0)); /* the name does not matter */
#else
    put("a/3.any", bytes_of("\xff\xd8\xff\xc0\0\13\10\0\1\0\1\1\1\21\0", 15));
#endif
    mbn_dataset *d = open_root(NULL, MBN_BROKEN_SKIP);
    int64_t expected = 1;
#if defined(MBNI_HAVE_PNG)
    expected++;
#else
    ck_assert_str_eq(mbn_dataset_skipped_name(d, 0), "a/2.png");
    ck_assert_ptr_nonnull(strstr(mbn_dataset_skipped_reason(d, 0), "without libpng"));
#endif
#if defined(MBNI_HAVE_JPEG)
    expected++;
#else
    ck_assert_ptr_nonnull(
        strstr(mbn_dataset_skipped_reason(d, mbn_dataset_skipped(d) - 1), "without libjpeg"));
#endif
    ck_assert_int_eq(mbn_dataset_count(d), expected);
    ck_assert_int_eq(mbn_dataset_skipped(d), 3 - expected);
    for (int i = 0; i < expected; i++)
        ck_assert_int_eq(first_byte(d, i, NULL), 120);
    mbn_dataset_destroy(d);
}
END_TEST

/* Sixty pictures, every seventh of them broken. */
static void put_many(void)
{
    char name[32];
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "%c/%02d.ppm", 'a' + i % 3, i);
        put(name, i % 7 == 3 ? cut() : flat(4 * i));
    }
}

START_TEST(bytes_are_the_same_for_any_threads_and_broken_files_named_once)
{
    mbn_tensor *x[5], *y[5];
    put_many();
    for (int32_t threads = 1; threads <= 4; threads++) {
        mbn_context_options settings;
        mbn_context *context;
        mbn_context_options_init(&settings);
        settings.threads = threads;
        ck_ok(mbn_context_create(&settings, &context));
        mbn_dataset *d = open_root(context, MBN_BROKEN_SKIP), *shuffled, *cached;
        ck_ok(mbn_dataset_shuffle(d, 3, &shuffled));
        ck_ok(mbn_dataset_cache(shuffled, &cached));
        ck_assert(cached->in_memory && mbni_dataset_pixels(cached, 0));
        ck_assert_str_eq(mbn_dataset_class_name(cached, 2), "c");
        ck_ok(mbn_dataset_tensors(cached, &x[threads], &y[threads]));
        ck_assert_int_eq(mbn_dataset_skipped(d), 9);
        ck_assert_int_eq(mbn_dataset_skipped(cached), 9);
        mbn_dataset_destroy(d);
        mbn_dataset_destroy(shuffled);
        mbn_dataset_destroy(cached);
        mbn_context_destroy(context);
        ck_assert_mem_eq(mbn_tensor_data(x[threads]), mbn_tensor_data(x[1]), mbn_tensor_bytes(x[1]));
        ck_assert_mem_eq(mbn_tensor_data(y[threads]), mbn_tensor_data(y[1]), mbn_tensor_bytes(y[1]));
    }
    for (int32_t threads = 1; threads <= 4; threads++) {
        mbn_tensor_destroy(x[threads]);
        mbn_tensor_destroy(y[threads]);
    }
}
END_TEST

/* A large file, read with everything the allocator gave counted. libjpeg's own memory is not the context's.
 */
START_TEST(reading_takes_one_file_its_pixels_and_a_few_rows)
{
    enum { SIDE = 600, RAW = SIDE * SIDE * 3 };
    unsigned char *pixels = malloc(RAW), target[32 * 32 * 3];
    uint32_t state = 1;
    for (int i = 0; i < RAW; i++)
        pixels[i] = (unsigned char)((state = state * 1664525u + 1013904223u) >> 24);
    put("a/x.ppm", ppm("P6 600 600 255\n", pixels, RAW));
    put("a/y.png", png(SIDE, SIDE, 8, 2, pixels, (size_t)SIDE * 3, NULL, 0));
    free(pixels);
    test_allocator allocator;
    mbn_context_options settings;
    mbn_context *context;
    mbn_dataset *d;
    mbn_directory_options options = options_of(32);
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &settings);
    ck_ok(mbn_context_create(&settings, &context));
    ck_ok(mbn_dataset_directory(context, root, &options, &d));
    ck_assert_int_lt(allocator.live_bytes, 64 << 10);
    for (int64_t i = 0; i < mbn_dataset_count(d); i++) {
        const long long before = allocator.live_bytes;
        atomic_store(&allocator.peak_bytes, before);
        ck_ok(mbn_dataset_read(d, i, target, sizeof target, NULL));
        ck_assert_int_eq(allocator.live_bytes, before);
        printf("data: reading 600 x 600 pixels took %lld bytes, %d of them pixels\n",
               allocator.peak_bytes - before, RAW);
        ck_assert_int_lt(allocator.peak_bytes - before, 2LL * RAW + (200 << 10));
    }
    mbn_dataset_destroy(d);
    mbn_context_destroy(context);
}
END_TEST

static mbn_status scan_and_read(mbn_context *context)
{
    mbn_directory_options options = options_of(3);
    mbn_dataset *d = NULL, *cached = NULL;
    options.channels = 1;
    mbn_status status = mbn_dataset_directory(context, root, &options, &d);
    status = status ? status : mbn_dataset_cache(d, &cached);
    mbn_dataset_destroy(d);
    mbn_dataset_destroy(cached);
    return status;
}

START_TEST(every_failed_allocation_is_reported_and_leaks_nothing)
{
    unsigned char pixels[5 * 5 * 3];
    memset(pixels, 9, sizeof pixels);
    put("a/1.ppm", flat(1));
    put("a/2.ppm", cut());
    put("a/d/3.txt", ppm("x", "", 0));
    put("b/4.png", png(5, 5, 8, 2, pixels, 15, NULL, 0));
#if defined(MBNI_HAVE_JPEG)
    put("b/5.jpg", jpeg(5, 5, 3, pixels, 0, 6));
#endif
    put("b/6.ppm", flat(1));
    test_allocator allocator;
    mbn_context_options settings;
    mbn_context *context;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &settings);
    ck_ok(mbn_context_create(&settings, &context));
    const long long before = allocator.live;
    int failures = 0;
    for (;; failures++) {
        allocator.fail_at = allocator.calls + failures + 1;
        mbn_status status = scan_and_read(context);
        ck_assert_int_eq(allocator.live, before);
        if (!status)
            break;
        ck_assert_msg(status == MBN_ERR_MEMORY, "allocation %d: %s", failures + 1, mbn_last_error());
        ck_assert_int_lt(failures, 300);
    }
    ck_assert_int_ge(failures, 50);
    mbn_context_destroy(context);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {folders_are_classes_in_the_order_of_their_names,
                            what_is_no_picture_is_skipped_counted_and_named,
                            what_is_no_picture_is_an_error_if_asked,
                            next_good_picture_of_the_class_stands_in_for_a_broken_one,
                            broken_picture_is_an_error_if_asked_each_time,
                            class_with_no_good_picture_left_is_an_error,
                            directories_without_pictures_are_refused,
                            options_are_checked,
                            pictures_are_stretched_or_cropped_and_get_their_channels,
                            formats_of_libraries_are_read_or_skipped_by_name,
                            bytes_are_the_same_for_any_threads_and_broken_files_named_once,
                            reading_takes_one_file_its_pixels_and_a_few_rows,
                            every_failed_allocation_is_reported_and_leaks_nothing};
    Suite *suite = suite_create("data/directory");
    TCase *tcase = tcase_create("data/directory");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, make_root, remove_root);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
