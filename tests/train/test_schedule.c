/* Schedules against the formulas of Keras and PyTorch (expected values worked out from those in Python,
 * update numbers in the place of epochs), and in fit: each update at its rate, also after an interruption. */
#include <math.h>
#include <stdio.h>
#include "support/suite.h"
#include "support/training.h"

static mbn_schedule_options schedule_of(int32_t kind, double learning_rate)
{
    mbn_schedule_options o;
    mbn_schedule_options_init(&o);
    o.kind = kind;
    o.learning_rate = learning_rate;
    return o;
}

typedef struct point {
    double epoch, rate;
} point;

static void follows(const mbn_schedule_options *options, const point *points, int count)
{
    double rate;
    for (int i = 0; i < count; i++) {
        ck_ok(mbn_schedule_rate(options, points[i].epoch, &rate));
        ck_assert_msg(fabs(rate - points[i].rate) <= 1e-14, "kind %d at %g: %.17g, expected %.17g",
                      (int)options->kind, points[i].epoch, rate, points[i].rate);
    }
}

#define FOLLOWS(options, ...)                                           \
    do {                                                                \
        const point points_[] = {__VA_ARGS__};                          \
        follows(&(options), points_, sizeof points_ / sizeof *points_); \
    } while (0)

/* rate * decay_rate^(step / decay_steps) with 0.1, 0.5 and 4 */
START_TEST(exponential_is_keras_exponential_decay)
{
    mbn_schedule_options o = schedule_of(MBN_SCHEDULE_EXPONENTIAL, 0.1);
    o.factor = 0.5;
    o.period = 4;
    FOLLOWS(o, {0, 0.1}, {1, 0.08408964152537146}, {4, 0.05}, {6, 0.03535533905932738});
    o.end_rate = 0.04;
    FOLLOWS(o, {4, 0.05}, {6, 0.04});
}
END_TEST

/* base_lr * gamma^(step // step_size) with 0.2, 0.1 and 3 */
START_TEST(step_is_pytorch_step_lr)
{
    mbn_schedule_options o = schedule_of(MBN_SCHEDULE_STEP, 0.2);
    o.period = 3;
    FOLLOWS(o, {0, 0.2}, {2, 0.2}, {2.999, 0.2}, {3, 0.02}, {5, 0.02}, {6, 0.002});
    o.warmup_epochs = 0.3; /* 3.3 - 0.3 is a little less than 3 in double, and still a whole period */
    FOLLOWS(o, {0.15, 0.1}, {3.2, 0.2}, {3.3, 0.02}, {6.3, 0.002});
}
END_TEST

/* up to warmup_steps: (target - initial) * step / warmup_steps + initial; then, with s = min(step -
 * warmup_steps, decay_steps): target * ((1 - alpha) * (1 + cos(pi * s / decay_steps)) / 2 + alpha); initial
 * 0.01, target 0.4, warmup_steps 2, decay_steps 8, alpha 0.05 */
START_TEST(cosine_is_keras_cosine_decay_with_warm_up)
{
    mbn_schedule_options o = schedule_of(MBN_SCHEDULE_COSINE, 0.4);
    o.start_rate = 0.01;
    o.end_rate = 0.05 * 0.4;
    o.warmup_epochs = 2;
    o.epochs = 2 + 8;
    FOLLOWS(o, {0, 0.01}, {1, 0.205}, {2, 0.4}, {4, 0.3443502884254441}, {6, 0.21}, {9, 0.034462888822855524},
            {10, 0.02}, {12, 0.02});
    o.first_epoch = 100; /* the same, later */
    FOLLOWS(o, {3, 0.01}, {100, 0.01}, {106, 0.21}, {112, 0.02});
}
END_TEST

/* Phases end at pct_start * total_steps - 1 and at total_steps - 1; within them end + (start - end) / 2 * (1
 * + cos(pi * part)); max_lr 0.5, total_steps 21, pct_start 0.3, div_factor 25, final_div_factor 1e4 */
START_TEST(one_cycle_is_pytorch_one_cycle_lr)
{
    mbn_schedule_options o = schedule_of(MBN_SCHEDULE_ONE_CYCLE, 0.5);
    o.epochs = 21 - 1;
    o.warmup_epochs = 0.3 * 21 - 1;
    FOLLOWS(o, {0, 0.02}, {2, 0.1698013802925829}, {5, 0.49621533870742324}, {6, 0.49720771772545586},
            {10, 0.38413755774568853}, {20, 2e-6}, {21, 2e-6});
    o.warmup_epochs = -1; /* 0.3 of the epochs */
    FOLLOWS(o, {0, 0.02}, {3, 0.26}, {6, 0.5}, {13, 0.250001});
}
END_TEST

START_TEST(constant_may_warm_up)
{
    mbn_schedule_options o = schedule_of(MBN_SCHEDULE_CONSTANT, 0.3);
    FOLLOWS(o, {0, 0.3}, {1e6, 0.3});
    o.warmup_epochs = 0.5;
    FOLLOWS(o, {0, 0}, {0.25, 0.15}, {0.5, 0.3}, {7, 0.3});
}
END_TEST

