/* Training, evaluation and prediction on data sets: the same bits wherever pictures come from and whoever
 * reads them, augmentation that depends on the seed alone, and readers that fail or are left on their way. */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "support/allocator.h"
#include "support/training.h"

enum { SIDE = 32, BYTES = SIDE * SIDE * 3 };

/* A host's function over tensors. */
typedef struct reader {
    const mbn_tensor *x, *y;
    int64_t fails_at; /* this picture cannot be read; -1: all can */
    int64_t sleeps_at;
    atomic_llong calls;
} reader;

static int32_t read_picture(void *user, int64_t index, void *pixels, size_t bytes, int32_t *label)
{
    reader *r = user;
    ck_assert_uint_eq(bytes, BYTES);
    atomic_fetch_add(&r->calls, 1);
    if (index % 7 == r->sleeps_at) /* others overtake it */
        usleep(500);
    if (index == r->fails_at)
        return -5;
    memcpy(pixels, (const uint8_t *)mbn_tensor_data(r->x) + index * BYTES, BYTES);
    *label = ((const int32_t *)mbn_tensor_data(r->y))[index];
    return 0;
}

static mbn_dataset *read_by(mbn_context *context, reader *r, int32_t thread_safe)
{
    mbn_dataset *d;
    mbn_dataset_callback_options options;
    mbn_dataset_callback_options_init(&options);
    options.read = read_picture;
    options.user = r;
    options.count = mbn_tensor_dims(r->x)[0];
    options.height = options.width = SIDE;
    options.channels = 3;
    options.classes = 10;
    options.type = MBN_U8;
    options.is_thread_safe = thread_safe;
    ck_ok(mbn_dataset_from_callback(context, &options, &d));
    return d;
}

static mbn_dataset *of_tensors(const fixture *f)
{
    mbn_dataset *d;
    ck_ok(mbn_dataset_from_tensors(f->context, f->x, f->y, 10, &d));
    return d;
}

/* Who reads the pictures. */
enum { TENSORS, DATASET, ONE_READER, MANY_READERS, CALLER, SOURCES };

static mbn_status fit_from(fixture *f, int source, reader *r, mbn_fit_options *options, mbn_history **history)
{
    r->x = f->x;
    r->y = f->y;
    if (source == TENSORS)
        return mbn_fit(f->model, f->x, f->y, options, history);
    mbn_dataset *d = source == DATASET ? of_tensors(f) : read_by(f->context, r, source != CALLER);
    options->readers = source == MANY_READERS ? 5 : 1;
    options->batches_ahead = source == MANY_READERS ? 3 : 1;
    const mbn_status status = mbn_fit_dataset(f->model, d, NULL, options, history);
    mbn_dataset_destroy(d);
    return status;
}

static void same_from_all(const mbn_augment_options *augment, int64_t pictures)
{
    fixture first = set_up(1, pictures);
    reader r = {.fails_at = -1, .sleeps_at = 3};
    mbn_fit_options options = fit_options(16, 2);
    options.augment = augment;
    ck_ok(fit_from(&first, TENSORS, &r, &options, NULL));
    for (int source = TENSORS; source < SOURCES; source++) {
        fixture f = set_up(source % 3 + 1, pictures);
        ck_ok(fit_from(&f, source, &r, &options, NULL));
        ck_assert_msg(same_weights(first.model, f.model), "source %d trains other weights", source);
        tear_down(&f);
    }
    tear_down(&first);
}

START_TEST(pictures_train_alike_wherever_they_come_from)
{
    same_from_all(NULL, unless_valgrind(75, 20));
}
END_TEST

static mbn_augment_options strong(void)
{
    mbn_augment_options a;
    mbn_augment_standard_init(&a);
    a.cutout = 0.5;
    a.mixup = 0.4;
    a.cutmix = 0.4;
    return a;
}

