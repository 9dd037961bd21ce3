/* What callbacks remember: a list that hangs on the trainer, and goes into checkpoints with it. A state is
 * found by the kind of its callback and by what that watches, so callbacks made anew in another process find
 * it too. */
#include <stdio.h>
#include <string.h>
#include "train/callbacks.h"

#define PREFIX "callback/"
enum { NAME_BYTES = 160, WORD = 8 };

static mbni_callback_state *find(const mbni_trainer *trainer, const char *key)
{
    for (mbni_callback_state *state = trainer->callback_states; state; state = state->next)
        if (!strcmp(state->key, key))
            return state;
    return NULL;
}

static mbni_callback_state *add(mbni_trainer *trainer, const char *key)
{
    mbni_callback_state *state = mbni_alloc_zeroed(trainer->context, sizeof *state), **end;
    if (!state)
        return NULL;
    snprintf(state->key, sizeof state->key, "%s", key);
    for (end = &trainer->callback_states; *end; end = &(*end)->next) /* checkpoints keep the order */
        ;
    *end = state;
    return state;
}

void mbni_callback_states_free(mbni_trainer *trainer)
{
    while (trainer->callback_states) {
        mbni_callback_state *state = trainer->callback_states;
        trainer->callback_states = state->next;
        mbni_free(trainer->context, state->weights);
        mbni_free(trainer->context, state->text);
        mbni_free(trainer->context, state);
    }
}

mbn_status mbni_slot_remember(mbni_slot *slot, const mbni_monitor *monitor,
                              const double numbers[MBNI_STATE_NUMBERS])
{
    mbni_trainer *trainer = slot->run->model->trainer;
    char kind[MBNI_STATE_KEY], key[MBNI_STATE_KEY];
    int64_t twins = 0;
    if (monitor)
        snprintf(kind, sizeof kind, "%s/%s/%s/", slot->callback->ops->name, monitor->name,
                 mbni_monitor_maximizes(monitor) ? "max" : "min");
    else
        snprintf(kind, sizeof kind, "%s/", slot->callback->ops->name);
    for (const mbni_slot *other = slot->run->slots; other < slot; other++)
        twins += other->state && !strncmp(other->state->key, kind, strlen(kind));
    snprintf(key, sizeof key, "%.80s%d", kind, (int)twins);
    slot->state = find(trainer, key);
    if (slot->state)
        return MBN_OK;
    slot->state = add(trainer, key);
    if (!slot->state)
        return MBN_ERR_MEMORY;
    memcpy(slot->state->numbers, numbers, sizeof slot->state->numbers);
    return MBN_OK;
}

/* Weights, and averages where they are kept. */
static int64_t blocks(const mbni_trainer *trainer)
{
    return trainer->options.ema_decay > 0 ? 2 : 1;
}

mbn_status mbni_state_reserve(mbni_callback_state *state, const mbni_trainer *trainer)
{
    if (!state->weights)
        state->weights = mbni_alloc_zeroed(trainer->context, blocks(trainer) * trainer->value_count *
                                                                 (int64_t)sizeof *state->weights);
    return state->weights ? MBN_OK : MBN_ERR_MEMORY;
}

void mbni_state_keep(mbni_callback_state *state, const mbn_model *model)
{
    const mbni_trainer *trainer = model->trainer;
    const size_t bytes = (size_t)trainer->value_count * sizeof(float);
    memcpy(state->weights, model->values, bytes);
    if (trainer->average)
        memcpy(state->weights + trainer->value_count, trainer->average, bytes);
    state->has_weights = true;
}

void mbni_state_restore(const mbni_callback_state *state, mbn_model *model)
{
    const mbni_trainer *trainer = model->trainer;
    const size_t bytes = (size_t)trainer->value_count * sizeof(float);
    memcpy(model->values, state->weights, bytes);
    if (trainer->average)
        memcpy(trainer->average, state->weights + trainer->value_count, bytes);
}

/* The parameters of a block one after another, without the padding between them, into `packed` or out of it.
 */
static void pack(const mbn_model *model, float *block, float *packed, bool into)
{
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++) {
            const mbni_param *param = &model->layers[l].params[p];
            float *values = block + (param->value - model->values);
            memcpy(into ? packed : values, into ? values : packed, (size_t)param->count * sizeof(float));
            packed += param->count;
        }
}

static int64_t parameters(const mbn_model *model)
{
    int64_t total, trainable;
    mbni_model_parameter_count(model, &total, &trainable);
    return total;
}

