/* CSVLogger: a line of the history for each epoch, on disk at once. */
#include <string.h>
#include "core/number.h"
#include "core/platform.h"
#include "train/callbacks.h"

enum { LINE_BYTES = 1024 };

typedef struct csv_logger {
    mbn_callback base;
    int32_t append;
    char path[];
} csv_logger;

/* With the column's name, or its last value. */
static void add_field(char line[LINE_BYTES], const char *text)
{
    const size_t used = strlen(line);
    if (used + strlen(text) + 3 < LINE_BYTES) {
        line[used] = ',';
        strcpy(line + used + 1, text);
    }
}

static void header(const mbn_history *history, char line[LINE_BYTES])
{
    strcpy(line, "epoch");
    for (int64_t i = 0; i < mbni_history_columns(history); i++)
        add_field(line, mbni_history_column_name(history, i));
    strcat(line, "\n");
}

/* What is there is to be a log of the same columns. */
static mbn_status check_start(mbni_slot *slot, mbni_appended *file)
{
    char line[LINE_BYTES] = "", start[LINE_BYTES], last = '\n';
    size_t read = 0;
    header(slot->run->history, line);
    MBNI_TRY(mbni_appended_edges(file, start, strlen(line), &read, &last));
    if (read > 0 && (read < strlen(line) || memcmp(start, line, read)))
        return mbni_slot_error(
            slot, MBN_ERR_ARGUMENT,
            "file \"%.500s\" does not begin with the line %.*s; with append 0 it is replaced", file->path,
            (int)strlen(line) - 1, line);
    return MBN_OK;
}

static mbn_status open_slot(mbni_slot *slot)
{
    const csv_logger *self = (const csv_logger *)slot->callback;
    mbni_appended *file = mbni_alloc(slot->run->model->context, sizeof *file);
    if (!file)
        return MBN_ERR_MEMORY;
    file->fd = -1;
    slot->resource = file;
    MBNI_TRY(mbni_appended_open(self->path, file));
    return self->append ? check_start(slot, file) : MBN_OK;
}

static void close_slot(mbni_slot *slot)
{
    if (slot->resource)
        mbni_appended_close(slot->resource);
    mbni_free(slot->run->model->context, slot->resource);
}

static mbn_status train_begin(mbni_slot *slot, const mbn_fit_event *event)
{
    const csv_logger *self = (const csv_logger *)slot->callback;
    char line[LINE_BYTES], last = '\n';
    size_t read;
    (void)event;
    if (!self->append)
        MBNI_TRY(mbni_appended_clear(slot->resource));
    MBNI_TRY(mbni_appended_edges(slot->resource, line, 1, &read, &last));
    if (read > 0) /* a line that somebody cut short is ended */
        return last == '\n' ? MBN_OK : mbni_appended_write(slot->resource, "\n");
    header(slot->run->history, line);
    return mbni_appended_write(slot->resource, line);
}

static mbn_status epoch_end(mbni_slot *slot, const mbn_fit_event *event)
{
    const mbn_history *history = slot->run->history;
    char line[LINE_BYTES], number[MBNI_NUMBER_BYTES];
    (void)event;
    mbni_number_fixed((double)mbni_slot_epoch(slot), 0, line);
    for (int64_t i = 0; i < mbni_history_columns(history); i++) {
        mbni_number_shortest(mbni_history_value(history, i, mbni_history_epochs(history) - 1), number);
        add_field(line, number);
    }
    strcat(line, "\n");
    return mbni_appended_write(slot->resource, line);
}

static const mbni_callback_ops ops = {
    .name = "csv_logger",
    .turn = MBNI_TURN_STATE,
    .open = open_slot,
    .close = close_slot,
    .events = {[MBNI_TRAIN_BEGIN] = train_begin, [MBNI_EPOCH_END] = epoch_end}};

mbn_status mbni_csv_logger(mbn_context *context, const mbn_csv_logger_options *options, mbn_callback **out)
{
    if (!options->path || !*options->path)
        return mbni_error(MBN_ERR_ARGUMENT, "option path is %s; it must be set",
                          options->path ? "empty" : "NULL");
    if (options->append != 0 && options->append != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option append is %d; allowed are 0 and 1", (int)options->append);
    if (options->reserved != 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option reserved is %d; allowed is 0", (int)options->reserved);
    const size_t bytes = strlen(options->path) + 1;
    csv_logger *self = mbni_callback_new(context, &ops, (int64_t)(sizeof *self + bytes));
    if (!self)
        return MBN_ERR_MEMORY;
    self->append = options->append;
    memcpy(self->path, options->path, bytes);
    *out = &self->base;
    return MBN_OK;
}
