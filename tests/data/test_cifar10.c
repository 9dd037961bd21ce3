/* CIFAR-10 files: synthetic batches, whole and damaged, in a directory of their own; the real ones where they
 * lie beside the repository. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "support/allocator.h"
#include "support/suite.h"

enum { RECORD = 3073, PIXELS = 1024 };

static char directory[64];
static mbn_tensor *images, *labels;

static void make_directory(void)
{
    snprintf(directory, sizeof directory, "/tmp/test_cifar10_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    images = labels = NULL;
}

static void remove_directory(void)
{
    mbn_tensor_destroy(images);
    mbn_tensor_destroy(labels);
    for (int packed = 0; packed < 2; packed++)
        for (int f = 0; f < 6; f++) {
            char path[128];
            snprintf(path, sizeof path, "%s/data_batch_%d.bin%s", directory, f, packed ? ".gz" : "");
            if (f == 0)
                snprintf(path, sizeof path, "%s/test_batch.bin%s", directory, packed ? ".gz" : "");
            if (remove(path)) /* a directory stands for a file in one test */
                rmdir(path);
        }
    rmdir(directory);
}

/* Byte k of record r of a file: a pattern in which every place of a picture can be told from its neighbours.
 */
static unsigned char pattern(int file, int record, int k)
{
    if (k == 0)
        return (unsigned char)((record + file) % 10);
    uint32_t mixed = ((uint32_t)file * 10007u + (uint32_t)record * 3079u + (uint32_t)k) * 2654435761u;
    return (unsigned char)(mixed >> 24);
}

static unsigned char *make_records(int file, int count)
{
    unsigned char *bytes = malloc((size_t)count * RECORD + 1);
    for (int r = 0; r < count; r++)
        for (int k = 0; k < RECORD; k++)
            bytes[r * RECORD + k] = pattern(file, r, k);
    return bytes;
}

static void write_bytes(const char *name, const void *bytes, size_t count)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
    ck_assert_int_eq(fclose(file), 0);
}

/* A gzip file with every `member` bytes in a member of their own. */
static void write_gzip(const char *name, const unsigned char *bytes, size_t count, size_t member)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    remove(path);
    for (size_t done = 0; done < count; done += member) {
        gzFile file = gzopen(path, "ab1");
        ck_assert_ptr_nonnull(file);
        unsigned part = (unsigned)(count - done < member ? count - done : member);
        ck_assert_int_eq(gzwrite(file, bytes + done, part), (int)part);
        ck_assert_int_eq(gzclose(file), Z_OK);
    }
}

static void write_test_batch(int count)
{
    unsigned char *bytes = make_records(0, count);
    write_bytes("test_batch.bin", bytes, (size_t)count * RECORD);
    free(bytes);
}

static mbn_status load(int32_t part)
{
    return mbn_cifar10_load(NULL, directory, part, &images, &labels);
}

static void check_refused(mbn_status status, const char *text)
{
    images = labels = (mbn_tensor *)directory; /* must become NULL */
    ck_fails(load(MBN_CIFAR10_TEST), status, text);
    ck_assert_ptr_null(images);
    ck_assert_ptr_null(labels);
}

/* Pixel (row, column, channel) is byte 1 + 1024 channel + 32 row + column of its record. */
static void check_records(int64_t first, int file, int count)
{
    const unsigned char *pixels = mbn_tensor_data(images);
    const int32_t *ids = mbn_tensor_data(labels);
    for (int r = 0; r < count; r++) {
        ck_assert_int_eq(ids[first + r], pattern(file, r, 0));
        for (int p = 0; p < PIXELS; p++)
            for (int c = 0; c < 3; c++)
                ck_assert_uint_eq(pixels[((first + r) * PIXELS + p) * 3 + c],
                                  pattern(file, r, 1 + PIXELS * c + p));
    }
}

START_TEST(planes_become_interleaved_pixels)
{
    write_test_batch(13);
    ck_ok(load(MBN_CIFAR10_TEST));
    const int64_t *dims = mbn_tensor_dims(images);
    ck_assert_int_eq(mbn_tensor_type(images), MBN_U8);
    ck_assert_int_eq(mbn_tensor_rank(images), 4);
    ck_assert(dims[0] == 13 && dims[1] == 32 && dims[2] == 32 && dims[3] == 3);
    ck_assert_int_eq(mbn_tensor_type(labels), MBN_I32);
    ck_assert_int_eq(mbn_tensor_rank(labels), 1);
    ck_assert_int_eq(mbn_tensor_dims(labels)[0], 13);
    check_records(0, 0, 13);
}
END_TEST

