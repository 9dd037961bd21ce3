/* The predictor object: made of a program and options, run on checked arguments. */
#include "predict/predict.h"
#include <string.h>
#include "predict/program.h"

enum { MAX_BATCH = 65536 };

void mbni_predictor_defaults(mbn_predictor_options *options)
{
    *options = (mbn_predictor_options){.struct_size = sizeof *options, .max_batch = 1};
}

static mbn_status check_option(const char *name, int64_t value, int64_t low, int64_t high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "option %s is %lld; allowed are %lld to %lld", name, (long long)value,
                      (long long)low, (long long)high);
}

mbn_status mbni_predictor_check(const mbn_predictor_options *o)
{
    MBNI_TRY(check_option("max_batch", o->max_batch, 1, MAX_BATCH));
    MBNI_TRY(check_option("threads", o->threads, 0, MBNI_PHASE_PARTS));
    MBNI_TRY(check_option("precision", o->precision, MBN_PRECISION_F32, MBN_PRECISION_BF16));
    MBNI_TRY(check_option("isa_limit", o->isa_limit, MBN_ISA_BEST, MBN_ISA_NEON));
    MBNI_TRY(check_option("output", o->output, MBN_OUTPUT_PROBABILITIES, MBN_OUTPUT_EMBEDDING));
    MBNI_TRY(check_option("layout", o->layout, MBN_LAYOUT_MODEL, MBN_LAYOUT_NCHW));
    if (o->input_type != MBN_F32 && o->input_type != MBN_U8)
        return mbni_error(MBN_ERR_ARGUMENT, "option input_type is %d; allowed are %d (f32) and %d (u8)",
                          (int)o->input_type, MBN_F32, MBN_U8);
    return MBN_OK;
}

static void set_edges(mbn_predictor *p, const mbn_model *model)
{
    const mbni_op *ops = p->program->steps;
    const int64_t *dims = model->layers[0].out.dims;
    const mbni_map image = {dims[0], dims[1], dims[2]};
    int64_t count = p->program->count;
    if (p->options.output == MBN_OUTPUT_LOGITS && count > 1 && ops[count - 1].kind == MBNI_OP_SOFTMAX)
        count--;
    const mbni_shape *out = &model->layers[p->program->layers - 1].out;
    const mbni_map last = ops[count - 1].out;
    p->count = 0;
    if (p->pictures.type == MBN_U8 || p->pictures.planes) {
        p->edges[0] =
            (mbni_op){.kind = MBNI_OP_CONVERT, .name = "input", .type = "Input", .in = image, .out = image};
        p->steps[p->count++] = &p->edges[0];
    }
    for (int64_t i = 0; i < count; i++)
        p->steps[p->count++] = &ops[i];
    const bool planes = p->options.layout == MBN_LAYOUT_NCHW && out->rank == 3;
    if (planes && last.h * last.w > 1 && last.c > 1) {
        p->edges[1] =
            (mbni_op){.kind = MBNI_OP_TRANSPOSE, .name = "output", .type = "Output", .in = last, .out = last};
        p->steps[p->count++] = &p->edges[1];
    }
    for (int32_t i = 0; i < 3; i++)
        p->input_dims[i] = model->layers[0].out.dims[p->options.layout == MBN_LAYOUT_NCHW ? (i + 2) % 3 : i];
    for (int32_t i = 0; i < out->rank; i++)
        p->output_dims[i] = out->dims[planes ? (i + 2) % 3 : i];
    p->output_rank = out->rank;
    p->input_bytes = mbni_map_floats(image) * mbni_type_bytes(p->options.input_type);
    p->output_floats = mbni_shape_count(out);
}

