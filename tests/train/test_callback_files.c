/* Callbacks that write: ModelCheckpoint's names, choice and deletions, trainings that go on from each of its
 * files, CSVLogger's lines in any locale, and disks and directories that take no files. */
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "api/path_template.h"
#include "core/number.h"
#include "support/allocator.h"
#include "support/play.h"
#include "support/suite.h"
#include "support/training.h"

enum { PATH_BYTES = 320 };

static char directory[64];

static void make_directory(void)
{
    strcpy(directory, "/tmp/mbn-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static const char *in_directory(const char *name)
{
    static char paths[4][PATH_BYTES];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", directory, name);
    return paths[turn];
}

static int is_there(const char *name)
{
    return access(in_directory(name), F_OK) == 0;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_directory(name), "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static mbn_model_checkpoint_options checkpoint_options(const char *path)
{
    mbn_model_checkpoint_options o;
    mbn_model_checkpoint_options_init(&o);
    o.path = path;
    return o;
}

static mbn_callback *checkpoint(mbn_model_checkpoint_options o)
{
    mbn_callback *callback;
    ck_ok(mbn_model_checkpoint_create(NULL, &o, &callback));
    return callback;
}

START_TEST(a_path_has_its_numbers_and_no_more)
{
    static const struct {
        const char *path, *filled;
    } rows[] = {{"a{epoch}b", "a7b"},
                {"{epoch:3}-{val_loss:2}.mbn", "007--1.50.mbn"},
                {"{val_acc}{lr:0}", "0.12500"},
                {"{{epoch}}%s%n{{", "{epoch}%s%n{"}};
    static const char *const wrong[] = {
        "",        "{",   "}", "{}", "{epoch", "{epoch:}", "{epoch:18}", "{epoch:-1}", "{epoch}{val_loss}",
        "{lr:0}0", "a\nb"};
    const double row[MBNI_HISTORY_COLUMNS] = {1, 0.5, -1.5, 0.125, 0.003, 1};
    char out[MBNI_TEMPLATE_BYTES];
    mbn_callback *callback;
    mbn_context *context = context_of(1);
    mbn_history *history = mbni_history_create(context, 1, 1);
    mbni_history_append(history, row);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_ok(mbni_template_check(rows[i].path));
        ck_ok(mbni_template_fill(rows[i].path, 7, history, out));
        ck_assert_str_eq(out, rows[i].filled);
        ck_assert(mbni_template_fits(rows[i].path, out));
    }
    ck_assert(!mbni_template_fits("a{epoch}b", "a7bc"));
    ck_assert(!mbni_template_fits("a{epoch}b", "a7/../b"));
    ck_assert(!mbni_template_fits("a{epoch}b", "ab"));
    ck_fails(mbni_template_fill("{time}", 7, history, out), MBN_ERR_ARGUMENT, "{time}");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const mbn_model_checkpoint_options o = checkpoint_options(wrong[i]);
        ck_fails(mbn_model_checkpoint_create(NULL, &o, &callback), MBN_ERR_ARGUMENT, "option path");
        ck_assert_ptr_null(callback);
    }
    mbn_history_destroy(history);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(keep_last_deletes_its_own_files_only)
{
    fixture f = set_up(1, 4);
    mbn_model *resumed;
    char path[PATH_BYTES];
    make_directory();
    snprintf(path, sizeof path, "%s", in_directory("w-{epoch:3}.mbn"));
    put("w-000.mbn", "somebody else's");
    put("other", "");
    mbn_model_checkpoint_options o = checkpoint_options(path);
    o.keep_last = 2;
    mbn_callback *callback = checkpoint(o);
    play p = {.epochs = 4};
    (void)play_fit(f.model, callback, &p);
    ck_assert(!is_there("w-001.mbn") && !is_there("w-002.mbn"));
    ck_assert(is_there("w-003.mbn") && is_there("w-004.mbn"));
    mbn_callback_destroy(callback);
    ck_ok(mbn_checkpoint_load(f.context, in_directory("w-004.mbn"), &resumed));
    callback = checkpoint(o);
    p.epochs = 2;
    (void)play_fit(resumed, callback, &p);
    ck_assert(!is_there("w-003.mbn") && !is_there("w-004.mbn"));
    ck_assert(is_there("w-005.mbn") && is_there("w-006.mbn"));
    mbn_callback_destroy(callback);
    snprintf(path, sizeof path, "%s", in_directory("v-{epoch:3}.mbn")); /* another series */
    callback = checkpoint(o);
    (void)play_fit(resumed, callback, &p);
    (void)play_fit(resumed, callback, &p);
    ck_assert(is_there("w-005.mbn") && is_there("w-006.mbn"));
    ck_assert(!is_there("v-007.mbn") && is_there("v-010.mbn"));
    mbn_callback_destroy(callback);
    snprintf(path, sizeof path, "%s", in_directory("same.mbn")); /* one file, written again and again */
    callback = checkpoint(o);
    p.epochs = 4;
    (void)play_fit(f.model, callback, &p);
    ck_assert(is_there("same.mbn"));
    mbn_callback_destroy(callback);
    ck_assert(is_there("w-000.mbn") && is_there("other"));
    mbn_model_destroy(resumed);
    remove_directory();
    tear_down(&f);
}
END_TEST

/* A checkpoint from elsewhere may claim any file as its own. */
START_TEST(a_foreign_list_deletes_nothing_outside_the_series)
{
    fixture f = set_up(1, 4);
    char path[PATH_BYTES], list[4 * PATH_BYTES];
    make_directory();
    put("victim", "");
    snprintf(path, sizeof path, "%s", in_directory("w-{epoch}.mbn"));
    mbn_model_checkpoint_options o = checkpoint_options(path);
    o.keep_last = 1;
    mbn_callback *callback = checkpoint(o);
    play p = {.epochs = 1};
    (void)play_fit(f.model, callback, &p);
    mbni_callback_state *state = f.model->trainer->callback_states;
    snprintf(list, sizeof list, "%s\n%s\n\n%s", path, in_directory("victim"), in_directory("w-1.mbn"));
    mbni_free(f.context, state->text);
    state->text = mbni_strdup(f.context, list);
    (void)play_fit(f.model, callback, &p);
    ck_assert(is_there("victim") && !is_there("w-1.mbn") && is_there("w-2.mbn"));
    mbn_callback_destroy(callback);
    remove_directory();
    tear_down(&f);
}
END_TEST

/* Records of a checkpoint that somebody has damaged or made up. */
START_TEST(damaged_memories_are_refused_or_harmless)
{
    static const struct {
        const char *name; /* of an added record */
        int32_t type;
        int64_t count;
        mbn_status status;
    } rows[] = {
        {"callback/early_stopping/loss/min/0/weights", MBNI_RECORD_F32, 7, MBN_ERR_FORMAT},
        {"callback/early_stopping/loss/min/0/text", MBNI_RECORD_I64, 3, MBN_OK},
        {"callback/early_stopping/loss/min/1", MBNI_RECORD_F64, 3, MBN_OK}, /* passed over */
        {"callback/", MBNI_RECORD_F64, 4, MBN_OK},
        {"callback/"
         "a-name-that-no-callback-can-have-since-it-has-more-bytes-than-a-key-may-have-in-memory-here",
         MBNI_RECORD_F64, 4, MBN_ERR_FORMAT},
    };
    fixture f = set_up(1, 4);
    mbn_early_stopping_options o;
    mbn_callback *callback;
    mbn_early_stopping_options_init(&o);
    o.monitor = "loss";
    ck_ok(mbn_early_stopping_create(NULL, &o, &callback));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mbni_records records;
        void *data;
        play p = {.epochs = 1};
        compile_adam(f.model);
        (void)play_fit(f.model, callback, &p);
        mbni_records_init(&records, f.context);
        ck_ok(mbni_trainer_export(f.model, &records));
        ck_ok(mbni_records_add(&records, rows[i].name, rows[i].type, rows[i].count, NULL, &data));
        memset(data, 0xff, (size_t)rows[i].count * (rows[i].type == MBNI_RECORD_F32 ? 4 : 8));
        mbn_status status = mbni_trainer_import(f.model, &records);
        ck_assert_msg(status == rows[i].status, "%s: %s", rows[i].name, mbn_status_name(status));
        mbni_records_free(&records);
        if (!status)
            ck_assert_int_eq(play_fit(f.model, callback, &p), 1);
    }
    mbn_callback_destroy(callback);
    tear_down(&f);
}
END_TEST

START_TEST(best_only_saves_the_best_and_remembers_it)
{
    fixture f = set_up(1, 4);
    mbn_model *loaded;
    char path[PATH_BYTES];
    const double val_loss[] = {1, .8, .9, .7, .75, .7, .6};
    make_directory();
    snprintf(path, sizeof path, "%s", in_directory("{epoch}-{val_loss:2}.mbn"));
    mbn_model_checkpoint_options o = checkpoint_options(path);
    o.best_only = 1;
    mbn_callback *callback = checkpoint(o);
    play p = {.epochs = 4, .val_loss = val_loss};
    (void)play_fit(f.model, callback, &p);
    ck_assert(is_there("1-1.00.mbn") && is_there("2-0.80.mbn") && !is_there("3-0.90.mbn") &&
              is_there("4-0.70.mbn"));
    mbn_callback_destroy(callback);
    ck_ok(mbn_checkpoint_load(f.context, in_directory("4-0.70.mbn"), &loaded));
    ck_assert_int_eq(mbn_trained_epochs(loaded), 4);
    callback = checkpoint(o);
    p.epochs = 3;
    (void)play_fit(loaded, callback, &p);
    ck_assert(!is_there("5-0.75.mbn") && !is_there("6-0.70.mbn") && is_there("7-0.60.mbn"));
    mbn_callback_destroy(callback);
    mbn_model_destroy(loaded);
    remove_directory();
    tear_down(&f);
}
END_TEST

START_TEST(weights_and_every_few_epochs)
{
    fixture f = set_up(1, 4);
    mbn_model *loaded;
    char path[PATH_BYTES];
    make_directory();
    snprintf(path, sizeof path, "%s", in_directory("{epoch}"));
    mbn_model_checkpoint_options o = checkpoint_options(path);
    o.weights_only = 1;
    o.every_epochs = 2;
    mbn_callback *callback = checkpoint(o);
    play p = {.epochs = 5};
    (void)play_fit(f.model, callback, &p);
    ck_assert(!is_there("1") && is_there("2") && !is_there("3") && is_there("4") && !is_there("5"));
    ck_fails(mbn_checkpoint_load(f.context, in_directory("4"), &loaded), MBN_ERR_FORMAT,
             "without training state");
    ck_ok(mbn_model_load(f.context, in_directory("4"), &loaded));
    mbn_model_destroy(loaded);
    mbn_callback_destroy(callback);
    remove_directory();
    tear_down(&f);
}
END_TEST

START_TEST(averages_are_saved_where_asked)
{
    fixture f = set_up(0, 16);
    mbn_model *loaded;
    mbn_callback *callback;
    mbn_compile_options compile;
    char path[PATH_BYTES];
    make_directory();
    snprintf(path, sizeof path, "%s", in_directory("average.mbn"));
    mbn_model_checkpoint_options o = checkpoint_options(path);
    o.average = 1;
    ck_fails(mbn_model_checkpoint_create(NULL, &o, &callback), MBN_ERR_ARGUMENT, "average is 1");
    o.weights_only = 1;
    callback = checkpoint(o);
    mbn_fit_options options = fit_options(8, 2);
    options.callbacks = (const mbn_callback *const *)&callback;
    options.callback_count = 1;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_STATE,
             "average is 1, and the model keeps none");
    mbn_compile_options_init(&compile);
    compile.ema_decay = 0.5;
    ck_ok(mbn_compile(f.model, &compile));
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
    ck_ok(mbn_model_load(f.context, path, &loaded));
    ck_assert(!same_weights(f.model, loaded));
    ck_ok(mbn_model_use_average(f.model, 1));
    ck_assert(same_weights(f.model, loaded));
    mbn_model_destroy(loaded);
    mbn_callback_destroy(callback);
    remove_directory();
    tear_down(&f);
}
END_TEST