START_TEST(augmented_pictures_depend_on_the_seed_alone)
{
    mbn_augment_options standard, mixing = strong();
    mbn_augment_standard_init(&standard);
    same_from_all(&standard, unless_valgrind(75, 20));
    same_from_all(&mixing, unless_valgrind(40, 18));
    same_from_all(&mixing, 1); /* no partner */
    fixture plain = set_up(1, 40), changed = set_up(1, 40), other = set_up(1, 40);
    mbn_fit_options options = fit_options(16, 1);
    ck_ok(mbn_fit(plain.model, plain.x, plain.y, &options, NULL));
    options.augment = &standard;
    ck_ok(mbn_fit(changed.model, changed.x, changed.y, &options, NULL));
    options.seed++;
    ck_ok(mbn_fit(other.model, other.x, other.y, &options, NULL));
    ck_assert(!same_weights(plain.model, changed.model));
    ck_assert(!same_weights(changed.model, other.model));
    tear_down(&plain);
    tear_down(&changed);
    tear_down(&other);
}
END_TEST

static void run_reversed(void *user, mbn_task_fn task, void *data, int64_t count)
{
    (void)user;
    for (int64_t i = count; i-- > 0;)
        task(data, i);
}

START_TEST(a_host_s_executor_gives_the_same_bits)
{
    mbn_augment_options augment = strong();
    mbn_context_options reversed;
    mbn_context_options_init(&reversed);
    reversed.threads = 2;
    reversed.execute = run_reversed;
    fixture a = set_up(1, 40), b = {0};
    ck_ok(mbn_context_create(&reversed, &b.context));
    b.model = small_net(b.context, 3);
    compile_adam(b.model);
    ck_ok(mbn_shapes_create(b.context, 40, 32, 32, 5, &b.x, &b.y));
    mbn_fit_options options = fit_options(16, 1);
    options.augment = &augment;
    ck_ok(mbn_fit(a.model, a.x, a.y, &options, NULL));
    ck_ok(mbn_fit(b.model, b.x, b.y, &options, NULL));
    ck_assert(same_weights(a.model, b.model));
    tear_down(&a);
    tear_down(&b);
}
END_TEST

static int32_t stop_at_second(void *user, mbn_model *model, const mbn_fit_event *event)
{
    const char *path = user;
    if (event->batch < 1)
        return 0;
    if (path)
        ck_ok(mbn_checkpoint_save(model, path));
    return 1;
}

/* Within an epoch, with readers ahead of the place where it stops. */
START_TEST(a_stopped_epoch_goes_on_with_the_same_augmentation)
{
    char path[] = "/tmp/mbn-feeding-XXXXXX";
    ck_assert_int_ge(mkstemp(path), 0);
    mbn_augment_options augment = strong();
    mbn_fit_options options = fit_options(8, 2);
    options.augment = &augment;
    for (int source = TENSORS; source < SOURCES; source += (int)unless_valgrind(1, 3)) {
        fixture whole = set_up(2, 50), parts = set_up(2, 50);
        reader r = {.fails_at = -1, .sleeps_at = 2};
        ck_ok(fit_from(&whole, source, &r, &options, NULL));
        options.on_batch_end = stop_at_second;
        options.callback_user = path;
        ck_ok(fit_from(&parts, source, &r, &options, NULL));
        options.on_batch_end = NULL;
        mbn_model_destroy(parts.model);
        ck_ok(mbn_checkpoint_load(parts.context, path, &parts.model));
        ck_ok(fit_from(&parts, source, &r, &options, NULL));
        ck_assert_msg(same_weights(whole.model, parts.model), "source %d", source);
        tear_down(&whole);
        tear_down(&parts);
    }
    remove(path);
}
END_TEST

/* Always the same one is told, however many read; what has been trained stays. */
START_TEST(a_picture_that_cannot_be_read_ends_the_call)
{
    for (int source = ONE_READER; source <= CALLER; source++) {
        fixture f = set_up(2, 40);
        reader r = {.fails_at = 21, .sleeps_at = 0};
        mbn_fit_options options = fit_options(8, 3);
        mbn_history *history;
        options.shuffle = 0;
        ck_fails(fit_from(&f, source, &r, &options, &history), MBN_ERR_CALLBACK, "picture 21");
        ck_assert_int_eq(mbn_history_epochs(history), 0);
        mbn_history_destroy(history);
        r.fails_at = -1;
        ck_ok(fit_from(&f, source, &r, &options, &history));
        ck_assert_int_eq(mbn_history_epochs(history), 3);
        mbn_history_destroy(history);
        tear_down(&f);
    }
}
END_TEST

