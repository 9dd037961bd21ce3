/* A training step, which fuses neighbours and makes outputs again instead of keeping them, against the same
 * layers run one by one with every output kept. */
#include "support/nets.h"
#include "support/suite.h"
#include "train/trainer.h"
#include <math.h>
#include <stdio.h>

enum { BATCH = 5, SIDE = 13, CLASSES = 4 };

/* A network, one letter a layer (see add); a dense layer and a softmax come behind. The first `frozen` layers
 * behind the input are not trained. */
typedef struct network {
    const char *layers;
    int frozen;
} network;

static const network networks[] = {
    {"CBRdBR1BRG", 0},                       /* what MobileNet is made of */
    {"ZFBRZDBR1BG", 0},                      /* padding before each kind of window */
    {"ZSBRZ1BRZAG", 0},                      /* a separable window; a product and a pooling take no padding */
    {"ZZCBRZZdG", 0},                        /* two paddings: the window takes one */
    {"ZCBZRZFG", 0},         {"BCBBRBG", 0}, /* batch norm on the input, and on a batch norm */
    {"CBORO1BROG", 0},                       /* dropout between and behind */
    {"CRO1RRBG", 0},                         /* in place on an output that is kept */
    {"CB61B6M", 0},                          /* bounds above; the maximum reads what is not kept */
    {"RZCBROLN", 0},                         /* in place on the input; a dense layer reads what is not kept */
    {"CBRdBR1BRdBR1BRG", 6}, {"CBRdBR1BRdBR1BRG", 8}, /* the trained part begins behind a frozen batch norm */
    {"CBRdBR1BRdBR1BRG", 9}, {"CBRdBRSBRG", 10},      /* the head alone */
};
enum { NETWORKS = sizeof networks / sizeof *networks };

static float hash(int64_t i, uint64_t stream)
{
    return (float)((double)(mbni_random_hash(stream, (uint64_t)i) >> 40) / (double)(1 << 23) - 1);
}

static void add_separable(mbn_model *model)
{
    mbn_separable_conv2d_options separable;
    mbn_separable_conv2d_options_init(&separable);
    separable.filters = 6;
    ck_ok(mbn_model_add_separable_conv2d(model, &separable));
}

static void add_relu(mbn_model *model, double max_value)
{
    mbn_relu_options relu;
    mbn_relu_options_init(&relu);
    relu.max_value = max_value;
    ck_ok(mbn_model_add_relu(model, &relu));
}

static void add(mbn_model *model, char letter)
{
    switch (letter) {
    case 'C':
        add_conv(model, 11, 3, 1, MBN_PADDING_SAME);
        break; /* straight from the picture on the input */
    case 'F':
        add_conv(model, 600, 3, 2, MBN_PADDING_VALID);
        break; /* too many filters for that: columns */
    case '1':
        add_conv(model, 12, 1, 1, MBN_PADDING_VALID);
        break;
    case 'D':
        add_depthwise(model, 3, 2, MBN_PADDING_VALID, 1);
        break;
    case 'd':
        add_depthwise(model, 3, 1, MBN_PADDING_SAME, 1);
        break;
    case 'S':
        add_separable(model);
        break;
    case 'Z':
        add_zero_padding(model, 1, 2, 0, 3);
        break;
    case 'B':
        ck_ok(mbn_model_add_batch_norm(model, NULL));
        break;
    case 'R':
        add_relu(model, 0);
        break;
    case '6':
        add_relu(model, 0.75);
        break;
    case 'A':
        ck_ok(mbn_model_add_average_pooling2d(model, NULL));
        break;
    case 'G':
        ck_ok(mbn_model_add_global_average_pooling2d(model, NULL));
        break;
    case 'M':
        ck_ok(mbn_model_add_global_max_pooling2d(model, NULL));
        break;
    case 'O':
        ck_ok(mbn_model_add_dropout(model, 0.3, NULL));
        break;
    case 'L':
        ck_ok(mbn_model_add_flatten(model, NULL));
        break;
    case 'N':
        add_dense(model, 9);
        break;
    default:
        ck_abort_msg("no layer is called %c", letter);
    }
}

