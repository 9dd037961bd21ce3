/* mbn_predict: a predictor that is kept in the model, and any number of pictures, a bounded batch at a time.
 */
#include "predict/predict.h"
#include <string.h>
#include "predict/program.h"

enum { MAX_BATCH = 128 };

static mbn_predictor_options options_for(int64_t batch, int32_t type)
{
    mbn_predictor_options options;
    mbni_predictor_defaults(&options);
    options.max_batch = batch < 1 ? 1 : batch > MAX_BATCH ? MAX_BATCH : batch;
    options.input_type = type;
    return options;
}

/* Whether a kept predictor has the model's present weights and edges, and room enough. */
static bool serves(const mbn_predictor *p, const mbn_model *model, const mbn_predictor_options *options)
{
    const int32_t layout = model->data_format == MBN_CHANNELS_FIRST ? MBN_LAYOUT_NCHW : MBN_LAYOUT_NHWC;
    float scale, offset;
    mbni_preprocessing_numbers(model->preprocessing, &scale, &offset);
    return p->program->revision == model->revision && p->options.max_batch >= options->max_batch &&
           p->options.input_type == options->input_type && p->options.layout == layout &&
           p->pictures.scale == scale && p->pictures.offset == offset;
}

static mbn_status predictor_for(const mbn_model *model, const mbn_predictor_options *options,
                                mbn_predictor **out)
{
    mbn_predictor *kept = mbni_share_take(model);
    if (kept && serves(kept, model, options)) {
        *out = kept;
        return MBN_OK;
    }
    const mbn_status status = mbni_predictor_create(model, options, NULL, out);
    if (kept) /* its weights may have served the new one */
        mbni_predictor_free(kept);
    return status;
}

static mbn_status new_answer(const mbn_model *model, const mbn_predictor *p, int64_t count, mbn_tensor **out)
{
    int64_t dims[MBN_MAX_RANK] = {count};
    for (int32_t i = 0; i < p->output_rank; i++)
        dims[1 + i] = p->output_dims[i];
    return mbni_tensor_new(model->context, MBN_F32, p->output_rank + 1, dims, 0, out);
}

mbn_status mbni_predict(const mbn_model *model, const mbn_tensor *x, mbn_tensor **out)
{
    mbn_tensor *answer = NULL;
    mbn_predictor *p;
    if (!model->built)
        return mbni_error(MBN_ERR_STATE, "the model is not built; call mbn_model_build first");
    MBNI_TRY(mbni_model_check_input(model, x, "x"));
    const mbn_predictor_options options = options_for(x->dims[0], x->type);
    MBNI_TRY(predictor_for(model, &options, &p));
    const int64_t count = x->dims[0];
    const mbn_status status = new_answer(model, p, count, &answer);
    for (int64_t done = 0; done < count && !status; done += p->options.max_batch) {
        const int64_t left = count - done, n = left < p->options.max_batch ? left : p->options.max_batch;
        mbni_predictor_run(p, n, (const unsigned char *)x->data + done * p->input_bytes,
                           (float *)answer->data + done * p->output_floats, NULL);
    }
    mbni_share_keep(model, p);
    *out = answer;
    return status;
}

/* Pictures of a batch, wherever they lie, side by side. */
static mbn_status collect(const mbni_feed *feed, int64_t place, int64_t n, int64_t bytes, unsigned char *to)
{
    MBNI_TRY(feed->ready(feed->self, place, n));
    for (int64_t i = 0; i < n; i++)
        memcpy(to + i * bytes, feed->pixels(feed->self, place + i), (size_t)bytes);
    feed->labels(feed->self, place, n, NULL, NULL);
    return MBN_OK;
}

static mbn_status run_feed(mbn_predictor *p, const mbni_feed *feed, unsigned char *pictures, float *answer)
{
    MBNI_TRY(feed->begin(feed->self, NULL, 0, feed->count, 0));
    for (int64_t done = 0, n; done < feed->count; done += n) {
        n = feed->count - done < p->options.max_batch ? feed->count - done : p->options.max_batch;
        MBNI_TRY(collect(feed, done, n, p->input_bytes, pictures));
        mbni_predictor_run(p, n, pictures, answer + done * p->output_floats, NULL);
    }
    return MBN_OK;
}

mbn_status mbni_predict_feed(const mbn_model *model, const mbni_feed *feed, int64_t batch, mbn_tensor **out)
{
    mbn_predictor_options options = options_for(batch, feed->type);
    mbn_tensor *answer = NULL;
    mbn_predictor *p;
    if (!model->built)
        return mbni_error(MBN_ERR_STATE, "the model is not built; call mbn_model_build first");
    options.layout = feed->planes ? MBN_LAYOUT_NCHW : MBN_LAYOUT_NHWC;
    MBNI_TRY(mbni_predictor_create(model, &options, NULL, &p));
    unsigned char *pictures = mbni_alloc(model->context, p->options.max_batch * p->input_bytes);
    mbn_status status = pictures ? new_answer(model, p, feed->count, &answer) : MBN_ERR_MEMORY;
    if (!status)
        status = run_feed(p, feed, pictures, answer->data);
    mbni_free(model->context, pictures);
    mbni_predictor_free(p);
    if (status && answer)
        mbni_tensor_free(answer);
    else
        *out = answer;
    return status;
}

mbn_status mbni_predict_memory(const mbn_model *model, int64_t batch, int64_t *weights_bytes,
                               int64_t *workspace_bytes)
{
    const mbn_predictor_options options = options_for(batch, MBN_F32);
    return mbni_predictor_needs(model, &options, weights_bytes, workspace_bytes);
}