START_TEST(five_batches_of_different_lengths_are_joined_in_order)
{
    static const int COUNTS[5] = {3, 1, 7, 2, 5};
    for (int f = 1; f <= 5; f++) {
        char name[32];
        unsigned char *bytes = make_records(f, COUNTS[f - 1]);
        size_t size = (size_t)COUNTS[f - 1] * RECORD;
        snprintf(name, sizeof name, "data_batch_%d.bin%s", f, f % 2 ? "" : ".gz");
        if (f % 2)
            write_bytes(name, bytes, size);
        else
            write_gzip(name, bytes, size, size);
        free(bytes);
    }
    ck_ok(load(MBN_CIFAR10_TRAIN));
    ck_assert_int_eq(mbn_tensor_dims(images)[0], 18);
    int64_t first = 0;
    for (int f = 1; f <= 5; first += COUNTS[f - 1], f++)
        check_records(first, f, COUNTS[f - 1]);
}
END_TEST

START_TEST(gzip_of_several_members_is_read_whole)
{
    unsigned char *bytes = make_records(0, 6);
    write_gzip("test_batch.bin.gz", bytes, 6 * RECORD, 5000);
    free(bytes);
    ck_ok(load(MBN_CIFAR10_TEST));
    ck_assert_int_eq(mbn_tensor_dims(images)[0], 6);
    check_records(0, 0, 6);
}
END_TEST

START_TEST(plain_file_goes_before_packed_file)
{
    unsigned char *bytes = make_records(4, 2);
    write_gzip("test_batch.bin.gz", bytes, 2 * RECORD, 2 * RECORD);
    free(bytes);
    write_test_batch(1);
    ck_ok(load(MBN_CIFAR10_TEST));
    ck_assert_int_eq(mbn_tensor_dims(images)[0], 1);
    check_records(0, 0, 1);
}
END_TEST

START_TEST(length_that_is_no_multiple_of_a_record_is_refused)
{
    static const size_t LENGTHS[] = {0, 1, RECORD - 1, RECORD + 1, 2 * RECORD - 1, 3 * RECORD - 1000};
    unsigned char *bytes = make_records(0, 3);
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        write_bytes("test_batch.bin", bytes, LENGTHS[i]);
        check_refused(MBN_ERR_FORMAT, "test_batch.bin");
        ck_assert_ptr_nonnull(strstr(mbn_last_error(), "3073"));
    }
    remove_directory();
    ck_assert_int_eq(mkdir(directory, 0700), 0);
    for (size_t i = 1; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        write_gzip("test_batch.bin.gz", bytes, LENGTHS[i], LENGTHS[i]);
        check_refused(MBN_ERR_FORMAT, "test_batch.bin.gz");
    }
    free(bytes);
}
END_TEST

START_TEST(ten_thousand_records_are_read_and_one_more_is_refused)
{
    size_t size = (size_t)10001 * RECORD;
    unsigned char *bytes = calloc(size, 1);
    write_bytes("test_batch.bin", bytes, size);
    check_refused(MBN_ERR_FORMAT, "10000");
    write_bytes("test_batch.bin", bytes, size - RECORD);
    ck_ok(load(MBN_CIFAR10_TEST));
    ck_assert_int_eq(mbn_tensor_dims(images)[0], 10000);
    free(bytes);
}
END_TEST

START_TEST(packed_file_that_expands_too_far_is_refused)
{
    size_t size = (size_t)10000 * RECORD;
    unsigned char *bytes = calloc(size + 1, 1);
    write_gzip("test_batch.bin.gz", bytes, size + 1, size + 1);
    check_refused(MBN_ERR_FORMAT, "test_batch.bin.gz");
    write_gzip("test_batch.bin.gz", bytes, size, size);
    ck_ok(load(MBN_CIFAR10_TEST));
    ck_assert_int_eq(mbn_tensor_dims(images)[0], 10000);
    free(bytes);
}
END_TEST

