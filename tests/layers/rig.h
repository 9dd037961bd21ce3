/* A layer on a bench: buffers of exactly the sizes that it asks for, with guards behind each, and numbers
 * from a hash of their position, which golden.py computes too. */
#ifndef TESTS_LAYERS_RIG_H
#define TESTS_LAYERS_RIG_H

#include "support/suite.h"
#include "layers/layer.h"
#include "core/memory.h"
#include <math.h>

#define RIG_UNUSED __attribute__((unused))
#define RIG_GUARD 16

typedef struct rig_case {
    const char *name;
    int64_t batch;
    float x_scale; /* x is x_scale * [-0.5, 0.5) */
    mbni_layer layer;
} rig_case;

typedef struct rig {
    mbn_context *context;
    const rig_case *test;
    mbni_layer layer;
    const mbni_layer_gradient_ops *gradient;
    mbni_pass pass;
    int64_t in_count, out_count, workspace_count, saved_count;
    float *x, *y, *d_y, *d_x;
    float *values[MBNI_MAX_PARAMS], *grads[MBNI_MAX_PARAMS];
} rig;

/* [-0.5, 0.5) */
static inline float rig_hash(uint32_t i, uint32_t stream)
{
    uint32_t s = i * 2654435761u + stream * 40503u + 12345u;
    s = (s ^ (s >> 15)) * 2246822519u;
    s ^= s >> 13;
    return (float)((double)s / 4294967296.0 - 0.5);
}

static RIG_UNUSED void rig_fill(float *data, int64_t count, uint32_t stream, float centre, float scale)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = centre + scale * rig_hash((uint32_t)i, stream);
}

static float *rig_floats(int64_t count)
{
    float *data = malloc((size_t)(count + RIG_GUARD) * sizeof *data);
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < count + RIG_GUARD; i++)
        data[i] = i < count ? NAN : 12345.0f;
    return data;
}

static void rig_check_guard(const float *data, int64_t count, const char *name, const char *what)
{
    for (int64_t i = count; data && i < count + RIG_GUARD; i++)
        ck_assert_msg(data[i] == 12345.0f, "%s wrote behind %s", name, what);
}

static RIG_UNUSED mbn_context *rig_context(int32_t threads)
{
    mbn_context_options options;
    mbn_context *context;
    mbn_context_options_init(&options);
    options.threads = threads;
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

/* gamma and variances lie around 1, all else around 0. */
static RIG_UNUSED void rig_fill_params(rig *r)
{
    for (int32_t p = 0; p < r->layer.param_count; p++) {
        float centre = r->layer.params[p].initializer == MBNI_INIT_ONES ? 1.0f : 0.0f;
        rig_fill(r->values[p], r->layer.params[p].count, 10 + (uint32_t)p, centre, 1.0f);
    }
}

static RIG_UNUSED void rig_open(rig *r, mbn_context *context, const rig_case *test, int32_t training)
{
    memset(r, 0, sizeof *r);
    r->context = context;
    r->test = test;
    r->layer = test->layer;
    ck_ok(r->layer.ops->infer_shape(&r->layer));
    r->gradient = mbni_layer_gradient_ops_find(r->layer.ops);
    r->in_count = test->batch * mbni_shape_count(&r->layer.in);
    r->out_count = test->batch * mbni_shape_count(&r->layer.out);
    const mbni_layer_ops *ops = r->layer.ops;
    r->workspace_count = ops->workspace_floats ? ops->workspace_floats(&r->layer, test->batch, training) : 0;
    r->saved_count = training && ops->saved_floats ? ops->saved_floats(&r->layer, test->batch) : 0;
    r->x = rig_floats(r->in_count);
    r->d_x = rig_floats(r->in_count);
    r->y = rig_floats(r->out_count);
    r->d_y = rig_floats(r->out_count);
    rig_fill(r->x, r->in_count, 1, 0.0f, test->x_scale);
    rig_fill(r->d_y, r->out_count, 2, 0.0f, 2.0f);
    for (int32_t p = 0; p < r->layer.param_count; p++) {
        mbni_param *param = &r->layer.params[p];
        param->value = r->values[p] = rig_floats(param->count);
        r->grads[p] = rig_floats(param->count);
        param->grad = training && param->trained && r->layer.trainable ? r->grads[p] : NULL;
    }
    rig_fill_params(r);
    r->pass = (mbni_pass){.context = context, .batch = test->batch, .training = training, .seed = 77};
    r->pass.kernels = mbni_kernels_select(mbn_context_isa(context));
    r->pass.train_kernels = training ? mbni_train_kernels_select(mbn_context_isa(context)) : NULL;
    r->pass.workspace = rig_floats(r->workspace_count);
    r->pass.saved = training ? rig_floats(r->saved_count) : NULL;
}

static RIG_UNUSED void rig_forward(rig *r)
{
    r->layer.ops->forward(&r->layer, &r->pass, r->x, r->y);
}

/* What a layer does not say that it needs, it does not get. */
static RIG_UNUSED void rig_backward(rig *r)
{
    int32_t flags = r->layer.ops->flags;
    for (int64_t i = 0; i < r->workspace_count; i++)
        r->pass.workspace[i] = NAN;
    r->gradient->backward(&r->layer, &r->pass, flags & MBNI_LAYER_NEEDS_X ? r->x : NULL,
                          flags & MBNI_LAYER_NEEDS_Y ? r->y : NULL, r->d_y, r->d_x);
}

static RIG_UNUSED void rig_close(rig *r)
{
    const char *name = r->test->name;
    rig_check_guard(r->x, r->in_count, name, "x");
    rig_check_guard(r->y, r->out_count, name, "y");
    rig_check_guard(r->d_x, r->in_count, name, "d_x");
    rig_check_guard(r->d_y, r->out_count, name, "d_y");
    rig_check_guard(r->pass.workspace, r->workspace_count, name, "the workspace");
    rig_check_guard(r->pass.saved, r->saved_count, name, "saved");
    for (int32_t p = 0; p < r->layer.param_count; p++) {
        rig_check_guard(r->values[p], r->layer.params[p].count, name, "a parameter");
        rig_check_guard(r->grads[p], r->layer.params[p].count, name, "a gradient");
        free(r->values[p]);
        free(r->grads[p]);
    }
    free(r->x);
    free(r->y);
    free(r->d_x);
    free(r->d_y);
    free(r->pass.workspace);
    free(r->pass.saved);
}

#endif
