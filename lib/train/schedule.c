/* Curves of the learning rate: pure functions of the epochs trained, without state. Cosine and exponential
 * decay are Keras' formulas, steps and one cycle PyTorch's, with epochs in the place of update numbers.
 * docs/training.md writes them out. */
#include "train/schedule.h"
#include <math.h>
#include <stdbool.h>
#include "core/error.h"
#include "core/options.h"

/* A sum like 0.3 + 0.7 may fall short of the whole period that it means. */
static const double period_slack = 1e-9;

void mbni_schedule_defaults(mbn_schedule_options *options)
{
    *options = (mbn_schedule_options){.struct_size = sizeof *options,
                                      .start_rate = -1,
                                      .end_rate = -1,
                                      .warmup_epochs = -1,
                                      .period = 1,
                                      .factor = 0.1};
}

/* Below 0 means the kind's own. */
static void resolve(mbn_schedule_options *o)
{
    const bool cycle = o->kind == MBN_SCHEDULE_ONE_CYCLE;
    if (o->start_rate < 0)
        o->start_rate = cycle ? o->learning_rate / 25 : 0;
    if (o->end_rate < 0)
        o->end_rate = cycle ? o->start_rate / 1e4 : 0;
    if (o->warmup_epochs < 0)
        o->warmup_epochs = cycle ? 0.3 * o->epochs : 0;
}

/* A NaN fails every comparison, and so is refused too. */
static mbn_status check(const mbn_schedule_options *o, const char *what)
{
    const bool ends = o->kind == MBN_SCHEDULE_COSINE || o->kind == MBN_SCHEDULE_ONE_CYCLE;
    const struct {
        const char *name;
        double value;
        bool allowed;
        const char *legal;
    } rows[] = {
        {"learning_rate", o->learning_rate, o->learning_rate > 0 && o->learning_rate <= 1e6,
         "above 0 to 1e6; it must be set"},
        {"epochs", o->epochs, !ends || (o->epochs > 0 && o->epochs <= 1e6),
         "above 0 to 1e6; it must be set for this kind"},
        {"start_rate", o->start_rate, o->start_rate >= 0 && o->start_rate <= o->learning_rate,
         "0 to learning_rate"},
        {"end_rate", o->end_rate, o->end_rate >= 0 && o->end_rate <= o->learning_rate, "0 to learning_rate"},
        {"warmup_epochs", o->warmup_epochs,
         o->warmup_epochs >= 0 && o->warmup_epochs <= 1e6 && (!ends || o->warmup_epochs < o->epochs),
         "0 to 1e6 and below epochs"},
        {"period", o->period, o->period > 0 && o->period <= 1e6, "above 0 to 1e6"},
        {"factor", o->factor, o->factor > 0 && o->factor <= 1, "above 0 to 1"},
        {"first_epoch", o->first_epoch, o->first_epoch >= 0 && o->first_epoch <= 1e9, "0 to 1e9"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!rows[i].allowed)
            return mbni_error(MBN_ERR_ARGUMENT, "%s: %s is %g; allowed are %s", what, rows[i].name,
                              rows[i].value, rows[i].legal);
    return MBN_OK;
}

mbn_status mbni_schedule_read(const mbn_schedule_options *options, const char *what,
                              mbn_schedule_options *known)
{
    mbni_schedule_defaults(known);
    MBNI_TRY(mbni_options_read(known, sizeof *known, options, what));
    if (known->kind < MBN_SCHEDULE_CONSTANT || known->kind > MBN_SCHEDULE_EXPONENTIAL)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "%s: kind is %d; allowed are MBN_SCHEDULE_CONSTANT (0) to _EXPONENTIAL (4)", what,
                          (int)known->kind);
    if (known->reserved != 0)
        return mbni_error(MBN_ERR_ARGUMENT, "%s: reserved is %d; allowed is 0", what, (int)known->reserved);
    resolve(known);
    return check(known, what);
}

/* From `from` at 0 to `to` at 1. */
static double half_cosine(double from, double to, double part)
{
    return to + (from - to) * 0.5 * (1 + cos(3.14159265358979323846 * fmin(part, 1)));
}

double mbni_schedule_rate(const mbn_schedule_options *o, double epoch)
{
    const double at = fmax(epoch - o->first_epoch, 0), after = at - o->warmup_epochs;
    if (after < 0) {
        const double part = at / o->warmup_epochs;
        return o->kind == MBN_SCHEDULE_ONE_CYCLE ? half_cosine(o->start_rate, o->learning_rate, part)
                                                 : o->start_rate + (o->learning_rate - o->start_rate) * part;
    }
    switch (o->kind) {
    case MBN_SCHEDULE_STEP:
        return fmax(o->learning_rate * pow(o->factor, floor(after / o->period + period_slack)), o->end_rate);
    case MBN_SCHEDULE_EXPONENTIAL:
        return fmax(o->learning_rate * pow(o->factor, after / o->period), o->end_rate);
    case MBN_SCHEDULE_COSINE:
    case MBN_SCHEDULE_ONE_CYCLE:
        return half_cosine(o->learning_rate, o->end_rate, after / (o->epochs - o->warmup_epochs));
    default:
        return o->learning_rate;
    }
}
