/* Data sets of tensors, of drawn pictures, of CIFAR's files and of callbacks: what they hold, what they
 * refuse, and that no failed allocation is lost. Views are in test_dataset_views.c, directories in
 * test_directory.c. */
#include <stdio.h>
#include <unistd.h>
#include "data/dataset.h"
#include "support/allocator.h"
#include "support/suite.h"

enum { COUNT = 4, HEIGHT = 2, WIDTH = 3, CHANNELS = 2, PICTURE = HEIGHT * WIDTH * CHANNELS };

static unsigned char pixels[COUNT * PICTURE];
static int32_t ids[COUNT] = {2, 0, 1, 2};

/* Wraps memory as a tensor. */
static mbn_tensor *wrap(int32_t type, int32_t rank, const int64_t *dims, void *data)
{
    mbn_tensor *tensor;
    ck_ok(mbn_tensor_wrap(NULL, type, rank, dims, data, NULL, NULL, &tensor));
    return tensor;
}

static mbn_tensor *pictures(void)
{
    for (int i = 0; i < COUNT * PICTURE; i++)
        pixels[i] = (unsigned char)(3 * i + 1);
    return wrap(MBN_U8, 4, (const int64_t[]){COUNT, HEIGHT, WIDTH, CHANNELS}, pixels);
}

static mbn_tensor *labels(void)
{
    return wrap(MBN_I32, 1, (const int64_t[]){COUNT}, ids);
}

START_TEST(tensors_are_read_where_they_lie)
{
    mbn_tensor *x = pictures(), *y = labels();
    mbn_dataset *d;
    ck_ok(mbn_dataset_from_tensors(NULL, x, y, 0, &d));
    ck_assert_int_eq(mbn_dataset_count(d), COUNT);
    ck_assert_int_eq(mbn_dataset_height(d), HEIGHT);
    ck_assert_int_eq(mbn_dataset_width(d), WIDTH);
    ck_assert_int_eq(mbn_dataset_channels(d), CHANNELS);
    ck_assert_int_eq(mbn_dataset_type(d), MBN_U8);
    ck_assert_int_eq(mbn_dataset_classes(d), 3);
    ck_assert_ptr_null(mbn_dataset_class_name(d, 0));
    for (int i = 0; i < COUNT; i++) {
        unsigned char got[PICTURE];
        int32_t label = -1, again = -1;
        ck_assert_ptr_eq(mbni_dataset_pixels(d, i), pixels + i * PICTURE);
        ck_ok(mbn_dataset_read(d, i, got, sizeof got, &label));
        ck_assert_int_eq(label, ids[i]);
        ck_assert_mem_eq(got, pixels + i * PICTURE, PICTURE);
        ck_ok(mbn_dataset_label(d, i, &again));
        ck_assert_int_eq(again, ids[i]);
        ck_ok(mbn_dataset_read(d, i, got, sizeof got, NULL));
    }
    mbn_dataset_destroy(d);
    ck_ok(mbn_dataset_from_tensors(NULL, x, y, 17, &d));
    ck_assert_int_eq(mbn_dataset_classes(d), 17);
    mbn_dataset_destroy(d);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}
END_TEST

START_TEST(shares_are_labels_whose_first_largest_is_the_class)
{
    float values[2 * PICTURE] = {0.5f, -1.0f};
    float shares[] = {0.25f, 0.5f, 0.25f, 0.4f, 0.2f, 0.4f};
    mbn_tensor *x = wrap(MBN_F32, 4, (const int64_t[]){2, HEIGHT, WIDTH, CHANNELS}, values);
    mbn_tensor *y = wrap(MBN_F32, 2, (const int64_t[]){2, 3}, shares), *copy, *rows;
    mbn_dataset *d, *last;
    int32_t label;
    float got[PICTURE], row[3];
    ck_ok(mbn_dataset_from_tensors(NULL, x, y, 0, &d));
    ck_assert(d->soft && d->in_memory && d->thread_safe);
    ck_assert_int_eq(mbn_dataset_classes(d), 3);
    ck_assert_int_eq(mbn_dataset_type(d), MBN_F32);
    ck_ok(mbn_dataset_read(d, 0, got, sizeof got, &label));
    ck_assert_int_eq(label, 1);
    ck_assert_float_eq(got[1], -1.0f);
    ck_ok(mbn_dataset_subset(d, (const int64_t[]){1}, 1, &last));
    ck_ok(mbn_dataset_label(last, 0, &label));
    ck_assert_int_eq(label, 0); /* 0.4 comes twice */
    ck_ok(mbni_dataset_read(last, 0, got, NULL, row));
    ck_assert_mem_eq(row, shares + 3, sizeof row);
    ck_ok(mbn_dataset_tensors(last, &copy, &rows));
    ck_assert_int_eq(mbn_tensor_type(rows), MBN_F32);
    ck_assert_int_eq(mbn_tensor_dims(rows)[1], 3);
    ck_assert_mem_eq(mbn_tensor_data(rows), shares + 3, sizeof row);
    mbn_tensor_destroy(copy);
    mbn_tensor_destroy(rows);
    mbn_dataset_destroy(d);
    mbn_dataset_destroy(last);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}
