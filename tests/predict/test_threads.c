/* Many threads on one model: a predictor each, made, cloned and released while others run, and mbn_predict
 * from all of them. Run under ThreadSanitizer by make check-threads. */
#include <pthread.h>
#include "support/nets.h"
#include "support/suite.h"

enum { THREADS = 6, ROUNDS = 8, SIDE = 33, INPUT = SIDE * SIDE * 3, CLASSES = 10 };

static const mbn_model *model;
static mbn_predictor *common; /* cloned by all */
static float picture[INPUT], wanted[CLASSES];

static void right(const float *y)
{
    if (memcmp(y, wanted, sizeof wanted))
        abort();
}

static void one_predictor(int thread, int round)
{
    float y[CLASSES];
    mbn_predictor *p = NULL;
    mbn_predictor_options o;
    mbn_predictor_options_init(&o);
    o.threads = 1 + (thread + round) % 2;
    if (round % 2 ? mbn_predictor_create(model, &o, &p) : mbn_predictor_clone(common, &p))
        abort();
    for (int i = 0; i < 3; i++) {
        if (mbn_predictor_run(p, 1, picture, sizeof picture, y, sizeof y))
            abort();
        right(y);
    }
    mbn_predictor_destroy(p);
}

static void *work(void *argument)
{
    const int thread = *(const int *)argument;
    const int64_t dims[4] = {1, SIDE, SIDE, 3};
    for (int round = 0; round < ROUNDS; round++) {
        mbn_tensor *x = NULL, *y = NULL;
        one_predictor(thread, round);
        if (mbn_tensor_wrap(NULL, MBN_F32, 4, dims, picture, NULL, NULL, &x) || mbn_predict(model, x, &y))
            abort();
        right(mbn_tensor_data(y));
        mbn_tensor_destroy(y);
        mbn_tensor_destroy(x);
    }
    return NULL;
}

START_TEST(threads_with_predictors_of_one_model_agree)
{
    pthread_t ids[THREADS];
    int numbers[THREADS];
    mbn_mobilenet_options o;
    mbn_context_options options;
    mbn_context *context;
    mbn_model *built;
    mbn_context_options_init(&options);
    options.threads = 3;
    ck_ok(mbn_context_create(&options, &context));
    mbn_mobilenet_options_init(&o);
    o.alpha = 0.25, o.height = o.width = SIDE, o.classes = CLASSES, o.shallow = 1;
    ck_ok(mbn_mobilenet_create(context, &o, &built));
    enliven(built);
    model = built;
    for (int i = 0; i < INPUT; i++)
        picture[i] = (float)(i * 7919 % 256) / 127.5f - 1;
    ck_ok(mbn_predictor_create(model, NULL, &common));
    ck_ok(mbn_predictor_run(common, 1, picture, sizeof picture, wanted, sizeof wanted));
    for (int t = 0; t < THREADS; t++) {
        numbers[t] = t;
        ck_assert_int_eq(pthread_create(&ids[t], NULL, work, &numbers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(ids[t], NULL);
    mbn_predictor_destroy(common);
    mbn_model_destroy(built);
    mbn_context_destroy(context);
}
END_TEST

SUITE("predictor threads", threads_with_predictors_of_one_model_agree)
