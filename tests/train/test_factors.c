/* Learning rates by layer, and layers by the beginning of their names. */
#include "support/training.h"
#include <math.h>
#include <stdio.h>
#include "train/trainer.h"

static void compile_with(mbn_model *model, int32_t optimizer)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.optimizer = optimizer;
    options.learning_rate = 0.01;
    options.weight_decay = 0.125;
    ck_ok(mbn_compile(model, &options));
}

/* A first step moves each weight by the rate times what does not depend on it: of SGD and of AdamW. */
START_TEST(a_layer_moves_by_its_factor)
{
    static const int32_t optimizers[2] = {MBN_OPTIMIZER_SGD, MBN_OPTIMIZER_ADAMW};
    for (int o = 0; o < 2; o++) {
        fixture plain = set_up(1, 16), f = set_up(2, 16);
        mbn_model *start = small_net(plain.context, 3);
        compile_with(plain.model, optimizers[o]);
        compile_with(f.model, optimizers[o]);
        ck_ok(mbn_set_learning_rate_factor(f.model, "conv_pw*", 0.25));
        ck_ok(mbn_set_learning_rate_factor(f.model, "conv_pw_1", 0));
        ck_ok(mbn_train_on_batch(plain.model, plain.x, plain.y, NULL, NULL));
        ck_ok(mbn_train_on_batch(f.model, f.x, f.y, NULL, NULL));
        int scaled = 0, still = 0;
        for (int64_t e = 0; e < start->entry_count; e++) {
            const char *name = start->entries[e].name;
            const mbni_param *w0 = mbni_model_find_param(start, name);
            const float *a = mbni_model_find_param(plain.model, name)->value,
                        *b = mbni_model_find_param(f.model, name)->value;
            const bool first = !strncmp(name, "conv_pw_1/", 10), some = !strncmp(name, "conv_pw", 7);
            const double by = !w0->trained ? 1 : first ? 0 : some ? 0.25 : 1;
            for (int64_t i = 0; i < w0->count; i++)
                ck_assert_msg(fabs(b[i] - w0->value[i] - by * ((double)a[i] - w0->value[i])) <
                                  1e-6 * (1 + fabs((double)w0->value[i])),
                              "%s", name);
            scaled += by == 0.25;
            still += by == 0;
        }
        ck_assert_int_ge(scaled, 10);
        ck_assert_int_eq(still, 1);
        mbn_model_destroy(start);
        tear_down(&plain);
        tear_down(&f);
    }
}
END_TEST

START_TEST(factors_of_one_change_no_bit_and_checkpoints_keep_factors)
{
    fixture plain = set_up(1, 40), f = set_up(1, 40);
    mbn_model *resumed;
    mbn_fit_options options = fit_options(16, 1);
    char path[] = "/tmp/mbn-factors-XXXXXX";
    ck_assert_int_ge(mkstemp(path), 0);
    ck_ok(mbn_set_learning_rate_factor(f.model, NULL, 1));
    ck_ok(mbn_fit(plain.model, plain.x, plain.y, &options, NULL));
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
    ck_assert(same_weights(plain.model, f.model));
    ck_ok(mbn_set_learning_rate_factor(f.model, "conv1*", 3));
    ck_ok(mbn_checkpoint_save(f.model, path));
    ck_ok(mbn_checkpoint_load(f.context, path, &resumed));
    ck_ok(mbn_fit(plain.model, plain.x, plain.y, &options, NULL));
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
    ck_ok(mbn_fit(resumed, f.x, f.y, &options, NULL));
    ck_assert(!same_weights(plain.model, f.model));
    ck_assert(same_weights(resumed, f.model));
    remove(path);
    mbn_model_destroy(resumed);
    tear_down(&plain);
    tear_down(&f);
}
END_TEST

static int frozen(const mbn_model *model)
{
    int count = 0;
    for (int64_t i = 0; i < model->layer_count; i++)
        count += !model->layers[i].trainable;
    return count;
}

START_TEST(layers_are_frozen_by_the_beginning_of_their_names)
{
    fixture f = set_up(1, 4);
    ck_ok(mbn_model_set_trainable(f.model, "conv_dw_1", 0));
    ck_assert_int_eq(frozen(f.model), 1);
    int begin_so = 0;
    for (int64_t i = 0; i < f.model->layer_count; i++)
        begin_so += !strncmp(f.model->layers[i].name, "conv_dw", 7);
    ck_ok(mbn_model_set_trainable(f.model, "conv_dw*", 0));
    ck_assert_int_eq(frozen(f.model), begin_so);
    ck_ok(mbn_model_set_trainable(f.model, "*", 1));
    ck_assert_int_eq(frozen(f.model), 0);
    ck_fails(mbn_model_set_trainable(f.model, "conv_dx*", 0), MBN_ERR_NOT_FOUND, "conv_dx*");
    ck_fails(mbn_model_set_trainable(f.model, "conv_dw", 0), MBN_ERR_NOT_FOUND, "'conv_dw'");
    ck_fails(mbn_model_set_trainable(f.model, "", 0), MBN_ERR_NOT_FOUND, "no such layer");
    tear_down(&f);
}
END_TEST

START_TEST(wrong_factors_are_refused)
{
    fixture f = set_up(1, 4);
    mbn_model *fresh = small_net(f.context, 3);
    ck_fails(mbn_set_learning_rate_factor(NULL, "conv1", 1), MBN_ERR_ARGUMENT, "model");
    ck_fails(mbn_set_learning_rate_factor(f.model, "conv1", -1), MBN_ERR_ARGUMENT, "factor is -1");
    ck_fails(mbn_set_learning_rate_factor(f.model, "conv9", 1), MBN_ERR_NOT_FOUND, "conv9");
    ck_fails(mbn_set_learning_rate_factor(fresh, "conv1", 1), MBN_ERR_STATE, "not compiled");
    mbn_model_destroy(fresh);
    tear_down(&f);
}
END_TEST

SUITE("factors", a_layer_moves_by_its_factor, factors_of_one_change_no_bit_and_checkpoints_keep_factors,
      layers_are_frozen_by_the_beginning_of_their_names, wrong_factors_are_refused)
