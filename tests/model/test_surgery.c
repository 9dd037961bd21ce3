/* Truncation and new classifiers: what stays is bit-identical, what goes is forgotten. */
#include <stdio.h>
#include "model/model.h"
#include "support/suite.h"

static mbn_model *net(int32_t include_top, int32_t pooling)
{
    mbn_mobilenet_options o;
    mbn_model *model;
    mbn_mobilenet_options_init(&o);
    o.alpha = 0.25;
    o.height = o.width = 32;
    o.classes = include_top ? 10 : 0;
    o.include_top = include_top;
    o.pooling = pooling;
    o.shallow = 1;
    o.seed = 3;
    ck_ok(mbn_mobilenet_create(NULL, &o, &model));
    return model;
}

/* Every parameter of the first `layers` layers has the bits that the untouched net has. */
static void keeps(const mbn_model *model, const mbn_model *untouched, int64_t layers)
{
    for (int64_t i = 0; i < layers; i++)
        for (int32_t p = 0; p < untouched->layers[i].param_count; p++) {
            const mbni_param *kept = &model->layers[i].params[p], *original = &untouched->layers[i].params[p];
            ck_assert_int_eq(kept->count, original->count);
            ck_assert_mem_eq(kept->value, original->value, (size_t)kept->count * sizeof(float));
        }
}

static void compile(mbn_model *model)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    ck_ok(mbn_compile(model, &options));
}

static void predicts(const mbn_model *model, int32_t rank, int64_t last)
{
    const int64_t dims[4] = {2, 32, 32, 3};
    mbn_tensor *x, *y;
    ck_ok(mbn_tensor_create(NULL, MBN_U8, 4, dims, &x));
    for (int i = 0; i < 2 * 32 * 32 * 3; i++)
        ((unsigned char *)mbn_tensor_data(x))[i] = (unsigned char)(i * 37 % 251);
    ck_ok(mbn_predict(model, x, &y));
    ck_assert_int_eq(mbn_tensor_rank(y), rank);
    ck_assert_int_eq(mbn_tensor_dims(y)[rank - 1], last);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}

static const char *last_name(const mbn_model *model)
{
    return mbni_model_last(model)->name;
}

START_TEST(truncation_keeps_the_weights_below)
{
    mbn_model *model = net(1, 0), *untouched = net(1, 0);
    compile(model);
    ck_ok(mbn_model_truncate(model, "conv_pw_4_relu"));
    ck_assert_str_eq(last_name(model), "conv_pw_4_relu");
    keeps(model, untouched, model->layer_count);
    ck_assert_ptr_null(model->trainer);
    ck_assert_int_eq(mbn_model_output_dims(model)[2], 64);
    ck_assert_uint_eq(mbn_model_parameter_tensors(model), 9 * 5); /* nine convolutions with batch norm */
    ck_assert_ptr_null(mbni_model_find_param(model, "conv_pw_5/kernel"));
    predicts(model, 4, 64);
    int64_t bytes, total;
    ck_ok(mbn_model_inference_memory(model, 1, &bytes, NULL));
    ck_ok(mbn_model_parameter_count(model, &total, NULL));
    ck_assert_int_ge(bytes, total * 4);
    ck_assert_int_lt(bytes, total * 4 + 64 * 45); /* the memory of what went is given back */
    mbn_model_destroy(model);
    mbn_model_destroy(untouched);
}
END_TEST

START_TEST(labels_stay_only_while_outputs_are_the_same_classes)
{
    static const char *const labels[10] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    mbn_model *model = net(1, 0);
    ck_ok(mbn_model_set_labels(model, labels, 10));
    ck_ok(mbn_model_truncate(model, "reshape_2")); /* the logits */
    ck_assert_str_eq(mbn_model_label(model, 9), "j");
    ck_ok(mbn_model_truncate(model, "dropout"));
    ck_assert_ptr_null(mbn_model_label(model, 0));
    mbn_model_destroy(model);
    model = net(1, 0);
    ck_ok(mbn_model_set_labels(model, labels, 10));
    ck_ok(mbn_model_replace_head(model, 10, 1)); /* as many, but others */
    ck_assert_ptr_null(mbn_model_label(model, 0));
    mbn_model_destroy(model);
}
END_TEST

START_TEST(new_classes_change_the_classifier_alone)
{
    mbn_model *model = net(1, 0), *untouched = net(1, 0);
    int64_t head = mbni_model_find(model, "conv_preds");
    compile(model);
    ck_ok(mbn_model_set_trainable(model, NULL, 0));
    ck_ok(mbn_model_replace_head(model, 3, 17));
    ck_assert_uint_eq(mbn_model_layer_count(model), mbn_model_layer_count(untouched));
    keeps(model, untouched, head);
    ck_assert_int_eq(model->layers[head].trainable, 1);
    ck_assert_int_eq(model->layers[head - 1].trainable, 0);
    ck_assert_int_eq(model->layers[head].params[0].count, 256 * 3);
    ck_assert_int_eq(mbn_model_output_dims(model)[0], 3);
    ck_assert_str_eq(last_name(model), "predictions");
    ck_assert_ptr_null(model->trainer);
    predicts(model, 2, 3);
    compile(model);
    mbn_model_destroy(model);
    mbn_model_destroy(untouched);
}
END_TEST

