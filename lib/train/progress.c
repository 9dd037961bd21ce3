/* What fit says while it runs, for those who ask with `verbose`: the lines are Keras'. */
#include "train/trainer.h"
#include <math.h>
#include <string.h>
#include "core/platform.h"

enum { BAR_WIDTH = 30, LINE_BYTES = 256 };

void mbni_progress_start(mbni_progress *progress, mbn_context *context, int32_t verbose, int64_t epochs,
                         int64_t samples, int64_t validation_samples)
{
    *progress = (mbni_progress){.context = context,
                                .verbose = verbose,
                                .epochs = epochs,
                                .samples = samples,
                                .validation_samples = validation_samples};
    progress->terminal = verbose == 1 && !context->options.log && mbni_platform_is_terminal(stdout);
    if (!verbose)
        return;
    if (validation_samples)
        mbni_log(context, "Train on %lld samples, validate on %lld samples", (long long)samples,
                 (long long)validation_samples);
    else
        mbni_log(context, "Train on %lld samples", (long long)samples);
}

void mbni_progress_epoch(mbni_progress *progress, int64_t epoch)
{
    progress->began = progress->drawn = mbni_platform_seconds();
    progress->quarter = 0;
    if (progress->verbose)
        mbni_log(progress->context, "Epoch %lld/%lld", (long long)epoch + 1, (long long)progress->epochs);
}

/* "12800/40000 [====>.....] - 812/s - 33s left - loss: 1.9 - acc: 0.28" */
static void format_bar(const mbni_progress *progress, int64_t done, double loss, double accuracy,
                       double seconds, char line[LINE_BYTES])
{
    char bar[BAR_WIDTH + 1];
    int filled = (int)(done * BAR_WIDTH / progress->samples);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '=', (size_t)filled);
    if (filled < BAR_WIDTH)
        bar[filled] = '>';
    bar[BAR_WIDTH] = 0;
    double rate = (double)done / fmax(seconds, 1e-9);
    snprintf(line, LINE_BYTES, "%lld/%lld [%s] - %.0f/s - %.0fs left - loss: %.4f - acc: %.4f",
             (long long)done, (long long)progress->samples, bar, rate,
             (double)(progress->samples - done) / rate, loss, accuracy);
}

void mbni_progress_batch(mbni_progress *progress, int64_t done, double loss, double accuracy)
{
    char line[LINE_BYTES];
    if (progress->verbose != 1)
        return;
    double now = mbni_platform_seconds();
    int64_t quarter = done * 4 / progress->samples;
    /* Ten pictures of the bar a second are enough; a file gets four lines an epoch. */
    if (progress->terminal ? now - progress->drawn < 0.1 && done < progress->samples
                           : quarter == progress->quarter)
        return;
    progress->drawn = now;
    progress->quarter = quarter;
    format_bar(progress, done, loss, accuracy, now - progress->began, line);
    if (progress->terminal) {
        fprintf(stdout, "\r\033[K%s", line);
        fflush(stdout);
    } else {
        mbni_log(progress->context, "%s", line);
    }
}

void mbni_progress_epoch_end(mbni_progress *progress, double seconds, const double row[MBNI_HISTORY_COLUMNS])
{
    char validation[LINE_BYTES] = "";
    if (!progress->verbose)
        return;
    if (progress->terminal)
        fputs("\r\033[K", stdout);
    if (progress->validation_samples)
        snprintf(validation, sizeof validation, " - val_loss: %.4f - val_acc: %.4f", row[2], row[3]);
    mbni_log(progress->context, " - %.0fs - loss: %.4f - acc: %.4f%s", seconds, row[0], row[1], validation);
}