enum { EPOCHS = 12 };

/* ModelCheckpoint stands first and saves last. */
static int64_t train(mbn_model *model, const fixture *f, const char *path)
{
    mbn_early_stopping_options stopping;
    mbn_callback *callbacks[2] = {checkpoint(checkpoint_options(path))};
    mbn_fit_options options = fit_options(16, EPOCHS - mbn_trained_epochs(model));
    mbn_history *history;
    mbn_early_stopping_options_init(&stopping);
    stopping.patience = 2;
    stopping.restore_best = 1;
    stopping.min_delta = 0.02;
    ck_ok(mbn_early_stopping_create(NULL, &stopping, &callbacks[1]));
    options.validation_split = 0.2;
    options.callbacks = (const mbn_callback *const *)callbacks;
    options.callback_count = 2;
    ck_ok(mbn_fit(model, f->x, f->y, &options, &history));
    int64_t epochs = mbn_history_epochs(history);
    mbn_history_destroy(history);
    mbn_callback_destroy(callbacks[0]);
    mbn_callback_destroy(callbacks[1]);
    return epochs;
}

/* That of the epoch in which EarlyStopping stops included: it stops at once, and has the best weights. */
START_TEST(each_file_goes_on_as_if_never_stopped)
{
    fixture f = set_up(0, 60);
    char path[PATH_BYTES], name[32];
    make_directory();
    snprintf(path, sizeof path, "%s", in_directory("{epoch}.mbn"));
    const int64_t epochs = train(f.model, &f, path);
    ck_assert_msg(epochs > 2 && epochs < EPOCHS, "%d epochs: the data stop too soon or too late",
                  (int)epochs);
    for (int64_t at = 1; at <= epochs; at++) {
        mbn_model *resumed;
        snprintf(name, sizeof name, "%d.mbn", (int)at);
        ck_ok(mbn_checkpoint_load(f.context, in_directory(name), &resumed));
        ck_assert_int_eq(mbn_trained_epochs(resumed), at);
        ck_assert_int_eq(train(resumed, &f, path), epochs - at);
        ck_assert_msg(same_weights(f.model, resumed), "from epoch %d", (int)at);
        mbn_model_destroy(resumed);
    }
    remove_directory();
    tear_down(&f);
}
END_TEST

