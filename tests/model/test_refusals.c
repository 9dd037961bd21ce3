/* Wrong calls: each has its status and a sentence that names the argument. */
#include <math.h>
#include "support/suite.h"

typedef struct row {
    const char *what; /* in the sentence */
    mbn_status status;
    void (*spoil)(mbn_mobilenet_options *o);
} row;

#define SPOIL(name, statement)                 \
    static void name(mbn_mobilenet_options *o) \
    {                                          \
        statement;                             \
    }
SPOIL(alpha_zero, o->alpha = 0)
SPOIL(alpha_negative, o->alpha = -1)
SPOIL(alpha_nan, o->alpha = NAN)
SPOIL(alpha_infinite, o->alpha = INFINITY)
SPOIL(alpha_large, o->alpha = 16.01)
SPOIL(alpha_without_channel, o->alpha = 0.03)
SPOIL(dropout_one, o->dropout = 1)
SPOIL(dropout_negative, o->dropout = -1e-9)
SPOIL(dropout_nan, o->dropout = NAN)
SPOIL(dropout_infinite, o->dropout = INFINITY)
SPOIL(dropout_without_top, (o->include_top = 0, o->dropout = 0.5))
SPOIL(height_small, o->height = 31)
SPOIL(height_negative, o->height = -224)
SPOIL(height_huge, o->height = 65537)
SPOIL(height_extreme, o->height = INT64_MAX)
SPOIL(width_small, o->width = 0)
SPOIL(width_lowest, o->width = INT64_MIN)
SPOIL(width_below_reference, (o->min_size = 96, o->width = 95))
SPOIL(channels_zero, o->channels = 0)
SPOIL(channels_many, o->channels = 1025)
SPOIL(classes_negative, o->classes = -1)
SPOIL(classes_many, o->classes = 1000001)
SPOIL(classes_without_top, (o->include_top = 0, o->classes = 1000))
SPOIL(min_size_zero, o->min_size = 0)
SPOIL(min_size_huge, o->min_size = 65537)
SPOIL(multiplier_zero, o->depth_multiplier = 0)
SPOIL(multiplier_large, o->depth_multiplier = 65)
SPOIL(format_unknown, o->data_format = 2)
SPOIL(format_negative, o->data_format = -1)
SPOIL(top_two, o->include_top = 2)
SPOIL(pooling_unknown, (o->include_top = 0, o->pooling = 3))
SPOIL(pooling_with_top, o->pooling = MBN_POOLING_AVG)
SPOIL(shallow_two, o->shallow = 2)
SPOIL(activation_unknown, o->activation = 2)
SPOIL(stem_zero, o->stem_stride = 0)
SPOIL(stem_three, o->stem_stride = 3)
SPOIL(preprocessing_unknown, o->preprocessing = 4)
SPOIL(preprocessing_negative, o->preprocessing = -1)
SPOIL(size_of_struct, o->struct_size = 3)