static mbn_model *build(mbn_context *context, const network *net)
{
    mbn_model *model;
    mbn_compile_options compile;
    ck_ok(mbn_model_create(context, &model));
    ck_ok(mbn_model_set_seed(model, 5));
    ck_ok(mbn_model_add_input(model, SIDE, SIDE + 2, 3));
    for (const char *letter = net->layers; *letter; letter++)
        add(model, *letter);
    add_dense(model, CLASSES);
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    for (int i = 0; i < net->frozen; i++)
        ck_ok(mbn_model_set_trainable(model, model->layers[i + 1].name, 0));
    /* Every parameter somewhere, so that no ReLU or statistic is at its starting point. */
    for (int64_t i = 0; i < model->entry_count; i++) {
        const mbni_param *param = &model->layers[model->entries[i].layer].params[model->entries[i].param];
        for (int64_t j = 0; j < param->count; j++)
            param->value[j] += 0.2f * hash(j, (uint64_t)i);
    }
    mbn_compile_options_init(&compile);
    compile.optimizer = MBN_OPTIMIZER_SGD;
    compile.momentum = 0;
    compile.learning_rate = 1; /* so that a step is the gradient */
    ck_ok(mbn_compile(model, &compile));
    return model;
}

static float *floats(int64_t count)
{
    float *data = calloc((size_t)count + 1, sizeof *data);
    ck_assert_ptr_nonnull(data);
    return data;
}

/* The layers one by one. */
typedef struct chain {
    int64_t layers;
    float *y[64], *d_y[64], *saved[64];
    float *workspace, *gradients;
} chain;

static void chain_open(chain *c, const mbn_model *model)
{
    int64_t workspace = 0;
    c->layers = model->layer_count - 1; /* the softmax is the loss' */
    for (int64_t i = 0; i < c->layers; i++) {
        const mbni_layer *layer = &model->layers[i];
        c->y[i] = floats(BATCH * mbni_shape_count(&layer->out));
        c->d_y[i] = floats(BATCH * mbni_shape_count(&layer->out));
        c->saved[i] = floats(layer->ops->saved_floats ? layer->ops->saved_floats(layer, BATCH) : 0);
        int64_t needs = layer->ops->workspace_floats ? layer->ops->workspace_floats(layer, BATCH, 1) : 0;
        workspace = needs > workspace ? needs : workspace;
    }
    c->workspace = floats(workspace);
    c->gradients = floats(model->value_count);
    for (int64_t i = 0; i < c->layers; i++)
        for (int32_t p = 0; p < model->layers[i].param_count; p++) {
            mbni_param *param = &model->layers[i].params[p];
            bool trained = model->layers[i].trainable && param->trained;
            param->grad = trained ? c->gradients + (param->value - model->values) : NULL;
        }
}

static void chain_close(chain *c)
{
    for (int64_t i = 0; i < c->layers; i++) {
        free(c->y[i]);
        free(c->d_y[i]);
        free(c->saved[i]);
    }
    free(c->workspace);
    free(c->gradients);
}

static void chain_run(chain *c, mbn_model *model, uint64_t seed, const int32_t *ids)
{
    mbn_context *context = model->context;
    mbni_pass pass = {.context = context,
                      .kernels = mbni_kernels_select(context->isa),
                      .train_kernels = mbni_train_kernels_select(context->isa),
                      .batch = BATCH,
                      .training = 1,
                      .seed = mbni_random_hash(seed, 0),
                      .workspace = c->workspace};
    const int64_t last = c->layers - 1;
    float losses[BATCH];
    uint8_t correct[BATCH];
    for (int64_t i = 1; i <= last; i++) {
        const mbni_layer *layer = &model->layers[i];
        pass.saved = c->saved[i];
        if (layer->ops->flags & MBNI_LAYER_ALIAS)
            memcpy(c->y[i], c->y[i - 1], (size_t)(BATCH * mbni_shape_count(&layer->out)) * sizeof(float));
        else
            layer->ops->forward(layer, &pass, c->y[i - 1], c->y[i]);
    }
    pass.train_kernels->softmax_cross_entropy(BATCH, CLASSES, c->y[last], ids, NULL, 0, 1.0f / BATCH, losses,
                                              correct, c->d_y[last]);
    for (int64_t i = last; i > 0; i--) {
        const mbni_layer *layer = &model->layers[i];
        pass.saved = c->saved[i];
        if (layer->ops->flags & MBNI_LAYER_ALIAS)
            memcpy(c->d_y[i - 1], c->d_y[i], (size_t)(BATCH * mbni_shape_count(&layer->out)) * sizeof(float));
        else
            mbni_layer_gradient_ops_find(layer->ops)
                ->backward(layer, &pass, c->y[i - 1], c->y[i], c->d_y[i], c->d_y[i - 1]);
    }
}

