/* ModelCheckpoint: the callback that writes files, where the train room, which has the others, knows none. It
 * acts after all of them, so that what it writes has their state of the same epoch, and its own. */
#include <math.h>
#include <string.h>
#include "api/checkpoint.h"
#include "api/path_template.h"
#include "core/options.h"
#include "core/platform.h"
#include "train/callbacks.h"

/* Of the state. Its text has the template in the first line and then the files that are kept, the oldest
 * first. */
enum { BEST };

enum { MOST_KEPT = 100 };

typedef struct model_checkpoint {
    mbn_callback base;
    mbn_model_checkpoint_options options;
    mbni_monitor monitor;
    char path[MBNI_TEMPLATE_BYTES];
} model_checkpoint;

static mbn_status fill(const mbni_slot *slot, int64_t epoch, char path[MBNI_TEMPLATE_BYTES])
{
    const model_checkpoint *self = (const model_checkpoint *)slot->callback;
    return mbni_template_fill(self->path, epoch, slot->run->history, path);
}

static bool is_line(const char *line, const char *text)
{
    const size_t length = strlen(text);
    return !strncmp(line, text, length) && (line[length] == '\n' || !line[length]);
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : NULL;
}

static mbn_status open_slot(mbni_slot *slot)
{
    const model_checkpoint *self = (const model_checkpoint *)slot->callback;
    const double numbers[MBNI_STATE_NUMBERS] = {[BEST] = mbni_monitor_worst(&self->monitor)};
    const mbni_monitor *monitor = self->options.best_only ? &self->monitor : NULL;
    char path[MBNI_TEMPLATE_BYTES];
    if (monitor)
        MBNI_TRY(mbni_slot_watch(slot, monitor));
    if (self->options.average && slot->run->model->trainer->options.ema_decay <= 0)
        return mbni_slot_error(
            slot, MBN_ERR_STATE,
            "average is 1, and the model keeps none; compile it with an ema_decay above 0");
    MBNI_TRY(fill(slot, 0, path));
    const char *brace = strchr(self->path, '{'), *slash = strrchr(self->path, '/');
    if (!brace || !slash || brace > slash) /* a directory with numbers may come to be later */
        MBNI_TRY(mbni_platform_can_make(path));
    MBNI_TRY(mbni_slot_remember(slot, monitor, numbers));
    /* Of another series of files nothing is to be deleted. */
    if (slot->state->text && !is_line(slot->state->text, self->path)) {
        memcpy(slot->state->numbers, numbers, sizeof numbers);
        mbni_free(slot->run->model->context, slot->state->text);
        slot->state->text = NULL;
    }
    return MBN_OK;
}

/* The list with this file as its newest. */
static mbn_status listed(const mbni_slot *slot, const char *path, char **out)
{
    const model_checkpoint *self = (const model_checkpoint *)slot->callback;
    const char *old = slot->state->text ? slot->state->text : self->path;
    char *text = mbni_alloc(slot->run->model->context, (int64_t)(strlen(old) + strlen(path) + 2));
    size_t used = 0;
    if (!text)
        return MBN_ERR_MEMORY;
    for (const char *line = old; line; line = next_line(line)) {
        const size_t length = strcspn(line, "\n");
        if (line != old && is_line(line, path))
            continue;
        memcpy(text + used, line, length);
        used += length;
        text[used++] = '\n';
    }
    strcpy(text + used, path);
    *out = text;
    return MBN_OK;
}

/* Deletes what is too old. A file that cannot be deleted stays on the list. */
static mbn_status prune(mbni_slot *slot)
{
    const model_checkpoint *self = (const model_checkpoint *)slot->callback;
    char *first = strchr(slot->state->text, '\n') + 1, path[MBNI_TEMPLATE_BYTES];
    int64_t files = 0;
    for (const char *line = first; line; line = next_line(line))
        files++;
    for (; files > self->options.keep_last; files--) {
        const size_t length = strcspn(first, "\n");
        if (length < sizeof path) {
            memcpy(path, first, length);
            path[length] = 0;
            if (mbni_template_fits(self->path, path)) /* the list may come from a foreign checkpoint */
                MBNI_TRY(mbni_platform_remove(path));
        }
        memmove(first, first + length + 1, strlen(first + length + 1) + 1);
    }
    return MBN_OK;
}

