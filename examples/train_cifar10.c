/* Trains MobileNet V1 on CIFAR-10 and validates on the last part of its pictures, without augmentation.
 *   train_cifar10 --data DIR --epochs 10 --weights net.mbn    trains, saves; run again, it goes on from there
 * With --checkpoint it goes on exactly where it stopped, optimizer included; with --weights the optimizer
 * starts anew. --help lists the options. */
#include <mobilenet/mobilenet.h>
#include <inttypes.h>
#include <unistd.h>
#include "common/cli.h"
#include "common/files.h"

typedef struct settings {
    const char *data, *weights, *checkpoint, *history;
    double alpha, validation_split, learning_rate, momentum, weight_decay, label_smoothing;
    int64_t epochs, batch_size, threads, seed, limit, verbose, patience;
    int32_t shallow, optimizer, schedule, isa;
} settings;

/* What the callback needs between epochs. */
typedef struct run {
    const settings *options;
    FILE *csv;
    int64_t epochs_before; /* rows that the history file already has */
    double best;
    int64_t best_epoch;
} run;

static int32_t on_epoch_end(void *user, mbn_model *model, const mbn_fit_event *event)
{
    run *r = user;
    int64_t epoch = r->epochs_before + event->epoch + 1;
    if (event->val_accuracy > r->best) { /* never with NaN */
        r->best = event->val_accuracy;
        r->best_epoch = epoch;
    }
    if (r->csv &&
        (fprintf(r->csv, "%" PRId64 ",%.6f,%.6f,%.6f,%.6f,%.9g,%.2f\n", epoch, event->loss, event->accuracy,
                 event->val_loss, event->val_accuracy, mbn_learning_rate(model), event->seconds) < 0 ||
         fflush(r->csv))) {
        perror(r->options->history);
        return -1;
    }
    return 0;
}

/* Opens the history; when training continues, behind its last row, whose epoch is counted on from. */
static int open_history(run *r, int continues)
{
    char line[256];
    const char *path = r->options->history;
    FILE *old = path && continues ? fopen(path, "r") : NULL;
    if (old) {
        while (fgets(line, sizeof line, old))
            if (strtoll(line, NULL, 10) > 0)
                r->epochs_before = strtoll(line, NULL, 10);
        fclose(old);
    }
    if (!path)
        return 0;
    r->csv = fopen(path, old ? "a" : "w");
    if (r->csv && !old)
        fputs("epoch,loss,acc,val_loss,val_acc,lr,seconds\n", r->csv);
    if (!r->csv)
        perror(path);
    return r->csv ? 0 : -1;
}

/* A compiled model: from the checkpoint, from the weights, or new. */
static mbn_status make_model(mbn_context *context, const settings *s, int *continues, mbn_model **model)
{
    static const int32_t OPTIMIZERS[] = {MBN_OPTIMIZER_ADAM, MBN_OPTIMIZER_SGD, MBN_OPTIMIZER_RMSPROP};
    const char *file = s->checkpoint ? s->checkpoint : s->weights;
    *continues = file && file_bytes(file) >= 0;
    if (file)
        printf("%s is %s\n", file,
               !*continues     ? "not there: starting from scratch"
               : s->checkpoint ? "there: continuing exactly, with its network and optimizer"
                               : "there: continuing from its weights");
    if (*continues && s->checkpoint)
        return mbn_checkpoint_load(context, s->checkpoint, model);

    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.classes = 10;
    net.alpha = s->alpha;
    net.shallow = s->shallow;
    net.seed = (uint64_t)s->seed;
    mbn_status status = mbn_mobilenet_create(context, &net, model);
    if (!status && *continues)
        status = mbn_model_load_weights(*model, s->weights, 0, NULL);

    const char *labels[10];
    for (int32_t i = 0; i < 10; i++)
        labels[i] = mbn_cifar10_label(i);
    if (!status)
        status = mbn_model_set_labels(*model, labels, 10);

    mbn_compile_options compile;
    mbn_compile_options_init(&compile);
    compile.optimizer = OPTIMIZERS[s->optimizer];
    compile.learning_rate = s->learning_rate;
    compile.label_smoothing = s->label_smoothing;
    if (compile.optimizer == MBN_OPTIMIZER_SGD) {
        compile.momentum = s->momentum;
        compile.weight_decay = s->weight_decay;
        compile.decay_depthwise = 1; /* as in the runs of docs/cifar10.md */
    }
    return status ? status : mbn_compile(*model, &compile);
}