static const row rows[] = {{"alpha", MBN_ERR_ARGUMENT, alpha_zero},
                           {"alpha", MBN_ERR_ARGUMENT, alpha_negative},
                           {"alpha", MBN_ERR_ARGUMENT, alpha_nan},
                           {"alpha", MBN_ERR_ARGUMENT, alpha_infinite},
                           {"alpha", MBN_ERR_ARGUMENT, alpha_large},
                           {"alpha", MBN_ERR_ARGUMENT, alpha_without_channel},
                           {"dropout", MBN_ERR_ARGUMENT, dropout_one},
                           {"dropout", MBN_ERR_ARGUMENT, dropout_negative},
                           {"dropout", MBN_ERR_ARGUMENT, dropout_nan},
                           {"dropout", MBN_ERR_ARGUMENT, dropout_infinite},
                           {"dropout is 0.5 with include_top 0", MBN_ERR_ARGUMENT, dropout_without_top},
                           {"height is 31; allowed are 32 to 65536", MBN_ERR_ARGUMENT, height_small},
                           {"height", MBN_ERR_ARGUMENT, height_negative},
                           {"height", MBN_ERR_ARGUMENT, height_huge},
                           {"height", MBN_ERR_ARGUMENT, height_extreme},
                           {"width", MBN_ERR_ARGUMENT, width_small},
                           {"width", MBN_ERR_ARGUMENT, width_lowest},
                           {"width is 95; allowed are 96 to 65536", MBN_ERR_ARGUMENT, width_below_reference},
                           {"channels", MBN_ERR_ARGUMENT, channels_zero},
                           {"channels is 1025; allowed are 1 to 1024", MBN_ERR_ARGUMENT, channels_many},
                           {"classes", MBN_ERR_ARGUMENT, classes_negative},
                           {"classes", MBN_ERR_ARGUMENT, classes_many},
                           {"classes is 1000 with include_top 0", MBN_ERR_ARGUMENT, classes_without_top},
                           {"min_size", MBN_ERR_ARGUMENT, min_size_zero},
                           {"min_size", MBN_ERR_ARGUMENT, min_size_huge},
                           {"depth_multiplier", MBN_ERR_ARGUMENT, multiplier_zero},
                           {"depth_multiplier", MBN_ERR_ARGUMENT, multiplier_large},
                           {"data_format", MBN_ERR_ARGUMENT, format_unknown},
                           {"data_format", MBN_ERR_ARGUMENT, format_negative},
                           {"include_top", MBN_ERR_ARGUMENT, top_two},
                           {"pooling", MBN_ERR_ARGUMENT, pooling_unknown},
                           {"pooling is 1 with include_top 1", MBN_ERR_ARGUMENT, pooling_with_top},
                           {"shallow", MBN_ERR_ARGUMENT, shallow_two},
                           {"activation", MBN_ERR_ARGUMENT, activation_unknown},
                           {"stem_stride", MBN_ERR_ARGUMENT, stem_zero},
                           {"stem_stride is 3; allowed are 1 to 2", MBN_ERR_ARGUMENT, stem_three},
                           {"preprocessing", MBN_ERR_ARGUMENT, preprocessing_unknown},
                           {"preprocessing", MBN_ERR_ARGUMENT, preprocessing_negative},
                           {"struct_size of options is 3", MBN_ERR_ARGUMENT, size_of_struct}};

START_TEST(wrong_mobilenet_options_are_refused_by_name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mbn_mobilenet_options o;
        mbn_model *model = (mbn_model *)&o;
        mbn_mobilenet_options_init(&o);
        rows[i].spoil(&o);
        ck_fails(mbn_mobilenet_create(NULL, &o, &model), rows[i].status, rows[i].what);
        ck_assert_ptr_null(model);
        ck_assert_ptr_nonnull(strstr(mbn_last_error(), "mbn_mobilenet_create: "));
    }
}
END_TEST

START_TEST(wrong_options_are_refused_when_appending_too)
{
    static void (*const spoil[])(mbn_mobilenet_options *) = {alpha_nan, dropout_one, classes_without_top,
                                                             pooling_with_top, min_size_zero};
    static const char *const what[] = {"alpha", "dropout", "classes", "pooling", "min_size"};
    for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
        mbn_mobilenet_options o;
        mbn_model *model;
        mbn_mobilenet_options_init(&o);
        spoil[i](&o);
        ck_ok(mbn_model_create(NULL, &model));
        ck_ok(mbn_model_add_input(model, 64, 64, 3));
        ck_fails(mbn_mobilenet_append(model, &o), MBN_ERR_ARGUMENT, what[i]);
        ck_fails(mbn_model_build(model), MBN_ERR_ARGUMENT, what[i]);
        mbn_model_destroy(model);
    }
}
END_TEST

