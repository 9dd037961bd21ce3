/* The whole life of a model in about two minutes: MobileNet V1 is built, trained on CIFAR-10 or on pictures
 * that the library draws, measured, saved, loaded, trained on and asked. --help lists the options. */
#include <mobilenet/mobilenet.h>
#include <inttypes.h>
#include <unistd.h>
#include "common/cli.h"
#include "common/files.h"
#include "common/terminal.h"

enum { SIDE = 32, CLASSES = 10, SHOWN = 6, SHOWN_ACROSS = 2 };

typedef struct demo {
    const char *data, *file; /* directory of CIFAR-10; where the model is saved */
    int64_t threads;
    int32_t small, colour;
    const char *names[CLASSES];
    int64_t train_count, test_count, epochs, batch_size;
    double alpha, learning_rate;
    mbn_context *context;
    mbn_tensor *images, *labels;                     /* all that were loaded or drawn */
    mbn_tensor *train_x, *train_y, *test_x, *test_y; /* parts of them, without a copy */
    mbn_model *model;
} demo;

/* Pictures [first, first + count) and their labels, as tensors over the same memory. */
static mbn_status part(demo *d, int64_t first, int64_t count, mbn_tensor **x, mbn_tensor **y)
{
    const int64_t dims[4] = {count, SIDE, SIDE, 3};
    unsigned char *pixels = (unsigned char *)mbn_tensor_data(d->images) + first * SIDE * SIDE * 3;
    int32_t *ids = (int32_t *)mbn_tensor_data(d->labels) + first;
    mbn_status status = mbn_tensor_wrap(d->context, MBN_U8, 4, dims, pixels, NULL, NULL, x);
    return status ? status : mbn_tensor_wrap(d->context, MBN_I32, 1, dims, ids, NULL, NULL, y);
}

static mbn_status get_data(demo *d)
{
    mbn_status status;
    int64_t wanted = d->train_count + d->test_count;
    if (d->data) {
        printf("Data: CIFAR-10 from %s\n", d->data);
        status = mbn_cifar10_load(d->context, d->data, MBN_CIFAR10_TRAIN, &d->images, &d->labels);
    } else {
        puts("Data: no CIFAR-10 given (--data DIR), so pictures of ten shapes and textures are drawn");
        status = mbn_shapes_create(d->context, wanted, SIDE, SIDE, 1, &d->images, &d->labels);
    }
    if (status)
        return status;
    int64_t count = mbn_tensor_dims(d->images)[0];
    if (count < wanted) { /* a smaller copy of the data set: keep a fifth to test with */
        d->test_count = count / 5;
        d->train_count = count - d->test_count;
    }
    for (int32_t k = 0; k < CLASSES; k++)
        d->names[k] = d->data ? mbn_cifar10_label(k) : mbn_shapes_label(k);
    status = part(d, 0, d->train_count, &d->train_x, &d->train_y);
    return status ? status : part(d, count - d->test_count, d->test_count, &d->test_x, &d->test_y);
}

static mbn_status build(demo *d)
{
    int64_t parameters = 0, multiply_adds = 0;
    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = SIDE;
    net.classes = CLASSES;
    net.alpha = d->alpha;
    net.shallow = 1;
    net.seed = 1;
    mbn_status status = mbn_mobilenet_create(d->context, &net, &d->model);
    if (!status)
        status = mbn_model_set_labels(d->model, d->names, CLASSES);
    if (!status)
        status = mbn_model_parameter_count(d->model, &parameters, NULL);
    if (!status)
        status = mbn_model_multiply_adds(d->model, &multiply_adds);
    if (!status)
        printf("Model: MobileNet V1, alpha %g, shallow: %" PRId64 " parameters, %.1f million multiply-adds a "
               "picture\n\n",
               d->alpha, parameters, (double)multiply_adds / 1e6);
    return status;
}

static mbn_status train(demo *d, int64_t epochs, double learning_rate, uint64_t seed)
{
    mbn_compile_options compile;
    mbn_compile_options_init(&compile);
    compile.optimizer = MBN_OPTIMIZER_ADAM;
    compile.learning_rate = learning_rate;
    mbn_fit_options fit;
    mbn_fit_options_init(&fit);
    fit.validation_x = d->test_x;
    fit.validation_y = d->test_y;
    fit.epochs = epochs;
    fit.batch_size = d->batch_size;
    fit.seed = seed;
    fit.verbose = 1;
    mbn_status status = mbn_compile(d->model, &compile);
    return status ? status : mbn_fit(d->model, d->train_x, d->train_y, &fit, NULL);
}

static int32_t best_class(const float *probabilities)
{
    int32_t best = 0;
    for (int32_t k = 1; k < CLASSES; k++)
        if (probabilities[k] > probabilities[best])
            best = k;
    return best;
}