/* Half a cosine down, or one cycle, over all epochs, those before a checkpoint included. */
static void set_schedule(const settings *s, const mbn_model *model, mbn_schedule_options *schedule,
                         mbn_fit_options *fit)
{
    if (!s->schedule)
        return;
    mbn_schedule_options_init(schedule);
    schedule->kind = s->schedule == 1 ? MBN_SCHEDULE_COSINE : MBN_SCHEDULE_ONE_CYCLE;
    schedule->learning_rate = s->learning_rate >= 0 ? s->learning_rate : s->optimizer == 1 ? 0.01 : 0.001;
    schedule->epochs = (double)(mbn_trained_epochs(model) + s->epochs);
    fit->schedule = schedule;
}

/* A checkpoint after every epoch, and an end when nothing gets better any more. */
static mbn_status add_callbacks(mbn_context *context, const settings *s, mbn_callback *callbacks[2],
                                mbn_fit_options *fit)
{
    mbn_status status = MBN_OK;
    if (s->checkpoint) {
        mbn_model_checkpoint_options checkpoint;
        mbn_model_checkpoint_options_init(&checkpoint);
        checkpoint.path = s->checkpoint;
        status = mbn_model_checkpoint_create(context, &checkpoint, &callbacks[fit->callback_count++]);
    }
    if (!status && s->patience) {
        mbn_early_stopping_options stopping;
        mbn_early_stopping_options_init(&stopping);
        stopping.patience = s->patience;
        stopping.restore_best = 1;
        status = mbn_early_stopping_create(context, &stopping, &callbacks[fit->callback_count++]);
    }
    fit->callbacks = (const mbn_callback *const *)callbacks;
    return status;
}

/* The first `limit` pictures, without a copy. */
static mbn_status load_data(mbn_context *context, const settings *s, mbn_tensor **all_x, mbn_tensor **all_y,
                            mbn_tensor **x, mbn_tensor **y)
{
    mbn_status status = mbn_cifar10_load(context, s->data, MBN_CIFAR10_TRAIN, all_x, all_y);
    if (status)
        return status;
    int64_t count = mbn_tensor_dims(*all_x)[0];
    if (s->limit && s->limit < count)
        count = s->limit;
    const int64_t dims[4] = {count, 32, 32, 3};
    status = mbn_tensor_wrap(context, MBN_U8, 4, dims, mbn_tensor_data(*all_x), NULL, NULL, x);
    return status ? status
                  : mbn_tensor_wrap(context, MBN_I32, 1, dims, mbn_tensor_data(*all_y), NULL, NULL, y);
}

static void report(const run *r, const mbn_history *history)
{
    double last = 0;
    int64_t epochs = mbn_history_epochs(history);
    if (!epochs || mbn_history_get(history, "val_acc", epochs - 1, &last))
        return; /* without validation there is nothing to say */
    printf("best val_acc %.4f (epoch %" PRId64 "), last val_acc %.4f (epoch %" PRId64 ")\n", r->best,
           r->best_epoch, last, r->epochs_before + epochs);
}

static int save(const mbn_model *model, const char *path)
{
    if (!path)
        return 0;
    if (mbn_model_save(model, path, NULL)) {
        fprintf(stderr, "train_cifar10: %s\n", mbn_last_error());
        return 1;
    }
    printf("saved %s (%lld bytes)\n", path, file_bytes(path));
    return 0;
}

static int train(const settings *s)
{
    mbn_context *context = NULL;
    mbn_tensor *all_x = NULL, *all_y = NULL, *x = NULL, *y = NULL;
    mbn_model *model = NULL;
    mbn_history *history = NULL;
    mbn_callback *callbacks[2] = {NULL, NULL};
    mbn_schedule_options schedule;
    run r = {.options = s, .best = -1};
    int continues = 0, code = 1;

    mbn_context_options where;
    mbn_context_options_init(&where);
    where.threads = (int32_t)s->threads;
    where.isa_limit = s->isa; /* the choices stand in the order of MBN_ISA_... */
    mbn_fit_options fit;
    mbn_fit_options_init(&fit);
    fit.epochs = s->epochs;
    fit.batch_size = s->batch_size;
    fit.validation_split = s->validation_split;
    fit.seed = (uint64_t)s->seed;
    fit.verbose = (int32_t)s->verbose;
    fit.on_epoch_end = on_epoch_end;
    fit.callback_user = &r;

    if (mbn_context_create(&where, &context) || load_data(context, s, &all_x, &all_y, &x, &y) ||
        make_model(context, s, &continues, &model) || add_callbacks(context, s, callbacks, &fit))
        goto done;
    set_schedule(s, model, &schedule, &fit);
    if (open_history(&r, continues))
        goto closed;
    if (mbn_fit(model, x, y, &fit, &history))
        goto done;
    report(&r, history);
    code = save(model, s->weights);
    goto closed;
done:
    fprintf(stderr, "train_cifar10: %s\n", mbn_last_error());
closed:
    if (r.csv && fclose(r.csv))
        code = 1;
    mbn_history_destroy(history);
    mbn_callback_destroy(callbacks[0]);
    mbn_callback_destroy(callbacks[1]);
    mbn_model_destroy(model);
    mbn_tensor_destroy(y);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(all_y);
    mbn_tensor_destroy(all_x);
    mbn_context_destroy(context);
    return code;
}

