/* What a predictor answers: against the layers run one by one, for many networks, and its bits, whatever
 * computes them. */
#include <math.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include "model/model.h"
#include "support/nets.h"
#include "support/suite.h"

typedef struct run {
    mbn_predictor *predictor;
    int64_t n;
    void *input;
    size_t input_bytes, output_bytes;
    float *output;
} run;

static mbn_predictor_options defaults(void)
{
    mbn_predictor_options o;
    mbn_predictor_options_init(&o);
    return o;
}

/* Pictures whose numbers a formula gives. */
static float pixel(int64_t i)
{
    return (float)((i * 7919 + i * i % 97 * 31) % 256) / 127.5f - 1;
}

static run start(mbn_predictor *p, int64_t n)
{
    run r = {.predictor = p, .n = n};
    r.input_bytes = (size_t)n * mbn_predictor_input_bytes(p);
    r.output_bytes = (size_t)n * mbn_predictor_output_bytes(p);
    r.input = malloc(r.input_bytes + 1);
    r.output = calloc(r.output_bytes / sizeof(float) + 1, sizeof(float));
    for (size_t i = 0; i < r.input_bytes / sizeof(float); i++)
        ((float *)r.input)[i] = pixel((int64_t)i);
    return r;
}

static void go(run *r)
{
    ck_ok(mbn_predictor_run(r->predictor, r->n, r->input, r->input_bytes, r->output, r->output_bytes));
}

static void stop(run *r)
{
    free(r->input);
    free(r->output);
    mbn_predictor_destroy(r->predictor);
}

/* The layers one by one. */
static void reference(const mbn_model *model, int64_t n, const float *x, int64_t leave_out, float *y)
{
    mbni_inference inference;
    const int64_t in = mbni_shape_count(&model->layers[0].out);
    const int64_t out = mbni_shape_count(&model->layers[model->layer_count - 1 - leave_out].out);
    ck_ok(mbni_inference_plan(model, n, leave_out, &inference));
    ck_ok(mbni_inference_create(&inference));
    memcpy(mbni_inference_input(&inference), x, (size_t)(n * in) * sizeof *x);
    memcpy(y, mbni_inference_run(&inference, n), (size_t)(n * out) * sizeof *y);
    mbni_inference_destroy(&inference);
}

static void agrees(const mbn_model *model, mbn_predictor_options options, double bound)
{
    mbn_predictor *p;
    options.max_batch = 2;
    ck_ok(mbn_predictor_create(model, &options, &p));
    run r = start(p, 2);
    const size_t count = r.output_bytes / sizeof(float);
    const int64_t leave_out = options.output == MBN_OUTPUT_LOGITS;
    float *wanted = malloc(count * sizeof *wanted);
    double size = 1;
    go(&r);
    reference(model, 2, r.input, leave_out, wanted);
    for (size_t i = 0; i < count; i++)
        size = fmax(size, fabs((double)wanted[i]));
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(fabs((double)r.output[i] - (double)wanted[i]) <= bound * size, "%zu of %zu: %g, not %g",
                      i, count, (double)r.output[i], (double)wanted[i]);
    free(wanted);
    stop(&r);
}

static mbn_model *mobilenet(mbn_context *context, double alpha, int64_t h, int64_t w, int32_t top)
{
    mbn_mobilenet_options o;
    mbn_model *model;
    mbn_mobilenet_options_init(&o);
    o.alpha = alpha;
    o.height = h;
    o.width = w;
    o.min_size = 1;
    o.stem_stride = h < 32 ? 1 : 2;
    o.include_top = top;
    o.classes = top ? 37 : 0;
    ck_ok(mbn_mobilenet_create(context, &o, &model));
    enliven(model);
    return model;
}

