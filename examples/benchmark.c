/* Times the library on this machine, against the machine's own peak.
 *   benchmark train --shallow --threads 2      the training step of MobileNet V1; --help lists the options
 *   benchmark infer --precision bf16           a predictor (common/infer.h)
 * Pictures and labels are random: time does not depend on them. With --json the answer is one flat object. */
#include "common/benchmark.h"
#include "common/infer.h"

enum { WARM_UP = 2, MAX_STEPS = 10000 };

typedef struct settings {
    double alpha;
    int64_t size, classes, batch, threads, steps;
    int32_t shallow, cifar, isa, optimizer, json;
} settings;

typedef struct result {
    int64_t parameters, multiply_adds;
    int64_t memory_bytes;           /* what the process grew by; -1: not known */
    int64_t planned_bytes;          /* mbn_fit_memory */
    double peak_before, peak_after; /* GFLOP/s */
    double median_ms, p90_ms;
    int32_t threads, isa;
} result;

typedef struct stopwatch {
    double last;
    double ms[MAX_STEPS];
    int64_t steps;
} stopwatch;

static int32_t on_batch_end(void *user, mbn_model *model, const mbn_fit_event *event)
{
    stopwatch *watch = user;
    const double now = measure_now_ms();
    (void)model;
    if (event->batch >= WARM_UP && watch->steps < MAX_STEPS)
        watch->ms[watch->steps++] = now - watch->last;
    watch->last = now;
    return 0;
}

/* u8 [count, size, size, 3] and i32 [count]. */
static mbn_status make_data(mbn_context *context, const settings *s, int64_t count, mbn_tensor **x,
                            mbn_tensor **y)
{
    const int64_t dims[4] = {count, s->size, s->size, 3};
    mbn_status status = mbn_tensor_create(context, MBN_U8, 4, dims, x);
    if (!status)
        status = mbn_tensor_create(context, MBN_I32, 1, dims, y);
    if (status)
        return status;
    int32_t *labels = mbn_tensor_data(*y);
    benchmark_random(mbn_tensor_data(*x), mbn_tensor_count(*x));
    for (int64_t i = 0; i < count; i++)
        labels[i] = (int32_t)(i % s->classes);
    return MBN_OK;
}

static mbn_status make_model(mbn_context *context, const settings *s, result *r, mbn_model **model)
{
    static const int32_t OPTIMIZERS[] = {MBN_OPTIMIZER_ADAM, MBN_OPTIMIZER_SGD};
    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = s->size;
    net.min_size = 1;
    net.alpha = s->alpha;
    net.classes = s->classes;
    net.shallow = s->shallow;
    net.stem_stride = s->cifar ? 1 : 2;
    mbn_compile_options compile;
    mbn_compile_options_init(&compile);
    compile.optimizer = OPTIMIZERS[s->optimizer];
    compile.momentum = compile.optimizer == MBN_OPTIMIZER_SGD ? 0.9 : 0;
    mbn_status status = mbn_mobilenet_create(context, &net, model);
    if (!status)
        status = mbn_compile(*model, &compile);
    if (!status)
        status = mbn_model_parameter_count(*model, &r->parameters, NULL);
    if (!status)
        status = mbn_model_multiply_adds(*model, &r->multiply_adds);
    return status ? status : mbn_fit_memory(*model, s->batch, &r->planned_bytes);
}

static mbn_status train(mbn_model *model, const settings *s, const mbn_tensor *x, const mbn_tensor *y,
                        result *r)
{
    static stopwatch watch;
    mbn_fit_options fit;
    mbn_fit_options_init(&fit);
    fit.batch_size = s->batch;
    fit.on_batch_end = on_batch_end;
    fit.callback_user = &watch;
    mbn_status status = mbn_fit(model, x, y, &fit, NULL);
    if (status)
        return status;
    r->median_ms = measure_quantile(watch.ms, watch.steps, 0.5);
    r->p90_ms = measure_quantile(watch.ms, watch.steps, 0.9);
    return MBN_OK;
}

/* Forward is a multiplication and an addition for each multiply-add; backward is twice that, for the
 * gradients of inputs and of kernels. */
static double step_gflops(const settings *s, const result *r)
{
    return 3 * 2.0 * (double)r->multiply_adds * (double)s->batch / r->median_ms * 1e-6;
}

static void print_json(const settings *s, const result *r, double peak)
{
    char memory[32] = "null";
    if (r->memory_bytes >= 0)
        snprintf(memory, sizeof memory, "%" PRId64, r->memory_bytes);
    printf("{\"work\": \"train\", \"version\": \"%s\", \"alpha\": %.9g, \"size\": %" PRId64
           ", \"classes\": %" PRId64 ", \"batch\": %" PRId64 ", \"shallow\": %s, \"cifar\": %s, "
           "\"optimizer\": \"%s\", \"steps\": %" PRId64 ", \"threads\": %d, \"isa\": \"%s\", ",
           mbn_version_string(), s->alpha, s->size, s->classes, s->batch, s->shallow ? "true" : "false",
           s->cifar ? "true" : "false", s->optimizer ? "sgd" : "adam", s->steps, (int)r->threads,
           isa_name(r->isa));
    printf("\"parameters\": %" PRId64 ", \"multiply_adds\": %" PRId64 ", \"median_ms\": %.4f, "
           "\"p90_ms\": %.4f, \"images_per_second\": %.1f, \"gflops\": %.2f, \"peak_gflops\": %.2f, "
           "\"peak_fraction\": %.4f, \"memory_bytes\": %s, \"planned_bytes\": %" PRId64 "}\n",
           r->parameters, r->multiply_adds, r->median_ms, r->p90_ms, 1e3 * (double)s->batch / r->median_ms,
           step_gflops(s, r), peak, step_gflops(s, r) / peak, memory, r->planned_bytes);
}