static void set_pictures(mbn_predictor *p, const mbn_model *model)
{
    if (p->options.layout == MBN_LAYOUT_MODEL)
        p->options.layout = model->data_format == MBN_CHANNELS_FIRST ? MBN_LAYOUT_NCHW : MBN_LAYOUT_NHWC;
    p->pictures.type = p->options.input_type;
    p->pictures.planes = p->options.layout == MBN_LAYOUT_NCHW && model->layers[0].out.dims[2] > 1;
    mbni_preprocessing_numbers(model->preprocessing, &p->pictures.scale, &p->pictures.offset);
}

static mbn_status check_model(const mbn_model *model, const mbn_predictor_options *options)
{
    if (options->input_type == MBN_U8 && model->preprocessing == MBN_PREPROCESSING_NONE)
        return mbni_error(MBN_ERR_STATE,
                          "option input_type asks for u8, and the model does not know how such "
                          "pictures become numbers; call mbn_model_set_preprocessing or give f32");
    return MBN_OK;
}

/* The object and its arrays, in one block. */
static mbn_predictor *allocate(mbn_context *context, int64_t steps, int64_t parts)
{
    mbni_arena plan = {0};
    mbni_arena_plan(&plan, 1, sizeof(mbn_predictor));
    const int64_t steps_at = mbni_arena_plan(&plan, steps, sizeof(mbni_op *));
    const int64_t segments_at = mbni_arena_plan(&plan, steps, sizeof(mbni_segment));
    const int64_t rows_at = mbni_arena_plan(&plan, steps, sizeof(int64_t));
    const int64_t strips_at = mbni_arena_plan(&plan, parts * steps, sizeof(mbni_strip));
    unsigned char *memory = mbni_alloc_zeroed(context, plan.bytes);
    if (!memory)
        return NULL;
    mbn_predictor *p = (mbn_predictor *)(void *)memory;
    p->steps = (const mbni_op **)(void *)(memory + steps_at);
    p->segments = (mbni_segment *)(void *)(memory + segments_at);
    p->strip_rows = (int64_t *)(void *)(memory + rows_at);
    p->strips = (mbni_strip *)(void *)(memory + strips_at);
    return p;
}

/* Everything but the workspace and the labels. */
static mbn_status plan(mbni_program *program, const mbn_model *model, const mbn_predictor_options *options,
                       mbn_predictor **out)
{
    mbn_context *context = program->context;
    const int32_t threads = context->options.threads;
    const int32_t parts = options->threads > 0 && options->threads < threads ? options->threads : threads;
    mbn_predictor *p = allocate(context, program->count + 2, parts);
    *out = p;
    if (!p)
        return MBN_ERR_MEMORY;
    p->context = context;
    p->program = program;
    p->options = *options;
    p->options.threads = parts;
    p->parts = parts;
    atomic_flag_clear(&p->running);
    set_pictures(p, model);
    set_edges(p, model);
    mbn_status status = mbni_schedule(p);
    if (status) {
        mbni_free(context, p);
        *out = NULL;
    }
    return status;
}

/* Pointers, then the text. */
static mbn_status copy_labels(mbn_predictor *p, char *const *labels, int64_t count)
{
    int64_t bytes = count * (int64_t)sizeof(char *);
    if (!labels || count == 0)
        return MBN_OK;
    for (int64_t i = 0; i < count; i++)
        bytes += (int64_t)strlen(labels[i]) + 1;
    p->labels = mbni_alloc(p->context, bytes);
    if (!p->labels)
        return MBN_ERR_MEMORY;
    p->label_count = count;
    char *text = (char *)(p->labels + count);
    for (int64_t i = 0; i < count; i++) {
        const size_t length = strlen(labels[i]) + 1;
        p->labels[i] = memcpy(text, labels[i], length);
        text += length;
    }
    return MBN_OK;
}