int main(int argc, char **argv)
{
    settings s = {.alpha = 1,
                  .validation_split = 0.2,
                  .learning_rate = -1,
                  .momentum = 0.9,
                  .epochs = 10,
                  .batch_size = 128,
                  .seed = 1,
                  .verbose = isatty(STDOUT_FILENO) ? 1 : 2};
    const cli_option options[] = {
        {"data", CLI_TEXT, &s.data, "directory of data_batch_1.bin to data_batch_5.bin (or .bin.gz)", 0, 0,
         "DIR"},
        {"alpha", CLI_NUMBER, &s.alpha, "width of the network; 1", 0.001, 16, 0},
        {"shallow", CLI_FLAG, &s.shallow, "without the five 512-channel stride-1 blocks", 0, 0, 0},
        {"epochs", CLI_INTEGER, &s.epochs, "how many more to train; 10", 1, 1000000, 0},
        {"batch-size", CLI_INTEGER, &s.batch_size, "pictures in a step; 128", 1, 1000000, 0},
        {"validation-split", CLI_NUMBER, &s.validation_split, "share at the end that validates; 0.2", 0,
         0.999, 0},
        {"weights", CLI_TEXT, &s.weights, "model file to go on from if it is there, and to save", 0, 0,
         "FILE.mbn"},
        {"checkpoint", CLI_TEXT, &s.checkpoint, "the same with the state of training, after every epoch", 0,
         0, "FILE.mbn"},
        {"optimizer", CLI_CHOICE, &s.optimizer, "adam", 0, 0, "adam|sgd|rmsprop"},
        {"learning-rate", CLI_NUMBER, &s.learning_rate, "0.001; sgd 0.01", 0, 1000, 0},
        {"schedule", CLI_CHOICE, &s.schedule, "of the learning rate, over all epochs", 0, 0,
         "constant|cosine|one-cycle"},
        {"patience", CLI_INTEGER, &s.patience,
         "ends after N epochs without a better val_loss, with the best weights; 0: never", 0, 1000000, 0},
        {"momentum", CLI_NUMBER, &s.momentum, "of sgd; 0.9", 0, 0.999, 0},
        {"weight-decay", CLI_NUMBER, &s.weight_decay, "of sgd, on kernels; 0", 0, 1, 0},
        {"label-smoothing", CLI_NUMBER, &s.label_smoothing, "of the training targets; 0", 0, 0.999, 0},
        {"threads", CLI_INTEGER, &s.threads, "0: one per core", 0, 256, 0},
        {"seed", CLI_INTEGER, &s.seed, "of first weights, order and dropout; 1", 0, 9e15, 0},
        {"limit", CLI_INTEGER, &s.limit, "takes only the first N pictures; 0: all", 0, 50000, 0},
        {"verbose", CLI_INTEGER, &s.verbose, "0: silent; 1: progress bar; 2: a line an epoch", 0, 2, 0},
        {"history", CLI_TEXT, &s.history, "CSV file with a row per epoch", 0, 0, "FILE.csv"},
        {"isa", CLI_CHOICE, &s.isa, "highest instruction set; best", 0, 0, "best|generic|avx2|avx512|neon"},
    };
    int go_on = CLI_PARSE(argc, argv, "Trains MobileNet V1 on CIFAR-10.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;
    if (!s.data) {
        fprintf(stderr, "%s: --data DIR is needed: the directory of CIFAR-10's binary batches\n", argv[0]);
        return 2;
    }
    return train(&s);
}
