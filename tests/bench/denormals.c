/* Whether denormal weights cost more than normal ones: prediction and a training step of a small network,
 * with the weights as initialized and with the same times 1e-40, in turn. */
#include "bench.h"
#include <mobilenet/mobilenet.h>
#include <stdio.h>
#include <stdlib.h>
#include "common/measure.h"

enum { BATCH = 32, ROUNDS = 9 };

static void must(mbn_status status)
{
    if (status) {
        fprintf(stderr, "bench: %s\n", mbn_last_error());
        exit(1);
    }
}

static mbn_model *network(mbn_context *context, float scale)
{
    mbn_model *model;
    mbn_mobilenet_options net;
    mbn_compile_options compile;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.classes = 10;
    net.alpha = 0.5;
    must(mbn_mobilenet_create(context, &net, &model));
    for (size_t i = 0; i < mbn_model_parameter_tensors(model); i++) {
        const char *name = mbn_model_parameter_name(model, i);
        mbn_tensor *values;
        must(mbn_model_get_parameter(model, name, &values));
        float *data = mbn_tensor_data(values);
        for (int64_t j = 0; j < mbn_tensor_count(values); j++)
            data[j] *= scale;
        must(mbn_model_set_parameter(model, name, values));
        mbn_tensor_destroy(values);
    }
    mbn_compile_options_init(&compile);
    compile.optimizer = MBN_OPTIMIZER_SGD;
    compile.learning_rate = 1e-30; /* the weights stay what they are */
    must(mbn_compile(model, &compile));
    return model;
}

static double predict_ms(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y)
{
    mbn_tensor *out;
    (void)y;
    const double began = measure_now_ms();
    must(mbn_predict(model, x, &out));
    const double ms = measure_now_ms() - began;
    mbn_tensor_destroy(out);
    return ms;
}

static double train_ms(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y)
{
    double loss, accuracy;
    const double began = measure_now_ms();
    must(mbn_train_on_batch(model, x, y, &loss, &accuracy));
    return measure_now_ms() - began;
}

static void row(const char *name, mbn_model *models[2], const mbn_tensor *x, const mbn_tensor *y,
                double (*run)(mbn_model *, const mbn_tensor *, const mbn_tensor *))
{
    double ms[2][ROUNDS];
    const int rounds = bench_small ? 1 : ROUNDS;
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < 2; i++)
            ms[i][r] = run(models[i], x, y);
    const double normal = measure_quantile(ms[0], rounds, 0.5),
                 denormal = measure_quantile(ms[1], rounds, 0.5);
    printf("| %s | %.2f | %.2f | **%.2f** |\n", name, normal, denormal, denormal / normal);
}

void bench_denormals(const bench_isa *isa)
{
    mbn_context *context = isa->contexts[0];
    mbn_model *models[2] = {network(context, 1), network(context, 1e-40f)};
    mbn_tensor *x, *y;
    must(mbn_shapes_create(context, BATCH, 32, 32, 1, &x, &y));
    printf("\n### Denormal weights, alpha 0.5, %d pictures of 32, 1 thread, %s\n\n", BATCH, isa->name);
    puts("| work | normal ms | denormal ms | ratio |\n|---|---|---|---|");
    row("prediction", models, x, y, predict_ms);
    row("training step", models, x, y, train_ms);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(models[0]);
    mbn_model_destroy(models[1]);
}
