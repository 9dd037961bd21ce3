/* Writes and reads the description of a network. A layer's settings are pairs of name and value that its
 * type's `describe` walks: a file may lack a setting, which then has its default, but may hold none that is
 * not known. What is read goes through mbni_model_add and so through every check of the constructors. */
#include "io/describe.h"
#include <stdio.h>
#include "io/format.h"

enum { KIND_INTEGER = 0, KIND_REAL = 1 };

/* One visitor writes; the other gives what was read to a layer, and compares what the layer made of it. */
typedef struct field_writer {
    mbni_fields base;
    mbni_bytes *bytes; /* NULL: only counts */
    uint32_t count;
} field_writer;

typedef struct field {
    char name[MBNI_NAME_BYTES];
    uint16_t kind;
    uint64_t bits;
    int used;
} field;

typedef struct field_reader {
    mbni_fields base;
    field items[MBNI_MBN_MAX_FIELDS];
    uint32_t count;
    int comparing;
    const char *different; /* a field that the layer could not hold */
} field_reader;

static mbn_status put(mbni_fields *fields, const char *name, uint16_t kind, uint64_t bits)
{
    field_writer *writer = (field_writer *)fields;
    writer->count++;
    if (writer->bytes) {
        mbni_bytes_string(writer->bytes, name);
        mbni_bytes_u16(writer->bytes, kind);
        mbni_bytes_u64(writer->bytes, bits);
    }
    return MBN_OK;
}

static mbn_status put_integer(mbni_fields *fields, const char *name, int64_t *value)
{
    return put(fields, name, KIND_INTEGER, (uint64_t)*value);
}

static uint64_t real_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static mbn_status put_real(mbni_fields *fields, const char *name, double *value)
{
    return put(fields, name, KIND_REAL, real_bits(*value));
}

static field *find(field_reader *reader, const char *name, uint16_t kind)
{
    for (uint32_t i = 0; i < reader->count; i++)
        if (reader->items[i].kind == kind && strcmp(reader->items[i].name, name) == 0)
            return &reader->items[i];
    return NULL;
}

static mbn_status take_integer(mbni_fields *fields, const char *name, int64_t *value)
{
    field_reader *reader = (field_reader *)fields;
    field *item = find(reader, name, KIND_INTEGER);
    if (item && reader->comparing) {
        if ((uint64_t)*value != item->bits)
            reader->different = name;
    } else if (item) {
        *value = (int64_t)item->bits;
        item->used = 1;
    }
    return MBN_OK;
}

static mbn_status take_real(mbni_fields *fields, const char *name, double *value)
{
    field_reader *reader = (field_reader *)fields;
    field *item = find(reader, name, KIND_REAL);
    if (item && reader->comparing) {
        if (real_bits(*value) != item->bits)
            reader->different = name;
    } else if (item) {
        memcpy(value, &item->bits, sizeof *value);
        item->used = 1;
    }
    return MBN_OK;
}

static mbn_status write_layer(const mbni_layer *layer, mbni_bytes *bytes)
{
    mbni_layer copy = *layer; /* describe takes it to be writable */
    field_writer writer = {.base = {put_integer, put_real}};
    mbni_bytes_string(bytes, layer->ops->type);
    mbni_bytes_string(bytes, layer->name);
    mbni_bytes_u32(bytes, (uint32_t)layer->trainable);
    mbni_bytes_u32(bytes, layer->input >= 0);
    if (layer->input >= 0)
        mbni_bytes_u32(bytes, (uint32_t)layer->input);
    if (layer->ops->describe)
        MBNI_TRY(layer->ops->describe(&copy, &writer.base));
    mbni_bytes_u32(bytes, writer.count);
    writer.bytes = bytes;
    if (layer->ops->describe)
        MBNI_TRY(layer->ops->describe(&copy, &writer.base));
    return bytes->status;
}

mbn_status mbni_network_write(const mbn_model *model, mbni_bytes *bytes)
{
    if (model->layer_count > MBNI_MBN_MAX_LAYERS)
        return mbni_error(MBN_ERR_ARGUMENT, "the model has %lld layers; a file holds at most %d",
                          (long long)model->layer_count, MBNI_MBN_MAX_LAYERS);
    mbni_bytes_u32(bytes, (uint32_t)model->data_format);
    mbni_bytes_u32(bytes, (uint32_t)model->layer_count);
    for (int64_t i = 0; i < model->layer_count; i++)
        MBNI_TRY(write_layer(&model->layers[i], bytes));
    return bytes->status;
}

/* A failure of the model's own checks becomes one of the file, with the same explanation. */
static mbn_status refused(const mbni_source *source, mbn_status status, int64_t index)
{
    char text[400];
    const char *said = mbni_error_text(), *call = mbni_call_begin(NULL);
    size_t prefix = strlen(call ? call : "");
    mbni_call_begin(call);
    if (prefix && strncmp(said, call, prefix) == 0 && strncmp(said + prefix, ": ", 2) == 0)
        said += prefix + 2;
    snprintf(text, sizeof text, "%s", said);
    return mbni_source_error(source, status == MBN_ERR_MEMORY ? status : MBN_ERR_FORMAT,
                             "section 'network', layer %lld: %s", (long long)index, text);
}