END_TEST

static void refused(const mbn_tensor *x, const mbn_tensor *y, int64_t classes, mbn_status status,
                    const char *text)
{
    mbn_dataset *d = (mbn_dataset *)&d;
    ck_fails(mbn_dataset_from_tensors(NULL, x, y, classes, &d), status, text);
    ck_assert_ptr_null(d);
}

START_TEST(tensors_that_do_not_fit_are_refused_with_value_and_range)
{
    int32_t wrong[COUNT] = {0, 1, -1, 2};
    float floats[COUNT * 3] = {0};
    mbn_tensor *x = pictures(), *y = labels();
    mbn_tensor *flat = wrap(MBN_U8, 2, (const int64_t[]){COUNT, PICTURE}, pixels);
    mbn_tensor *bad = wrap(MBN_I32, 1, (const int64_t[]){COUNT}, wrong);
    mbn_tensor *few = wrap(MBN_I32, 1, (const int64_t[]){COUNT - 1}, ids);
    mbn_tensor *soft = wrap(MBN_F32, 2, (const int64_t[]){COUNT, 3}, floats);
    mbn_tensor *none = wrap(MBN_U8, 4, (const int64_t[]){0, 2, 2, 1}, pixels);
    mbn_tensor *no_ids = wrap(MBN_I32, 1, (const int64_t[]){0}, ids);
    mbn_dataset *d;
    refused(NULL, y, 0, MBN_ERR_ARGUMENT, "mbn_dataset_from_tensors: argument x is NULL");
    refused(x, NULL, 0, MBN_ERR_ARGUMENT, "argument y is NULL");
    ck_fails(mbn_dataset_from_tensors(NULL, x, y, 0, NULL), MBN_ERR_ARGUMENT, "out is NULL");
    refused(flat, y, 0, MBN_ERR_SHAPE, "argument x is [4, 12]");
    refused(y, y, 0, MBN_ERR_TYPE, "argument x is i32");
    refused(x, x, 0, MBN_ERR_TYPE, "argument y is u8");
    refused(x, few, 0, MBN_ERR_SHAPE, "argument y is i32 [3]; allowed are i32 [4]");
    refused(x, bad, 0, MBN_ERR_ARGUMENT, "class -1 at 2");
    refused(x, y, 2, MBN_ERR_ARGUMENT, "class 2 at 0; allowed are 0 to 1");
    refused(x, y, -1, MBN_ERR_ARGUMENT, "classes is -1");
    refused(x, soft, 4, MBN_ERR_SHAPE, "rows of 3 shares, and classes is 4");
    refused(none, no_ids, 0, MBN_ERR_ARGUMENT, "no class to count");
    ck_ok(mbn_dataset_from_tensors(NULL, none, no_ids, 5, &d));
    ck_assert_int_eq(mbn_dataset_count(d), 0);
    mbn_dataset_destroy(d);
    mbn_tensor *all[] = {x, y, flat, bad, few, soft, none, no_ids};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        mbn_tensor_destroy(all[i]);
}
END_TEST