START_TEST(mobilenets_of_any_size_answer_as_their_layers_do)
{
    static const struct {
        double alpha;
        int64_t h, w;
    } nets[] = {{0.05, 32, 32}, {0.25, 25, 25}, {0.25, 97, 97},  {0.5, 131, 77},
                {1, 33, 64},    {1.3, 32, 47},  {0.25, 224, 224}};
    for (size_t i = 0; i < (size_t)unless_valgrind(sizeof nets / sizeof *nets, 2); i++)
        for (int32_t threads = 1; threads < 3; threads++) {
            mbn_predictor_options options = defaults();
            mbn_model *model = mobilenet(NULL, nets[i].alpha, nets[i].h, nets[i].w, 1);
            options.threads = threads;
            agrees(model, options, 1e-5);
            options.output = MBN_OUTPUT_LOGITS;
            agrees(model, options, 2e-5);
            options.output = MBN_OUTPUT_PROBABILITIES;
            options.precision = MBN_PRECISION_BF16;
            agrees(model, options, 1e-2);
            mbn_model_destroy(model);
            model = mobilenet(NULL, nets[i].alpha, nets[i].h, nets[i].w, 0);
            options.precision = MBN_PRECISION_F32;
            agrees(model, options, 2e-5);
            mbn_model_destroy(model);
        }
}
END_TEST

static void pool(mbn_model *m, int32_t side, int32_t padding)
{
    mbn_average_pooling2d_options o;
    mbn_average_pooling2d_options_init(&o);
    o.pool_height = o.pool_width = side;
    o.padding = padding;
    ck_ok(mbn_model_add_average_pooling2d(m, &o));
}

/* Chains that no MobileNet is: norms before convolutions, ReLUs before norms, padding by itself and wider
 * than a kernel, wide convolutions, pooling, maps as vectors and vectors as maps. */
static void build(mbn_model *m, int which)
{
    mbn_separable_conv2d_options separable;
    const int64_t rows[2] = {12, 12}, map[3] = {3, 4, 12};
    ck_ok(mbn_model_add_input(m, 19, 14, 5));
    switch (which) {
    case 0:
        ck_ok(mbn_model_add_batch_norm(m, NULL));
        ck_ok(mbn_model_add_relu(m, NULL));
        add_conv(m, 9, 3, 1, MBN_PADDING_SAME);
        ck_ok(mbn_model_add_relu(m, NULL));
        ck_ok(mbn_model_add_batch_norm(m, NULL));
        ck_ok(mbn_model_add_batch_norm(m, NULL));
        ck_ok(mbn_model_add_dropout(m, 0.5, NULL));
        ck_ok(mbn_model_add_relu(m, NULL));
        break;
    case 1:
        add_zero_padding(m, 9, 8, 7, 6);
        add_conv(m, 40, 5, 2, MBN_PADDING_VALID);
        add_conv(m, 12, 5, 1, MBN_PADDING_SAME); /* by columns */
        ck_ok(mbn_model_add_batch_norm(m, NULL));
        add_conv(m, 8, 1, 2, MBN_PADDING_VALID);
        ck_ok(mbn_model_add_global_max_pooling2d(m, NULL));
        add_dense(m, 6);
        break;
    case 2:
        add_zero_padding(m, 2, 0, 0, 3);
        pool(m, 3, MBN_PADDING_SAME);
        add_zero_padding(m, 1, 1, 1, 1);
        ck_ok(mbn_model_add_relu(m, NULL));
        add_depthwise(m, 3, 1, MBN_PADDING_SAME, 2);
        ck_ok(mbn_model_add_batch_norm(m, NULL));
        ck_ok(mbn_model_add_relu(m, NULL));
        add_depthwise(m, 5, 2, MBN_PADDING_SAME, 1);
        ck_ok(mbn_model_add_softmax(m, NULL));
        break;
    case 3:
        mbn_separable_conv2d_options_init(&separable);
        separable.filters = 12;
        separable.padding = MBN_PADDING_SAME;
        ck_ok(mbn_model_add_separable_conv2d(m, &separable));
        ck_ok(mbn_model_add_batch_norm(m, NULL));
        pool(m, 4, MBN_PADDING_VALID);
        ck_ok(mbn_model_add_reshape(m, 2, rows, NULL));
        add_dense(m, 12);
        ck_ok(mbn_model_add_batch_norm(m, NULL));
        ck_ok(mbn_model_add_reshape(m, 3, map, NULL));
        add_depthwise(m, 3, 1, MBN_PADDING_SAME, 1);
        ck_ok(mbn_model_add_flatten(m, NULL));
        ck_ok(mbn_model_add_batch_norm(m, NULL));
        add_dense(m, 21);
        ck_ok(mbn_model_add_softmax(m, NULL));
        break;
    default:
        ck_ok(mbn_model_add_flatten(m, NULL));
        break;
    }
    ck_ok(mbn_model_build(m));
    enliven(m);
}

