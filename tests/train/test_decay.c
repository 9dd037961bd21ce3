/* Which parameters a weight decay applies to: a step with it differs from one without by the decay alone. */
#include "support/nets.h"
#include "support/training.h"
#include "train/trainer.h"

static const double rate = 0.01, decay = 0.125;

/* Every kind of layer that has parameters. */
static mbn_model *every_kind(mbn_context *context)
{
    mbn_model *model;
    mbn_separable_conv2d_options separable;
    mbn_separable_conv2d_options_init(&separable);
    separable.filters = 6;
    ck_ok(mbn_model_create(context, &model));
    ck_ok(mbn_model_add_input(model, 8, 8, 3));
    add_conv(model, 5, 3, 1, MBN_PADDING_SAME);
    ck_ok(mbn_model_add_batch_norm(model, NULL));
    add_depthwise(model, 3, 1, MBN_PADDING_SAME, 1);
    ck_ok(mbn_model_add_separable_conv2d(model, &separable));
    add_conv(model, 7, 1, 1, MBN_PADDING_VALID);
    ck_ok(mbn_model_add_global_average_pooling2d(model, NULL));
    add_dense(model, 10);
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    ck_ok(mbn_model_set_preprocessing(model, MBN_PREPROCESSING_UNIT));
    enliven(model);
    return model;
}

static mbn_compile_options options_of(int32_t optimizer, double weight_decay, int32_t depthwise)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.optimizer = optimizer;
    options.learning_rate = rate;
    options.weight_decay = weight_decay;
    options.decay_depthwise = depthwise;
    return options;
}

static mbn_model *after_a_step(mbn_context *context, const mbn_tensor *x, const mbn_tensor *y,
                               mbn_compile_options options)
{
    mbn_model *model = every_kind(context);
    ck_ok(mbn_compile(model, &options));
    ck_ok(mbn_train_on_batch(model, x, y, NULL, NULL));
    return model;
}

/* From the page, by name. */
static bool decays(const char *name, int32_t depthwise)
{
    if (strstr(name, "/depthwise_kernel"))
        return depthwise;
    return strstr(name, "/kernel") || strstr(name, "/pointwise_kernel");
}

START_TEST(a_decay_is_on_kernels_and_on_depthwise_ones_when_asked)
{
    mbn_context *context = context_of(1);
    mbn_tensor *x, *y;
    ck_ok(mbn_shapes_create(context, 6, 8, 8, 5, &x, &y));
    static const int32_t optimizers[2] = {MBN_OPTIMIZER_SGD, MBN_OPTIMIZER_ADAMW};
    for (int o = 0; o < 2; o++)
        for (int32_t depthwise = 0; depthwise < 2; depthwise++) {
            mbn_model *start = every_kind(context);
            mbn_model *plain = after_a_step(context, x, y, options_of(optimizers[o], 0, depthwise));
            mbn_model *decayed = after_a_step(context, x, y, options_of(optimizers[o], decay, depthwise));
            int moved = 0, depthwise_ones = 0;
            for (int64_t e = 0; e < start->entry_count; e++) {
                const char *name = start->entries[e].name;
                const mbni_param *w0 = mbni_model_find_param(start, name);
                const float *a = mbni_model_find_param(plain, name)->value,
                            *b = mbni_model_find_param(decayed, name)->value;
                /* A first step takes it off, as part of SGD's gradient or beside Adam's step. */
                const double by = decays(name, depthwise) ? rate * decay : 0;
                for (int64_t i = 0; i < w0->count; i++)
                    if (by > 0)
                        ck_assert_msg(fabs((double)a[i] - b[i] - by * w0->value[i]) < 2e-7, "%s", name);
                    else
                        ck_assert_msg(!memcmp(&a[i], &b[i], sizeof a[i]), "%s moved", name);
                moved += by > 0;
                depthwise_ones += strstr(name, "/depthwise_kernel") != NULL;
            }
            ck_assert_int_eq(depthwise_ones, 2);
            ck_assert_int_eq(moved, 4 + 2 * depthwise);
            mbn_model_destroy(start);
            mbn_model_destroy(plain);
            mbn_model_destroy(decayed);
        }
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_context_destroy(context);
}
END_TEST

/* The records of a compiled model, without one. */
static void records_without(mbn_model *model, const char *left_out, mbni_records *records)
{
    mbni_records all;
    mbni_records_init(&all, model->context);
    mbni_records_init(records, model->context);
    ck_ok(mbni_trainer_export(model, &all));
    for (int64_t i = 0; i < all.count; i++)
        if (strcmp(all.items[i].name, left_out) != 0)
            ck_ok(mbni_records_add(records, all.items[i].name, all.items[i].type, all.items[i].count,
                                   all.items[i].data, NULL));
    mbni_records_free(&all);
}

START_TEST(checkpoints_keep_the_choice_and_old_ones_decay_depthwise_kernels)
{
    mbn_context *context = context_of(1);
    mbn_model *model = every_kind(context);
    for (int32_t depthwise = 0; depthwise < 2; depthwise++)
        for (int old = 0; old < 2; old++) {
            const mbn_compile_options options = options_of(MBN_OPTIMIZER_ADAMW, decay, depthwise);
            mbni_records records;
            ck_ok(mbn_compile(model, &options));
            records_without(model, old ? "compile/decay_depthwise" : "", &records);
            ck_ok(mbni_trainer_import(model, &records));
            ck_assert_int_eq(model->trainer->options.decay_depthwise, old ? 1 : depthwise);
            mbni_records_free(&records);
        }
    mbn_compile_options options = options_of(MBN_OPTIMIZER_SGD, 0, 2);
    ck_fails(mbn_compile(model, &options), MBN_ERR_ARGUMENT, "decay_depthwise is 2");
    options = options_of(MBN_OPTIMIZER_SGD, 0, 0);
    options.reserved = 1;
    ck_fails(mbn_compile(model, &options), MBN_ERR_ARGUMENT, "reserved is 1");
    mbn_model_destroy(model);
    mbn_context_destroy(context);
}
END_TEST

SUITE("weight decay", a_decay_is_on_kernels_and_on_depthwise_ones_when_asked,
      checkpoints_keep_the_choice_and_old_ones_decay_depthwise_kernels)
