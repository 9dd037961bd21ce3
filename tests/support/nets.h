/* Networks whose answers depend on everything before them. */
#ifndef TESTS_NETS_H
#define TESTS_NETS_H

#include <math.h>
#include <string.h>
#include "model/model.h"

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
