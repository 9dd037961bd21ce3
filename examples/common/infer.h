/* `benchmark infer`: times a predictor, of a network with random weights or of a model file. Pictures are
 * random. Compares with nothing but the machine's own peak. */
#ifndef EXAMPLES_COMMON_INFER_H
#define EXAMPLES_COMMON_INFER_H

#include "benchmark.h"

enum { INFER_WARM_UP = 3, INFER_LEAST = 5, INFER_MAX_RUNS = 200000, INFER_PROFILES = 30 };

static const char INFER_PRECISIONS[] = "f32|bf16", INFER_INPUTS[] = "f32|u8"; /* as the constants */

typedef struct infer_settings {
    const char *model, *save;
    double alpha, seconds;
    int64_t size, classes, batch, threads;
    int32_t shallow, precision, isa, input, profile, json;
} infer_settings;

typedef struct infer_result {
    int64_t parameters; /* -1: not known */
    int64_t multiply_adds, height, width, classes, runs;
    int64_t weights_bytes, workspace_bytes;
    int64_t memory_bytes, resident_bytes; /* what the process grew by, its largest size; -1: not known */
    double load_ms;                       /* -1: nothing was loaded */
    double peak_before, peak_after;       /* GFLOP/s */
    double median_ms, p90_ms, p99_ms;
    int32_t threads, isa;
} infer_result;

typedef struct infer_work {
    mbn_predictor *predictor;
    void *input;
    float *output;
    size_t input_bytes, output_bytes;
} infer_work;

static inline mbn_status infer_run(const infer_settings *s, const infer_work *w)
{
    return mbn_predictor_run(w->predictor, s->batch, w->input, w->input_bytes, w->output, w->output_bytes);
}

/* From a file, or of a network that is built here and released again. */
static inline mbn_status infer_predictor(mbn_context *context, const infer_settings *s, infer_result *r,
                                         mbn_predictor **predictor)
{
    mbn_predictor_options options;
    mbn_predictor_options_init(&options);
    options.context = s->model ? context : NULL;
    options.max_batch = s->batch;
    options.precision = s->precision;
    options.input_type = s->input ? MBN_U8 : MBN_F32;
    if (s->model)
        return mbn_predictor_load(s->model, &options, predictor);
    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = s->size;
    net.min_size = 1;
    net.alpha = s->alpha;
    net.classes = s->classes;
    net.shallow = s->shallow;
    mbn_model *model = NULL;
    mbn_status status = mbn_mobilenet_create(context, &net, &model);
    if (!status)
        status = mbn_model_parameter_count(model, &r->parameters, NULL);
    if (!status)
        status = mbn_predictor_create(model, &options, predictor);
    if (!status && s->save) {
        mbn_save_options stored;
        mbn_save_options_init(&stored);
        stored.compression = 0;
        status = mbn_model_save(model, s->save, &stored);
    }
    if (!status)
        mbn_model_destroy(model); /* on failure it stays until the end, with the sentence */
    return status;
}

/* Random pictures, of numbers from -1 to 1 where they are f32. 0, or -1 without memory. */
static inline int infer_buffers(const infer_settings *s, infer_work *w)
{
    w->input_bytes = (size_t)s->batch * mbn_predictor_input_bytes(w->predictor);
    w->output_bytes = (size_t)s->batch * mbn_predictor_output_bytes(w->predictor);
    w->input = malloc(w->input_bytes);
    w->output = malloc(w->output_bytes);
    if (!w->input || !w->output)
        return -1;
    const int64_t count = (int64_t)(s->input ? w->input_bytes : w->input_bytes / sizeof(float));
    uint8_t *bytes = (uint8_t *)w->input + (w->input_bytes - (size_t)count); /* spread from the end */
    float *numbers = w->input;
    benchmark_random(bytes, count);
    for (int64_t i = 0; !s->input && i < count; i++)
        numbers[i] = (float)bytes[i] / 127.5f - 1;
    return 0;
}