/* A vector of 10 outputs behind 8 x 8 x 2 pictures. */
static mbn_model *small_model(int build)
{
    mbn_model *model;
    mbn_dense_options dense;
    mbn_dense_options_init(&dense);
    dense.units = 10;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 8, 8, 2));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(mbn_model_add_dense(model, &dense));
    if (build)
        ck_ok(mbn_model_build(model));
    return model;
}

START_TEST(null_arguments_are_refused_by_name)
{
    mbn_model *model = small_model(1);
    mbn_layer_info info;
    mbn_tensor *tensor = NULL;
    size_t index;
    int64_t number;
    mbn_layer_info_init(&info);
    ck_fails(mbn_model_create(NULL, NULL), MBN_ERR_ARGUMENT, "argument out is NULL");
    ck_fails(mbn_mobilenet_create(NULL, NULL, NULL), MBN_ERR_ARGUMENT, "argument out is NULL");
    ck_fails(mbn_mobilenet_append(NULL, NULL), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_build(NULL), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_set_seed(NULL, 1), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_set_data_format(NULL, 0), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_layer_info(NULL, 0, &info), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_layer_info(model, 0, NULL), MBN_ERR_ARGUMENT, "argument info is NULL");
    ck_fails(mbn_model_layer_index(NULL, "dense", &index), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_layer_index(model, NULL, &index), MBN_ERR_ARGUMENT, "argument name is NULL");
    ck_fails(mbn_model_layer_index(model, "dense", NULL), MBN_ERR_ARGUMENT, "argument index is NULL");
    ck_fails(mbn_model_set_trainable(NULL, NULL, 0), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_parameter_count(NULL, &number, NULL), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_multiply_adds(NULL, &number), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_multiply_adds(model, NULL), MBN_ERR_ARGUMENT, "argument multiply_adds is NULL");
    ck_fails(mbn_model_inference_memory(NULL, 1, &number, NULL), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_summary(NULL, NULL, 0, NULL), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_summary(model, NULL, 5, NULL), MBN_ERR_ARGUMENT, "argument buffer is NULL");
    ck_fails(mbn_model_get_parameter(NULL, "a/b", &tensor), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_get_parameter(model, NULL, &tensor), MBN_ERR_ARGUMENT, "argument name is NULL");
    ck_fails(mbn_model_get_parameter(model, "a/b", NULL), MBN_ERR_ARGUMENT, "argument out is NULL");
    ck_fails(mbn_model_set_parameter(model, "dense/bias", NULL), MBN_ERR_ARGUMENT, "argument values is NULL");
    ck_fails(mbn_model_set_preprocessing(NULL, 0), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_set_labels(NULL, NULL, 0), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_set_labels(model, NULL, 10), MBN_ERR_ARGUMENT, "argument labels is NULL");
    ck_fails(mbn_model_truncate(NULL, "dense"), MBN_ERR_ARGUMENT, "argument model is NULL");
    ck_fails(mbn_model_truncate(model, NULL), MBN_ERR_ARGUMENT, "argument layer is NULL");
    ck_fails(mbn_model_replace_head(NULL, 5, 0), MBN_ERR_ARGUMENT, "argument model is NULL");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(questions_about_no_model_have_empty_answers)
{
    mbn_model *empty;
    ck_ok(mbn_model_create(NULL, &empty));
    mbn_model *models[] = {NULL, empty};
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(mbn_model_layer_count(models[i]), 0);
        ck_assert_ptr_null(mbn_model_input_dims(models[i]));
        ck_assert_ptr_null(mbn_model_output_dims(models[i]));
        ck_assert_int_eq(mbn_model_output_rank(models[i]), 0);
        ck_assert_uint_eq(mbn_model_parameter_tensors(models[i]), 0);
        ck_assert_ptr_null(mbn_model_parameter_name(models[i], 0));
        ck_assert_ptr_null(mbn_model_label(models[i], 0));
        ck_assert_int_eq(mbn_model_preprocessing(models[i]), MBN_PREPROCESSING_NONE);
    }
    mbn_model_destroy(empty);
    mbn_model_destroy(NULL);
    mbn_mobilenet_options_init_sized(NULL, 8);
    mbn_layer_info_init_sized(NULL, 8);
}
END_TEST

