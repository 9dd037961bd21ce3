/* Networks for tests: layers in one call each, and parameters with which answers depend on everything before
 * them. */
#ifndef TESTS_NETS_H
#define TESTS_NETS_H

#include <math.h>
#include <string.h>
#include "model/model.h"
#include "support/suite.h"

static inline void add_conv(mbn_model *model, int64_t filters, int32_t side, int32_t stride, int32_t padding)
{
    mbn_conv2d_options o;
    mbn_conv2d_options_init(&o);
    o.filters = filters;
    o.kernel_height = o.kernel_width = side;
    o.stride_height = o.stride_width = stride;
    o.padding = padding;
    ck_ok(mbn_model_add_conv2d(model, &o));
}

static inline void add_depthwise(mbn_model *model, int32_t side, int32_t stride, int32_t padding,
                                 int32_t multiplier)
{
    mbn_depthwise_conv2d_options o;
    mbn_depthwise_conv2d_options_init(&o);
    o.kernel_height = o.kernel_width = side;
    o.stride_height = o.stride_width = stride;
    o.padding = padding;
    o.depth_multiplier = multiplier;
    ck_ok(mbn_model_add_depthwise_conv2d(model, &o));
}

static inline void add_zero_padding(mbn_model *model, int32_t top, int32_t bottom, int32_t left,
                                    int32_t right)
{
    mbn_zero_padding2d_options o;
    mbn_zero_padding2d_options_init(&o);
    o.top = top, o.bottom = bottom, o.left = left, o.right = right;
    ck_ok(mbn_model_add_zero_padding2d(model, &o));
}

static inline void add_dense(mbn_model *model, int64_t units)
{
    mbn_dense_options o;
    mbn_dense_options_init(&o);
    o.units = units;
    ck_ok(mbn_model_add_dense(model, &o));
}

/* A net as it is drawn lets signals die away (Keras' depthwise fans count all channels), and its answers
 * would be equal for the wrong reason: here every kernel keeps their size, and normalization does something.
 */
static inline void enliven(mbn_model *model)
{
    mbni_random random;
    mbni_random_seed(&random, 5, 0);
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++) {
            mbni_param *param = &model->layers[l].params[p];
            const int64_t *dims = param->shape.dims;
            bool depthwise = !strcmp(param->name, "depthwise_kernel");
            double reach = 0.2, middle = 0;
            if (param->shape.rank == 4)
                reach = sqrt(6.0 / (double)(dims[0] * dims[1] * (depthwise ? 1 : dims[2])));
            else if (!strcmp(param->name, "gamma") || !strcmp(param->name, "moving_variance"))
                middle = 1;
            for (int64_t i = 0; i < param->count; i++)
                param->value[i] = (float)(middle + (2 * mbni_random_double(&random) - 1) * reach);
        }
}

#endif
