/* What is saved is what is loaded. */
#include "io/files.h"
#include "model/model.h"
#include <locale.h>
#include <math.h>

static mbn_model *reload(const mbn_model *model, const mbn_save_options *options)
{
    mbn_tensor *bytes;
    mbn_model *loaded;
    ck_ok(mbn_model_save_memory(model, options, &bytes));
    ck_ok(mbn_model_load_memory(NULL, mbn_tensor_data(bytes), mbn_tensor_bytes(bytes), &loaded));
    mbn_tensor_destroy(bytes);
    return loaded;
}

static void add_spatial_layers(mbn_model *model)
{
    mbn_zero_padding2d_options padding;
    mbn_conv2d_options conv;
    mbn_depthwise_conv2d_options depthwise;
    mbn_separable_conv2d_options separable;
    mbn_batch_norm_options norm;
    mbn_relu_options relu;
    mbn_average_pooling2d_options pool;
    mbn_zero_padding2d_options_init(&padding);
    padding.top = 0;
    padding.bottom = 3;
    padding.left = 2;
    ck_ok(mbn_model_add_zero_padding2d(model, &padding));
    mbn_conv2d_options_init(&conv);
    conv.filters = 7;
    conv.kernel_height = 5;
    conv.stride_width = 2;
    conv.padding = MBN_PADDING_SAME;
    conv.l2 = 1.0 / 3;
    conv.initializer = MBN_INIT_HE_NORMAL;
    ck_ok(mbn_model_add_conv2d(model, &conv));
    mbn_batch_norm_options_init(&norm);
    norm.momentum = 0.9;
    norm.epsilon = 1e-5;
    ck_ok(mbn_model_add_batch_norm(model, &norm));
    mbn_relu_options_init(&relu);
    relu.max_value = 6.5;
    ck_ok(mbn_model_add_relu(model, &relu));
    mbn_depthwise_conv2d_options_init(&depthwise);
    depthwise.depth_multiplier = 2;
    depthwise.use_bias = 0;
    depthwise.kernel_width = 1;
    ck_ok(mbn_model_add_depthwise_conv2d(model, &depthwise));
    mbn_separable_conv2d_options_init(&separable);
    separable.filters = 5;
    separable.depth_multiplier = 3;
    separable.padding = MBN_PADDING_SAME;
    ck_ok(mbn_model_add_separable_conv2d(model, &separable));
    mbn_average_pooling2d_options_init(&pool);
    pool.pool_width = 3;
    pool.stride_height = 1;
    pool.padding = MBN_PADDING_SAME;
    ck_ok(mbn_model_add_average_pooling2d(model, &pool));
}

/* Every layer type with options other than the defaults; `ending` chooses one of three. */
static mbn_model *every_layer(int ending)
{
    mbn_model *model;
    mbn_dense_options dense;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 13, 11, 3));
    add_spatial_layers(model);
    ck_ok(mbn_model_add_dropout(model, 0.3, "drop"));
    if (ending == 0)
        ck_ok(mbn_model_add_global_average_pooling2d(model, NULL));
    if (ending == 1)
        ck_ok(mbn_model_add_global_max_pooling2d(model, NULL));
    if (ending == 2)
        ck_ok(mbn_model_add_flatten(model, NULL));
    else
        ck_ok(mbn_model_add_reshape(model, 3, (const int64_t[]){1, 5, 1}, "view"));
    mbn_dense_options_init(&dense);
    dense.units = 4;
    dense.use_bias = ending > 0;
    dense.l2 = 0.1;
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_add_softmax(model, "end"));
    ck_ok(mbn_model_build(model));
    set_values(model);
    return model;
}

static void same_predictions(const mbn_model *a, const mbn_model *b)
{
    mbn_tensor *x, *p, *q;
    const int64_t *dims = mbn_model_input_dims(a);
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, (const int64_t[]){2, dims[0], dims[1], dims[2]}, &x));
    float *data = mbn_tensor_data(x);
    for (int64_t i = 0; i < mbn_tensor_count(x); i++)
        data[i] = value_for(99, i);
    ck_ok(mbn_predict(a, x, &p));
    ck_ok(mbn_predict(b, x, &q));
    ck_assert(memcmp(mbn_tensor_data(p), mbn_tensor_data(q), mbn_tensor_bytes(p)) == 0);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(p);
    mbn_tensor_destroy(q);
}