START_TEST(wrong_values_are_refused_by_name)
{
    static const char *const labels[10] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", NULL};
    mbn_model *model = small_model(1);
    mbn_layer_info info;
    int64_t number;
    mbn_layer_info_init(&info);
    ck_fails(mbn_model_layer_info(model, 3, &info), MBN_ERR_ARGUMENT, "argument index is 3");
    ck_fails(mbn_model_layer_info(model, SIZE_MAX, &info), MBN_ERR_ARGUMENT, "argument index is");
    info.struct_size = 7;
    ck_fails(mbn_model_layer_info(model, 0, &info), MBN_ERR_ARGUMENT, "struct_size of info is 7");
    ck_fails(mbn_model_set_data_format(model, 2), MBN_ERR_ARGUMENT, "data_format is 2");
    ck_fails(mbn_model_set_trainable(model, "dense", 2), MBN_ERR_ARGUMENT, "trainable is 2");
    ck_fails(mbn_model_set_trainable(model, "no such", 1), MBN_ERR_NOT_FOUND, "layer is 'no such'");
    ck_fails(mbn_model_inference_memory(model, 0, &number, NULL), MBN_ERR_ARGUMENT, "batch_size is 0");
    ck_fails(mbn_model_inference_memory(model, -3, &number, NULL), MBN_ERR_ARGUMENT, "batch_size is -3");
    ck_fails(mbn_model_inference_memory(model, INT64_MAX, &number, NULL), MBN_ERR_ARGUMENT, "batch_size");
    ck_fails(mbn_model_set_preprocessing(model, 4), MBN_ERR_ARGUMENT, "preprocessing is 4");
    ck_fails(mbn_model_set_preprocessing(model, -1), MBN_ERR_ARGUMENT, "preprocessing is -1");
    ck_fails(mbn_model_set_labels(model, labels, 9), MBN_ERR_SHAPE, "count is 9");
    ck_fails(mbn_model_set_labels(model, labels, SIZE_MAX), MBN_ERR_SHAPE, "count is");
    ck_fails(mbn_model_set_labels(model, labels, 10), MBN_ERR_ARGUMENT, "labels has NULL at position 9");
    ck_fails(mbn_model_truncate(model, "no such"), MBN_ERR_NOT_FOUND, "layer is 'no such'");
    ck_fails(mbn_model_truncate(model, "input_1"), MBN_ERR_ARGUMENT, "layer is 'input_1'");
    ck_fails(mbn_model_replace_head(model, 0, 0), MBN_ERR_ARGUMENT, "classes is 0");
    ck_fails(mbn_model_replace_head(model, -1, 0), MBN_ERR_ARGUMENT, "classes is -1");
    ck_fails(mbn_model_replace_head(model, 1000001, 0), MBN_ERR_ARGUMENT, "classes is 1000001");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(calls_out_of_order_are_refused)
{
    static const char *const label = "a";
    mbn_model *model = small_model(0);
    mbn_tensor *tensor = NULL;
    int64_t number;
    ck_fails(mbn_model_inference_memory(model, 1, &number, NULL), MBN_ERR_STATE, "not built");
    ck_fails(mbn_model_get_parameter(model, "dense/bias", &tensor), MBN_ERR_STATE, "not built");
    ck_assert_ptr_null(tensor);
    ck_fails(mbn_model_set_labels(model, &label, 1), MBN_ERR_STATE, "not built");
    ck_fails(mbn_model_truncate(model, "dense"), MBN_ERR_STATE, "not built");
    ck_fails(mbn_model_replace_head(model, 5, 0), MBN_ERR_STATE, "not built");
    ck_ok(mbn_model_build(model));
    ck_fails(mbn_model_build(model), MBN_ERR_STATE, "built already");
    ck_fails(mbn_model_set_seed(model, 1), MBN_ERR_STATE, "built already");
    ck_fails(mbn_model_add_flatten(model, NULL), MBN_ERR_STATE, "built already");
    ck_ok(mbn_model_inference_memory(model, 1, NULL, NULL)); /* the refused constructor spoiled nothing */
    mbn_model_destroy(model);
}
END_TEST

/* Nothing of that size is asked of the allocator. */
START_TEST(a_plan_counts_what_no_machine_has)
{
    mbn_model *model;
    int64_t number = 0;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 65536, 65536, 64));
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    ck_ok(mbn_model_inference_memory(model, 1, NULL, &number));
    ck_assert_int_ge(number, (int64_t)1 << 40);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(options_of_older_and_newer_programs_work)
{
    struct {
        mbn_mobilenet_options known;
        int64_t newer[2];
    } o;
    mbn_model *model;
    /* Older: it knows nothing from min_size on, and the library must not look beyond. */
    memset(&o, 0x55, sizeof o);
    mbn_mobilenet_options_init_sized(&o.known, offsetof(mbn_mobilenet_options, min_size));
    ck_assert_uint_eq(o.known.struct_size, offsetof(mbn_mobilenet_options, min_size));
    ck_assert_int_eq(o.known.min_size, 0x5555555555555555);
    o.known.classes = 12;
    ck_ok(mbn_mobilenet_create(NULL, &o.known, &model));
    ck_assert_int_eq(mbn_model_output_dims(model)[0], 12);
    mbn_model_destroy(model);
    /* Newer: what it does not set is zero, and passes; what it sets is refused. */
    mbn_mobilenet_options_init_sized(&o.known, sizeof o);
    ck_assert_int_eq(o.newer[0], 0);
    ck_assert_int_eq(o.newer[1], 0);
    o.known.classes = 12;
    ck_ok(mbn_mobilenet_create(NULL, &o.known, &model));
    mbn_model_destroy(model);
    o.newer[1] = 1;
    ck_fails(mbn_mobilenet_create(NULL, &o.known, &model), MBN_ERR_ARGUMENT, "options");
    ck_assert_ptr_null(model);
}
END_TEST