static void fit_with(const fixture *f, mbn_callback *callback, mbn_status expected, const char *text)
{
    mbn_fit_options options = fit_options(8, 1);
    options.callbacks = (const mbn_callback *const *)&callback;
    options.callback_count = 1;
    if (expected)
        ck_fails(mbn_fit(f->model, f->x, f->y, &options, NULL), expected, text);
    else
        ck_ok(mbn_fit(f->model, f->x, f->y, &options, NULL));
}

static mbn_callback *logger(const char *path, int32_t append)
{
    mbn_csv_logger_options o;
    mbn_callback *callback;
    mbn_csv_logger_options_init(&o);
    o.path = path;
    o.append = append;
    ck_ok(mbn_csv_logger_create(NULL, &o, &callback));
    return callback;
}

START_TEST(places_that_take_no_file_are_named_before_the_first_step)
{
    fixture f = set_up(1, 8);
    mbn_model *untouched = small_net(f.context, 3);
    make_directory();
    put("file", "");
    const char *const paths[] = {in_directory("none/{epoch}"), in_directory("file/x")};
    for (int i = 0; i < 2; i++) {
        mbn_callback *callback = checkpoint(checkpoint_options(paths[i]));
        fit_with(&f, callback, MBN_ERR_IO, i ? "/file/" : "/none/");
        mbn_callback_destroy(callback);
        callback = logger(paths[i], 1);
        fit_with(&f, callback, MBN_ERR_IO, paths[i]);
        mbn_callback_destroy(callback);
    }
    mbn_callback *callback = checkpoint(checkpoint_options(in_directory("{val_acc}")));
    fit_with(&f, callback, MBN_ERR_ARGUMENT, "{val_acc}");
    mbn_callback_destroy(callback);
    ck_assert(same_weights(untouched, f.model));
    mbn_model_destroy(untouched);
    remove_directory();
    tear_down(&f);
}
END_TEST