START_TEST(readers_keep_to_what_they_may_be_ahead)
{
    fixture f = set_up(1, 200);
    reader r = {.fails_at = -1, .sleeps_at = -1};
    mbn_fit_options options = fit_options(8, 1);
    options.on_batch_end = stop_at_second;
    ck_ok(fit_from(&f, ONE_READER, &r, &options, NULL));
    ck_assert_int_ge(r.calls, 16);
    ck_assert_int_le(r.calls, (2 + 2) * 8);
    tear_down(&f);
}
END_TEST

START_TEST(validation_and_evaluation_take_data_sets)
{
    fixture a = set_up(2, 48), b = set_up(2, 48);
    mbn_tensor *val_x, *val_y;
    mbn_history *wanted, *history;
    double x, y, loss[2], accuracy[2];
    ck_ok(mbn_shapes_create(b.context, 30, SIDE, SIDE, 9, &val_x, &val_y));
    mbn_fit_options options = fit_options(16, 2);
    options.validation_x = val_x;
    options.validation_y = val_y;
    ck_ok(mbn_fit(a.model, a.x, a.y, &options, &wanted));
    options.validation_x = options.validation_y = NULL;
    reader r = {val_x, val_y, -1, 1, 0};
    mbn_dataset *train = of_tensors(&b), *val = read_by(b.context, &r, 1);
    ck_ok(mbn_fit_dataset(b.model, train, val, &options, &history));
    ck_assert(same_weights(a.model, b.model));
    for (int epoch = 0; epoch < 2; epoch++) {
        ck_ok(mbn_history_get(wanted, "val_loss", epoch, &x));
        ck_ok(mbn_history_get(history, "val_loss", epoch, &y));
        ck_assert_double_eq(x, y);
    }
    ck_ok(mbn_evaluate(a.model, val_x, val_y, 7, &loss[0], &accuracy[0]));
    ck_ok(mbn_evaluate_dataset(b.model, val, 7, &loss[1], &accuracy[1]));
    ck_assert_double_eq(loss[0], loss[1]);
    ck_assert_double_eq(accuracy[0], accuracy[1]);
    mbn_history_destroy(wanted);
    mbn_history_destroy(history);
    mbn_dataset_destroy(train);
    mbn_dataset_destroy(val);
    mbn_tensor_destroy(val_x);
    mbn_tensor_destroy(val_y);
    tear_down(&a);
    tear_down(&b);
}
END_TEST

START_TEST(prediction_takes_data_sets)
{
    fixture f = set_up(2, 37);
    reader r = {f.x, f.y, -1, 1, 0};
    mbn_tensor *wanted, *out;
    mbn_dataset *sets[3] = {of_tensors(&f), read_by(f.context, &r, 1), read_by(f.context, &r, 0)};
    ck_ok(mbn_predict(f.model, f.x, &wanted));
    for (int i = 0; i < 3; i++) {
        ck_ok(mbn_predict_dataset(f.model, sets[i], i * 5, &out));
        ck_assert_int_eq(mbn_tensor_dims(out)[0], 37);
        ck_assert_mem_eq(mbn_tensor_data(out), mbn_tensor_data(wanted), mbn_tensor_bytes(out));
        mbn_tensor_destroy(out);
    }
    r.fails_at = 30;
    ck_fails(mbn_predict_dataset(f.model, sets[1], 4, &out), MBN_ERR_CALLBACK, "picture 30");
    ck_assert_ptr_null(out);
    for (int i = 0; i < 3; i++)
        mbn_dataset_destroy(sets[i]);
    mbn_tensor_destroy(wanted);
    tear_down(&f);
}
END_TEST