START_TEST(every_layer_type_comes_back_with_all_options_and_every_bit)
{
    for (int ending = 0; ending < 3; ending++) {
        mbn_model *model = every_layer(ending), *loaded = reload(model, NULL);
        mbn_tensor *p, *q;
        same_models(model, loaded);
        same_predictions(model, loaded);
        /* Options that no shape shows (l2, momentum, initializer) stand in the bytes. */
        ck_ok(mbn_model_save_memory(model, NULL, &p));
        ck_ok(mbn_model_save_memory(loaded, NULL, &q));
        ck_assert_uint_eq(mbn_tensor_bytes(p), mbn_tensor_bytes(q));
        ck_assert(memcmp(mbn_tensor_data(p), mbn_tensor_data(q), mbn_tensor_bytes(p)) == 0);
        mbn_tensor_destroy(p);
        mbn_tensor_destroy(q);
        mbn_model_destroy(model);
        mbn_model_destroy(loaded);
    }
}
END_TEST

START_TEST(options_of_layers_stand_in_the_file_under_their_names)
{
    mbn_model *model = every_layer(0);
    mbn_tensor *bytes;
    ck_ok(mbn_model_save_memory(model, NULL, &bytes));
    test_file *file = take_apart(mbn_tensor_data(bytes), mbn_tensor_bytes(bytes));
    test_section *network = section_of(file, 1, "network");
    unsigned char *raw = raw_of(network);
    static const struct {
        const char *name;
        double value;
    } reals[] = {{"l2", 1.0 / 3}, {"momentum", 0.9}, {"epsilon", 1e-5}, {"max_value", 6.5}, {"rate", 0.3}};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        buffer field = {0};
        uint64_t bits;
        memcpy(&bits, &reals[i].value, 8);
        add_string(&field, reals[i].name);
        add_number(&field, 1, 2);
        add_number(&field, bits, 8);
        ck_assert_msg(memmem(raw, network->raw, field.data, field.count) != NULL, "no field %s",
                      reals[i].name);
        free(field.data);
    }
    free(raw);
    free_file(file);
    mbn_tensor_destroy(bytes);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(labels_preprocessing_data_format_and_frozen_layers_come_back)
{
    const char *labels[] = {"cat", "", "h\xc3\xa4user / \"x\"\n", "a label"};
    char longest[256];
    memset(longest, 'x', 255);
    longest[255] = 0;
    labels[3] = longest;
    mbn_model *model = small_model(NULL);
    ck_ok(mbn_model_set_labels(model, labels, 4));
    ck_ok(mbn_model_set_preprocessing(model, MBN_PREPROCESSING_UNIT));
    ck_ok(mbn_model_set_trainable(model, "first", 0));
    mbn_model *loaded = reload(model, NULL);
    same_models(model, loaded);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(mbn_model_label(loaded, i), labels[i]);
    ck_assert_ptr_null(mbn_model_label(loaded, 4));
    ck_assert_int_eq(mbn_model_preprocessing(loaded), MBN_PREPROCESSING_UNIT);
    mbn_layer_info info;
    mbn_layer_info_init(&info);
    ck_ok(mbn_model_layer_info(loaded, 1, &info));
    ck_assert_int_eq(info.trainable, 0);
    mbn_model_destroy(model);
    mbn_model_destroy(loaded);
}
END_TEST