static inline mbn_status infer_describe(const infer_work *w, infer_result *r)
{
    const int64_t *dims = mbn_predictor_input_dims(w->predictor);
    const int planes = dims[0] < dims[2]; /* channels first: fewer channels than columns */
    r->height = dims[planes];
    r->width = dims[planes + 1];
    r->classes = (int64_t)(mbn_predictor_output_bytes(w->predictor) / sizeof(float));
    r->threads = mbn_predictor_threads(w->predictor);
    r->isa = mbn_predictor_isa(w->predictor);
    for (size_t i = 0; i < mbn_predictor_step_count(w->predictor); i++) {
        mbn_step_info info;
        mbn_step_info_init(&info);
        mbn_status status = mbn_predictor_step_info(w->predictor, i, &info);
        if (status)
            return status;
        r->multiply_adds += info.multiply_adds;
    }
    return mbn_predictor_memory(w->predictor, &r->weights_bytes, &r->workspace_bytes);
}

/* Runs for as many seconds as asked for, after a tenth of that to warm up. */
static inline mbn_status infer_time(const infer_settings *s, const infer_work *w, infer_result *r)
{
    static double ms[INFER_MAX_RUNS];
    mbn_status status = MBN_OK;
    double began = measure_now_ms(), now = began;
    for (int64_t i = 0; (i < INFER_WARM_UP || now - began < 100 * s->seconds) && !status; i++) {
        status = infer_run(s, w);
        now = measure_now_ms();
    }
    began = now;
    while (!status && r->runs < INFER_MAX_RUNS && (r->runs < INFER_LEAST || now - began < 1e3 * s->seconds)) {
        const double last = now;
        status = infer_run(s, w);
        now = measure_now_ms();
        ms[r->runs++] = now - last;
    }
    if (status)
        return status;
    r->median_ms = measure_quantile(ms, r->runs, 0.5);
    r->p90_ms = measure_quantile(ms, r->runs, 0.9);
    r->p99_ms = measure_quantile(ms, r->runs, 0.99);
    return MBN_OK;
}

/* The same count for every precision: a multiplication and an addition for each multiply-add. */
static inline double infer_gflops(const infer_settings *s, const infer_result *r)
{
    return 2.0 * (double)r->multiply_adds * (double)s->batch / r->median_ms * 1e-6;
}

static inline void infer_print_json(const infer_settings *s, const infer_result *r, double peak)
{
    char alpha[32], parameters[32], memory[32], resident[32], load[32];
    const char *shallow = s->model ? "null" : s->shallow ? "true" : "false";
    printf("{\"work\": \"infer\", \"version\": \"%s\", \"alpha\": %s, \"size\": %" PRId64
           ", \"width\": %" PRId64 ", \"classes\": %" PRId64 ", \"batch\": %" PRId64 ", \"shallow\": %s, "
           "\"precision\": \"%s\", \"input\": \"%s\", \"steps\": %" PRId64
           ", \"threads\": %d, \"isa\": \"%s\", ",
           mbn_version_string(), benchmark_number(alpha, !s->model, s->alpha), r->height, r->width,
           r->classes, s->batch, shallow, s->precision ? "bf16" : "f32", s->input ? "u8" : "f32", r->runs,
           (int)r->threads, isa_name(r->isa));
    printf("\"parameters\": %s, \"multiply_adds\": %" PRId64 ", \"median_ms\": %.4f, \"p90_ms\": %.4f, "
           "\"p99_ms\": %.4f, \"images_per_second\": %.1f, \"gflops\": %.2f, \"peak_gflops\": %.2f, "
           "\"peak_fraction\": %.4f, ",
           benchmark_number(parameters, r->parameters >= 0, (double)r->parameters), r->multiply_adds,
           r->median_ms, r->p90_ms, r->p99_ms, 1e3 * (double)s->batch / r->median_ms, infer_gflops(s, r),
           peak, infer_gflops(s, r) / peak);
    printf("\"memory_bytes\": %s, \"resident_bytes\": %s, \"planned_bytes\": %" PRId64
           ", \"weights_bytes\": %" PRId64 ", \"workspace_bytes\": %" PRId64 ", \"load_ms\": %s}\n",
           benchmark_number(memory, r->memory_bytes >= 0, (double)r->memory_bytes),
           benchmark_number(resident, r->resident_bytes >= 0, (double)r->resident_bytes),
           r->weights_bytes + r->workspace_bytes, r->weights_bytes, r->workspace_bytes,
           benchmark_number(load, r->load_ms >= 0, r->load_ms));
}

