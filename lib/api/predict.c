/* mobilenet/predict.h. Joins the predict room with the io room, which knows files. */
#include "predict/predict.h"
#include "core/options.h"
#include "io/io.h"
#include "predict/program.h"

static mbn_status refuse_null(const char *argument)
{
    return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", argument);
}

MBN_API mbn_status mbn_predict(const mbn_model *model, const mbn_tensor *x, mbn_tensor **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!model)
        return refuse_null("model");
    MBNI_TRY(mbni_model_read_begin(model));
    uint32_t denormals = mbni_denormals_flush();
    mbn_status status = mbni_predict(model, x, out);
    mbni_denormals_restore(denormals);
    mbni_model_read_end(model);
    return status;
}

MBN_API void mbn_predictor_options_init_sized(mbn_predictor_options *options, size_t struct_size)
{
    mbn_predictor_options defaults;
    mbni_predictor_defaults(&defaults);
    if (options)
        mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

static mbn_status read_options(const mbn_predictor_options *options, mbn_predictor_options *known)
{
    mbni_predictor_defaults(known);
    MBNI_TRY(mbni_options_read(known, sizeof *known, options, "options"));
    return mbni_predictor_check(known);
}

MBN_API mbn_status mbn_predictor_create(const mbn_model *model, const mbn_predictor_options *options,
                                        mbn_predictor **out)
{
    MBNI_CALL();
    mbn_predictor_options known;
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!model)
        return refuse_null("model");
    MBNI_TRY(read_options(options, &known));
    MBNI_TRY(mbni_model_read_begin(model));
    mbn_status status = mbni_predictor_create(model, &known, NULL, out);
    mbni_model_read_end(model);
    return status;
}

typedef struct load_target {
    mbn_predictor_options options;
    mbn_predictor **out;
} load_target;

/* The predict room packs what the io room reads, tensor by tensor. */
static mbn_status compile(void *user, const mbn_model *model, const mbni_weight_source *source)
{
    const load_target *target = user;
    return mbni_predictor_create(model, &target->options, source, target->out);
}

MBN_API mbn_status mbn_predictor_load(const char *path, const mbn_predictor_options *options,
                                      mbn_predictor **out)
{
    MBNI_CALL();
    load_target target = {.out = out};
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!path)
        return refuse_null("path");
    if (!*path)
        return mbni_error(MBN_ERR_ARGUMENT, "argument path is empty");
    MBNI_TRY(read_options(options, &target.options));
    return mbni_mbn_stream(target.options.context, path, compile, &target);
}

MBN_API mbn_status mbn_predictor_clone(const mbn_predictor *predictor, mbn_predictor **out)
{
    MBNI_CALL();
    if (!out)
        return refuse_null("out");
    *out = NULL;
    if (!predictor)
        return refuse_null("predictor");
    return mbni_predictor_clone(predictor, out);
}

MBN_API void mbn_predictor_destroy(mbn_predictor *predictor)
{
    if (predictor)
        mbni_predictor_free(predictor);
}

MBN_API mbn_status mbn_predictor_run(mbn_predictor *predictor, int64_t n, const void *input,
                                     size_t input_bytes, void *output, size_t output_bytes)
{
    MBNI_CALL();
    if (!predictor)
        return refuse_null("predictor");
    return mbni_predictor_run_bytes(predictor, n, input, input_bytes, output, output_bytes);
}

MBN_API mbn_status mbn_predictor_run_tensor(mbn_predictor *predictor, const mbn_tensor *x, mbn_tensor *out)
{
    MBNI_CALL();
    if (!predictor)
        return refuse_null("predictor");
    return mbni_predictor_run_tensor(predictor, x, out);
}

MBN_API size_t mbn_predictor_input_bytes(const mbn_predictor *predictor)
{
    return predictor ? (size_t)predictor->input_bytes : 0;
}

MBN_API size_t mbn_predictor_output_bytes(const mbn_predictor *predictor)
{
    return predictor ? (size_t)predictor->output_floats * sizeof(float) : 0;
}

MBN_API const int64_t *mbn_predictor_input_dims(const mbn_predictor *predictor)
{
    return predictor ? predictor->input_dims : NULL;
}