START_TEST(channels_first_model_takes_channels_first_after_loading)
{
    mbn_mobilenet_options options;
    mbn_model *model;
    mbn_mobilenet_options_init(&options);
    options.height = 40;
    options.width = 32;
    options.alpha = 0.05;
    options.classes = 3;
    options.data_format = MBN_CHANNELS_FIRST;
    ck_ok(mbn_mobilenet_create(NULL, &options, &model));
    mbn_model *loaded = reload(model, NULL);
    ck_assert_int_eq(mbn_model_input_dims(loaded)[0], 3);
    ck_assert_int_eq(mbn_model_input_dims(loaded)[1], 40);
    same_models(model, loaded);
    same_predictions(model, loaded);
    mbn_model_destroy(model);
    mbn_model_destroy(loaded);
}
END_TEST

START_TEST(every_level_of_compression_gives_the_same_model)
{
    mbn_model *model = every_layer(2);
    int32_t step = (int32_t)unless_valgrind(1, 4);
    for (int32_t level = 0; level <= 9; level += step) {
        mbn_save_options options;
        mbn_save_options_init(&options);
        options.compression = level;
        mbn_model *loaded = reload(model, &options);
        same_parameters(model, loaded);
        mbn_model_destroy(loaded);
    }
    mbn_model_destroy(model);
}
END_TEST

/* Kernel of 300 x 701: three whole blocks and a rest. */
static mbn_model *wide_model(void)
{
    mbn_model *model;
    mbn_dense_options dense;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 10, 10, 3));
    ck_ok(mbn_model_add_flatten(model, NULL));
    mbn_dense_options_init(&dense);
    dense.units = 701;
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_build(model));
    set_values(model);
    return model;
}

START_TEST(long_tensors_are_stored_as_the_specification_says)
{
    mbn_model *model = wide_model();
    for (int32_t level = 0; level < 2; level++) {
        mbn_save_options options;
        mbn_tensor *bytes;
        mbn_save_options_init(&options);
        options.compression = level;
        ck_ok(mbn_model_save_memory(model, &options, &bytes));
        test_file *file = take_apart(mbn_tensor_data(bytes), mbn_tensor_bytes(bytes));
        test_section *kernel = section_of(file, 4, "dense/kernel");
        ck_assert_uint_eq(kernel->raw, 300 * 701 * 4);
        ck_assert_uint_eq(kernel->codec, (uint32_t)level);
        unsigned char *raw = raw_of(kernel);
        for (int64_t i = 0; i < 300 * 701; i++) {
            float expected = value_for(0, i);
            uint32_t bits;
            memcpy(&bits, &expected, 4);
            if (number_at(raw + 4 * i, 4) != bits)
                ck_abort_msg("element %lld", (long long)i);
        }
        mbn_model *loaded = reload(model, &options);
        same_parameters(model, loaded);
        mbn_model_destroy(loaded);
        free(raw);
        free_file(file);
        mbn_tensor_destroy(bytes);
    }
    mbn_model_destroy(model);
}
END_TEST

static void check_lossy(int32_t encoding, double bound)
{
    mbn_model *model = every_layer(1);
    mbn_save_options options;
    mbn_save_options_init(&options);
    options.encoding = encoding;
    mbn_model *loaded = reload(model, &options);
    int64_t changed = 0;
    for (size_t i = 0; i < mbn_model_parameter_tensors(model); i++) {
        mbn_tensor *p, *q;
        ck_ok(mbn_model_get_parameter(model, mbn_model_parameter_name(model, i), &p));
        ck_ok(mbn_model_get_parameter(loaded, mbn_model_parameter_name(model, i), &q));
        const float *a = mbn_tensor_data(p), *b = mbn_tensor_data(q);
        for (int64_t j = 0; j < mbn_tensor_count(p); j++) {
            double error = fabs((double)a[j] - (double)b[j]);
            double allowed = mbn_tensor_rank(p) == 1 ? 0 : fmax(bound * fabs((double)a[j]), 0x1p-25);
            if (!(error <= allowed))
                ck_abort_msg("%s: %g became %g", mbn_model_parameter_name(model, i), (double)a[j],
                             (double)b[j]);
            changed += error > 0;
        }
        mbn_tensor_destroy(p);
        mbn_tensor_destroy(q);
    }
    ck_assert_int_gt(changed, 100);
    /* What was rounded once stays: the second trip is exact. */
    mbn_model *again = reload(loaded, &options);
    same_parameters(loaded, again);
    mbn_model_destroy(again);
    mbn_model_destroy(loaded);
    mbn_model_destroy(model);
}