mbn_status mbni_predictor_make(mbni_program *program, const mbn_model *model,
                               const mbn_predictor_options *options, mbn_predictor **out)
{
    mbn_predictor *p;
    *out = NULL;
    mbn_status status = plan(program, model, options, &p);
    if (status) {
        mbni_program_release(program);
        return status;
    }
    mbni_context_retain(p->context);
    status = mbni_arena_create(p->context, &p->workspace);
    if (!status && p->options.output != MBN_OUTPUT_EMBEDDING)
        status = copy_labels(p, model->labels, model->label_count);
    if (status) {
        mbni_predictor_free(p);
        return status;
    }
    mbni_schedule_connect(p);
    *out = p;
    return MBN_OK;
}

mbn_status mbni_predictor_create(const mbn_model *model, const mbn_predictor_options *options,
                                 const mbni_weight_source *source, mbn_predictor **out)
{
    mbni_program *program;
    mbni_target target;
    *out = NULL;
    MBNI_TRY(mbni_target_of(model, options, &target));
    MBNI_TRY(check_model(model, options));
    if (!source) {
        MBNI_TRY(mbni_program_of(model, &target, &program));
    } else {
        MBNI_TRY(mbni_program_compile(model, &target, &program));
        mbn_status status = mbni_program_pack(program, model, source);
        if (status) {
            mbni_program_release(program);
            return status;
        }
    }
    return mbni_predictor_make(program, model, options, out);
}

mbn_status mbni_predictor_needs(const mbn_model *model, const mbn_predictor_options *options,
                                int64_t *weights_bytes, int64_t *workspace_bytes)
{
    mbni_program *program;
    mbni_target target;
    mbn_predictor *p;
    MBNI_TRY(mbni_target_of(model, options, &target));
    MBNI_TRY(check_model(model, options));
    MBNI_TRY(mbni_program_compile(model, &target, &program));
    mbn_status status = plan(program, model, options, &p);
    if (!status) {
        *weights_bytes = program->weights.bytes;
        *workspace_bytes = p->workspace.bytes;
        mbni_free(model->context, p);
    }
    mbni_program_release(program);
    return status;
}

/* The plan is the same: it depends on the program and the options alone. */
mbn_status mbni_predictor_clone(const mbn_predictor *predictor, mbn_predictor **out)
{
    const mbn_predictor *from = predictor;
    mbn_predictor *p = allocate(from->context, from->program->count + 2, from->parts);
    *out = NULL;
    if (!p)
        return MBN_ERR_MEMORY;
    const mbn_predictor own = *p; /* its arrays */
    *p = *from;
    p->steps = own.steps;
    p->segments = own.segments;
    p->strip_rows = own.strip_rows;
    p->strips = own.strips;
    memcpy(p->segments, from->segments, (size_t)from->segment_count * sizeof *p->segments);
    memcpy(p->strip_rows, from->strip_rows, (size_t)from->count * sizeof *p->strip_rows);
    for (int64_t i = 0; i < from->count; i++)
        p->steps[i] = from->steps[i] == &from->edges[0]   ? &p->edges[0]
                      : from->steps[i] == &from->edges[1] ? &p->edges[1]
                                                          : from->steps[i];
    p->workspace.base = NULL;
    p->labels = NULL;
    p->label_count = 0;
    p->times = NULL;
    atomic_flag_clear(&p->running);
    mbni_program_retain(p->program);
    mbni_context_retain(p->context);
    mbn_status status = mbni_arena_create(p->context, &p->workspace);
    if (!status)
        status = copy_labels(p, from->labels, from->label_count);
    if (status) {
        mbni_predictor_free(p);
        return status;
    }
    mbni_schedule_connect(p);
    *out = p;
    return MBN_OK;
}

void mbni_predictor_free(mbn_predictor *predictor)
{
    mbn_context *context = predictor->context;
    mbni_arena_destroy(context, &predictor->workspace);
    mbni_program_release(predictor->program);
    mbni_free(context, predictor->labels);
    mbni_free(context, predictor->times);
    mbni_free(context, predictor);
    mbni_context_release(context);
}

