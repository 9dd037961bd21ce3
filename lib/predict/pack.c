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

static mbn_status fold(const mbni_op *op, const mbn_model *model, const mbni_weight_source *source,
                       const affine *a)
{
    const float *bias = NULL;
    if (op->bias >= 0)
        MBNI_TRY(fetch(source, &model->layers[op->layer], op->bias, &bias));
    for (int64_t i = 0; i < a->channels; i++) {
        a->scale[i] = 1;
        a->shift[i] = bias ? (double)bias[i] : 0;
    }
    for (int64_t l = op->norm_begin; l < op->norm_end; l++)
        if (model->layers[l].ops == &mbni_batch_norm_ops)
            MBNI_TRY(fold_norm(source, &model->layers[l], a));
    return MBN_OK;
}

/* Rows [first, last) of a kernel to one panel. */
static void pack_f32(const mbni_packed *p, int64_t columns, int64_t begin, int64_t first, int64_t last,
                     const affine *a, const float *kernel, float *restrict to)
{
    const int64_t count = p->n - begin < columns ? p->n - begin : columns;
    const double *scale = a->scale + begin;
    to += begin * p->k + first * columns;
    for (int64_t k = first; k < last; k++, to += columns) {
        const float *row = kernel + k * p->n + begin;
        for (int64_t j = 0; j < count; j++)
            to[j] = (float)((double)row[j] * scale[j]);
        for (int64_t j = count; j < columns; j++)
            to[j] = 0;
    }
}

static uint16_t half_at(const mbni_packed *p, const affine *a, const float *kernel, int64_t k, int64_t j)
{
    return k < p->k && j < p->n ? mbni_bf16_from_f32((float)((double)kernel[k * p->n + j] * a->scale[j])) : 0;
}

static void pack_bf16(const mbni_packed *p, int64_t columns, int64_t begin, int64_t first, int64_t last,
                      const affine *a, const float *kernel, uint16_t *to)
{
    to += begin * ((p->k + 1) / 2 * 2) + first * columns;
    for (int64_t k = first; k < last; k += 2)
        for (int64_t j = begin; j < begin + columns; j++, to += 2) {
            to[0] = half_at(p, a, kernel, k, j);
            to[1] = half_at(p, a, kernel, k + 1, j);
        }
}

/* Some rows at a time, of which all panels are made while they are in the cache. */
static void pack_panels(const mbni_program *program, const mbni_packed *p, const affine *a,
                        const float *kernel, void *to)
{
    enum { ROWS = 32 };
    const int64_t columns = program->kernels->panel_columns();
    for (int64_t first = 0; first < p->k; first += ROWS) {
        const int64_t last = p->k - first < ROWS ? p->k : first + ROWS;
        for (int64_t begin = 0; begin < p->n; begin += columns)
            if (program->precision == MBN_PRECISION_BF16)
                pack_bf16(p, columns, begin, first, last, a, kernel, to);
            else
                pack_f32(p, columns, begin, first, last, a, kernel, to);
    }
}

static void pack_plain(int64_t count, const affine *a, const float *kernel, float *to)
{
    for (int64_t i = 0, c = 0; i < count; i++, c = c + 1 < a->channels ? c + 1 : 0)
        to[i] = (float)((double)kernel[i] * a->scale[c]);
}

static void pack_kernel(const mbni_program *program, const mbni_op *op, const affine *a, int64_t count,
                        const float *kernel)
{
    void *to = program->weights.base + op->kernel_at;
    if (op->kind == MBNI_OP_PRODUCT || op->kind == MBNI_OP_COLUMNS)
        pack_panels(program, &op->packed, a, kernel, to);
    else
        pack_plain(count, a, kernel, to);
}

/* The channels that are missing to a whole panel are zero. */
static float *round_to(const mbni_program *program, int64_t at, int64_t count, int64_t padded,
                       const double *from)
{
    float *to = (float *)(void *)(program->weights.base + at);
    for (int64_t i = 0; i < padded; i++)
        to[i] = i < count ? (float)from[i] : 0;
    return to;
}

static mbn_status pack_step(mbni_program *program, mbni_op *op, const mbn_model *model,
                            const mbni_weight_source *source, const affine *a)
{
    if (op->shift_at < 0)
        return MBN_OK;
    const bool packed = op->kind == MBNI_OP_PRODUCT || op->kind == MBNI_OP_COLUMNS;
    const int64_t columns = packed ? program->kernels->panel_columns() : 1;
    const int64_t padded = (a->channels + columns - 1) / columns * columns;
    MBNI_TRY(fold(op, model, source, a));
    op->shift = round_to(program, op->shift_at, a->channels, padded, a->shift);
    if (op->scale_at >= 0)
        op->scale = round_to(program, op->scale_at, a->channels, a->channels, a->scale);
    if (op->kernel >= 0) {
        const mbni_layer *layer = &model->layers[op->layer];
        const float *kernel;
        MBNI_TRY(fetch(source, layer, op->kernel, &kernel));
        pack_kernel(program, op, a, layer->params[op->kernel].count, kernel);
        op->kernel_values = (const float *)(const void *)(program->weights.base + op->kernel_at);
        op->packed.panels = op->kernel_values;
        op->packed.shift = op->shift;
        op->packed.low = op->low;
        op->packed.high = op->high;
    }
    return MBN_OK;
}

mbn_status mbni_program_pack(mbni_program *program, const mbn_model *model, const mbni_weight_source *source)
{
    int64_t channels = 1;
    for (int64_t i = 0; i < program->count; i++)
        channels = program->steps[i].out.c > channels ? program->steps[i].out.c : channels;
    MBNI_TRY(mbni_arena_create(program->context, &program->weights));
    double *numbers = mbni_alloc(program->context, 2 * channels * (int64_t)sizeof *numbers);
    mbn_status status = numbers ? MBN_OK : MBN_ERR_MEMORY;
    for (int64_t i = 0; i < program->count && !status; i++) {
        const affine a = {numbers, numbers + channels, program->steps[i].out.c};
        status = pack_step(program, &program->steps[i], model, source, &a);
    }
    mbni_free(program->context, numbers);
    return status;
}