static mbn_status read_fields(const mbni_source *source, mbni_cursor *cursor, field_reader *reader,
                              const char *layer)
{
    reader->count = mbni_cursor_u32(cursor);
    if (reader->count > MBNI_MBN_MAX_FIELDS)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section 'network', layer '%s': %u fields; allowed are 0 to %d", layer,
                                 reader->count, MBNI_MBN_MAX_FIELDS);
    for (uint32_t i = 0; i < reader->count; i++) {
        field *item = &reader->items[i];
        mbni_cursor_string(cursor, item->name, sizeof item->name);
        item->kind = mbni_cursor_u16(cursor);
        item->bits = mbni_cursor_u64(cursor);
        item->used = 0;
        if (!cursor->failed && item->kind > KIND_REAL)
            return mbni_source_error(
                source, mbni_source_unknown(source),
                "section 'network', layer '%s': field '%s' is of kind %u; allowed are 0 and 1", layer,
                item->name, item->kind);
    }
    return MBN_OK;
}

static mbn_status apply_fields(const mbni_source *source, field_reader *reader, int64_t index,
                               mbni_layer *layer)
{
    const mbni_layer_ops *ops = layer->ops;
    mbn_status status;
    reader->base = (mbni_fields){take_integer, take_real};
    reader->comparing = 0;
    reader->different = NULL;
    if (ops->describe && (status = ops->describe(layer, &reader->base)))
        return refused(source, status, index);
    for (uint32_t i = 0; i < reader->count; i++)
        if (!reader->items[i].used)
            return mbni_source_error(
                source, mbni_source_unknown(source),
                "section 'network', layer '%s': field '%s' is unknown to type %s, or repeated", layer->name,
                reader->items[i].name, ops->type);
    reader->comparing = 1;
    if (ops->describe)
        MBNI_TRY(ops->describe(layer, &reader->base));
    if (reader->different)
        return mbni_source_error(
            source, MBN_ERR_FORMAT,
            "section 'network', layer '%s': the value of field '%s' is outside its range", layer->name,
            reader->different);
    return MBN_OK;
}

/* Type, name, flags and inputs: what stands before the fields. */
static mbn_status read_head(const mbni_source *source, mbni_cursor *cursor, int64_t index, mbni_layer *layer)
{
    char type[MBNI_NAME_BYTES];
    mbni_cursor_string(cursor, type, sizeof type);
    mbni_cursor_string(cursor, layer->name, sizeof layer->name);
    uint32_t trainable = mbni_cursor_u32(cursor), inputs = mbni_cursor_u32(cursor);
    uint32_t input = inputs == 1 ? mbni_cursor_u32(cursor) : 0;
    if (cursor->failed)
        return MBN_OK; /* the caller reports it */
    if (!(layer->ops = mbni_layer_ops_find(type)))
        return mbni_source_error(source, mbni_source_unknown(source),
                                 "section 'network', layer '%s': type '%s' is unknown to this version",
                                 layer->name, type);
    if ((index == 0) != (layer->ops == &mbni_input_ops))
        return mbni_source_error(
            source, MBN_ERR_FORMAT,
            "section 'network', layer %lld '%s' is of type %s; layer 0 and no other is the input",
            (long long)index, layer->name, type);
    if (trainable > 1)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section 'network', layer '%s': trainable is %u; allowed are 0 and 1",
                                 layer->name, trainable);
    if (inputs != (index > 0))
        return mbni_source_error(
            source, MBN_ERR_FORMAT,
            "section 'network', layer '%s' has %u inputs; this version reads chains (%d here)", layer->name,
            inputs, index > 0);
    if (index > 0 && input != index - 1)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section 'network', layer %lld '%s' reads layer %u; allowed is %lld",
                                 (long long)index, layer->name, input, (long long)index - 1);
    layer->trainable = (int32_t)trainable;
    return MBN_OK;
}

static mbn_status read_layer(const mbni_source *source, mbni_cursor *cursor, int64_t index, mbn_model *model)
{
    mbni_layer layer = {0};
    field_reader reader;
    MBNI_TRY(read_head(source, cursor, index, &layer));
    if (!cursor->failed)
        MBNI_TRY(read_fields(source, cursor, &reader, layer.name));
    if (cursor->failed)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section 'network', layer %lld: cut off, or a name is empty or too long",
                                 (long long)index);
    if (layer.ops->defaults)
        layer.ops->defaults(&layer);
    MBNI_TRY(apply_fields(source, &reader, index, &layer));
    mbni_layer_request request = {layer.ops, layer.name, &layer.config, sizeof layer.config};
    mbn_status status = mbni_model_add(model, &request);
    if (status)
        return refused(source, status, index);
    model->layers[model->layer_count - 1].trainable = layer.trainable;
    return MBN_OK;
}

mbn_status mbni_network_read(const mbni_source *source, const unsigned char *data, int64_t count,
                             mbn_model *model)
{
    mbni_cursor cursor = {data, count, 0, 0};
    uint32_t data_format = mbni_cursor_u32(&cursor), layers = mbni_cursor_u32(&cursor);
    if (cursor.failed)
        return mbni_source_error(source, MBN_ERR_FORMAT, "section 'network' is too short");
    if (data_format > MBN_CHANNELS_FIRST)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section 'network': data format %u; allowed are 0 and 1", data_format);
    if (layers < 1 || layers > MBNI_MBN_MAX_LAYERS)
        return mbni_source_error(source, MBN_ERR_FORMAT, "section 'network': %u layers; allowed are 1 to %d",
                                 layers, MBNI_MBN_MAX_LAYERS);
    model->data_format = (int32_t)data_format;
    for (uint32_t i = 0; i < layers; i++)
        MBNI_TRY(read_layer(source, &cursor, i, model));
    if (cursor.at != count)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section 'network': %lld bytes follow the last layer",
                                 (long long)(count - cursor.at));
    return MBN_OK;
}