/* In a child, so that the limit and the signal stay there. The model has been trained, and trains on. */
static int fail_with_limit(const fixture *f, mbn_callback *callback, const char *name)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct rlimit bytes = {4, 4}, all;
        mbn_fit_options options = fit_options(8, 1);
        options.callbacks = (const mbn_callback *const *)&callback;
        options.callback_count = 1;
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &all);
        bytes.rlim_max = all.rlim_max;
        setrlimit(RLIMIT_FSIZE, &bytes);
        mbn_status status = mbn_fit(f->model, f->x, f->y, &options, NULL);
        int right = status == MBN_ERR_IO && strstr(mbn_last_error(), name);
        setrlimit(RLIMIT_FSIZE, &all);
        right = right && !mbn_fit(f->model, f->x, f->y, &options, NULL);
        _exit(right ? 0 : 1);
    }
    int code;
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

START_TEST(a_full_disk_fails_the_fit_and_nothing_else)
{
    fixture f = set_up(1, 8);
    make_directory();
    put("old-1", "a file of before");
    mbn_model_checkpoint_options o = checkpoint_options(in_directory("old-{epoch}"));
    o.keep_last = 1;
    mbn_callback *callback = checkpoint(o);
    ck_assert_int_eq(fail_with_limit(&f, callback, "old-1"), 0);
    /* Epoch 1 was not saved, and what was there before is not its own; epoch 2 was. */
    char text[32];
    FILE *file = fopen(in_directory("old-1"), "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    ck_assert_str_eq(text, "a file of before");
    fclose(file);
    ck_assert(is_there("old-2"));
    mbn_callback_destroy(callback);
    callback = logger(in_directory("log.csv"), 1);
    ck_assert_int_eq(fail_with_limit(&f, callback, "log.csv"), 0);
    mbn_callback_destroy(callback);
    remove_directory();
    tear_down(&f);
}
END_TEST

/* The file's text; lent until the next call. */
static const char *contents(const char *name)
{
    static char text[4096];
    FILE *file = fopen(in_directory(name), "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static const char header[] = "epoch,loss,acc,val_loss,val_acc,lr,seconds\n";

START_TEST(a_log_has_one_header_and_goes_on)
{
    fixture f = set_up(1, 4);
    char expected[512];
    const double val_loss[] = {1.0 / 3, 1e-20, -2.5, 123456789};
    make_directory();
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s", in_directory("log.csv"));
    mbn_callback *callback = logger(path, 1);
    ck_ok(mbn_set_learning_rate(f.model, 0.1));
    play p = {.epochs = 2, .val_loss = val_loss};
    (void)play_fit(f.model, callback, &p);
    snprintf(expected, sizeof expected, "%s1,0.5,0.5,0.3333333333333333,0,0.1,1\n2,0.5,0.5,1e-20,0,0.1,1\n",
             header);
    ck_assert_str_eq(contents("log.csv"), expected);
    p.epochs = 1;
    (void)play_fit(f.model, callback, &p);
    strcat(expected, "3,0.5,0.5,-2.5,0,0.1,1\n");
    ck_assert_str_eq(contents("log.csv"), expected);
    FILE *file = fopen(path, "a"); /* a line that a crash cut short */
    ck_assert_ptr_nonnull(file);
    fputs("4,0.", file);
    fclose(file);
    (void)play_fit(f.model, callback, &p);
    strcat(expected, "4,0.\n4,0.5,0.5,123456789,0,0.1,1\n");
    ck_assert_str_eq(contents("log.csv"), expected);
    fit_with(&f, callback, MBN_ERR_ARGUMENT, "does not begin with the line epoch,loss,acc,lr,seconds");
    mbn_callback_destroy(callback);
    callback = logger(path, 0);
    fit_with(&f, callback, MBN_OK, NULL);
    ck_assert(!strncmp(contents("log.csv"), "epoch,loss,acc,lr,seconds\n5,", 28));
    mbn_callback_destroy(callback);
    remove_directory();
    tear_down(&f);
}
END_TEST

/* Makes a locale whose point is a comma; 0 where there is no localedef. */
static int set_comma(void)
{
    char command[512];
    put("definition", "comment_char %\nescape_char /\nLC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\n"
                      "grouping 3;3\nEND LC_NUMERIC\nLC_CTYPE\ncopy \"POSIX\"\nEND LC_CTYPE\n");
    snprintf(command, sizeof command, "cd %s && localedef -c -i definition -f UTF-8 ./comma >output 2>&1",
             directory);
    if (system(command) && !is_there("comma"))
        return 0;
    setenv("LOCPATH", directory, 1);
    return setlocale(LC_NUMERIC, "comma") != NULL;
}

START_TEST(numbers_have_a_point_in_any_locale)
{
    char number[MBNI_NUMBER_BYTES], printed[16];
    make_directory();
    if (!set_comma()) {
        printf("no locale with a comma can be made here: skipped\n");
    } else {
        snprintf(printed, sizeof printed, "%.1f", 0.5);
        ck_assert_str_eq(printed, "0,5");
        mbni_number_shortest(-1234567.125, number);
        ck_assert_str_eq(number, "-1234567.125");
        mbni_number_shortest(1.5e-300, number);
        ck_assert_str_eq(number, "1.5e-300");
        mbni_number_fixed(1e15 + 0.125, 3, number);
        ck_assert_str_eq(number, "1000000000000000.125");
        fixture f = set_up(1, 4);
        mbn_callback *callback = logger(in_directory("log.csv"), 1);
        const double val_loss[] = {0.1};
        play p = {.epochs = 1, .val_loss = val_loss};
        (void)play_fit(f.model, callback, &p);
        ck_assert_ptr_nonnull(strstr(contents("log.csv"), "\n1,0.5,0.5,0.1,0,0.003,1\n"));
        mbn_callback_destroy(callback);
        tear_down(&f);
    }
    setlocale(LC_NUMERIC, "C");
    remove_directory();
}
END_TEST

/* Everything made, used and destroyed with allocations that fail one after another. */
static mbn_status use_all(mbn_context *context, mbn_model *model, const fixture *f, const char *log,
                          const char *path)
{
    mbn_callback *callbacks[5] = {NULL};
    mbn_early_stopping_options stopping;
    mbn_csv_logger_options csv;
    mbn_model_checkpoint_options saving = checkpoint_options(path);
    mbn_fit_options options = fit_options(8, 2);
    mbn_early_stopping_options_init(&stopping);
    stopping.restore_best = 1;
    stopping.monitor = "acc";
    mbn_csv_logger_options_init(&csv);
    csv.path = log;
    saving.keep_last = 1;
    mbn_reduce_on_plateau_options plateau;
    mbn_reduce_on_plateau_options_init(&plateau);
    plateau.monitor = "loss";
    mbn_status status = mbn_early_stopping_create(context, &stopping, &callbacks[0]);
    status = status ? status : mbn_csv_logger_create(context, &csv, &callbacks[1]);
    status = status ? status : mbn_model_checkpoint_create(context, &saving, &callbacks[2]);
    status = status ? status : mbn_reduce_on_plateau_create(context, &plateau, &callbacks[3]);
    status = status ? status : mbn_terminate_on_nan_create(context, &callbacks[4]);
    options.callbacks = (const mbn_callback *const *)callbacks;
    options.callback_count = 5;
    status = status ? status : mbn_fit(model, f->x, f->y, &options, NULL);
    for (int i = 0; i < 5; i++)
        mbn_callback_destroy(callbacks[i]);
    return status;
}

START_TEST(every_failing_allocation_is_an_error_and_leaks_nothing)
{
    test_allocator allocator;
    mbn_context *context;
    mbn_context_options options;
    fixture f = set_up(1, 8);
    int failures = 0;
    mbn_status status = MBN_ERR_MEMORY;
    make_directory();
    char log[PATH_BYTES], path[PATH_BYTES];
    snprintf(log, sizeof log, "%s", in_directory("log.csv"));
    snprintf(path, sizeof path, "%s", in_directory("{epoch}"));
    mbn_context_options_init(&options);
    options.threads = 1;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    for (int k = 1; status; k += (int)unless_valgrind(1, 17)) {
        mbn_model *model = small_net(context, 3);
        int64_t before = allocator.live;
        ck_ok(mbn_compile(model, NULL));
        allocator.fail_at = allocator.calls + k;
        status = use_all(context, model, &f, log, path);
        allocator.fail_at = 0;
        ck_assert(status == MBN_OK || status == MBN_ERR_MEMORY);
        failures += status != MBN_OK;
        ck_ok(use_all(context, model, &f, log, path)); /* all is usable */
        ck_ok(mbn_compile(model, NULL));               /* drops what training and callbacks keep */
        ck_assert_int_le(allocator.live, before + 1);
        mbn_model_destroy(model);
    }
    ck_assert_int_ge(failures, (int)unless_valgrind(20, 1));
    mbn_context_destroy(context);
    ck_assert_int_eq(allocator.live, 0);
    remove_directory();
    tear_down(&f);
}
END_TEST

SUITE("callback files", a_path_has_its_numbers_and_no_more, keep_last_deletes_its_own_files_only,
      a_foreign_list_deletes_nothing_outside_the_series, damaged_memories_are_refused_or_harmless,
      best_only_saves_the_best_and_remembers_it, weights_and_every_few_epochs, averages_are_saved_where_asked,
      each_file_goes_on_as_if_never_stopped, places_that_take_no_file_are_named_before_the_first_step,
      a_full_disk_fails_the_fit_and_nothing_else, a_log_has_one_header_and_goes_on,
      numbers_have_a_point_in_any_locale, every_failing_allocation_is_an_error_and_leaks_nothing)
