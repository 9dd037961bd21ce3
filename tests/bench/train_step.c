/* Times the training step of MobileNet V1 on 32 x 32 pictures: the median and 90th percentile over one fit.
 *   train_step [full|shallow] [threads] [steps]
 * Batch 128, Adam, f32. Prints one line for tests/bench/peers.sh. */
#include <mobilenet/mobilenet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 128, WARM_UP = 2, MAX_STEPS = 1000 };

typedef struct stopwatch {
    double last;
    double ms[MAX_STEPS];
    int steps;
} stopwatch;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int32_t on_batch(void *user, mbn_model *model, const mbn_fit_event *event)
{
    stopwatch *watch = user;
    (void)model;
    double now = now_ms();
    if (event->batch >= WARM_UP && watch->steps < MAX_STEPS)
        watch->ms[watch->steps++] = now - watch->last;
    watch->last = now;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    stopwatch watch = {0};
    mbn_context *context = NULL;
    mbn_model *model = NULL;
    mbn_tensor *x = NULL, *y = NULL;
    int64_t steps = argc > 3 ? atoll(argv[3]) : 9, bytes = 0;
    int exit_code = 1;

    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = argc > 2 ? atoi(argv[2]) : 0;
    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.classes = 10;
    net.shallow = argc > 1 && !strcmp(argv[1], "shallow");
    mbn_compile_options compile;
    mbn_compile_options_init(&compile);
    compile.optimizer = MBN_OPTIMIZER_ADAM;
    mbn_fit_options fit;
    mbn_fit_options_init(&fit);
    fit.batch_size = BATCH;
    fit.on_batch_end = on_batch;
    fit.callback_user = &watch;
    if (mbn_context_create(&options, &context) ||
        mbn_shapes_create(context, BATCH * (steps + WARM_UP), 32, 32, 1, &x, &y) ||
        mbn_mobilenet_create(context, &net, &model) || mbn_compile(model, &compile) ||
        mbn_fit_memory(model, BATCH, &bytes) || mbn_fit(model, x, y, &fit, NULL))
        goto done;
    qsort(watch.ms, (size_t)watch.steps, sizeof *watch.ms, ascending);
    printf("libmobilenet %s (%s), %s, %d threads: median_ms %.1f p90_ms %.1f memory_mb %.0f\n",
           mbn_version_string(), mbn_build_info(), net.shallow ? "shallow" : "full",
           (int)mbn_context_threads(context), watch.ms[watch.steps / 2], watch.ms[watch.steps * 9 / 10],
           (double)bytes / 1e6);
    exit_code = 0;
done:
    if (exit_code)
        fprintf(stderr, "train_step: %s\n", mbn_last_error());
    mbn_model_destroy(model);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_context_destroy(context);
    return exit_code;
}