/* One folder for each class, a PPM file for each picture. */
static void write_folders(const char *root, const fixture *f, int64_t pictures)
{
    char path[300];
    for (int class_id = 0; class_id < 10; class_id++) {
        snprintf(path, sizeof path, "%s/%d", root, class_id);
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
    for (int64_t i = 0; i < pictures; i++) {
        snprintf(path, sizeof path, "%s/%d/%lld.ppm", root, ((const int32_t *)mbn_tensor_data(f->y))[i],
                 (long long)i);
        FILE *file = fopen(path, "wb");
        ck_assert_ptr_nonnull(file);
        fprintf(file, "P6\n%d %d\n255\n", SIDE, SIDE);
        ck_assert_uint_eq(fwrite((const uint8_t *)mbn_tensor_data(f->x) + i * BYTES, 1, BYTES, file), BYTES);
        ck_assert_int_eq(fclose(file), 0);
    }
}

static void remove_folders(const char *root)
{
    char command[300];
    snprintf(command, sizeof command, "rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
}

/* Files, the same files cached, and the same pictures as tensors. */
START_TEST(a_directory_trains_as_its_pictures_in_memory_do)
{
    char root[] = "/tmp/mbn-folders-XXXXXX";
    mbn_augment_options augment = strong();
    fixture files = set_up(2, 60), memory = set_up(2, 60), cached = set_up(1, 60);
    mbn_directory_options directory;
    mbn_dataset *sets[2], *cache;
    mbn_tensor *x, *y;
    ck_assert_ptr_nonnull(mkdtemp(root));
    write_folders(root, &files, 60);
    mbn_directory_options_init(&directory);
    directory.height = directory.width = SIDE;
    ck_ok(mbn_dataset_directory(files.context, root, &directory, &sets[0]));
    ck_ok(mbn_dataset_directory(cached.context, root, &directory, &sets[1]));
    ck_assert_int_eq(mbn_dataset_count(sets[0]), 60);
    ck_ok(mbn_dataset_cache(sets[1], &cache));
    ck_ok(mbn_dataset_tensors(sets[0], &x, &y));
    mbn_fit_options options = fit_options(16, 2);
    options.augment = &augment;
    options.readers = 3;
    ck_ok(mbn_fit(memory.model, x, y, &options, NULL));
    ck_ok(mbn_fit_dataset(files.model, sets[0], NULL, &options, NULL));
    ck_ok(mbn_fit_dataset(cached.model, cache, NULL, &options, NULL));
    ck_assert(same_weights(memory.model, files.model));
    ck_assert(same_weights(memory.model, cached.model));
    mbn_dataset_destroy(cache);
    mbn_dataset_destroy(sets[0]);
    mbn_dataset_destroy(sets[1]);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    remove_folders(root);
    tear_down(&files);
    tear_down(&memory);
    tear_down(&cached);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_by_name)
{
    fixture f = set_up(1, 20), other = set_up(1, 20);
    mbn_tensor *numbers, *large, *labels;
    mbn_dataset *d, *own = of_tensors(&f), *foreign = of_tensors(&other);
    const int64_t dims[4] = {20, 32, 32, 3}, none[4] = {0, 32, 32, 3};
    mbn_fit_options o = fit_options(8, 1);
    ck_fails(mbn_fit_dataset(NULL, own, NULL, &o, NULL), MBN_ERR_ARGUMENT, "model is NULL");
    ck_fails(mbn_fit_dataset(f.model, NULL, NULL, &o, NULL), MBN_ERR_ARGUMENT, "train is NULL");
    ck_fails(mbn_fit_dataset(f.model, foreign, NULL, &o, NULL), MBN_ERR_ARGUMENT, "another context");
    ck_fails(mbn_fit_dataset(f.model, own, foreign, &o, NULL), MBN_ERR_ARGUMENT, "validation");
    ck_fails(mbn_predict_dataset(f.model, own, -1, &numbers), MBN_ERR_ARGUMENT, "batch_size is -1");
    ck_fails(mbn_predict_dataset(f.model, own, 1, NULL), MBN_ERR_ARGUMENT, "out is NULL");
    ck_fails(mbn_evaluate_dataset(f.model, own, -3, NULL, NULL), MBN_ERR_ARGUMENT, "batch_size is -3");
    o.readers = 65;
    ck_fails(mbn_fit_dataset(f.model, own, NULL, &o, NULL), MBN_ERR_ARGUMENT, "readers is 65");
    ck_fails(mbn_fit(f.model, f.x, f.y, &o, NULL), MBN_ERR_ARGUMENT, "readers is 65");
    o.readers = 0;
    o.batches_ahead = -1;
    ck_fails(mbn_fit_dataset(f.model, own, NULL, &o, NULL), MBN_ERR_ARGUMENT, "batches_ahead is -1");
    o.batches_ahead = 0;
    o.validation_split = 0.5;
    ck_fails(mbn_fit_dataset(f.model, own, NULL, &o, NULL), MBN_ERR_ARGUMENT, "validation_split");
    o.validation_split = 0;
    ck_ok(mbn_dataset_from_tensors(f.context, f.x, f.y, 11, &d));
    ck_fails(mbn_fit_dataset(f.model, d, NULL, &o, NULL), MBN_ERR_SHAPE, "11 classes; the model has 10");
    mbn_dataset_destroy(d);
    ck_ok(mbn_shapes_create(f.context, 20, 33, 32, 5, &large, &labels));
    ck_ok(mbn_dataset_from_tensors(f.context, large, labels, 10, &d));
    ck_fails(mbn_fit_dataset(f.model, d, NULL, &o, NULL), MBN_ERR_SHAPE, "33 x 32");
    ck_fails(mbn_predict_dataset(f.model, d, 0, &numbers), MBN_ERR_SHAPE, "33 x 32");
    mbn_dataset_destroy(d);
    mbn_tensor_destroy(large);
    mbn_augment_options augment;
    mbn_augment_standard_init(&augment);
    o.augment = &augment;
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, dims, &numbers));
    ck_fails(mbn_fit(f.model, numbers, f.y, &o, NULL), MBN_ERR_TYPE, "augment");
    mbn_tensor_destroy(numbers);
    augment.flip = 1.5;
    ck_fails(mbn_fit(f.model, f.x, f.y, &o, NULL), MBN_ERR_ARGUMENT, "flip is 1.5");
    ck_ok(mbn_tensor_create(NULL, MBN_U8, 4, none, &numbers));
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, none, &large));
    ck_ok(mbn_dataset_from_tensors(f.context, numbers, large, 10, &d));
    ck_fails(mbn_fit_dataset(f.model, d, NULL, NULL, NULL), MBN_ERR_SHAPE, "no pictures");
    mbn_dataset_destroy(d);
    mbn_tensor_destroy(numbers);
    mbn_tensor_destroy(large);
    mbn_tensor_destroy(labels);
    mbn_dataset_destroy(own);
    mbn_dataset_destroy(foreign);
    tear_down(&f);
    tear_down(&other);
}
END_TEST

