/* Weights of a file into a model that is there, and checkpoints. */
#include "io/files.h"

typedef struct two {
    const char *first; /* name of the first dense layer */
    int64_t middle, classes;
} two;

/* Two dense layers on 12 inputs. */
static mbn_model *two_layers(const two *n)
{
    mbn_model *model;
    mbn_dense_options dense;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 2, 2, 3));
    ck_ok(mbn_model_add_flatten(model, NULL));
    mbn_dense_options_init(&dense);
    dense.name = n->first;
    dense.units = n->middle;
    ck_ok(mbn_model_add_dense(model, &dense));
    dense.name = "head";
    dense.units = n->classes;
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_set_seed(model, 5));
    ck_ok(mbn_model_build(model));
    return model;
}

static const char *save_two(char directory[256])
{
    static char path[300];
    mbn_model *model = two_layers(&(two){"body", 5, 4});
    set_values(model);
    snprintf(path, sizeof path, "%s/two.mbn", temporary_directory(directory));
    ck_ok(mbn_model_save(model, path, NULL));
    mbn_model_destroy(model);
    return path;
}

/* Does the parameter hold what set_values gave the parameter of that number in the file? */
static int holds(const mbn_model *model, const char *name, size_t number)
{
    mbn_tensor *tensor;
    ck_ok(mbn_model_get_parameter(model, name, &tensor));
    int same = 1;
    for (int64_t i = 0; i < mbn_tensor_count(tensor); i++)
        same &= ((float *)mbn_tensor_data(tensor))[i] == value_for(number, i);
    mbn_tensor_destroy(tensor);
    return same;
}