START_TEST(chains_of_all_layers_answer_as_their_layers_do)
{
    for (int which = 0; which < 5; which++)
        for (int32_t threads = 1; threads < 3; threads++) {
            mbn_predictor_options options = defaults();
            mbn_model *model;
            ck_ok(mbn_model_create(NULL, &model));
            build(model, which);
            options.threads = threads;
            agrees(model, options, 2e-5);
            options.precision = MBN_PRECISION_BF16;
            agrees(model, options, 2e-2);
            mbn_model_destroy(model);
        }
}
END_TEST

/* Channels first in and, where a map comes out, channels first out; bytes are preprocessed as the model says.
 */
START_TEST(layouts_and_types_of_pictures_are_the_same_pictures)
{
    enum { H = 35, W = 33, C = 3 };
    for (int32_t top = 0; top < 2; top++) {
        mbn_model *model = mobilenet(NULL, 0.25, H, W, top);
        static uint8_t last[H * W * C], first[H * W * C];
        static float floats[H * W * C], answers[4][4 * 1024];
        for (int64_t p = 0; p < H * W; p++)
            for (int64_t c = 0; c < C; c++) {
                const int64_t i = p * C + c;
                last[i] = first[c * H * W + p] = (uint8_t)(i * 7919 % 251);
                floats[i] = (float)last[i] * (1 / 127.5f) - 1;
            }
        const void *inputs[] = {floats, last, first};
        for (int i = 0; i < 3; i++) {
            mbn_predictor_options options = defaults();
            mbn_predictor *p;
            options.input_type = i ? MBN_U8 : MBN_F32;
            options.layout = i == 2 ? MBN_LAYOUT_NCHW : MBN_LAYOUT_NHWC;
            ck_ok(mbn_predictor_create(model, &options, &p));
            ck_assert_int_eq(mbn_predictor_input_dims(p)[0], i == 2 ? C : H);
            ck_assert_uint_le(mbn_predictor_output_bytes(p), sizeof answers[0]);
            ck_ok(mbn_predictor_run(p, 1, inputs[i], mbn_predictor_input_bytes(p), answers[i],
                                    mbn_predictor_output_bytes(p)));
            if (i == 2 && !top) {
                const int64_t *d = mbn_predictor_output_dims(p);
                ck_assert_int_eq(mbn_predictor_output_rank(p), 3);
                for (int64_t c = 0; c < d[0]; c++)
                    for (int64_t q = 0; q < d[1] * d[2]; q++)
                        ck_assert(answers[2][c * d[1] * d[2] + q] == answers[1][q * d[0] + c]);
            } else {
                ck_assert_mem_eq(answers[i], answers[0], mbn_predictor_output_bytes(p));
            }
            mbn_predictor_destroy(p);
        }
        mbn_model_destroy(model);
    }
}
END_TEST