mbn_status mbni_predictor_check_bytes(const char *argument, size_t bytes, int64_t n, int64_t each)
{
    if (bytes == (size_t)(n * each))
        return MBN_OK;
    return mbni_error(MBN_ERR_SHAPE, "argument %s is %zu; %lld pictures have %lld bytes each, %lld in all",
                      argument, bytes, (long long)n, (long long)each, (long long)(n * each));
}

mbn_status mbni_predictor_check_run(const mbn_predictor *p, int64_t n, const void *input)
{
    if (n < 0 || n > p->options.max_batch)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument n is %lld; allowed are 0 to %lld, the predictor's max_batch",
                          (long long)n, (long long)p->options.max_batch);
    if (!input && n > 0)
        return mbni_error(MBN_ERR_ARGUMENT, "argument input is NULL");
    return MBN_OK;
}

mbn_status mbni_predictor_begin(mbn_predictor *p)
{
    if (atomic_flag_test_and_set_explicit(&p->running, memory_order_acquire))
        return mbni_error(MBN_ERR_BUSY, "the predictor is running on another thread; make a clone for each");
    return MBN_OK;
}

void mbni_predictor_end(mbn_predictor *p)
{
    atomic_flag_clear_explicit(&p->running, memory_order_release);
}

static mbn_status run(mbn_predictor *p, int64_t n, const void *input, float *output)
{
    MBNI_TRY(mbni_predictor_begin(p));
    const uint32_t denormals = mbni_denormals_flush();
    if (n > 0)
        mbni_predictor_run(p, n, input, output, NULL);
    mbni_denormals_restore(denormals);
    mbni_predictor_end(p);
    return MBN_OK;
}

mbn_status mbni_predictor_run_bytes(mbn_predictor *p, int64_t n, const void *input, size_t input_bytes,
                                    void *output, size_t output_bytes)
{
    MBNI_TRY(mbni_predictor_check_run(p, n, input));
    if (!output && n > 0)
        return mbni_error(MBN_ERR_ARGUMENT, "argument output is NULL");
    MBNI_TRY(mbni_predictor_check_bytes("input_bytes", input_bytes, n, p->input_bytes));
    MBNI_TRY(mbni_predictor_check_bytes("output_bytes", output_bytes, n,
                                        p->output_floats * (int64_t)sizeof(float)));
    return run(p, n, input, output);
}

static mbn_status check_tensor(const char *argument, const mbn_tensor *t, int32_t type, int32_t rank,
                               const int64_t *dims)
{
    char given[MBNI_DIMS_TEXT], wanted[MBNI_DIMS_TEXT];
    if (!t)
        return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL", argument);
    if (t->type != type)
        return mbni_error(MBN_ERR_TYPE, "argument %s is %s; the predictor takes %s", argument,
                          mbni_type_name(t->type), mbni_type_name(type));
    if (t->rank != rank + 1 || memcmp(t->dims + 1, dims, (size_t)rank * sizeof *dims))
        return mbni_error(MBN_ERR_SHAPE, "argument %s is %s; allowed are n times %s", argument,
                          mbni_dims_text(given, t->rank, t->dims), mbni_dims_text(wanted, rank, dims));
    return MBN_OK;
}

mbn_status mbni_predictor_run_tensor(mbn_predictor *p, const mbn_tensor *x, mbn_tensor *out)
{
    MBNI_TRY(check_tensor("x", x, p->options.input_type, 3, p->input_dims));
    MBNI_TRY(check_tensor("out", out, MBN_F32, p->output_rank, p->output_dims));
    const int64_t n = x->dims[0];
    MBNI_TRY(mbni_predictor_check_run(p, n, x->data ? x->data : out->data));
    if (out->dims[0] != n)
        return mbni_error(MBN_ERR_SHAPE, "argument out has %lld rows; x has %lld pictures",
                          (long long)out->dims[0], (long long)n);
    return run(p, n, x->data, out->data);
}