static inline void infer_print_text(const infer_settings *s, const infer_result *r, double peak)
{
    printf("libmobilenet %s (%s): ", mbn_version_string(), mbn_build_info());
    if (s->model)
        printf("%s, ", s->model);
    else
        printf("MobileNet V1%s, alpha %g, ", s->shallow ? ", shallow" : "", s->alpha);
    printf("%" PRId64 " x %" PRId64 ", %" PRId64 " numbers answered\n", r->height, r->width, r->classes);
    printf("%-12s batch %" PRId64 " of %s, %s, %d threads, %s, %" PRId64 " runs\n", "run", s->batch,
           s->input ? "u8" : "f32", s->precision ? "bf16" : "f32", (int)r->threads, isa_name(r->isa),
           r->runs);
    printf("%-12s median %.3f ms, p90 %.3f ms, p99 %.3f ms, %.0f images/s\n", "time", r->median_ms, r->p90_ms,
           r->p99_ms, 1e3 * (double)s->batch / r->median_ms);
    printf("%-12s %.1f GFLOP/s, counting 2 flops for each of %.2f M multiply-adds a picture\n", "speed",
           infer_gflops(s, r), (double)r->multiply_adds * 1e-6);
    printf("%-12s %.1f GFLOP/s before, %.1f after, in f32: %.0f %% of the larger\n", "peak", r->peak_before,
           r->peak_after, 100 * infer_gflops(s, r) / peak);
    printf("%-12s weights %.2f MB, workspace %.2f MB", "memory", 1e-6 * (double)r->weights_bytes,
           1e-6 * (double)r->workspace_bytes);
    if (r->memory_bytes >= 0)
        printf("; the process grew by %.2f MB%s to %.2f MB at most", 1e-6 * (double)r->memory_bytes,
               s->model ? "" : ", the model that was built included,", 1e-6 * (double)r->resident_bytes);
    putchar('\n');
    if (r->load_ms >= 0)
        printf("%-12s %.2f ms from mbn_predictor_load to the first answer\n", "load", r->load_ms);
}

/* A Markdown table with a row for each step, of one thread. */
static inline mbn_status infer_print_profile(const infer_settings *s, const infer_work *w)
{
    double all = 0;
    mbn_status status =
        mbn_predictor_profile(w->predictor, s->batch, w->input, w->input_bytes, INFER_PROFILES);
    printf("\n| segment | step | type | ms | GFLOP/s | KB a picture |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < mbn_predictor_step_count(w->predictor) && !status; i++) {
        mbn_step_info info;
        mbn_step_info_init(&info);
        status = mbn_predictor_step_info(w->predictor, i, &info);
        all += info.milliseconds;
        if (!status)
            printf("| %d | %s | %s | %.4f | %.1f | %.1f |\n", (int)info.segment, info.name, info.type,
                   info.milliseconds, info.gflops, 1e-3 * (double)info.bytes);
    }
    printf("\nAll steps on one thread: %.3f ms for %" PRId64 " pictures\n", all, s->batch);
    return status;
}

