/* What a predictor's steps are, and the time that each takes. */
#include "predict/predict.h"
#include <stdlib.h>
#include "predict/program.h"

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

mbn_status mbni_predictor_profile(mbn_predictor *p, int64_t n, const void *input, size_t input_bytes,
                                  int32_t repeats)
{
    MBNI_TRY(mbni_predictor_check_run(p, n, input));
    MBNI_TRY(mbni_predictor_check_bytes("input_bytes", input_bytes, n, p->input_bytes));
    if (n < 1)
        return mbni_error(MBN_ERR_ARGUMENT, "argument n is 0; a profile needs a picture");
    if (repeats < 1 || repeats > 10000)
        return mbni_error(MBN_ERR_ARGUMENT, "argument repeats is %d; allowed are 1 to 10000", (int)repeats);
    MBNI_TRY(mbni_predictor_begin(p));
    /* One row of seconds for each repeat, then the medians' columns; the answers are thrown away. */
    const int64_t seconds = p->count * repeats, floats = n * p->output_floats;
    double *clock = mbni_alloc_zeroed(p->context, (seconds + repeats) * (int64_t)sizeof *clock);
    float *output = mbni_alloc(p->context, floats * (int64_t)sizeof *output);
    if (!p->times)
        p->times = mbni_alloc_zeroed(p->context, p->count * (int64_t)sizeof *p->times);
    const mbn_status status = clock && output && p->times ? MBN_OK : MBN_ERR_MEMORY;
    const uint32_t denormals = mbni_denormals_flush();
    for (int32_t r = 0; r < repeats && !status; r++)
        mbni_predictor_run(p, n, input, output, clock + r * p->count);
    for (int64_t i = 0; i < p->count && !status; i++) {
        double *column = clock + seconds;
        for (int32_t r = 0; r < repeats; r++)
            column[r] = clock[r * p->count + i];
        qsort(column, (size_t)repeats, sizeof *column, by_value);
        p->times[i] = 1e3 * column[repeats / 2];
    }
    p->timed = status ? p->timed : n;
    mbni_denormals_restore(denormals);
    mbni_free(p->context, clock);
    mbni_free(p->context, output);
    mbni_predictor_end(p);
    return status;
}

static int32_t segment_of(const mbn_predictor *p, int64_t step)
{
    int32_t s = 0;
    while (p->segments[s].end <= step)
        s++;
    return s;
}

void mbni_predictor_step(const mbn_predictor *p, size_t index, mbn_step_info *info)
{
    const mbni_op *op = p->steps[index];
    const int64_t in =
        op->kind == MBNI_OP_CONVERT ? p->input_bytes : mbni_map_floats(op->in) * (int64_t)sizeof(float);
    *info =
        (mbn_step_info){.struct_size = sizeof *info,
                        .name = op->name,
                        .type = op->type,
                        .multiply_adds = op->multiply_adds,
                        .bytes = op->weight_bytes + in + mbni_map_floats(op->out) * (int64_t)sizeof(float),
                        .segment = segment_of(p, (int64_t)index)};
    if (p->times) {
        info->milliseconds = p->times[index];
        if (info->milliseconds > 0)
            info->gflops = 2e-6 * (double)op->multiply_adds * (double)p->timed / info->milliseconds;
    }
}