START_TEST(all_weights_of_a_fitting_file_are_copied)
{
    char directory[256];
    const char *path = save_two(directory);
    mbn_model *model = two_layers(&(two){"body", 5, 4});
    int64_t loaded = -1;
    ck_assert(!holds(model, "body/kernel", 0));
    ck_ok(mbn_model_load_weights(model, path, 0, &loaded));
    ck_assert_int_eq(loaded, 4);
    ck_assert(holds(model, "body/kernel", 0) && holds(model, "body/bias", 1));
    ck_assert(holds(model, "head/kernel", 2) && holds(model, "head/bias", 3));
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

START_TEST(strict_loading_that_fails_names_the_parameter_and_changes_nothing)
{
    char directory[256];
    const char *path = save_two(directory);
    static const struct {
        two n;
        mbn_status status;
        const char *said;
    } cases[] = {
        {{"body", 5, 3}, MBN_ERR_SHAPE, "'head/kernel' has shape [5, 4]; the model needs [5, 3]"},
        {{"body", 6, 4}, MBN_ERR_SHAPE, "'body/kernel' has shape [12, 5]; the model needs [12, 6]"},
        {{"other", 5, 4}, MBN_ERR_NOT_FOUND, "'other/kernel'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mbn_model *model = two_layers(&cases[i].n), *before = two_layers(&cases[i].n);
        int64_t loaded = -1;
        ck_fails(mbn_model_load_weights(model, path, 0, &loaded), cases[i].status, cases[i].said);
        ck_assert_int_eq(loaded, 0);
        same_parameters(before, model);
        mbn_model_destroy(before);
        mbn_model_destroy(model);
    }
    remove_directory(directory);
}
END_TEST

START_TEST(partial_loading_copies_what_fits)
{
    char directory[256];
    const char *path = save_two(directory);
    mbn_model *model = two_layers(&(two){"body", 5, 3}), *before = two_layers(&(two){"body", 5, 3});
    int64_t loaded;
    ck_ok(mbn_model_load_weights(model, path, 1, &loaded));
    ck_assert_int_eq(loaded, 2);
    ck_assert(holds(model, "body/kernel", 0) && holds(model, "body/bias", 1));
    mbn_tensor *p, *q;
    ck_ok(mbn_model_get_parameter(model, "head/kernel", &p));
    ck_ok(mbn_model_get_parameter(before, "head/kernel", &q));
    ck_assert(memcmp(mbn_tensor_data(p), mbn_tensor_data(q), mbn_tensor_bytes(p)) == 0);
    mbn_tensor_destroy(p);
    mbn_tensor_destroy(q);
    mbn_model_destroy(model);
    model = two_layers(&(two){"other", 7, 3});
    ck_ok(mbn_model_load_weights(model, path, 1, &loaded));
    ck_assert_int_eq(loaded, 0);
    ck_ok(mbn_model_load_weights(model, path, 1, NULL));
    mbn_model_destroy(before);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

START_TEST(damaged_file_changes_no_weight)
{
    char directory[256];
    const char *path = save_two(directory);
    mbn_model *model = two_layers(&(two){"body", 5, 4}), *before = two_layers(&(two){"body", 5, 4});
    size_t bytes;
    unsigned char *data = read_file(path, &bytes);
    test_file *file = take_apart(data, bytes);
    data[section_of(file, 4, "head/bias")->offset + 9] ^= 4;
    write_file(path, data, bytes);
    for (int32_t partial = 0; partial < 2; partial++) {
        ck_fails(mbn_model_load_weights(model, path, partial, NULL), MBN_ERR_FORMAT, "head/bias");
        same_parameters(before, model);
    }
    /* A stream that is wrong under a right CRC is found only when the values before it have been read. */
    section_of(file, 4, "head/bias")->payload[9] ^= 4;
    buffer other = assemble(file, NULL);
    write_file(path, other.data, other.count);
    ck_fails(mbn_model_load_weights(model, path, 0, NULL), MBN_ERR_FORMAT, "head/bias");
    same_parameters(before, model);
    free(other.data);
    free_file(file);
    free(data);
    mbn_model_destroy(before);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

START_TEST(predictions_follow_loaded_weights)
{
    char directory[256];
    const char *path = save_two(directory);
    mbn_model *model = two_layers(&(two){"body", 5, 4}), *whole;
    mbn_tensor *x, *before, *after, *expected;
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, (const int64_t[]){1, 2, 2, 3}, &x));
    for (int64_t i = 0; i < 12; i++)
        ((float *)mbn_tensor_data(x))[i] = value_for(7, i);
    ck_ok(mbn_predict(model, x, &before));
    ck_ok(mbn_model_load_weights(model, path, 0, NULL));
    ck_ok(mbn_predict(model, x, &after));
    ck_ok(mbn_model_load(NULL, path, &whole));
    ck_ok(mbn_predict(whole, x, &expected));
    ck_assert(memcmp(mbn_tensor_data(before), mbn_tensor_data(after), 16) != 0);
    ck_assert(memcmp(mbn_tensor_data(expected), mbn_tensor_data(after), 16) == 0);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(before);
    mbn_tensor_destroy(after);
    mbn_tensor_destroy(expected);
    mbn_model_destroy(whole);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

static mbn_fit_options two_epochs(void)
{
    mbn_fit_options options;
    mbn_fit_options_init(&options);
    options.batch_size = 8;
    options.epochs = 2;
    options.seed = 3;
    return options;
}

static mbn_model *trained(mbn_tensor *x, mbn_tensor *y, int32_t optimizer)
{
    mbn_mobilenet_options net;
    mbn_compile_options compile;
    mbn_model *model;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.classes = 10;
    net.alpha = 0.05;
    net.shallow = 1;
    ck_ok(mbn_mobilenet_create(NULL, &net, &model));
    ck_ok(mbn_model_set_trainable(model, "conv1", 0));
    mbn_compile_options_init(&compile);
    compile.optimizer = optimizer;
    compile.momentum = optimizer <= MBN_OPTIMIZER_RMSPROP ? 0.5 : 0;
    ck_ok(mbn_compile(model, &compile));
    mbn_fit_options fit = two_epochs();
    ck_ok(mbn_fit(model, x, y, &fit, NULL));
    return model;
}

START_TEST(training_goes_on_from_a_checkpoint_bit_for_bit)
{
    char directory[256];
    mbn_tensor *x, *y;
    ck_ok(mbn_shapes_create(NULL, 30, 32, 32, 1, &x, &y));
    temporary_directory(directory);
    for (int32_t optimizer = 0; optimizer <= MBN_OPTIMIZER_ADAMW; optimizer++) {
        mbn_model *model = trained(x, y, optimizer), *loaded, *plain;
        const char *path = in_directory(directory, "c.mbn");
        mbn_fit_options fit = two_epochs();
        ck_ok(mbn_checkpoint_save(model, path));
        ck_ok(mbn_checkpoint_load(NULL, path, &loaded));
        ck_ok(mbn_model_load(NULL, path, &plain));
        same_models(model, loaded);
        same_models(model, plain);
        ck_fails(mbn_fit(plain, x, y, &fit, NULL), MBN_ERR_STATE, "compile");
        ck_ok(mbn_fit(model, x, y, &fit, NULL));
        ck_ok(mbn_fit(loaded, x, y, &fit, NULL));
        same_parameters(model, loaded);
        mbn_model_destroy(model);
        mbn_model_destroy(loaded);
        mbn_model_destroy(plain);
    }
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    remove_directory(directory);
}
END_TEST

static int32_t save_after_second_epoch(void *user, mbn_model *model, const mbn_fit_event *event)
{
    if (event->epoch == 1)
        ck_ok(mbn_checkpoint_save(model, user));
    return 0;
}

START_TEST(checkpoint_saved_from_the_callback_of_an_epoch_leads_to_the_same_end)
{
    char directory[256], path[300];
    mbn_tensor *x, *y;
    mbn_mobilenet_options small;
    mbn_model *model, *loaded;
    snprintf(path, sizeof path, "%s/c.mbn", temporary_directory(directory));
    ck_ok(mbn_shapes_create(NULL, 30, 32, 32, 1, &x, &y));
    mbn_mobilenet_options_init(&small);
    small.height = small.width = 32;
    small.classes = 10;
    small.alpha = 0.05;
    small.shallow = 1;
    ck_ok(mbn_mobilenet_create(NULL, &small, &model));
    ck_ok(mbn_compile(model, NULL));
    mbn_fit_options fit = two_epochs();
    fit.epochs = 4;
    fit.on_epoch_end = save_after_second_epoch;
    fit.callback_user = path;
    ck_ok(mbn_fit(model, x, y, &fit, NULL));
    ck_ok(mbn_checkpoint_load(NULL, path, &loaded));
    fit = two_epochs();
    ck_ok(mbn_fit(loaded, x, y, &fit, NULL));
    same_parameters(model, loaded);
    mbn_model_destroy(loaded);
    mbn_model_destroy(model);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    remove_directory(directory);
}
END_TEST

START_TEST(checkpoint_without_a_record_or_without_any_is_refused)
{
    char directory[256];
    const char *path = save_two(directory);
    mbn_model *model = two_layers(&(two){"body", 5, 4}), *loaded = model;
    size_t bytes;
    ck_fails(mbn_checkpoint_load(NULL, path, &loaded), MBN_ERR_FORMAT, "without training state");
    ck_assert_ptr_null(loaded);
    ck_ok(mbn_compile(model, NULL));
    ck_ok(mbn_checkpoint_save(model, path));
    unsigned char *data = read_file(path, &bytes);
    int records = 0;
    for (int i = 0;; i++) {
        test_file *file = take_apart(data, bytes);
        if (i == file->count) {
            free_file(file);
            break;
        }
        if (file->sections[i].kind == 5) {
            records++;
            file->sections[i].name[0] = 'X';
            buffer other = assemble(file, NULL);
            write_file(path, other.data, other.count);
            file->sections[i].name[0] = ' ';
            ck_fails(mbn_checkpoint_load(NULL, path, &loaded), MBN_ERR_FORMAT, "record");
            ck_ok(mbn_model_load(NULL, path, &loaded));
            mbn_model_destroy(loaded);
            free(other.data);
        }
        free_file(file);
    }
    ck_assert_int_gt(records, 5);
    free(data);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

SUITE("io/weights", all_weights_of_a_fitting_file_are_copied,
      strict_loading_that_fails_names_the_parameter_and_changes_nothing, partial_loading_copies_what_fits,
      damaged_file_changes_no_weight, predictions_follow_loaded_weights,
      training_goes_on_from_a_checkpoint_bit_for_bit,
      checkpoint_saved_from_the_callback_of_an_epoch_leads_to_the_same_end,
      checkpoint_without_a_record_or_without_any_is_refused)