START_TEST(every_failing_allocation_is_an_error_and_leaks_nothing)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_augment_options augment = strong();
    fixture f = {0};
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    options.threads = 2;
    ck_ok(mbn_context_create(&options, &f.context));
    ck_ok(mbn_shapes_create(NULL, 12, SIDE, SIDE, 5, &f.x, &f.y));
    reader r = {f.x, f.y, -1, -1, 0};
    mbn_fit_options fit = fit_options(8, 1);
    fit.augment = &augment;
    f.model = small_net(f.context, 3);
    mbn_dataset *d = read_by(f.context, &r, 1);
    mbn_status status = MBN_ERR_MEMORY;
    int failures = 0;
    for (int k = 1; status; k++, failures++) {
        mbn_tensor *out = NULL;
        ck_ok(mbn_compile(f.model, NULL));
        const int64_t before = allocator.live;
        allocator.fail_at = allocator.calls + k;
        status = mbn_fit_dataset(f.model, d, d, &fit, NULL);
        if (!status)
            status = mbn_evaluate_dataset(f.model, d, 0, NULL, NULL);
        if (!status)
            status = mbn_predict_dataset(f.model, d, 0, &out);
        allocator.fail_at = 0;
        mbn_tensor_destroy(out);
        ck_assert(status == MBN_OK || status == MBN_ERR_MEMORY);
        ck_ok(mbn_compile(f.model, NULL));
        ck_assert_int_le(allocator.live, before + 4); /* what prediction keeps in the model */
    }
    ck_assert_int_ge(failures, 10);
    mbn_dataset_destroy(d);
    tear_down(&f);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

SUITE("feeding", pictures_train_alike_wherever_they_come_from, augmented_pictures_depend_on_the_seed_alone,
      a_host_s_executor_gives_the_same_bits, a_stopped_epoch_goes_on_with_the_same_augmentation,
      a_picture_that_cannot_be_read_ends_the_call, readers_keep_to_what_they_may_be_ahead,
      validation_and_evaluation_take_data_sets, prediction_takes_data_sets,
      a_directory_trains_as_its_pictures_in_memory_do, what_does_not_fit_is_refused_by_name,
      every_failing_allocation_is_an_error_and_leaks_nothing)