START_TEST(layer_info_of_older_and_newer_programs_is_filled_within_bounds)
{
    struct {
        mbn_layer_info known;
        int64_t newer[2];
    } info;
    mbn_model *model = small_model(1);
    memset(&info, 0x55, sizeof info);
    mbn_layer_info_init_sized(&info.known, offsetof(mbn_layer_info, output_dims));
    ck_ok(mbn_model_layer_info(model, 2, &info.known));
    ck_assert_str_eq(info.known.name, "dense");
    ck_assert_str_eq(info.known.type, "Dense");
    ck_assert_int_eq(info.known.output_dims[0], 0x5555555555555555);
    ck_assert_uint_eq(info.known.struct_size, offsetof(mbn_layer_info, output_dims));
    mbn_layer_info_init_sized(&info.known, sizeof info);
    info.newer[1] = 9;
    ck_ok(mbn_model_layer_info(model, 2, &info.known));
    ck_assert_int_eq(info.known.parameters, 128 * 10 + 10);
    ck_assert_int_eq(info.newer[0], 0);
    ck_assert_int_eq(info.newer[1], 0);
    ck_assert_uint_eq(info.known.struct_size, sizeof info);
    mbn_model_destroy(model);
}
END_TEST

SUITE("model refusals", wrong_mobilenet_options_are_refused_by_name,
      wrong_options_are_refused_when_appending_too, null_arguments_are_refused_by_name,
      questions_about_no_model_have_empty_answers, wrong_values_are_refused_by_name,
      calls_out_of_order_are_refused, a_plan_counts_what_no_machine_has,
      options_of_older_and_newer_programs_work,
      layer_info_of_older_and_newer_programs_is_filled_within_bounds)