START_TEST(the_seed_decides_the_new_classifier)
{
    mbn_model *models[3];
    for (int i = 0; i < 3; i++) {
        models[i] = net(1, 0);
        ck_ok(mbn_model_replace_head(models[i], 10, i == 2 ? 6 : 5));
    }
    const mbni_param *a = mbni_model_find_param(models[0], "conv_preds/kernel");
    const mbni_param *b = mbni_model_find_param(models[1], "conv_preds/kernel");
    const mbni_param *c = mbni_model_find_param(models[2], "conv_preds/kernel");
    ck_assert_mem_eq(a->value, b->value, (size_t)a->count * sizeof(float));
    ck_assert_mem_ne(a->value, c->value, (size_t)a->count * sizeof(float));
    for (int64_t i = 0; i < 10; i++)
        ck_assert_float_eq(mbni_model_find_param(models[0], "conv_preds/bias")->value[i], 0);
    for (int i = 0; i < 3; i++)
        mbn_model_destroy(models[i]);
}
END_TEST

START_TEST(nets_without_top_get_a_head)
{
    static const int32_t poolings[] = {MBN_POOLING_NONE, MBN_POOLING_AVG, MBN_POOLING_MAX};
    for (int i = 0; i < 3; i++) {
        mbn_model *model = net(0, poolings[i]), *untouched = net(0, poolings[i]);
        ck_ok(mbn_model_replace_head(model, 7, 1));
        keeps(model, untouched, untouched->layer_count);
        ck_assert_int_eq(model->layer_count, untouched->layer_count + (i == 0 ? 4 : 3));
        ck_assert_str_eq(last_name(model), "predictions");
        ck_assert_int_ge(mbni_model_find(model, "predictions_dense"), 0);
        ck_assert_int_ge(mbni_model_find(model, "dropout"), 0);
        ck_assert_double_eq(model->layers[mbni_model_find(model, "dropout")].config.dropout.rate, 1e-3);
        predicts(model, 2, 7);
        ck_ok(mbn_model_replace_head(model, 4, 2)); /* and again: the dense layer is found now */
        ck_assert_int_eq(mbni_model_find_param(model, "predictions_dense/kernel")->count, 256 * 4);
        predicts(model, 2, 4);
        mbn_model_destroy(model);
        mbn_model_destroy(untouched);
    }
}
END_TEST

START_TEST(truncated_nets_get_a_head)
{
    mbn_model *model = net(1, 0), *untouched = net(1, 0);
    ck_ok(mbn_model_truncate(model, "conv_pw_3_relu"));
    int64_t layers = model->layer_count;
    ck_ok(mbn_model_replace_head(model, 2, 1));
    keeps(model, untouched, layers);
    ck_assert_str_eq(model->layers[layers].name, "global_average_pooling2d");
    predicts(model, 2, 2);
    mbn_model_destroy(model);
    mbn_model_destroy(untouched);
}
END_TEST

START_TEST(heads_that_cannot_be_told_are_refused)
{
    mbn_model *model;
    mbn_dense_options dense;
    mbn_dense_options_init(&dense);
    dense.units = 4;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 4, 4, 1));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_add_batch_norm(model, NULL));
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    ck_fails(mbn_model_replace_head(model, 3, 0), MBN_ERR_STATE, "'batch_normalization'");
    ck_assert_int_eq(mbn_model_output_dims(model)[0], 4);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(a_head_whose_name_is_taken_is_refused_and_changes_nothing)
{
    mbn_model *model;
    mbn_relu_options relu;
    mbn_conv2d_options conv;
    mbn_relu_options_init(&relu);
    relu.name = "predictions"; /* the last name that a head adds */
    mbn_conv2d_options_init(&conv);
    conv.filters = 6;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 8, 8, 1));
    ck_ok(mbn_model_add_conv2d(model, &conv));
    ck_ok(mbn_model_add_relu(model, &relu));
    ck_ok(mbn_model_build(model));
    ck_fails(mbn_model_replace_head(model, 3, 0), MBN_ERR_ARGUMENT, "'predictions'");
    ck_assert_uint_eq(mbn_model_layer_count(model), 3);
    ck_assert_str_eq(last_name(model), "predictions");
    ck_assert_int_eq(mbn_model_output_rank(model), 3);
    ck_fails(mbn_model_add_flatten(model, NULL), MBN_ERR_STATE, "built already");
    ck_ok(mbn_model_truncate(model, "conv2d"));
    ck_ok(mbn_model_replace_head(model, 3, 0));
    mbn_model_destroy(model);
}
END_TEST

SUITE("model surgery", truncation_keeps_the_weights_below,
      labels_stay_only_while_outputs_are_the_same_classes, new_classes_change_the_classifier_alone,
      the_seed_decides_the_new_classifier, nets_without_top_get_a_head, truncated_nets_get_a_head,
      heads_that_cannot_be_told_are_refused, a_head_whose_name_is_taken_is_refused_and_changes_nothing)