START_TEST(half_encodings_round_kernels_within_half_a_unit_and_keep_vectors)
{
    check_lossy(MBN_ENCODING_F16, 0x1p-11);
    check_lossy(MBN_ENCODING_BF16, 0x1p-8);
}
END_TEST

static void set_one(mbn_model *model, const char *name, float value)
{
    mbn_tensor *tensor;
    ck_ok(mbn_model_get_parameter(model, name, &tensor));
    ((float *)mbn_tensor_data(tensor))[1] = value;
    ck_ok(mbn_model_set_parameter(model, name, tensor));
    mbn_tensor_destroy(tensor);
}

START_TEST(value_too_large_for_the_encoding_is_refused_by_name)
{
    mbn_model *model = small_model(NULL);
    mbn_save_options options;
    mbn_tensor *out;
    mbn_save_options_init(&options);
    options.encoding = MBN_ENCODING_F16;
    set_one(model, "first/kernel", 65504.0f);
    ck_ok(mbn_model_save_memory(model, &options, &out));
    mbn_tensor_destroy(out);
    set_one(model, "first/kernel", -65505.0f);
    ck_fails(mbn_model_save_memory(model, &options, &out), MBN_ERR_ARGUMENT, "first/kernel");
    ck_assert_ptr_null(out);
    set_one(model, "first/kernel", 3.4e38f);
    options.encoding = MBN_ENCODING_BF16;
    ck_fails(mbn_model_save_memory(model, &options, &out), MBN_ERR_ARGUMENT, "bf16");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(infinite_and_nan_weights_are_kept_in_every_encoding)
{
    for (int32_t encoding = 0; encoding <= 2; encoding++) {
        mbn_model *model = small_model(NULL);
        mbn_save_options options;
        mbn_tensor *tensor;
        mbn_save_options_init(&options);
        options.encoding = encoding;
        set_one(model, "first/kernel", -INFINITY);
        set_one(model, "dense/kernel", NAN);
        mbn_model *loaded = reload(model, &options);
        ck_ok(mbn_model_get_parameter(loaded, "first/kernel", &tensor));
        ck_assert(((float *)mbn_tensor_data(tensor))[1] == -INFINITY);
        mbn_tensor_destroy(tensor);
        ck_ok(mbn_model_get_parameter(loaded, "dense/kernel", &tensor));
        ck_assert(isnan(((float *)mbn_tensor_data(tensor))[1]));
        mbn_tensor_destroy(tensor);
        mbn_model_destroy(loaded);
        mbn_model_destroy(model);
    }
}
END_TEST

START_TEST(negative_or_nan_variance_is_refused_with_its_name)
{
    const float values[] = {-1e-6f, NAN, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        mbn_model *model = small_model(NULL), *loaded;
        mbn_tensor *bytes;
        set_one(model, "batch_normalization/moving_variance", values[i]);
        ck_ok(mbn_model_save_memory(model, NULL, &bytes));
        ck_fails(mbn_model_load_memory(NULL, mbn_tensor_data(bytes), mbn_tensor_bytes(bytes), &loaded),
                 MBN_ERR_FORMAT, "batch_normalization/moving_variance");
        ck_assert_ptr_null(loaded);
        mbn_tensor_destroy(bytes);
        mbn_model_destroy(model);
    }
}
END_TEST

START_TEST(memory_and_file_have_the_same_bytes_and_load_from_any_address)
{
    char directory[256];
    size_t bytes;
    mbn_tensor *tensor;
    mbn_model *model = small_model(NULL), *loaded;
    const char *path = in_directory(temporary_directory(directory), "a.mbn");
    ck_ok(mbn_model_save(model, path, NULL));
    ck_ok(mbn_model_save_memory(model, NULL, &tensor));
    unsigned char *data = read_file(path, &bytes);
    ck_assert_uint_eq(bytes, mbn_tensor_bytes(tensor));
    ck_assert(memcmp(data, mbn_tensor_data(tensor), bytes) == 0);
    ck_assert_int_eq(mbn_tensor_type(tensor), MBN_U8);
    ck_assert_int_eq(files_in(directory), 1);
    unsigned char *moved = malloc(bytes + 16);
    for (size_t shift = 0; shift < 9; shift++) {
        memcpy(moved + shift, data, bytes);
        ck_ok(mbn_model_load_memory(NULL, moved + shift, bytes, &loaded));
        same_models(model, loaded);
        mbn_model_destroy(loaded);
    }
    free(moved);
    free(data);
    mbn_tensor_destroy(tensor);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

START_TEST(the_locale_changes_nothing)
{
    mbn_model *model = every_layer(0);
    mbn_tensor *p, *q;
    ck_ok(mbn_model_save_memory(model, NULL, &p));
    const char *set = setlocale(LC_ALL, "de_DE.UTF-8");
    if (!set)
        printf("locale de_DE.UTF-8 is not installed: skipped\n");
    ck_ok(mbn_model_save_memory(model, NULL, &q));
    mbn_model *loaded;
    ck_ok(mbn_model_load_memory(NULL, mbn_tensor_data(q), mbn_tensor_bytes(q), &loaded));
    setlocale(LC_ALL, "C");
    ck_assert(memcmp(mbn_tensor_data(p), mbn_tensor_data(q), mbn_tensor_bytes(p)) == 0);
    mbn_model_destroy(loaded);
    mbn_tensor_destroy(p);
    mbn_tensor_destroy(q);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(model_in_use_is_saved_beside_readers_and_refused_beside_writers)
{
    char directory[256];
    mbn_model *model = small_model(NULL);
    mbn_tensor *bytes;
    const char *path = in_directory(temporary_directory(directory), "a.mbn");
    ck_ok(mbni_model_read_begin(model));
    ck_ok(mbn_model_save(model, path, NULL));
    ck_fails(mbn_model_load_weights(model, path, 0, NULL), MBN_ERR_BUSY, "in use");
    mbni_model_read_end(model);
    ck_ok(mbni_model_write_begin(model));
    ck_fails(mbn_model_save(model, path, NULL), MBN_ERR_BUSY, "another call");
    ck_fails(mbn_model_save_memory(model, NULL, &bytes), MBN_ERR_BUSY, "another call");
    ck_fails(mbn_checkpoint_save(model, path), MBN_ERR_BUSY, "another call");
    mbni_model_write_end(model);
    uint64_t revision = model->revision;
    ck_ok(mbn_model_load_weights(model, path, 0, NULL));
    ck_assert_uint_gt(model->revision, revision);
    mbn_model_destroy(model);
    remove_directory(directory);
}
END_TEST

START_TEST(older_and_newer_option_structs_are_read)
{
    struct {
        mbn_save_options known;
        int64_t later;
    } newer = {0};
    mbn_model *model = small_model(NULL);
    mbn_tensor *a, *b;
    ck_ok(mbn_model_save_memory(model, NULL, &a));
    mbn_save_options_init_sized(&newer.known, sizeof newer);
    ck_ok(mbn_model_save_memory(model, &newer.known, &b));
    ck_assert_uint_eq(mbn_tensor_bytes(a), mbn_tensor_bytes(b));
    mbn_tensor_destroy(b);
    newer.later = 1;
    ck_fails(mbn_model_save_memory(model, &newer.known, &b), MBN_ERR_ARGUMENT, "options");
    mbn_save_options older = {.struct_size = sizeof(size_t), .encoding = 99, .compression = 99};
    ck_ok(mbn_model_save_memory(model, &older, &b));
    ck_assert_uint_eq(mbn_tensor_bytes(a), mbn_tensor_bytes(b));
    mbn_tensor_destroy(a);
    mbn_tensor_destroy(b);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(wrong_arguments_are_named)
{
    mbn_model *model = small_model(NULL), *empty, *out = model;
    mbn_tensor *bytes;
    mbn_save_options options;
    ck_ok(mbn_model_create(NULL, &empty));
    mbn_save_options_init(&options);
    ck_assert_int_eq(options.compression, 6);
    ck_fails(mbn_model_save(NULL, "x", NULL), MBN_ERR_ARGUMENT, "model is NULL");
    ck_fails(mbn_model_save(model, NULL, NULL), MBN_ERR_ARGUMENT, "path is NULL");
    ck_fails(mbn_model_save(model, "", NULL), MBN_ERR_ARGUMENT, "path is empty");
    ck_fails(mbn_model_save(empty, "x", NULL), MBN_ERR_STATE, "not built");
    ck_fails(mbn_model_save_memory(model, NULL, NULL), MBN_ERR_ARGUMENT, "out is NULL");
    ck_fails(mbn_model_save_memory(NULL, NULL, &bytes), MBN_ERR_ARGUMENT, "model is NULL");
    options.compression = 10;
    ck_fails(mbn_model_save_memory(model, &options, &bytes), MBN_ERR_ARGUMENT, "compression is 10");
    options.compression = -1;
    ck_fails(mbn_model_save_memory(model, &options, &bytes), MBN_ERR_ARGUMENT, "compression is -1");
    mbn_save_options_init(&options);
    options.encoding = 3;
    ck_fails(mbn_model_save_memory(model, &options, &bytes), MBN_ERR_ARGUMENT, "encoding is 3");
    ck_fails(mbn_model_load(NULL, NULL, &out), MBN_ERR_ARGUMENT, "path is NULL");
    ck_assert_ptr_null(out);
    ck_fails(mbn_model_load(NULL, "x", NULL), MBN_ERR_ARGUMENT, "out is NULL");
    ck_fails(mbn_model_load_memory(NULL, NULL, 5, &out), MBN_ERR_ARGUMENT, "data is NULL");
    ck_fails(mbn_model_load_memory(NULL, "x", SIZE_MAX, &out), MBN_ERR_ARGUMENT, "bytes");
    ck_fails(mbn_model_load_memory(NULL, "", 0, &out), MBN_ERR_FORMAT, "0 bytes");
    ck_fails(mbn_model_load_weights(NULL, "x", 0, NULL), MBN_ERR_ARGUMENT, "model is NULL");
    ck_fails(mbn_model_load_weights(model, "x", 2, NULL), MBN_ERR_ARGUMENT, "partial is 2");
    ck_fails(mbn_model_load_weights(empty, "x", 0, NULL), MBN_ERR_STATE, "not built");
    ck_fails(mbn_checkpoint_save(NULL, "x"), MBN_ERR_ARGUMENT, "model is NULL");
    ck_fails(mbn_checkpoint_save(model, "x"), MBN_ERR_STATE, "not compiled");
    ck_fails(mbn_checkpoint_load(NULL, "x", NULL), MBN_ERR_ARGUMENT, "out is NULL");
    mbn_model_destroy(model);
    mbn_model_destroy(empty);
}
END_TEST

SUITE("io/round_trip", every_layer_type_comes_back_with_all_options_and_every_bit,
      options_of_layers_stand_in_the_file_under_their_names,
      labels_preprocessing_data_format_and_frozen_layers_come_back,
      channels_first_model_takes_channels_first_after_loading,
      every_level_of_compression_gives_the_same_model, long_tensors_are_stored_as_the_specification_says,
      half_encodings_round_kernels_within_half_a_unit_and_keep_vectors,
      value_too_large_for_the_encoding_is_refused_by_name,
      infinite_and_nan_weights_are_kept_in_every_encoding, negative_or_nan_variance_is_refused_with_its_name,
      memory_and_file_have_the_same_bytes_and_load_from_any_address, the_locale_changes_nothing,
      model_in_use_is_saved_beside_readers_and_refused_beside_writers,
      older_and_newer_option_structs_are_read, wrong_arguments_are_named)
