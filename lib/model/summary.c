/* The table of layers as text, in the manner of Keras' summary. Written twice by the same code: widths first,
 * then characters. */
#include "model/model.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 4, CELL_BYTES = 160 };

typedef struct text {
    char *buffer;
    size_t capacity, length; /* length: of the whole text, also what was cut */
} text;

__attribute__((format(printf, 2, 3))) static void put(text *t, const char *format, ...)
{
    va_list arguments;
    size_t room = t->length < t->capacity ? t->capacity - t->length : 0;
    va_start(arguments, format);
    int bytes = vsnprintf(room ? t->buffer + t->length : NULL, room, format, arguments);
    va_end(arguments);
    t->length += bytes > 0 ? (size_t)bytes : 0;
}

/* 4253864 -> "4,253,864" */
static const char *grouped(int64_t value, char cell[CELL_BYTES])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            cell[at++] = ',';
        cell[at++] = digits[i];
    }
    cell[at] = '\0';
    return cell;
}

static void shape_cell(const mbni_shape *shape, char cell[CELL_BYTES])
{
    int at = snprintf(cell, CELL_BYTES, "(None");
    for (int32_t i = 0; i < shape->rank; i++)
        at += snprintf(cell + at, (size_t)(CELL_BYTES - at), ", %lld", (long long)shape->dims[i]);
    snprintf(cell + at, (size_t)(CELL_BYTES - at), ")");
}

static void layer_cells(const mbni_layer *layer, char cells[COLUMNS][CELL_BYTES])
{
    int64_t total, trainable;
    mbni_layer_parameter_count(layer, &total, &trainable);
    snprintf(cells[0], CELL_BYTES, "%s (%s)", layer->name, layer->ops->class_name);
    shape_cell(&layer->out, cells[1]);
    grouped(total, cells[2]);
    grouped(mbni_layer_multiply_adds(layer), cells[3]);
}

static void put_row(text *t, const int widths[COLUMNS], const char *const cells[COLUMNS])
{
    put(t, "%-*s  %-*s  %*s  %*s\n", widths[0], cells[0], widths[1], cells[1], widths[2], cells[2], widths[3],
        cells[3]);
}

static void put_rule(text *t, const int widths[COLUMNS], char mark)
{
    int length = 2 * (COLUMNS - 1);
    for (int i = 0; i < COLUMNS; i++)
        length += widths[i];
    for (int i = 0; i < length; i++)
        put(t, "%c", mark);
    put(t, "\n");
}

static void put_table(text *t, const mbn_model *model)
{
    const char *heads[COLUMNS] = {"Layer (type)", "Output shape", "Params", "Multiply-adds"};
    char cells[COLUMNS][CELL_BYTES];
    int widths[COLUMNS];
    for (int c = 0; c < COLUMNS; c++)
        widths[c] = (int)strlen(heads[c]);
    for (int64_t i = 0; i < model->layer_count; i++) {
        layer_cells(&model->layers[i], cells);
        for (int c = 0; c < COLUMNS; c++)
            widths[c] = (int)strlen(cells[c]) > widths[c] ? (int)strlen(cells[c]) : widths[c];
    }
    put_row(t, widths, heads);
    put_rule(t, widths, '=');
    for (int64_t i = 0; i < model->layer_count; i++) {
        layer_cells(&model->layers[i], cells);
        put_row(t, widths, (const char *const[]){cells[0], cells[1], cells[2], cells[3]});
    }
    put_rule(t, widths, '=');
}

static mbn_status put_totals(text *t, const mbn_model *model)
{
    char cell[CELL_BYTES], other[CELL_BYTES];
    int64_t total, trainable;
    mbni_model_parameter_count(model, &total, &trainable);
    put(t, "Total params: %s\n", grouped(total, cell));
    put(t, "Trainable params: %s\n", grouped(trainable, cell));
    put(t, "Non-trainable params: %s\n", grouped(total - trainable, cell));
    put(t, "Multiply-adds: %s\n", grouped(mbni_model_multiply_adds(model), cell));
    if (!model->built)
        return MBN_OK;
    mbni_inference run;
    MBNI_TRY(mbni_inference_plan(model, 1, 0, &run));
    put(t, "Inference memory (batch 1): %s bytes of parameters, %s bytes of workspace\n",
        grouped(model->value_count * (int64_t)sizeof(float), cell), grouped(run.arena.bytes, other));
    return MBN_OK;
}

mbn_status mbni_model_summary(const mbn_model *model, char *buffer, size_t capacity, size_t *needed)
{
    text t = {.buffer = buffer, .capacity = capacity};
    if (capacity)
        buffer[0] = '\0';
    put_table(&t, model);
    MBNI_TRY(put_totals(&t, model));
    if (needed)
        *needed = t.length + 1;
    return MBN_OK;
}