START_TEST(drawn_pictures_are_those_of_mbn_shapes_create)
{
    mbn_dataset *d;
    mbn_tensor *x, *y, *copy, *ids_copy;
    ck_ok(mbn_dataset_shapes(NULL, 30, 16, 12, 5, &d));
    ck_ok(mbn_shapes_create(NULL, 30, 16, 12, 5, &x, &y));
    ck_ok(mbn_dataset_tensors(d, &copy, &ids_copy));
    ck_assert_int_eq(mbn_dataset_classes(d), 10);
    ck_assert_str_eq(mbn_dataset_class_name(d, 9), "target");
    ck_assert_ptr_null(mbn_dataset_class_name(d, 10));
    ck_assert_ptr_null(mbn_dataset_class_name(d, -1));
    ck_assert_int_eq(mbn_tensor_bytes(copy), 30 * 16 * 12 * 3);
    ck_assert_mem_eq(mbn_tensor_data(copy), mbn_tensor_data(x), mbn_tensor_bytes(x));
    ck_assert_mem_eq(mbn_tensor_data(ids_copy), mbn_tensor_data(y), mbn_tensor_bytes(y));
    mbn_tensor *all[] = {x, y, copy, ids_copy};
    for (int i = 0; i < 4; i++)
        mbn_tensor_destroy(all[i]);
    mbn_dataset_destroy(d);
    ck_fails(mbn_dataset_shapes(NULL, 1, 7, 32, 1, &d), MBN_ERR_ARGUMENT, "height is 7");
    ck_assert_ptr_null(d);
}
END_TEST

/* A folder of its own with one file in it. */
typedef struct folder {
    char path[64], file[128];
} folder;