/* Text goes as numbers, eight bytes in each, the first in the lowest bits; zeros behind its end. */
static mbn_status export_text(mbni_records *records, const char *name, const char *text)
{
    const int64_t bytes = (int64_t)strlen(text);
    void *words;
    MBNI_TRY(mbni_records_add(records, name, MBNI_RECORD_I64, bytes / WORD + 1, NULL, &words));
    for (int64_t i = 0; i < bytes; i++)
        ((uint64_t *)words)[i / WORD] |= (uint64_t)(unsigned char)text[i] << i % WORD * 8;
    return MBN_OK;
}

static mbn_status import_text(mbni_trainer *trainer, const mbni_record *record, char **text)
{
    const uint64_t *words = record->data;
    char *copy = mbni_alloc_zeroed(trainer->context, record->count * WORD + 1);
    if (!copy)
        return MBN_ERR_MEMORY;
    for (int64_t i = 0; i < record->count * WORD; i++)
        copy[i] = (char)(words[i / WORD] >> i % WORD * 8 & 0xff);
    *text = copy;
    return MBN_OK;
}

mbn_status mbni_callback_states_export(const mbn_model *model, mbni_records *records)
{
    char name[NAME_BYTES];
    void *packed;
    for (const mbni_callback_state *s = model->trainer->callback_states; s; s = s->next) {
        snprintf(name, sizeof name, PREFIX "%s", s->key);
        MBNI_TRY(mbni_records_add(records, name, MBNI_RECORD_F64, MBNI_STATE_NUMBERS, s->numbers, NULL));
        snprintf(name, sizeof name, PREFIX "%s/weights", s->key);
        if (s->has_weights) {
            const int64_t count = parameters(model);
            MBNI_TRY(mbni_records_add(records, name, MBNI_RECORD_F32, blocks(model->trainer) * count, NULL,
                                      &packed));
            for (int64_t b = 0; b < blocks(model->trainer); b++)
                pack(model, s->weights + b * model->trainer->value_count, (float *)packed + b * count, true);
        }
        snprintf(name, sizeof name, PREFIX "%s/text", s->key);
        if (s->text)
            MBNI_TRY(export_text(records, name, s->text));
    }
    return MBN_OK;
}

static mbn_status import_weights(mbn_model *model, const mbni_record *record, mbni_callback_state *state)
{
    const mbni_trainer *trainer = model->trainer;
    const int64_t count = parameters(model);
    if (record->count != blocks(trainer) * count)
        return mbni_error(MBN_ERR_FORMAT, "the checkpoint's record '%s' has %lld numbers for %lld parameters",
                          record->name, (long long)record->count, (long long)count);
    MBNI_TRY(mbni_state_reserve(state, trainer));
    for (int64_t b = 0; b < blocks(trainer); b++)
        pack(model, state->weights + b * trainer->value_count, (float *)record->data + b * count, false);
    state->has_weights = true;
    return MBN_OK;
}

static mbn_status import_state(mbn_model *model, const mbni_records *records, const mbni_record *record)
{
    const char *key = record->name + strlen(PREFIX);
    char name[NAME_BYTES];
    if (strlen(key) >= MBNI_STATE_KEY)
        return mbni_error(MBN_ERR_FORMAT, "the checkpoint's record '%s' has too long a name", record->name);
    mbni_callback_state *state = add(model->trainer, key);
    if (!state)
        return MBN_ERR_MEMORY;
    memcpy(state->numbers, record->data, sizeof state->numbers);
    snprintf(name, sizeof name, PREFIX "%s/weights", state->key);
    const mbni_record *weights = mbni_records_find(records, name, MBNI_RECORD_F32, -1);
    if (weights)
        MBNI_TRY(import_weights(model, weights, state));
    snprintf(name, sizeof name, PREFIX "%s/text", state->key);
    const mbni_record *text = mbni_records_find(records, name, MBNI_RECORD_I64, -1);
    return text ? import_text(model->trainer, text, &state->text) : MBN_OK;
}

mbn_status mbni_callback_states_import(mbn_model *model, const mbni_records *records)
{
    for (int64_t i = 0; i < records->count; i++) {
        const mbni_record *record = &records->items[i];
        if (record->type == MBNI_RECORD_F64 && record->count == MBNI_STATE_NUMBERS &&
            !strncmp(record->name, PREFIX, strlen(PREFIX)))
            MBNI_TRY(import_state(model, records, record));
    }
    return MBN_OK;
}
