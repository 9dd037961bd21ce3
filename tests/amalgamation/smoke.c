/* Trains a small network for two epochs and prints its answers to the last digit: the same from the library
 * as built and from its amalgamation. */
#include "mobilenet.h"
#include <stdio.h>

int main(void)
{
    mbn_tensor *images = NULL, *labels = NULL, *probabilities = NULL;
    mbn_model *model = NULL;
    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.classes = 10;
    net.alpha = 0.25;
    mbn_fit_options fit;
    mbn_fit_options_init(&fit);
    fit.epochs = 2;
    fit.verbose = 0;
    if (mbn_shapes_create(NULL, 64, 32, 32, 1, &images, &labels) ||
        mbn_mobilenet_create(NULL, &net, &model) || mbn_compile(model, NULL) ||
        mbn_fit(model, images, labels, &fit, NULL) || mbn_predict(model, images, &probabilities)) {
        fprintf(stderr, "%s\n", mbn_last_error());
        return 1;
    }
    const float *p = mbn_tensor_data(probabilities);
    for (int i = 0; i < 64 * 10; i++)
        printf("%.9g\n", (double)p[i]);
    mbn_tensor_destroy(probabilities);
    mbn_model_destroy(model);
    mbn_tensor_destroy(labels);
    mbn_tensor_destroy(images);
    mbn_default_context_shutdown();
    return 0;
}