START_TEST(label_above_nine_is_refused_with_its_record)
{
    unsigned char *bytes = make_records(0, 5);
    bytes[3 * RECORD] = 10;
    write_bytes("test_batch.bin", bytes, 5 * RECORD);
    check_refused(MBN_ERR_FORMAT, "record 3: the label is 10; allowed are 0 to 9");
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "test_batch.bin"));
    bytes[3 * RECORD] = 255;
    write_gzip("test_batch.bin.gz", bytes, 5 * RECORD, 5 * RECORD);
    char path[128];
    snprintf(path, sizeof path, "%s/test_batch.bin", directory);
    remove(path);
    check_refused(MBN_ERR_FORMAT, "record 3: the label is 255");
    free(bytes);
}
END_TEST

START_TEST(packed_file_cut_anywhere_is_refused)
{
    unsigned char *bytes = make_records(0, 2), packed[3 * RECORD];
    write_gzip("test_batch.bin.gz", bytes, 2 * RECORD, 2 * RECORD);
    char path[128];
    snprintf(path, sizeof path, "%s/test_batch.bin.gz", directory);
    FILE *file = fopen(path, "rb");
    size_t size = fread(packed, 1, sizeof packed, file);
    ck_assert(!fclose(file) && size > 200 && size < sizeof packed);
    for (size_t cut = 0; cut < size; cut += cut < 40 || cut > size - 60 ? 1 : 97) {
        write_bytes("test_batch.bin.gz", packed, cut);
        check_refused(MBN_ERR_FORMAT, "test_batch.bin.gz");
    }
    write_bytes("test_batch.bin.gz", packed, size);
    ck_ok(load(MBN_CIFAR10_TEST));
    free(bytes);
}
END_TEST

START_TEST(packed_file_with_a_flipped_byte_is_refused_or_the_same)
{
    unsigned char *bytes = make_records(0, 1), packed[2 * RECORD];
    write_gzip("test_batch.bin.gz", bytes, RECORD, RECORD);
    char path[128];
    snprintf(path, sizeof path, "%s/test_batch.bin.gz", directory);
    FILE *file = fopen(path, "rb");
    size_t size = fread(packed, 1, sizeof packed, file);
    ck_assert_int_eq(fclose(file), 0);
    for (size_t at = 0; at < size; at += at < 20 || at > size - 20 ? 1 : 61) {
        packed[at] ^= 0x55;
        write_bytes("test_batch.bin.gz", packed, size);
        mbn_status status = load(MBN_CIFAR10_TEST);
        if (status == MBN_OK) { /* time and system of the header do not matter */
            ck_assert_uint_lt(at, 10);
            check_records(0, 0, 1);
            mbn_tensor_destroy(images);
            mbn_tensor_destroy(labels);
        } else {
            ck_assert_int_eq(status, MBN_ERR_FORMAT);
        }
        images = labels = NULL;
        packed[at] ^= 0x55;
    }
    free(bytes);
}
END_TEST

START_TEST(missing_file_is_named_with_both_names)
{
    check_refused(MBN_ERR_IO, "test_batch.bin.gz");
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "test_batch.bin "));
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), directory));
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "mbn_cifar10_load"));
}
END_TEST

START_TEST(one_missing_batch_of_five_is_named)
{
    unsigned char *bytes = make_records(0, 1);
    write_bytes("data_batch_1.bin", bytes, RECORD);
    write_bytes("data_batch_2.bin", bytes, RECORD);
    write_bytes("data_batch_4.bin", bytes, RECORD);
    free(bytes);
    ck_fails(load(MBN_CIFAR10_TRAIN), MBN_ERR_IO, "data_batch_3.bin");
    ck_assert_ptr_null(images);
}
END_TEST