static void print_text(const settings *s, const result *r, double peak)
{
    const double gflops = step_gflops(s, r);
    printf("libmobilenet %s (%s): MobileNet V1%s%s, alpha %g, %" PRId64 " x %" PRId64 ", %" PRId64
           " classes\n",
           mbn_version_string(), mbn_build_info(), s->shallow ? ", shallow" : "",
           s->cifar ? ", stem stride 1" : "", s->alpha, s->size, s->size, s->classes);
    printf("%-12s %.2f M parameters, %.2f M multiply-adds a picture\n", "network",
           (double)r->parameters * 1e-6, (double)r->multiply_adds * 1e-6);
    printf("%-12s batch %" PRId64 ", %s, %d threads, %s, %" PRId64 " steps after %d to warm up\n", "run",
           s->batch, s->optimizer ? "SGD with momentum" : "Adam", (int)r->threads, isa_name(r->isa), s->steps,
           WARM_UP);
    printf("%-12s median %.2f ms, p90 %.2f ms, %.0f images/s\n", "step", r->median_ms, r->p90_ms,
           1e3 * (double)s->batch / r->median_ms);
    printf("%-12s %.1f GFLOP/s, counting 6 flops for each multiply-add (2 forward, 4 backward)\n", "speed",
           gflops);
    printf("%-12s %.1f GFLOP/s before, %.1f after: the step runs at %.0f %% of the larger\n", "peak",
           r->peak_before, r->peak_after, 100 * gflops / peak);
    printf("%-12s ", "memory");
    if (r->memory_bytes >= 0)
        printf("grew by %.1f MB beyond the data; ", (double)r->memory_bytes * 1e-6);
    printf("mbn_fit_memory says %.1f MB beside the parameters' %.1f MB\n", (double)r->planned_bytes * 1e-6,
           4e-6 * (double)r->parameters);
}

static int run_train(const settings *s)
{
    mbn_context *context = NULL;
    mbn_model *model = NULL;
    mbn_tensor *x = NULL, *y = NULL;
    result r = {0};
    int failed = 1;

    if (benchmark_context(s->threads, s->isa, &context))
        goto done; /* it has said why */
    r.threads = mbn_context_threads(context);
    r.isa = mbn_context_isa(context);
    r.peak_before = peak_gflops(r.isa, r.threads);
    failed = make_data(context, s, s->batch * (s->steps + WARM_UP), &x, &y);
    const int64_t bytes_before = measure_peak_bytes();
    failed = failed || make_model(context, s, &r, &model) || train(model, s, x, y, &r);
    if (failed) {
        fprintf(stderr, "benchmark: %s\n", mbn_last_error());
        goto done;
    }
    r.memory_bytes = bytes_before < 0 ? -1 : measure_peak_bytes() - bytes_before;
    r.peak_after = peak_gflops(r.isa, r.threads);
    (s->json ? print_json : print_text)(s, &r, r.peak_after > r.peak_before ? r.peak_after : r.peak_before);
done:
    mbn_model_destroy(model);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_context_destroy(context);
    return failed;
}

static int command_train(int argc, char **argv)
{
    settings s = {.alpha = 1, .size = 32, .classes = 10, .batch = 128, .steps = 20};
    const cli_option options[] = {
        {"alpha", CLI_NUMBER, &s.alpha, "width multiplier; 1", 0.001, 16, 0},
        {"size", CLI_INTEGER, &s.size, "height and width of the pictures; 32", 1, 4096, 0},
        {"classes", CLI_INTEGER, &s.classes, "of the classifier; 10", 1, 1000000, 0},
        {"batch", CLI_INTEGER, &s.batch, "pictures a step; 128", 1, 65536, 0},
        {"shallow", CLI_FLAG, &s.shallow, "without the five 512-channel stride-1 blocks", 0, 0, 0},
        {"cifar", CLI_FLAG, &s.cifar, "the stem of stride 1, for small pictures", 0, 0, 0},
        {"optimizer", CLI_CHOICE, &s.optimizer, "default adam", 0, 0, "adam|sgd"},
        {"threads", CLI_INTEGER, &s.threads, "0: one per core", 0, 256, 0},
        {"isa", CLI_CHOICE, &s.isa, "instruction set; default best", 0, 0, BENCHMARK_ISAS},
        {"steps", CLI_INTEGER, &s.steps, "that are timed; 20", 1, MAX_STEPS, 0},
        {"json", CLI_FLAG, &s.json, "one flat object instead of text", 0, 0, 0},
    };
    int go_on = CLI_PARSE(argc, argv, "Times the training step of a MobileNet V1.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;
    return run_train(&s);
}

static const struct {
    const char *name, *program, *about;
    int (*run)(int argc, char **argv);
} COMMANDS[] = {{"train", "benchmark train", "the training step", command_train},
                {"infer", "benchmark infer", "a predictor", command_infer}};

int main(int argc, char **argv)
{
    const size_t count = sizeof COMMANDS / sizeof *COMMANDS;
    for (size_t i = 0; argc > 1 && i < count; i++)
        if (!strcmp(argv[1], COMMANDS[i].name)) {
            argv[1] = (char *)COMMANDS[i].program; /* what messages call the program */
            return COMMANDS[i].run(argc - 1, argv + 1);
        }
    const int help = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
    FILE *out = help ? stdout : stderr;
    if (argc > 1 && !help)
        fprintf(out, "benchmark: \"%s\" is nothing that can be timed\n", argv[1]);
    fprintf(out, "usage: benchmark WORK [options]; benchmark WORK --help lists them. WORK is\n");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %-10s  %s\n", COMMANDS[i].name, COMMANDS[i].about);
    return help ? 0 : 2;
}
