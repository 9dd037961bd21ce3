/* Loss and accuracy of a data set in inference mode. */
#include "train/metrics.h"
#include "train/trainer.h"

mbn_status mbni_evaluation_plan(const mbn_model *model, int64_t max_batch, mbni_evaluation *evaluation)
{
    int64_t soft = 0;
    *evaluation = (mbni_evaluation){0};
    mbni_arena *arena = &evaluation->arena;
    if (!mbni_mul(max_batch, mbni_model_last(model)->out.dims[0], &soft))
        arena->overflow = true;
    evaluation->losses_offset = mbni_arena_plan(arena, max_batch, sizeof(float));
    evaluation->soft_offset = mbni_arena_plan(arena, soft, sizeof(float));
    evaluation->ids_offset = mbni_arena_plan(arena, max_batch, sizeof(int32_t));
    evaluation->correct_offset = mbni_arena_plan(arena, max_batch, 1);
    if (arena->overflow)
        return mbni_error(MBN_ERR_MEMORY, "batch size %lld needs more memory than can be addressed",
                          (long long)max_batch);
    return mbni_inference_plan(model, max_batch, 1, &evaluation->run);
}

int64_t mbni_evaluation_bytes(const mbni_evaluation *evaluation)
{
    int64_t bytes;
    return mbni_add(evaluation->run.arena.bytes, evaluation->arena.bytes, &bytes) ? bytes : INT64_MAX / 2;
}

static void connect(mbni_evaluation *evaluation)
{
    unsigned char *base = evaluation->arena.base;
    evaluation->losses = (float *)(void *)(base + evaluation->losses_offset);
    evaluation->soft = (float *)(void *)(base + evaluation->soft_offset);
    evaluation->ids = (int32_t *)(void *)(base + evaluation->ids_offset);
    evaluation->correct = base + evaluation->correct_offset;
}

mbn_status mbni_evaluation_create(mbni_evaluation *evaluation)
{
    mbn_context *context = evaluation->run.model->context;
    MBNI_TRY(mbni_arena_create(context, &evaluation->run.arena));
    mbn_status status = mbni_arena_create(context, &evaluation->arena);
    if (status) {
        mbni_arena_destroy(context, &evaluation->run.arena);
        return status;
    }
    mbni_inference_connect(&evaluation->run);
    connect(evaluation);
    return MBN_OK;
}

void mbni_evaluation_lend(mbni_evaluation *evaluation, unsigned char *memory)
{
    mbni_arena_lend(&evaluation->run.arena, memory);
    mbni_arena_lend(&evaluation->arena, memory + evaluation->run.arena.bytes);
    mbni_inference_connect(&evaluation->run);
    connect(evaluation);
}

void mbni_evaluation_destroy(mbni_evaluation *evaluation)
{
    if (!evaluation->arena.base)
        return;
    mbni_arena_destroy(evaluation->run.model->context, &evaluation->arena);
    mbni_inference_destroy(&evaluation->run);
}

mbn_status mbni_evaluation_run(mbni_evaluation *evaluation, const mbni_feed *feed, int64_t first,
                               int64_t count, double *loss, double *accuracy)
{
    mbni_inference *run = &evaluation->run;
    const mbni_train_kernels *kernels = mbni_train_kernels_select(run->model->context->isa);
    const int64_t classes = mbni_model_last(run->model)->out.dims[0], end = first + count;
    double loss_sum = 0;
    int64_t correct = 0;
    MBNI_TRY(feed->begin(feed->self, NULL, first, end, 0));
    for (int64_t place = first, batch; place < end; place += batch) {
        batch = end - place < run->max_batch ? end - place : run->max_batch;
        MBNI_TRY(feed->ready(feed->self, place, batch));
        mbni_model_gather(run->model, feed, place, batch, mbni_inference_input(run));
        feed->labels(feed->self, place, batch, evaluation->ids, evaluation->soft);
        const float *logits = mbni_inference_run(run, batch);
        kernels->softmax_cross_entropy(batch, classes, logits, feed->soft ? NULL : evaluation->ids,
                                       evaluation->soft, 0, 1, evaluation->losses, evaluation->correct, NULL);
        if (evaluation->metrics)
            mbni_metrics_count(evaluation->metrics, batch, logits, feed->soft ? NULL : evaluation->ids,
                               evaluation->soft, evaluation->losses);
        for (int64_t i = 0; i < batch; i++) {
            loss_sum += evaluation->losses[i];
            correct += evaluation->correct[i];
        }
    }
    *loss = loss_sum / (double)count + mbni_l2_loss(run->model);
    *accuracy = (double)correct / (double)count;
    return MBN_OK;
}

mbn_status mbni_evaluate_counting(const mbn_model *model, const mbni_feed *feed, int64_t batch_size,
                                  mbn_metrics *metrics, double *loss, double *accuracy)
{
    mbni_evaluation evaluation = {0};
    batch_size = batch_size ? batch_size : 128;
    batch_size = batch_size < feed->count ? batch_size : feed->count;
    MBNI_TRY(mbni_evaluation_plan(model, batch_size, &evaluation));
    MBNI_TRY(mbni_evaluation_create(&evaluation));
    evaluation.metrics = metrics;
    mbn_status status = mbni_evaluation_run(&evaluation, feed, 0, feed->count, loss, accuracy);
    mbni_evaluation_destroy(&evaluation);
    return status;
}

mbn_status mbni_evaluate_feed(const mbn_model *model, const mbni_feed *feed, int64_t batch_size, double *loss,
                              double *accuracy)
{
    return mbni_evaluate_counting(model, feed, batch_size, NULL, loss, accuracy);
}

mbn_status mbni_evaluate(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y, int64_t batch_size,
                         double *loss, double *accuracy)
{
    mbni_tensors tensors;
    mbni_feed feed;
    if (batch_size < 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument batch_size is %lld; allowed are 1 and more, or 0 for 128",
                          (long long)batch_size);
    MBNI_TRY(mbni_model_check_classifier(model));
    MBNI_TRY(mbni_labelled(model, x, y, "x", "y", &tensors, &feed));
    return mbni_evaluate_feed(model, &feed, batch_size, loss, accuracy);
}