static mbn_status show_accuracy(demo *d)
{
    int64_t counts[CLASSES][CLASSES] = {{0}};
    const int32_t *truth = mbn_tensor_data(d->test_y);
    mbn_tensor *answers = NULL;
    double loss = 0, accuracy = 0;
    mbn_status status = mbn_evaluate(d->model, d->test_x, d->test_y, 0, &loss, &accuracy);
    if (!status)
        status = mbn_predict(d->model, d->test_x, &answers);
    if (status)
        return status;
    const float *probabilities = mbn_tensor_data(answers);
    for (int64_t i = 0; i < d->test_count; i++)
        counts[truth[i]][best_class(probabilities + i * CLASSES)]++;
    printf("\n%" PRId64 " pictures that training never saw: accuracy %.4f, loss %.4f\n\n", d->test_count,
           accuracy, loss);
    terminal_confusion(counts, d->names);
    putchar('\n');
    mbn_tensor_destroy(answers);
    return MBN_OK;
}

/* Saves, forgets, loads, and trains for one more epoch. */
static mbn_status save_and_continue(demo *d)
{
    mbn_status status = mbn_model_save(d->model, d->file, NULL);
    if (status)
        return status;
    printf("Saved as %s: %lld bytes\n", d->file, file_bytes(d->file));
    mbn_model_destroy(d->model);
    d->model = NULL;
    status = mbn_model_load(d->context, d->file, &d->model);
    if (status)
        return status;
    puts("Loaded again; one more epoch from there, at a third of the learning rate:\n");
    return train(d, 1, d->learning_rate / 3, 2);
}

static void show_answers(const demo *d, const float *probabilities, int64_t first)
{
    const unsigned char *pixels = mbn_tensor_data(d->test_x);
    const int32_t *truth = mbn_tensor_data(d->test_y);
    for (int line = 0; line < SIDE / 2; line++, putchar('\n'))
        for (int i = 0; i < SHOWN_ACROSS; i++) {
            printf("%*s", i ? TERMINAL_GAP : 0, "");
            terminal_picture_line(pixels + (first + i) * SIDE * SIDE * 3, SIDE, line, d->colour);
        }
    for (int i = 0; i < SHOWN_ACROSS; i++)
        printf("%-*s", TERMINAL_PICTURE + TERMINAL_GAP, d->names[truth[first + i]]);
    putchar('\n');
    for (int i = 0; i < SHOWN_ACROSS; i++) {
        const float *answer = probabilities + (first + i) * CLASSES;
        int32_t best = best_class(answer);
        terminal_bar(answer[best], best == truth[first + i], d->colour);
        printf(" %-*s", TERMINAL_PICTURE + TERMINAL_GAP - 21, d->names[best]);
    }
    puts("\n");
}

static mbn_status show_predictions(demo *d)
{
    mbn_tensor *answers = NULL;
    mbn_status status = mbn_predict(d->model, d->test_x, &answers);
    if (status)
        return status;
    puts("\nA few of them; below each what it is, and what the model says:\n");
    for (int64_t first = 0; first + SHOWN_ACROSS <= SHOWN && first + SHOWN_ACROSS <= d->test_count;
         first += SHOWN_ACROSS)
        show_answers(d, mbn_tensor_data(answers), first);
    mbn_tensor_destroy(answers);
    return MBN_OK;
}

static int run(demo *d)
{
    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = (int32_t)d->threads;
    int failed = mbn_context_create(&options, &d->context) || get_data(d) || build(d) ||
                 train(d, d->epochs, d->learning_rate, 1) || show_accuracy(d) || save_and_continue(d) ||
                 show_accuracy(d) || show_predictions(d);
    if (failed)
        fprintf(stderr, "demo: %s\n", mbn_last_error());
    mbn_model_destroy(d->model);
    mbn_tensor *tensors[] = {d->train_x, d->train_y, d->test_x, d->test_y, d->images, d->labels};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        mbn_tensor_destroy(tensors[i]);
    mbn_context_destroy(d->context);
    return failed;
}

int main(int argc, char **argv)
{
    char file[4096];
    demo d = {
        .colour = isatty(STDOUT_FILENO), .epochs = 4, .batch_size = 64, .alpha = 0.5, .learning_rate = 1e-3};
    const cli_option options[] = {
        {"data", CLI_TEXT, &d.data, "directory of CIFAR-10's binary batches; none: pictures are drawn", 0, 0,
         "DIR"},
        {"small", CLI_FLAG, &d.small, "few pictures and a small model: seconds, and no accuracy to speak of",
         0, 0, 0},
        {"model", CLI_TEXT, &d.file, "file to save the model in; beside the program", 0, 0, "FILE.mbn"},
        {"color", CLI_FLAG, &d.colour, "colours although the output is no terminal", 0, 0, 0},
        {"threads", CLI_INTEGER, &d.threads, "0: one per core", 0, 256, 0},
    };
    int go_on = CLI_PARSE(argc, argv, "Trains MobileNet V1 and shows what became of it.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;
    snprintf(file, sizeof file, "%s.mbn", argv[0]);
    d.file = d.file ? d.file : file;
    d.train_count = 40000;
    d.test_count = 10000;
    if (!d.data) { /* fewer pictures, so smaller steps and more of them */
        d.train_count = 10000;
        d.test_count = 2000;
        d.epochs = 6;
        d.batch_size = 32;
        d.learning_rate = 2e-3;
    }
    if (d.small) {
        d.train_count = 1000;
        d.test_count = 200;
        d.epochs = 4;
        d.batch_size = 8;
        d.alpha = 0.25;
    }
    return run(&d);
}
