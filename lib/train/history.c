/* The table that fit fills: one row an epoch. */
#include "train/trainer.h"
#include <string.h>

struct mbn_history {
    mbn_context *context; /* a reference: a history outlives its model */
    int64_t epochs, capacity;
    int32_t validated; /* the two validation columns are there */
    double (*rows)[MBNI_HISTORY_COLUMNS];
};

static const char *const column_names[MBNI_HISTORY_COLUMNS] = {"loss",    "acc", "val_loss",
                                                               "val_acc", "lr",  "seconds"};

/* Place in a row of a public column: without validation its two columns are left out. */
static int64_t column_place(const mbn_history *history, int64_t column)
{
    return !history->validated && column >= 2 ? column + 2 : column;
}

mbn_history *mbni_history_create(mbn_context *context, int64_t capacity, int32_t validated)
{
    int64_t bytes;
    mbn_history *history = mbni_alloc_zeroed(context, sizeof *history);
    if (!history)
        return NULL;
    if (mbni_mul(capacity, sizeof *history->rows, &bytes))
        history->rows = mbni_alloc(context, bytes);
    else
        (void)mbni_error(MBN_ERR_MEMORY, "option epochs is %lld, too many for this machine",
                         (long long)capacity);
    if (!history->rows) {
        mbni_free(context, history);
        return NULL;
    }
    history->context = mbni_context_retain(context);
    history->capacity = capacity;
    history->validated = validated;
    return history;
}

void mbni_history_append(mbn_history *history, const double row[MBNI_HISTORY_COLUMNS])
{
    if (history->epochs < history->capacity)
        memcpy(history->rows[history->epochs++], row, sizeof history->rows[0]);
}

int64_t mbni_history_epochs(const mbn_history *history)
{
    return history->epochs;
}

int64_t mbni_history_columns(const mbn_history *history)
{
    return history->validated ? MBNI_HISTORY_COLUMNS : MBNI_HISTORY_COLUMNS - 2;
}

const char *mbni_history_column_name(const mbn_history *history, int64_t column)
{
    return column_names[column_place(history, column)];
}

double mbni_history_value(const mbn_history *history, int64_t column, int64_t epoch)
{
    return history->rows[epoch][column_place(history, column)];
}

void mbni_history_free(mbn_history *history)
{
    mbn_context *context = history->context;
    mbni_free(context, history->rows);
    mbni_free(context, history);
    mbni_context_release(context);
}