START_TEST(wrong_schedules_are_refused_by_name)
{
    static const struct {
        int32_t kind;
        const char *name;
        size_t offset;
        double value;
    } rows[] = {
        {0, "learning_rate is 0", offsetof(mbn_schedule_options, learning_rate), 0},
        {0, "learning_rate", offsetof(mbn_schedule_options, learning_rate), NAN},
        {0, "start_rate", offsetof(mbn_schedule_options, start_rate), 0.2},
        {1, "start_rate", offsetof(mbn_schedule_options, start_rate), NAN},
        {1, "end_rate", offsetof(mbn_schedule_options, end_rate), 0.2},
        {1, "period", offsetof(mbn_schedule_options, period), 0},
        {1, "factor", offsetof(mbn_schedule_options, factor), 1.1},
        {4, "factor", offsetof(mbn_schedule_options, factor), 0},
        {2, "epochs is 0", offsetof(mbn_schedule_options, epochs), 0},
        {3, "epochs", offsetof(mbn_schedule_options, epochs), NAN},
        {2, "warmup_epochs", offsetof(mbn_schedule_options, warmup_epochs), 10},
        {0, "first_epoch", offsetof(mbn_schedule_options, first_epoch), -1},
    };
    double rate;
    fixture f = set_up(1, 8);
    mbn_fit_options options = fit_options(8, 1);
    mbn_model *untouched = small_net(f.context, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mbn_schedule_options o = schedule_of(rows[i].kind, 0.1);
        o.epochs = 10;
        memcpy((char *)&o + rows[i].offset, &rows[i].value, sizeof(double));
        ck_fails(mbn_schedule_rate(&o, 0, &rate), MBN_ERR_ARGUMENT, rows[i].name);
        ck_assert(isnan(rate));
        options.schedule = &o;
        ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "option schedule: ");
    }
    mbn_schedule_options o = schedule_of(5, 0.1);
    ck_fails(mbn_schedule_rate(&o, 0, &rate), MBN_ERR_ARGUMENT, "kind is 5");
    o = schedule_of(0, 0.1);
    ck_fails(mbn_schedule_rate(&o, -1, &rate), MBN_ERR_ARGUMENT, "epoch is -1");
    ck_fails(mbn_schedule_rate(&o, NAN, &rate), MBN_ERR_ARGUMENT, "epoch");
    ck_fails(mbn_schedule_rate(NULL, 0, &rate), MBN_ERR_ARGUMENT, "options");
    ck_fails(mbn_schedule_rate(&o, 0, NULL), MBN_ERR_ARGUMENT, "rate");
    ck_assert(same_weights(untouched, f.model));
    mbn_model_destroy(untouched);
    tear_down(&f);
}
END_TEST

/* Compares the rate of every update with the curve; stops, with a checkpoint, after some. */
typedef struct watch {
    const mbn_schedule_options *schedule;
    int updates, stop_after;
    const char *path;
} watch;

enum { BATCHES = 4 };

static int32_t on_update(void *user, mbn_model *model, const mbn_fit_event *event)
{
    watch *w = user;
    double rate;
    ck_assert_int_eq(event->batch, w->updates % BATCHES);
    ck_ok(mbn_schedule_rate(w->schedule, w->updates++ / (double)BATCHES, &rate));
    ck_assert_double_eq(mbn_learning_rate(model), rate);
    if (w->updates != w->stop_after)
        return 0;
    ck_ok(mbn_checkpoint_save(model, w->path));
    return 1;
}

START_TEST(every_update_has_its_rate_and_a_resumed_training_too)
{
    fixture whole = set_up(0, 60), parts = set_up(0, 60);
    mbn_schedule_options schedule = schedule_of(MBN_SCHEDULE_COSINE, 3e-3);
    schedule.warmup_epochs = 0.75;
    schedule.epochs = 3;
    mbn_fit_options options = fit_options(16, 3);
    watch w = {.schedule = &schedule};
    mbn_history *history;
    mbn_model *resumed;
    double rate;
    char path[] = "/tmp/mbn-schedule-XXXXXX";
    ck_assert_int_ge(mkstemp(path), 0);
    options.schedule = &schedule;
    options.on_batch_end = on_update;
    options.callback_user = &w;
    ck_ok(mbn_fit(whole.model, whole.x, whole.y, &options, &history));
    ck_assert_int_eq(w.updates, 3 * BATCHES);
    for (int64_t epoch = 0; epoch < 3; epoch++) { /* the history has the rate of an epoch's last update */
        double expected;
        ck_ok(mbn_history_get(history, "lr", epoch, &rate));
        ck_ok(mbn_schedule_rate(&schedule, (double)epoch + 0.75, &expected));
        ck_assert_double_eq(rate, expected);
    }
    w = (watch){&schedule, 0, 6, path};
    ck_ok(mbn_fit(parts.model, parts.x, parts.y, &options, NULL));
    ck_ok(mbn_checkpoint_load(parts.context, path, &resumed));
    options.epochs = 2;
    ck_ok(mbn_fit(resumed, parts.x, parts.y, &options, NULL));
    ck_assert_int_eq(w.updates, 3 * BATCHES);
    ck_assert(same_weights(whole.model, resumed));
    remove(path);
    mbn_history_destroy(history);
    mbn_model_destroy(resumed);
    tear_down(&whole);
    tear_down(&parts);
}
END_TEST

SUITE("schedule", exponential_is_keras_exponential_decay, step_is_pytorch_step_lr,
      cosine_is_keras_cosine_decay_with_warm_up, one_cycle_is_pytorch_one_cycle_lr, constant_may_warm_up,
      wrong_schedules_are_refused_by_name, every_update_has_its_rate_and_a_resumed_training_too)
