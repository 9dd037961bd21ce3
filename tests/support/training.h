/* What tests of training begin with: a small network, drawn pictures, options, and weights to compare. */
#ifndef TESTS_TRAINING_H
#define TESTS_TRAINING_H

#include "support/suite.h"

typedef struct fixture {
    mbn_context *context;
    mbn_model *model;
    mbn_tensor *x, *y;
} fixture;

static inline mbn_context *context_of(int32_t threads)
{
    mbn_context *context;
    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = threads;
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

static inline mbn_model *small_net(mbn_context *context, uint64_t seed)
{
    mbn_model *model;
    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.classes = 10;
    net.alpha = 0.125;
    net.shallow = 1;
    net.dropout = 0.1;
    net.seed = seed;
    ck_ok(mbn_mobilenet_create(context, &net, &model));
    return model;
}

static inline void compile_adam(mbn_model *model)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.optimizer = MBN_OPTIMIZER_ADAM;
    options.learning_rate = 3e-3;
    ck_ok(mbn_compile(model, &options));
}

static inline fixture set_up(int32_t threads, int64_t pictures)
{
    fixture f = {.context = context_of(threads)};
    f.model = small_net(f.context, 3);
    compile_adam(f.model);
    ck_ok(mbn_shapes_create(f.context, pictures, 32, 32, 5, &f.x, &f.y));
    return f;
}

static inline void tear_down(fixture *f)
{
    mbn_tensor_destroy(f->x);
    mbn_tensor_destroy(f->y);
    mbn_model_destroy(f->model);
    mbn_context_destroy(f->context);
}

static inline mbn_fit_options fit_options(int64_t batch, int64_t epochs)
{
    mbn_fit_options options;
    mbn_fit_options_init(&options);
    options.batch_size = batch;
    options.epochs = epochs;
    options.seed = 11;
    return options;
}

/* Bit for bit. */
static inline int same_weights(const mbn_model *a, const mbn_model *b)
{
    int same = mbn_model_parameter_tensors(a) == mbn_model_parameter_tensors(b);
    for (size_t i = 0; same && i < mbn_model_parameter_tensors(a); i++) {
        mbn_tensor *p, *q;
        ck_ok(mbn_model_get_parameter(a, mbn_model_parameter_name(a, i), &p));
        ck_ok(mbn_model_get_parameter(b, mbn_model_parameter_name(b, i), &q));
        same = !memcmp(mbn_tensor_data(p), mbn_tensor_data(q), mbn_tensor_bytes(p));
        mbn_tensor_destroy(p);
        mbn_tensor_destroy(q);
    }
    return same;
}

#endif