START_TEST(directory_in_place_of_a_file_is_refused)
{
    char path[128];
    snprintf(path, sizeof path, "%s/test_batch.bin", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    check_refused(MBN_ERR_IO, "test_batch.bin");
}
END_TEST

START_TEST(wrong_arguments_are_named)
{
    write_test_batch(1);
    ck_fails(mbn_cifar10_load(NULL, NULL, 0, &images, &labels), MBN_ERR_ARGUMENT, "directory");
    ck_fails(mbn_cifar10_load(NULL, directory, 0, NULL, &labels), MBN_ERR_ARGUMENT, "images");
    ck_fails(mbn_cifar10_load(NULL, directory, 0, &images, NULL), MBN_ERR_ARGUMENT, "labels");
    ck_fails(mbn_cifar10_load(NULL, directory, 1, &images, &images), MBN_ERR_ARGUMENT, "images");
    ck_fails(load(2), MBN_ERR_ARGUMENT, "part is 2");
    ck_fails(load(-1), MBN_ERR_ARGUMENT, "part is -1");
    ck_fails(mbn_cifar10_load(NULL, "/nonexistent", 0, &images, &labels), MBN_ERR_IO, "/nonexistent");
    ck_fails(mbn_cifar10_load(NULL, "", 0, &images, &labels), MBN_ERR_IO, "directory");
}
END_TEST

START_TEST(classes_have_names)
{
    ck_assert_str_eq(mbn_cifar10_label(0), "airplane");
    ck_assert_str_eq(mbn_cifar10_label(9), "truck");
    ck_assert_ptr_null(mbn_cifar10_label(10));
    ck_assert_ptr_null(mbn_cifar10_label(-1));
}
END_TEST

START_TEST(every_failed_allocation_is_reported_and_leaks_nothing)
{
    unsigned char *bytes = make_records(0, 4);
    write_gzip("test_batch.bin.gz", bytes, 4 * RECORD, 4 * RECORD);
    free(bytes);
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    long long before = allocator.live;
    mbn_status status = MBN_ERR_MEMORY;
    int failures = 0;
    for (; status; failures++) {
        allocator.fail_at = allocator.calls + failures + 1;
        status = mbn_cifar10_load(context, directory, MBN_CIFAR10_TEST, &images, &labels);
        if (!status)
            break;
        ck_assert_int_eq(status, MBN_ERR_MEMORY);
        ck_assert_ptr_null(images);
        ck_assert_ptr_null(labels);
        ck_assert_int_eq(allocator.live, before);
        ck_assert_int_lt(failures, 100);
    }
    ck_assert_int_ge(failures, 5); /* path, packed, records, zlib's, tensors */
    check_records(0, 0, 4);
    mbn_tensor_destroy(images);
    mbn_tensor_destroy(labels);
    images = labels = NULL;
    ck_assert_int_eq(allocator.live, before);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(real_batch_is_balanced)
{
    const char *packed = "../shared/cifar10/data_batch_1.bin.xz";
    char command[256];
    snprintf(command, sizeof command, "xz -dc %s > %s/test_batch.bin 2>&1", packed, directory);
    if (access(packed, R_OK) || system(command)) {
        printf("data: %s is not at hand, so the real batch is not read\n", packed);
        return;
    }
    ck_ok(load(MBN_CIFAR10_TEST));
    int64_t counts[10] = {0};
    const int32_t *ids = mbn_tensor_data(labels);
    const unsigned char *pixels = mbn_tensor_data(images);
    ck_assert_int_eq(mbn_tensor_dims(images)[0], 10000);
    for (int i = 0; i < 10000; i++)
        counts[ids[i]]++;
    for (int k = 0; k < 10; k++)
        ck_assert(counts[k] > 900 && counts[k] < 1100); /* batches are balanced only together */
    unsigned char record[RECORD];
    snprintf(command, sizeof command, "%s/test_batch.bin", directory);
    FILE *file = fopen(command, "rb");
    ck_assert(!fseek(file, 4321L * RECORD, SEEK_SET) && fread(record, 1, RECORD, file) == RECORD);
    ck_assert(!fclose(file) && ids[4321] == record[0]);
    for (int k = 0; k < 3 * PIXELS; k++)
        ck_assert_uint_eq(pixels[4321 * 3 * PIXELS + k], record[1 + k % 3 * PIXELS + k / 3]);
}
END_TEST

/* As SUITE, with a directory for each test. */
int main(void)
{
    const TTest *tests[] = {planes_become_interleaved_pixels,
                            five_batches_of_different_lengths_are_joined_in_order,
                            gzip_of_several_members_is_read_whole,
                            plain_file_goes_before_packed_file,
                            length_that_is_no_multiple_of_a_record_is_refused,
                            ten_thousand_records_are_read_and_one_more_is_refused,
                            packed_file_that_expands_too_far_is_refused,
                            label_above_nine_is_refused_with_its_record,
                            packed_file_cut_anywhere_is_refused,
                            packed_file_with_a_flipped_byte_is_refused_or_the_same,
                            missing_file_is_named_with_both_names,
                            one_missing_batch_of_five_is_named,
                            directory_in_place_of_a_file_is_refused,
                            wrong_arguments_are_named,
                            classes_have_names,
                            every_failed_allocation_is_reported_and_leaks_nothing,
                            real_batch_is_balanced};
    Suite *suite = suite_create("data/cifar10");
    TCase *tcase = tcase_create("data/cifar10");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, make_directory, remove_directory);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