/* floor: what rounding is measured by at least; gradients of biases before a batch norm are nothing else. */
static void ck_close(const network *net, const mbni_layer *layer, const mbni_param *param, const char *what,
                     double floor, const float *a, const float *b)
{
    double largest = floor, worst = 0;
    for (int64_t i = 0; i < param->count; i++) {
        largest = fmax(largest, fabs((double)b[i]));
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    }
    ck_assert_msg(worst <= 2e-5 * largest, "%s, %d frozen: %s of %s of %s is off by %g of %g", net->layers,
                  net->frozen, what, param->name, layer->name, worst, largest);
}

/* What a step took off, in `before`. */
static const float *step_of(float *before, const float *after, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        before[i] -= after[i];
    return before;
}

START_TEST(a_step_has_the_gradients_of_its_layers)
{
    const network *net = &networks[_i];
    mbn_context *context;
    ck_ok(mbn_context_create(NULL, &context));
    mbn_model *model = build(context, net);
    size_t bytes = (size_t)model->value_count * sizeof(float);
    float *before = malloc(bytes), *after = malloc(bytes);
    ck_assert(before && after);
    memcpy(before, model->values, bytes);
    static const int32_t ids[BATCH] = {3, 1, 0, 2, 1};
    const uint64_t seed = 77;
    mbni_step step;
    ck_ok(mbni_step_plan(model, BATCH, 0, &step));
    ck_ok(mbni_step_create(&step));
    ck_ok(mbni_trainer_prepare(model->trainer));
    float *input = floats(BATCH * mbni_shape_count(&model->layers[0].out));
    for (int64_t i = 0; i < BATCH * mbni_shape_count(&model->layers[0].out); i++)
        input[i] = hash(i, 99);
    memcpy(step.stages[0].y, input,
           (size_t)(BATCH * mbni_shape_count(&model->layers[0].out)) * sizeof *input);
    memcpy(step.ids, ids, sizeof ids);
    double loss = 0;
    int64_t correct = 0;
    ck_ok(mbni_step_run(&step, BATCH, seed, NULL, &loss, &correct));
    memcpy(after, model->values, bytes);
    memcpy(model->values, before, bytes);
    chain c;
    chain_open(&c, model);
    memcpy(c.y[0], input, (size_t)(BATCH * mbni_shape_count(&model->layers[0].out)) * sizeof *input);
    chain_run(&c, model, seed, ids);
    int compared = 0;
    for (int64_t i = 0; i < model->entry_count; i++) {
        const mbni_layer *layer = &model->layers[model->entries[i].layer];
        const mbni_param *param = &layer->params[model->entries[i].param];
        int64_t place = param->value - model->values;
        if (param->grad)
            ck_close(net, layer, param, "the gradient", 0.1,
                     step_of(before + place, after + place, param->count), c.gradients + place);
        else /* running statistics, and what is frozen */
            ck_close(net, layer, param, "the value", 1, after + place, param->value);
        compared += param->grad != NULL;
    }
    ck_assert_int_ge(compared, 2);
    chain_close(&c);
    mbni_step_destroy(&step);
    free(input);
    free(before);
    free(after);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training step");
    TCase *tcase = tcase_create("training step");
    tcase_add_loop_test(tcase, a_step_has_the_gradients_of_its_layers, 0, NETWORKS);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