START_TEST(an_embedding_is_what_the_classifier_reads)
{
    mbn_model *model = mobilenet(NULL, 0.25, 40, 40, 1);
    mbn_predictor_options options = defaults();
    mbn_predictor *p;
    float wanted[256];
    options.output = MBN_OUTPUT_EMBEDDING;
    ck_ok(mbn_predictor_create(model, &options, &p));
    run r = start(p, 1);
    ck_assert_uint_eq(r.output_bytes, sizeof wanted);
    go(&r);
    int64_t pooling = 0;
    while (strcmp(model->layers[pooling].ops->type, "global_average_pooling2d"))
        pooling++;
    reference(model, 1, r.input, model->layer_count - 1 - pooling, wanted);
    for (int i = 0; i < 256; i++)
        ck_assert_double_eq_tol((double)r.output[i], (double)wanted[i], 2e-5);
    stop(&r);
    mbn_model_destroy(model);
}
END_TEST

/* Executors of a host: forwards, backwards, and on threads of its own. */
static void forwards(void *user, mbn_task_fn task, void *data, int64_t count)
{
    ++*(int *)user;
    for (int64_t i = 0; i < count; i++)
        task(data, i);
}
static void backwards(void *user, mbn_task_fn task, void *data, int64_t count)
{
    ++*(int *)user;
    for (int64_t i = count; i-- > 0;)
        task(data, i);
}
typedef struct host_task {
    mbn_task_fn task;
    void *data;
    int64_t index;
} host_task;
static void *run_host_task(void *argument)
{
    const host_task *t = argument;
    t->task(t->data, t->index);
    return NULL;
}
static void on_threads(void *user, mbn_task_fn task, void *data, int64_t count)
{
    pthread_t ids[16];
    host_task tasks[16];
    ++*(int *)user;
    ck_assert_int_le(count, 16);
    for (int64_t i = 0; i < count; i++) {
        tasks[i] = (host_task){task, data, i};
        ck_assert_int_eq(pthread_create(&ids[i], NULL, run_host_task, &tasks[i]), 0);
    }
    for (int64_t i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
}

/* Eight pictures at once, and one by one, by a context. */
static void answers_of(const mbn_context_options *options, int64_t size, int32_t precision, float *together,
                       float *alone)
{
    mbn_context *context;
    ck_ok(mbn_context_create(options, &context));
    mbn_model *model = mobilenet(context, 0.25, size, size + 3, 1);
    mbn_predictor_options o = defaults();
    mbn_predictor *p;
    o.max_batch = 8;
    o.precision = precision;
    ck_ok(mbn_predictor_create(model, &o, &p));
    run r = start(p, 7);
    go(&r);
    memcpy(together, r.output, r.output_bytes);
    for (int64_t i = 0; i < 7; i++)
        ck_ok(mbn_predictor_run(p, 1, (char *)r.input + i * (int64_t)r.input_bytes / 7, r.input_bytes / 7,
                                alone + i * 37, r.output_bytes / 7));
    stop(&r);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
}

START_TEST(bits_depend_on_nothing_but_the_picture)
{
    static const mbn_execute_fn executors[] = {NULL, forwards, backwards, on_threads};
    static const int32_t threads[] = {1, 2, 3, 8};
    for (int32_t precision = 0; precision < 2; precision++)
        for (int64_t size = 33; size < unless_valgrind(120, 40); size += 63) {
            float first[7 * 37], together[7 * 37], alone[7 * 37];
            int calls = 0;
            for (size_t e = 0; e < 4; e++)
                for (int64_t t = 0; t < unless_valgrind(4, 2); t++) {
                    mbn_context_options options;
                    mbn_context_options_init(&options);
                    options.threads = threads[t];
                    options.execute = executors[e];
                    options.execute_user = &calls;
                    answers_of(&options, size, precision, together, alone);
                    if (e == 0 && t == 0)
                        memcpy(first, together, sizeof first);
                    ck_assert_mem_eq(together, first, sizeof first);
                    ck_assert_mem_eq(alone, first, sizeof first);
                }
            ck_assert_int_gt(calls, 20);
        }
}
END_TEST

START_TEST(not_a_number_spoils_its_own_answer_alone)
{
    mbn_model *model = mobilenet(NULL, 0.25, 40, 40, 1);
    mbn_predictor_options options = defaults();
    mbn_predictor *p;
    options.max_batch = 5;
    for (options.precision = 0; options.precision < 2; options.precision++) {
        ck_ok(mbn_predictor_create(model, &options, &p));
        run r = start(p, 5);
        float clean[5 * 37];
        go(&r);
        memcpy(clean, r.output, sizeof clean);
        ((float *)r.input)[2 * 40 * 40 * 3 + 1000] = NAN;
        go(&r);
        for (int i = 0; i < 5 * 37; i++)
            ck_assert(i / 37 == 2 ? isnan(r.output[i]) : r.output[i] == clean[i]);
        stop(&r);
    }
    mbn_model_destroy(model);
}
END_TEST

/* The workspace of a predictor, which is what was said before. */
static int64_t workspace_of(const mbn_model *model, const mbn_predictor_options *options)
{
    mbn_predictor *p;
    int64_t needed[2], had[2];
    ck_ok(mbn_predictor_memory_needed(model, options, &needed[0], &needed[1]));
    ck_ok(mbn_predictor_create(model, options, &p));
    ck_ok(mbn_predictor_memory(p, &had[0], &had[1]));
    ck_assert_mem_eq(needed, had, sizeof had);
    mbn_predictor_destroy(p);
    return had[1];
}

START_TEST(bfloat16_takes_scratch_only_where_activations_are_rounded)
{
    const bool rounds = mbni_kernels_select(mbni_cpu_isa())->pointwise_bf16_floats(1, 1) > 0;
    for (int32_t threads = 1; threads < 4; threads++) {
        mbn_model *model = mobilenet(NULL, 0.5, 64, 64, 1);
        mbn_predictor_options options = defaults();
        options.threads = threads;
        options.max_batch = threads + 1;
        const int64_t f32 = workspace_of(model, &options);
        options.precision = MBN_PRECISION_BF16;
        const int64_t bf16 = workspace_of(model, &options);
        ck_assert(rounds ? bf16 > f32 : bf16 == f32);
        mbn_model_destroy(model);
    }
}
END_TEST

START_TEST(a_child_runs_what_its_parent_made)
{
    mbn_context_options two;
    mbn_context *context;
    mbn_context_options_init(&two);
    two.threads = 2;
    ck_ok(mbn_context_create(&two, &context));
    mbn_model *model = mobilenet(context, 0.25, 64, 64, 1);
    mbn_predictor *p;
    ck_ok(mbn_predictor_create(model, NULL, &p));
    run r = start(p, 1);
    float wanted[37];
    go(&r);
    memcpy(wanted, r.output, sizeof wanted);
    /* From here on both run the same lines: the child answers as its parent did, and releases what it was
     * left. */
    const pid_t child = fork();
    memset(r.output, 0, r.output_bytes);
    const mbn_status answered = mbn_predictor_run(p, 1, r.input, r.input_bytes, r.output, r.output_bytes);
    const bool same = answered == MBN_OK && memcmp(r.output, wanted, sizeof wanted) == 0;
    stop(&r);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
    if (child == 0)
        _exit(same ? 0 : 1);
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(same);
}
END_TEST

SUITE("predictor", mobilenets_of_any_size_answer_as_their_layers_do,
      chains_of_all_layers_answer_as_their_layers_do, layouts_and_types_of_pictures_are_the_same_pictures,
      an_embedding_is_what_the_classifier_reads, bits_depend_on_nothing_but_the_picture,
      not_a_number_spoils_its_own_answer_alone, bfloat16_takes_scratch_only_where_activations_are_rounded,
      a_child_runs_what_its_parent_made)
