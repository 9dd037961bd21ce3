/* Fills a program's weights: a kernel times the scale of the batch norms folded into it, rounded once, in the
 * form that its step's kernel reads. One parameter of the source is looked at at a time. */
#include <math.h>
#include <string.h>
#include "core/half.h"
#include "predict/program.h"

/* What the sum of a channel is multiplied by and what is added, in double until all has been folded. */
typedef struct affine {
    double *scale, *shift; /* [channels] */
    int64_t channels;
} affine;

static mbn_status fetch(const mbni_weight_source *source, const mbni_layer *layer, int32_t param,
                        const float **values)
{
    return source->values(source->user, layer, &layer->params[param], values);
}

/* y = (x - mean) * gamma / sqrt(variance + epsilon) + beta, behind what is there already. */
static mbn_status fold_norm(const mbni_weight_source *source, const mbni_layer *norm, const affine *a)
{
    enum { GAMMA, BETA, MEAN, VARIANCE };
    const float *values;
    MBNI_TRY(fetch(source, norm, MEAN, &values));
    for (int64_t i = 0; i < a->channels; i++)
        a->shift[i] -= (double)values[i];
    MBNI_TRY(fetch(source, norm, VARIANCE, &values));
    for (int64_t i = 0; i < a->channels; i++) {
        const double inverse = 1 / sqrt((double)values[i] + norm->config.batch_norm.epsilon);
        a->scale[i] *= inverse;
        a->shift[i] *= inverse;
    }
    MBNI_TRY(fetch(source, norm, GAMMA, &values));
    for (int64_t i = 0; i < a->channels; i++) {
        a->scale[i] *= (double)values[i];
        a->shift[i] *= (double)values[i];
    }
    MBNI_TRY(fetch(source, norm, BETA, &values));
    for (int64_t i = 0; i < a->channels; i++)
        a->shift[i] += (double)values[i];
    return MBN_OK;
}

static mbn_status fold(const mbni_op *step, const mbn_model *model, const mbni_weight_source *source,
                       const affine *a)
{
    const float *bias = NULL;
    if (step->bias >= 0)
        MBNI_TRY(fetch(source, &model->layers[step->layer], step->bias, &bias));
    for (int64_t i = 0; i < a->channels; i++) {
        a->scale[i] = 1;
        a->shift[i] = bias ? (double)bias[i] : 0;
    }
    for (int64_t l = step->norm_begin; l < step->norm_end; l++)
        if (model->layers[l].ops == &mbni_batch_norm_ops)
            MBNI_TRY(fold_norm(source, &model->layers[l], a));
    return MBN_OK;
}

static void pack_f32(const mbni_packed *p, int64_t columns, const affine *a, const float *kernel, float *to)
{
    for (int64_t begin = 0; begin < p->n; begin += columns)
        for (int64_t k = 0; k < p->k; k++)
            for (int64_t j = begin; j < begin + columns; j++)
                *to++ = j < p->n ? (float)((double)kernel[k * p->n + j] * a->scale[j]) : 0;
}

static void pack_bf16(const mbni_packed *p, int64_t columns, const affine *a, const float *kernel,
                      uint16_t *to)
{
    for (int64_t begin = 0; begin < p->n; begin += columns)
        for (int64_t k = 0; k < p->k; k += 2)
            for (int64_t j = begin; j < begin + columns; j++)
                for (int64_t i = k; i < k + 2; i++)
                    *to++ = i < p->k && j < p->n
                                ? mbni_bf16_from_f32((float)((double)kernel[i * p->n + j] * a->scale[j]))
                                : 0;
}

static void pack_plain(int64_t count, const affine *a, const float *kernel, float *to)
{
    for (int64_t i = 0, c = 0; i < count; i++, c = c + 1 < a->channels ? c + 1 : 0)
        to[i] = (float)((double)kernel[i] * a->scale[c]);
}

static void pack_kernel(const mbni_program *program, const mbni_op *step, const affine *a, int64_t count,
                        const float *kernel)
{
    const int64_t columns = program->kernels->panel_columns();
    void *to = program->weights.base + step->kernel_at;
    if (step->kind != MBNI_OP_PRODUCT && step->kind != MBNI_OP_COLUMNS)
        pack_plain(count, a, kernel, to);
    else if (program->precision == MBN_PRECISION_BF16)
        pack_bf16(&step->packed, columns, a, kernel, to);
    else
        pack_f32(&step->packed, columns, a, kernel, to);
}

/* The channels that are missing to a whole panel stay zero: the block is cleared. */
static float *round_to(const mbni_program *program, int64_t at, int64_t count, const double *from)
{
    float *to = (float *)(void *)(program->weights.base + at);
    for (int64_t i = 0; i < count; i++)
        to[i] = (float)from[i];
    return to;
}

static mbn_status pack_step(mbni_program *program, mbni_op *step, const mbn_model *model,
                            const mbni_weight_source *source, const affine *a)
{
    if (step->shift_at < 0)
        return MBN_OK;
    MBNI_TRY(fold(step, model, source, a));
    step->shift = round_to(program, step->shift_at, a->channels, a->shift);
    if (step->scale_at >= 0)
        step->scale = round_to(program, step->scale_at, a->channels, a->scale);
    if (step->kernel >= 0) {
        const mbni_layer *layer = &model->layers[step->layer];
        const float *kernel;
        MBNI_TRY(fetch(source, layer, step->kernel, &kernel));
        pack_kernel(program, step, a, layer->params[step->kernel].count, kernel);
        step->kernel_values = (const float *)(const void *)(program->weights.base + step->kernel_at);
        step->packed.panels = step->kernel_values;
        step->packed.shift = step->shift;
        step->packed.low = step->low;
        step->packed.high = step->high;
    }
    return MBN_OK;
}

mbn_status mbni_program_pack(mbni_program *program, const mbn_model *model, const mbni_weight_source *source)
{
    int64_t channels = 1;
    for (int64_t i = 0; i < program->count; i++)
        channels = program->steps[i].out.c > channels ? program->steps[i].out.c : channels;
    MBNI_TRY(mbni_arena_create(program->context, &program->weights));
    memset(program->weights.base, 0, (size_t)program->weights.bytes);
    double *numbers = mbni_alloc(program->context, 2 * channels * (int64_t)sizeof *numbers);
    mbn_status status = numbers ? MBN_OK : MBN_ERR_MEMORY;
    for (int64_t i = 0; i < program->count && !status; i++) {
        const affine a = {numbers, numbers + channels, program->steps[i].out.c};
        status = pack_step(program, &program->steps[i], model, source, &a);
    }
    mbni_free(program->context, numbers);
    return status;
}
