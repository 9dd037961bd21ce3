/* Runs a model layer by layer on any number of pictures, a bounded batch at a time. */
#include "predict/predict.h"
#include <string.h>

enum { MAX_BATCH = 128 };

/* Shape of the answer for n pictures, in the model's order of axes. */
static void output_dims(const mbn_model *model, int64_t n, int64_t dims[MBN_MAX_RANK], int32_t *rank)
{
    const mbni_shape *out = &mbni_model_last(model)->out;
    bool first = model->data_format == MBN_CHANNELS_FIRST && out->rank == 3;
    dims[0] = n;
    for (int32_t i = 0; i < out->rank; i++)
        dims[1 + i] = out->dims[first ? (i + 2) % 3 : i];
    *rank = out->rank + 1;
}

static void store(const mbn_model *model, const float *y, int64_t batch, float *target)
{
    const mbni_shape *out = &mbni_model_last(model)->out;
    int64_t count = mbni_shape_count(out);
    if (model->data_format != MBN_CHANNELS_FIRST || out->rank != 3) {
        memcpy(target, y, (size_t)(batch * count) * sizeof(float));
        return;
    }
    const mbni_kernels *kernels = mbni_kernels_select(model->context->isa);
    for (int64_t i = 0; i < batch; i++)
        kernels->transpose(out->dims[0] * out->dims[1], out->dims[2], y + i * count, target + i * count);
}

mbn_status mbni_predict(const mbn_model *model, const mbn_tensor *x, mbn_tensor **out)
{
    mbni_inference run = {0};
    mbn_tensor *answer = NULL;
    int64_t dims[MBN_MAX_RANK];
    int32_t rank;
    mbn_status status;
    if (!model->built)
        return mbni_error(MBN_ERR_STATE, "the model is not built; call mbn_model_build first");
    MBNI_TRY(mbni_model_check_input(model, x, "x"));
    int64_t n = x->dims[0], count = mbni_shape_count(&mbni_model_last(model)->out);
    output_dims(model, n, dims, &rank);
    MBNI_TRY(mbni_tensor_new(model->context, MBN_F32, rank, dims, 0, &answer));
    if ((status = mbni_inference_plan(model, n < MAX_BATCH ? (n ? n : 1) : MAX_BATCH, 0, &run)) ||
        (status = mbni_inference_create(&run))) {
        mbn_tensor_destroy(answer);
        return status;
    }
    for (int64_t done = 0; done < n; done += run.max_batch) {
        int64_t batch = n - done < run.max_batch ? n - done : run.max_batch;
        mbni_model_gather(model, x, NULL, done, batch, mbni_inference_input(&run));
        store(model, mbni_inference_run(&run, batch), batch, (float *)answer->data + done * count);
    }
    mbni_inference_destroy(&run);
    *out = answer;
    return MBN_OK;
}