MBN_API const int64_t *mbn_predictor_output_dims(const mbn_predictor *predictor)
{
    return predictor ? predictor->output_dims : NULL;
}

MBN_API int32_t mbn_predictor_output_rank(const mbn_predictor *predictor)
{
    return predictor ? predictor->output_rank : 0;
}

MBN_API int32_t mbn_predictor_threads(const mbn_predictor *predictor)
{
    return predictor ? predictor->options.threads : 0;
}

MBN_API int32_t mbn_predictor_isa(const mbn_predictor *predictor)
{
    return predictor ? predictor->program->isa : 0;
}

MBN_API const char *mbn_predictor_label(const mbn_predictor *predictor, size_t index)
{
    return predictor && index < (size_t)predictor->label_count ? predictor->labels[index] : NULL;
}

MBN_API mbn_status mbn_predictor_memory(const mbn_predictor *predictor, int64_t *weights_bytes,
                                        int64_t *workspace_bytes)
{
    MBNI_CALL();
    if (!predictor)
        return refuse_null("predictor");
    if (weights_bytes)
        *weights_bytes = predictor->program->weights.bytes;
    if (workspace_bytes)
        *workspace_bytes = predictor->workspace.bytes;
    return MBN_OK;
}

MBN_API mbn_status mbn_predictor_memory_needed(const mbn_model *model, const mbn_predictor_options *options,
                                               int64_t *weights_bytes, int64_t *workspace_bytes)
{
    MBNI_CALL();
    mbn_predictor_options known;
    int64_t weights = 0, workspace = 0;
    if (!model)
        return refuse_null("model");
    MBNI_TRY(read_options(options, &known));
    MBNI_TRY(mbni_model_read_begin(model));
    mbn_status status = mbni_predictor_needs(model, &known, &weights, &workspace);
    mbni_model_read_end(model);
    if (!status && weights_bytes)
        *weights_bytes = weights;
    if (!status && workspace_bytes)
        *workspace_bytes = workspace;
    return status;
}

MBN_API void mbn_step_info_init_sized(mbn_step_info *info, size_t struct_size)
{
    const mbn_step_info defaults = {.struct_size = sizeof defaults};
    if (info)
        mbni_options_write(info, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_predictor_profile(mbn_predictor *predictor, int64_t n, const void *input,
                                         size_t input_bytes, int32_t repeats)
{
    MBNI_CALL();
    if (!predictor)
        return refuse_null("predictor");
    return mbni_predictor_profile(predictor, n, input, input_bytes, repeats);
}

MBN_API size_t mbn_predictor_step_count(const mbn_predictor *predictor)
{
    return predictor ? (size_t)predictor->count : 0;
}

MBN_API mbn_status mbn_predictor_step_info(const mbn_predictor *predictor, size_t index, mbn_step_info *info)
{
    MBNI_CALL();
    mbn_step_info known;
    if (!predictor)
        return refuse_null("predictor");
    if (!info)
        return refuse_null("info");
    if (index >= (size_t)predictor->count)
        return mbni_error(MBN_ERR_ARGUMENT, "argument index is %zu; the predictor has %lld steps", index,
                          (long long)predictor->count);
    if (info->struct_size < sizeof info->struct_size || info->struct_size > 65536)
        return mbni_error(
            MBN_ERR_ARGUMENT,
            "struct_size of info is %zu; allowed are %zu to 65536 (set it with the init function)",
            info->struct_size, sizeof info->struct_size);
    mbni_predictor_step(predictor, index, &known);
    mbni_options_write(info, info->struct_size, &known, sizeof known);
    return MBN_OK;
}

MBN_API mbn_status mbn_top_k(const mbn_predictor *predictor, const float *scores, int64_t classes, int64_t k,
                             int64_t *indices, float *top, const char **labels)
{
    MBNI_CALL();
    if (!scores)
        return refuse_null("scores");
    if (!indices)
        return refuse_null("indices");
    MBNI_TRY(mbni_top_k(scores, classes, k, indices));
    for (int64_t i = 0; i < k; i++) {
        if (top)
            top[i] = scores[indices[i]];
        if (labels)
            labels[i] = mbn_predictor_label(predictor, (size_t)indices[i]);
    }
    return MBN_OK;
}
