/* A small user of the installed library, valid as C11 and as C++17: builds the CIFAR-10 network, predicts
 * noise, and prints what run.sh expects. */
#include <mobilenet/mobilenet.h>
#include <inttypes.h>
#include <stdio.h>

static int fail(const char *what)
{
    fprintf(stderr, "consumer: %s: %s\n", what, mbn_last_error());
    return 1;
}

int main(void)
{
    mbn_mobilenet_options options;
    mbn_mobilenet_options_init(&options);
    options.height = options.width = 32;
    options.classes = 10;
    mbn_model *model = NULL;
    int64_t parameters = 0;
    if (mbn_mobilenet_create(NULL, &options, &model) || mbn_model_parameter_count(model, &parameters, NULL))
        return fail("create");

    mbn_tensor *images = NULL, *labels = NULL, *probabilities = NULL;
    if (mbn_shapes_create(NULL, 4, 32, 32, 1, &images, &labels) || mbn_predict(model, images, &probabilities))
        return fail("predict");
    const float *row = (const float *)mbn_tensor_data(probabilities);
    double sum = 0;
    for (int i = 0; i < 10; i++)
        sum += (double)row[i];
    printf("version %s, parameters %" PRId64 ", probabilities sum to %.3f\n", mbn_version_string(),
           parameters, sum);

    mbn_tensor_destroy(probabilities);
    mbn_tensor_destroy(labels);
    mbn_tensor_destroy(images);
    mbn_model_destroy(model);
    mbn_default_context_shutdown();
    return 0;
}