static inline mbn_status infer_measure(mbn_context *context, const infer_settings *s, infer_work *w,
                                       infer_result *r)
{
    const int64_t bytes_before = measure_peak_bytes();
    const double began = measure_now_ms();
    mbn_status status = infer_predictor(context, s, r, &w->predictor);
    const double made_ms = measure_now_ms() - began;
    if (status)
        return status;
    if (infer_buffers(s, w))
        return MBN_ERR_MEMORY;
    const double runs = measure_now_ms(); /* making pictures up is no part of the load */
    status = infer_run(s, w);
    r->load_ms = s->model ? made_ms + measure_now_ms() - runs : -1;
    if (!status)
        status = infer_describe(w, r);
    if (!status)
        status = infer_time(s, w, r);
    r->resident_bytes = measure_peak_bytes();
    r->memory_bytes = bytes_before < 0 ? -1 : r->resident_bytes - bytes_before;
    return status;
}

static inline int infer(const infer_settings *s)
{
    mbn_context *context = NULL;
    infer_work work = {0};
    infer_result r = {.parameters = -1};
    int failed = 1;
    if (benchmark_context(s->threads, s->isa, &context))
        goto done; /* it has said why */
    r.peak_before = peak_gflops(mbn_context_isa(context), mbn_context_threads(context));
    failed = infer_measure(context, s, &work, &r) != MBN_OK;
    if (!failed) {
        r.peak_after = peak_gflops(r.isa, r.threads);
        const double peak = r.peak_after > r.peak_before ? r.peak_after : r.peak_before;
        (s->json ? infer_print_json : infer_print_text)(s, &r, peak);
        failed = s->profile && infer_print_profile(s, &work);
    }
    if (failed)
        fprintf(stderr, "benchmark: %s\n", *mbn_last_error() ? mbn_last_error() : "no memory for pictures");
done:
    free(work.input);
    free(work.output);
    mbn_predictor_destroy(work.predictor);
    mbn_context_destroy(context);
    return failed;
}

static inline int command_infer(int argc, char **argv)
{
    infer_settings s = {.alpha = 1, .seconds = 2, .size = 224, .batch = 1};
    const cli_option options[] = {
        {"model", CLI_TEXT, &s.model, "a model; else a MobileNet with random weights", 0, 0, "FILE"},
        {"save", CLI_TEXT, &s.save, "writes the network, not compressed, for --model", 0, 0, "FILE"},
        {"alpha", CLI_NUMBER, &s.alpha, "width multiplier; 1", 0.001, 16, 0},
        {"size", CLI_INTEGER, &s.size, "height and width of the pictures; 224", 1, 4096, 0},
        {"classes", CLI_INTEGER, &s.classes, "of the classifier; 1000", 1, 1000000, 0},
        {"shallow", CLI_FLAG, &s.shallow, "without the five 512-channel stride-1 blocks", 0, 0, 0},
        {"batch", CLI_INTEGER, &s.batch, "pictures a run; 1", 1, 65536, 0},
        {"threads", CLI_INTEGER, &s.threads, "0: one per core", 0, 256, 0},
        {"precision", CLI_CHOICE, &s.precision, "default f32", 0, 0, INFER_PRECISIONS},
        {"isa", CLI_CHOICE, &s.isa, "instruction set; default best", 0, 0, BENCHMARK_ISAS},
        {"input", CLI_CHOICE, &s.input, "type of the pictures; default f32", 0, 0, INFER_INPUTS},
        {"seconds", CLI_NUMBER, &s.seconds, "that runs are timed for; 2", 0.001, 3600, 0},
        {"profile", CLI_FLAG, &s.profile, "the time of each step too", 0, 0, 0},
        {"json", CLI_FLAG, &s.json, "one flat object instead of text", 0, 0, 0},
    };
    int go_on = CLI_PARSE(argc, argv, "Times a predictor.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;
    if (s.json && s.profile) {
        fprintf(stderr, "benchmark: --profile prints a table, which --json has no room for; give one\n");
        return 2;
    }
    return infer(&s);
}

#endif