/* The file is to hold the state of having been written; a failure takes that back. */
static mbn_status save(mbni_slot *slot, const char *path, double value)
{
    const model_checkpoint *self = (const model_checkpoint *)slot->callback;
    mbn_context *context = slot->run->model->context;
    mbni_callback_state *state = slot->state;
    const double best = state->numbers[BEST];
    char *before = state->text, *text = NULL;
    if (self->options.keep_last > 0)
        MBNI_TRY(listed(slot, path, &text));
    state->numbers[BEST] = value;
    state->text = text;
    const int32_t what = self->options.average        ? MBNI_WRITE_AVERAGES
                         : self->options.weights_only ? MBNI_WRITE_WEIGHTS
                                                      : MBNI_WRITE_CHECKPOINT;
    mbn_status status = mbni_checkpoint_write(slot->run->model, path, what);
    if (status) {
        state->numbers[BEST] = best;
        state->text = before;
        mbni_free(context, text);
        return status;
    }
    mbni_free(context, before);
    return text ? prune(slot) : MBN_OK;
}

static mbn_status epoch_end(mbni_slot *slot, const mbn_fit_event *event)
{
    const model_checkpoint *self = (const model_checkpoint *)slot->callback;
    const int64_t epoch = mbni_slot_epoch(slot);
    const double best = slot->state->numbers[BEST];
    double value = best;
    char path[MBNI_TEMPLATE_BYTES];
    (void)event;
    if (epoch % self->options.every_epochs)
        return MBN_OK;
    if (self->options.best_only) {
        value = mbni_slot_value(slot);
        if (!(mbni_monitor_maximizes(&self->monitor) ? value > best : value < best))
            return MBN_OK;
    }
    MBNI_TRY(fill(slot, epoch, path));
    return save(slot, path, value);
}

static const mbni_callback_ops ops = {.name = "model_checkpoint",
                                      .turn = MBNI_TURN_SAVE,
                                      .open = open_slot,
                                      .events = {[MBNI_EPOCH_END] = epoch_end}};

MBN_API void mbn_model_checkpoint_options_init_sized(mbn_model_checkpoint_options *options,
                                                     size_t struct_size)
{
    mbn_model_checkpoint_options defaults = {.struct_size = sizeof defaults, .every_epochs = 1};
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

static mbn_status check(const mbn_model_checkpoint_options *o)
{
    MBNI_TRY(mbni_template_check(o->path));
    if (o->keep_last < 0 || o->keep_last > MOST_KEPT)
        return mbni_error(MBN_ERR_ARGUMENT, "option keep_last is %lld; allowed are 0 to %d",
                          (long long)o->keep_last, MOST_KEPT);
    if (o->every_epochs < 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option every_epochs is %lld; allowed are 1 and more",
                          (long long)o->every_epochs);
    if (o->best_only != 0 && o->best_only != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option best_only is %d; allowed are 0 and 1", (int)o->best_only);
    if (o->weights_only != 0 && o->weights_only != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option weights_only is %d; allowed are 0 and 1",
                          (int)o->weights_only);
    if (o->average != 0 && !(o->average == 1 && o->weights_only))
        return mbni_error(MBN_ERR_ARGUMENT, "option average is %d; allowed are 0, and 1 with weights_only 1",
                          (int)o->average);
    if (!o->best_only && (o->monitor || o->mode))
        return mbni_error(MBN_ERR_ARGUMENT, "option %s is set with best_only 0, which saves whatever it is",
                          o->monitor ? "monitor" : "mode");
    return MBN_OK;
}

MBN_API mbn_status mbn_model_checkpoint_create(mbn_context *context,
                                               const mbn_model_checkpoint_options *options,
                                               mbn_callback **out)
{
    MBNI_CALL();
    mbn_model_checkpoint_options known;
    mbni_monitor monitor;
    if (!out)
        return mbni_error(MBN_ERR_ARGUMENT, "argument out is NULL");
    *out = NULL;
    mbn_model_checkpoint_options_init(&known);
    MBNI_TRY(mbni_options_read(&known, sizeof known, options, "options"));
    MBNI_TRY(check(&known));
    MBNI_TRY(mbni_monitor_set(&monitor, known.monitor, known.mode));
    model_checkpoint *self = mbni_callback_new(context, &ops, sizeof *self);
    if (!self)
        return MBN_ERR_MEMORY;
    self->options = known;
    self->monitor = monitor;
    strcpy(self->path, known.path);
    *out = &self->base;
    return MBN_OK;
}