static folder make_folder(const char *name, const void *bytes, size_t size)
{
    folder f;
    snprintf(f.path, sizeof f.path, "/tmp/test_dataset_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f.path));
    snprintf(f.file, sizeof f.file, "%s/%s", f.path, name);
    FILE *file = fopen(f.file, "wb");
    ck_assert(file && fwrite(bytes, 1, size, file) == size);
    ck_assert_int_eq(fclose(file), 0);
    return f;
}

static void remove_folder(const folder *f)
{
    remove(f->file);
    remove(f->path);
}

START_TEST(cifar100_has_coarse_and_fine_classes_with_names)
{
    enum { RECORD = 3074 };
    static unsigned char records[3 * RECORD];
    for (int i = 0; i < 3; i++) {
        records[i * RECORD] = (unsigned char)(i + 1);      /* coarse */
        records[i * RECORD + 1] = (unsigned char)(40 * i); /* fine */
        for (int k = 2; k < RECORD; k++)
            records[i * RECORD + k] = (unsigned char)(i + k / 7);
    }
    folder f = make_folder("train.bin", records, sizeof records);
    mbn_dataset *fine, *coarse;
    unsigned char got[3072];
    int32_t label;
    ck_ok(mbn_dataset_cifar(NULL, f.path, MBN_CIFAR100, MBN_CIFAR10_TRAIN, &fine));
    ck_ok(mbn_dataset_cifar(NULL, f.path, MBN_CIFAR100_COARSE, MBN_CIFAR10_TRAIN, &coarse));
    ck_assert_int_eq(mbn_dataset_classes(fine), 100);
    ck_assert_int_eq(mbn_dataset_classes(coarse), 20);
    ck_assert_str_eq(mbn_dataset_class_name(fine, 0), "apple");
    ck_assert_str_eq(mbn_dataset_class_name(fine, 53), "orange");
    ck_assert_str_eq(mbn_dataset_class_name(fine, 99), "worm");
    ck_assert_str_eq(mbn_dataset_class_name(coarse, 0), "aquatic_mammals");
    ck_assert_str_eq(mbn_dataset_class_name(coarse, 19), "vehicles_2");
    for (int i = 0; i < 3; i++) {
        ck_ok(mbn_dataset_label(coarse, i, &label));
        ck_assert_int_eq(label, i + 1);
        ck_ok(mbn_dataset_read(fine, i, got, sizeof got, &label));
        ck_assert_int_eq(label, 40 * i);
        for (int p = 0; p < 3072; p++)
            ck_assert_uint_eq(got[p], records[i * RECORD + 2 + p % 3 * 1024 + p / 3]);
    }
    mbn_dataset_destroy(fine);
    mbn_dataset_destroy(coarse);
    ck_fails(mbn_dataset_cifar(NULL, f.path, MBN_CIFAR100, MBN_CIFAR10_TEST, &fine), MBN_ERR_IO, "test.bin");
    ck_fails(mbn_dataset_cifar(NULL, f.path, MBN_CIFAR10, MBN_CIFAR10_TEST, &fine), MBN_ERR_IO, "test_batch");
    ck_fails(mbn_dataset_cifar(NULL, f.path, 3, MBN_CIFAR10_TEST, &fine), MBN_ERR_ARGUMENT, "set is 3");
    ck_fails(mbn_dataset_cifar(NULL, f.path, 1, 2, &fine), MBN_ERR_ARGUMENT, "part is 2");
    ck_fails(mbn_dataset_cifar(NULL, NULL, 1, 0, &fine), MBN_ERR_ARGUMENT, "directory is NULL");
    remove_folder(&f);
    records[RECORD] = 20; /* one beyond the coarse classes */
    f = make_folder("test.bin", records, sizeof records);
    ck_fails(mbn_dataset_cifar(NULL, f.path, MBN_CIFAR100, MBN_CIFAR10_TEST, &fine), MBN_ERR_FORMAT,
             "record 1: the label is 20; allowed are 0 to 19");
    remove_folder(&f);
    records[RECORD] = 19;
    records[RECORD + 1] = 100;
    f = make_folder("test.bin", records, sizeof records);
    ck_fails(mbn_dataset_cifar(NULL, f.path, MBN_CIFAR100_COARSE, MBN_CIFAR10_TEST, &fine), MBN_ERR_FORMAT,
             "record 1: the label is 100; allowed are 0 to 99");
    remove_folder(&f);
    f = make_folder("test.bin", records, sizeof records - 1);
    ck_fails(mbn_dataset_cifar(NULL, f.path, MBN_CIFAR100, MBN_CIFAR10_TEST, &fine), MBN_ERR_FORMAT,
             "1 to 50000 whole records of 3074 bytes");
    remove_folder(&f);
}
END_TEST

START_TEST(real_cifar10_is_what_mbn_cifar10_load_reads)
{
    const char *packed = "../shared/cifar10/data_batch_1.bin.xz";
    char command[256];
    mbn_dataset *d;
    mbn_tensor *x, *y, *copy, *ids_copy;
    folder f = make_folder("test_batch.bin", "", 0);
    snprintf(command, sizeof command, "xz -dc %s > %s 2>&1", packed, f.file);
    if (access(packed, R_OK) || system(command)) {
        printf("data: %s is not at hand, so the real batch is not read\n", packed);
        remove_folder(&f);
        return;
    }
    ck_ok(mbn_dataset_cifar(NULL, f.path, MBN_CIFAR10, MBN_CIFAR10_TEST, &d));
    ck_ok(mbn_cifar10_load(NULL, f.path, MBN_CIFAR10_TEST, &x, &y));
    ck_ok(mbn_dataset_tensors(d, &copy, &ids_copy));
    ck_assert_int_eq(mbn_dataset_count(d), 10000);
    ck_assert_int_eq(mbn_dataset_classes(d), 10);
    ck_assert_str_eq(mbn_dataset_class_name(d, 6), "frog");
    ck_assert(memcmp(mbn_tensor_data(copy), mbn_tensor_data(x), mbn_tensor_bytes(x)) == 0);
    ck_assert(memcmp(mbn_tensor_data(ids_copy), mbn_tensor_data(y), mbn_tensor_bytes(y)) == 0);
    mbn_tensor *all[] = {x, y, copy, ids_copy};
    for (int i = 0; i < 4; i++)
        mbn_tensor_destroy(all[i]);
    mbn_dataset_destroy(d);
    remove_folder(&f);
}
END_TEST

/* A callback that fails where it is told to. Pixel k of picture i is i + k. */
typedef struct source {
    int64_t fails_at;       /* -1: nowhere */
    int64_t wrong_class_at; /* -1: nowhere */
    int calls, without_pixels;
} source;

static int32_t read_source(void *user, int64_t index, void *target, size_t bytes, int32_t *label)
{
    source *s = user;
    s->calls++;
    s->without_pixels += !target;
    if (index == s->fails_at)
        return -7;
    ck_assert_uint_eq(bytes, target ? PICTURE * sizeof(float) : 0);
    for (int k = 0; target && k < PICTURE; k++)
        ((float *)target)[k] = (float)(index + k);
    *label = index == s->wrong_class_at ? 3 : (int32_t)(index % 3);
    return 0;
}

static mbn_dataset_callback_options source_options(source *s)
{
    mbn_dataset_callback_options options;
    mbn_dataset_callback_options_init(&options);
    options.read = read_source;
    options.user = s;
    options.count = 6;
    options.height = HEIGHT;
    options.width = WIDTH;
    options.channels = CHANNELS;
    options.classes = 3;
    options.type = MBN_F32;
    return options;
}

START_TEST(callback_is_asked_for_pictures_and_for_classes_alone)
{
    source s = {-1, -1, 0, 0};
    mbn_dataset_callback_options options = source_options(&s);
    mbn_dataset *d, *cached;
    float got[PICTURE];
    int32_t label;
    ck_ok(mbn_dataset_from_callback(NULL, &options, &d));
    ck_assert_int_eq(s.calls, 0);
    ck_assert(!d->thread_safe && !d->in_memory);
    ck_ok(mbn_dataset_read(d, 4, got, sizeof got, &label));
    ck_assert_int_eq(label, 1);
    ck_assert_float_eq(got[PICTURE - 1], 4 + PICTURE - 1);
    ck_assert_int_eq(s.without_pixels, 0);
    ck_ok(mbn_dataset_label(d, 5, &label));
    ck_assert_int_eq(label, 2);
    ck_assert_int_eq(s.without_pixels, 1);
    ck_ok(mbn_dataset_cache(d, &cached));
    mbn_dataset_destroy(d);
    const int calls = s.calls;
    for (int i = 0; i < 6; i++) {
        ck_ok(mbn_dataset_read(cached, i, got, sizeof got, &label));
        ck_assert_float_eq(got[3], (float)(i + 3));
        ck_assert_int_eq(label, i % 3);
    }
    ck_assert_int_eq(s.calls, calls); /* what is cached is not asked for again */
    mbn_dataset_destroy(cached);
}
END_TEST

START_TEST(callback_that_fails_fails_the_call_and_is_named)
{
    source s = {2, 4, 0, 0};
    mbn_dataset_callback_options options = source_options(&s);
    mbn_dataset *d, *out;
    mbn_tensor *x, *y;
    float got[PICTURE];
    int32_t label;
    for (options.is_thread_safe = 0; options.is_thread_safe < 2; options.is_thread_safe++) {
        mbn_context_options serial;
        mbn_context *context;
        mbn_context_options_init(&serial);
        serial.threads = 1; /* the counters of the callback are plain */
        ck_ok(mbn_context_create(&serial, &context));
        ck_ok(mbn_dataset_from_callback(context, &options, &d));
        ck_fails(mbn_dataset_read(d, 2, got, sizeof got, &label), MBN_ERR_CALLBACK,
                 "mbn_dataset_read: the data set's callback failed with -7 on picture 2");
        ck_fails(mbn_dataset_label(d, 4, &label), MBN_ERR_CALLBACK,
                 "gave class 3 to picture 4; allowed are 0 to 2");
        ck_fails(mbn_dataset_tensors(d, &x, &y), MBN_ERR_CALLBACK,
                 "mbn_dataset_tensors: the data set's callback failed with -7 on picture 2");
        ck_assert(x == NULL && y == NULL);
        ck_fails(mbn_dataset_cache(d, &out), MBN_ERR_CALLBACK, "picture 2");
        ck_assert_ptr_null(out);
        ck_fails(mbn_dataset_balance(d, 1, &out), MBN_ERR_CALLBACK, "picture 2");
        ck_assert_ptr_null(out);
        mbn_dataset_destroy(d);
        mbn_context_destroy(context);
    }
}
END_TEST

START_TEST(callback_options_are_checked)
{
    source s = {-1, -1, 0, 0};
    mbn_dataset_callback_options options = source_options(&s);
    mbn_dataset *d;
#define REFUSED(field, value, text)                                                      \
    do {                                                                                 \
        options = source_options(&s);                                                    \
        options.field = (value);                                                         \
        ck_fails(mbn_dataset_from_callback(NULL, &options, &d), MBN_ERR_ARGUMENT, text); \
        ck_assert_ptr_null(d);                                                           \
    } while (0)
    REFUSED(read, NULL, "options.read is NULL");
    REFUSED(count, -1, "options.count is -1");
    REFUSED(height, 0, "options.height is 0; allowed are 1 to 65535");
    REFUSED(width, 65536, "options.width is 65536");
    REFUSED(channels, 4097, "options.channels is 4097");
    REFUSED(classes, 0, "options.classes is 0");
    REFUSED(type, MBN_I8, "options.type is 2");
    REFUSED(struct_size, 1, "struct_size of options is 1");
#undef REFUSED
    ck_fails(mbn_dataset_from_callback(NULL, NULL, &d), MBN_ERR_ARGUMENT, "options.read is NULL");
    options = source_options(&s);
    options.count = INT64_MAX / 2;
    ck_fails(mbn_dataset_from_callback(NULL, &options, &d), MBN_ERR_MEMORY, "more than can be addressed");
    mbn_dataset_callback_options_init(&options);
    ck_assert(options.channels == 3 && options.type == MBN_U8 && !options.is_thread_safe);
}
END_TEST

START_TEST(wrong_reads_are_refused)
{
    mbn_tensor *x = pictures(), *y = labels();
    mbn_dataset *d;
    unsigned char got[PICTURE];
    int32_t label;
    ck_ok(mbn_dataset_from_tensors(NULL, x, y, 0, &d));
    ck_fails(mbn_dataset_read(d, -1, got, PICTURE, &label), MBN_ERR_ARGUMENT, "index is -1");
    ck_fails(mbn_dataset_read(d, COUNT, got, PICTURE, &label), MBN_ERR_ARGUMENT,
             "index is 4; the data set has 4 pictures");
    ck_fails(mbn_dataset_read(d, 0, got, PICTURE - 1, &label), MBN_ERR_ARGUMENT,
             "bytes is 11; a picture has 12");
    ck_fails(mbn_dataset_read(d, 0, NULL, PICTURE, &label), MBN_ERR_ARGUMENT, "pixels is NULL");
    ck_fails(mbn_dataset_read(NULL, 0, got, PICTURE, &label), MBN_ERR_ARGUMENT, "dataset is NULL");
    ck_fails(mbn_dataset_label(d, 0, NULL), MBN_ERR_ARGUMENT, "label is NULL");
    ck_fails(mbn_dataset_label(d, INT64_MIN, &label), MBN_ERR_ARGUMENT, "index is -9223372036854775808");
    ck_assert(mbn_dataset_count(NULL) == 0 && mbn_dataset_height(NULL) == 0 && mbn_dataset_width(NULL) == 0 &&
              mbn_dataset_channels(NULL) == 0 && mbn_dataset_classes(NULL) == 0 &&
              mbn_dataset_type(NULL) == -1);
    ck_assert_ptr_null(mbn_dataset_class_name(NULL, 0));
    mbn_dataset_destroy(NULL);
    mbn_dataset_destroy(d);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}
END_TEST

/* Every way to make a data set in memory, one after the other; 0 when all succeed. */
static mbn_status make_everything(mbn_context *context, const mbn_tensor *x, const mbn_tensor *y)
{
    source s = {-1, -1, 0, 0};
    const mbn_dataset_callback_options options = source_options(&s);
    mbn_dataset *made[8] = {0}, **d = made;
    mbn_tensor *copy = NULL, *ids_copy = NULL;
    mbn_status status = mbn_dataset_from_tensors(context, x, y, 0, &d[0]);
    status = status ? status : mbn_dataset_shapes(context, 10, 8, 8, 1, &d[1]);
    status = status ? status : mbn_dataset_from_callback(context, &options, &d[2]);
    status = status ? status : mbn_dataset_split(d[2], 0.5, 1, 1, &d[3], &d[4]);
    status = status ? status : mbn_dataset_balance(d[3], 1, &d[5]);
    status = status ? status : mbn_dataset_shuffle(d[5], 1, &d[6]);
    status = status ? status : mbn_dataset_cache(d[6], &d[7]);
    status = status ? status : mbn_dataset_tensors(d[7], &copy, &ids_copy);
    for (int i = 0; i < 8; i++)
        mbn_dataset_destroy(made[i]);
    mbn_tensor_destroy(copy);
    mbn_tensor_destroy(ids_copy);
    return status;
}

START_TEST(every_failed_allocation_is_reported_and_leaks_nothing)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    mbn_tensor *x = pictures(), *y = labels();
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    const long long before = allocator.live;
    int failures = 0;
    for (;; failures++) {
        allocator.fail_at = allocator.calls + failures + 1;
        mbn_status status = make_everything(context, x, y);
        ck_assert_int_eq(allocator.live, before);
        if (!status)
            break;
        ck_assert_int_eq(status, MBN_ERR_MEMORY);
        ck_assert_int_lt(failures, 100);
    }
    ck_assert_int_ge(failures, 25);
    mbn_context_destroy(context);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}
END_TEST

SUITE("data/dataset", tensors_are_read_where_they_lie, shares_are_labels_whose_first_largest_is_the_class,
      tensors_that_do_not_fit_are_refused_with_value_and_range, drawn_pictures_are_those_of_mbn_shapes_create,
      cifar100_has_coarse_and_fine_classes_with_names, real_cifar10_is_what_mbn_cifar10_load_reads,
      callback_is_asked_for_pictures_and_for_classes_alone, callback_that_fails_fails_the_call_and_is_named,
      callback_options_are_checked, wrong_reads_are_refused,
      every_failed_allocation_is_reported_and_leaks_nothing)
