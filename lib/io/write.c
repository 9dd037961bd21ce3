/* Writes a model, front to back in one pass: sections as they come, then the table that describes them. Which
 * bytes a model gives depends on the model, the options and zlib's version only. */
#include "io/io.h"
#include <math.h>
#include <stdio.h>
#include "io/describe.h"
#include "core/half.h"
#include "io/table.h"

typedef struct writer {
    const mbn_model *model;
    const float *values; /* of its parameters, as they lie in its block */
    int32_t level;
    mbni_sink sink;
    mbni_codec codec;
    mbni_bytes table;
    int32_t count;
} writer;

static mbn_status write_section(writer *w, mbni_section *section, mbni_produce_fn produce, void *user)
{
    if (w->count >= MBNI_MBN_MAX_SECTIONS)
        return mbni_error(MBN_ERR_ARGUMENT, "the model needs more than %d sections", MBNI_MBN_MAX_SECTIONS);
    MBNI_TRY(mbni_section_encode(&w->codec, &w->sink, w->level, section, produce, user));
    mbni_table_add(&w->table, section);
    w->count++;
    return w->table.status;
}

static mbn_status produce_bytes(void *user, int64_t first, int64_t count, unsigned char *raw)
{
    memcpy(raw, (const unsigned char *)user + first, (size_t)count);
    return MBN_OK;
}

static mbn_status write_bytes(writer *w, uint32_t kind, uint32_t flags, const char *name, mbni_bytes *bytes)
{
    mbni_section section = {.kind = kind, .flags = flags, .rank = 1, .dims = {bytes->count}};
    section.count = bytes->count;
    snprintf(section.name, sizeof section.name, "%s", name);
    mbn_status status = bytes->status;
    if (!status)
        status = write_section(w, &section, produce_bytes, bytes->data);
    mbni_bytes_free(bytes);
    return status;
}

static mbn_status write_network(writer *w)
{
    mbni_bytes bytes;
    mbni_bytes_init(&bytes, w->model->context);
    mbn_status status = mbni_network_write(w->model, &bytes);
    if (status) {
        mbni_bytes_free(&bytes);
        return status;
    }
    return write_bytes(w, MBNI_SECTION_NETWORK, 0, "network", &bytes);
}

static mbn_status write_preprocessing(writer *w)
{
    mbni_bytes bytes;
    mbni_bytes_init(&bytes, w->model->context);
    mbni_bytes_u32(&bytes, (uint32_t)w->model->preprocessing);
    return write_bytes(w, MBNI_SECTION_PREPROCESSING, 0, "preprocessing", &bytes);
}

static mbn_status write_labels(writer *w)
{
    mbni_bytes bytes;
    if (!w->model->label_count)
        return MBN_OK;
    mbni_bytes_init(&bytes, w->model->context);
    mbni_bytes_u32(&bytes, (uint32_t)w->model->label_count);
    for (int64_t i = 0; i < w->model->label_count; i++)
        mbni_bytes_string(&bytes, w->model->labels[i]);
    return write_bytes(w, MBNI_SECTION_LABELS, MBNI_SECTION_OPTIONAL, "labels", &bytes);
}

typedef struct tensor_values {
    const float *values;
    const mbni_section *section;
} tensor_values;

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static mbn_status too_large(const tensor_values *tensor, int64_t index, const char *encoding, double limit)
{
    return mbni_error(
        MBN_ERR_ARGUMENT,
        "parameter '%s' has the value %g at element %lld, which encoding %s cannot hold; allowed "
        "are up to %g (option encoding)",
        tensor->section->name, (double)tensor->values[index], (long long)index, encoding, limit);
}

static mbn_status produce_f32(void *user, int64_t first, int64_t count, unsigned char *raw)
{
    const tensor_values *tensor = user;
    for (int64_t i = 0; i < count; i++)
        mbni_put_u32(raw + 4 * i, bits_of(tensor->values[first + i]));
    return MBN_OK;
}

/* Infinities stay what they are; a finite value must not become one. */
static mbn_status produce_f16(void *user, int64_t first, int64_t count, unsigned char *raw)
{
    const tensor_values *tensor = user;
    for (int64_t i = 0; i < count; i++) {
        float value = tensor->values[first + i];
        if (isfinite(value) && fabsf(value) > 65504.0f)
            return too_large(tensor, first + i, "f16", 65504.0);
        mbni_put_u16(raw + 2 * i, mbni_f16_from_f32(value));
    }
    return MBN_OK;
}

static mbn_status produce_bf16(void *user, int64_t first, int64_t count, unsigned char *raw)
{
    const tensor_values *tensor = user;
    for (int64_t i = 0; i < count; i++) {
        float value = tensor->values[first + i];
        uint16_t half = mbni_bf16_from_f32(value);
        if (isfinite(value) && (half & 0x7fff) == 0x7f80)
            return too_large(tensor, first + i, "bf16", 0x1.fep127);
        mbni_put_u16(raw + 2 * i, half);
    }
    return MBN_OK;
}

static mbn_status write_tensor(writer *w, const mbni_layer *layer, const mbni_param *param, int32_t encoding)
{
    mbni_section section = {.kind = MBNI_SECTION_TENSOR, .rank = param->shape.rank, .count = param->count};
    tensor_values tensor = {w->values + (param->value - w->model->values), &section};
    mbni_produce_fn produce = produce_f32;
    section.element = MBNI_ELEMENT_F32;
    if (param->shape.rank > 1 && encoding == MBN_ENCODING_F16) {
        section.element = MBNI_ELEMENT_F16;
        produce = produce_f16;
    } else if (param->shape.rank > 1 && encoding == MBN_ENCODING_BF16) {
        section.element = MBNI_ELEMENT_BF16;
        produce = produce_bf16;
    }
    memcpy(section.dims, param->shape.dims, sizeof section.dims);
    snprintf(section.name, sizeof section.name, "%s/%s", layer->name, param->name);
    return write_section(w, &section, produce, &tensor);
}

static mbn_status produce_i64(void *user, int64_t first, int64_t count, unsigned char *raw)
{
    const unsigned char *values = (const unsigned char *)user + 8 * first; /* i64, or the bits of f64 */
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, values + 8 * i, sizeof bits);
        mbni_put_u64(raw + 8 * i, bits);
    }
    return MBN_OK;
}

static mbn_status write_record(writer *w, const mbni_record *record)
{
    static const uint32_t elements[] = {MBNI_ELEMENT_F32, MBNI_ELEMENT_I64, MBNI_ELEMENT_F64};
    mbni_section section = {.kind = MBNI_SECTION_RECORD, .flags = MBNI_SECTION_OPTIONAL, .rank = 1};
    tensor_values tensor = {record->data, &section};
    section.element = elements[record->type];
    section.dims[0] = section.count = record->count;
    snprintf(section.name, sizeof section.name, "%s", record->name);
    if (record->type == MBNI_RECORD_F32)
        return write_section(w, &section, produce_f32, &tensor);
    return write_section(w, &section, produce_i64, record->data);
}

static mbn_status write_all(writer *w, const mbni_records *records, int32_t encoding)
{
    const mbn_model *model = w->model;
    MBNI_TRY(mbni_header_write(&w->sink));
    MBNI_TRY(write_network(w));
    MBNI_TRY(write_preprocessing(w));
    MBNI_TRY(write_labels(w));
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++)
            MBNI_TRY(write_tensor(w, &model->layers[l], &model->layers[l].params[p], encoding));
    for (int64_t i = 0; records && i < records->count; i++)
        MBNI_TRY(write_record(w, &records->items[i]));
    return mbni_table_write(&w->sink, &w->table, w->count);
}

static mbn_status to_tensor(writer *w, mbn_tensor **out)
{
    const int64_t dims[1] = {w->sink.memory.count};
    MBNI_TRY(mbni_tensor_new(w->model->context, MBN_U8, 1, dims, 0, out));
    memcpy((*out)->data, w->sink.memory.data, (size_t)dims[0]);
    return MBN_OK;
}

mbn_status mbni_mbn_write(const mbn_model *model, const float *values, const mbni_records *records,
                          const mbn_save_options *options, const char *path, mbn_tensor **out)
{
    mbn_context *context = model->context;
    writer w = {.model = model, .values = values ? values : model->values, .level = options->compression};
    mbni_bytes_init(&w.sink.memory, context);
    mbni_bytes_init(&w.table, context);
    mbn_status status = mbni_codec_init(&w.codec, context);
    if (status)
        return status;
    if (path)
        status = mbni_replacement_open(context, path, &w.sink.file);
    if (!status)
        status = write_all(&w, records, options->encoding);
    if (!status && !path)
        status = to_tensor(&w, out);
    if (!status && path)
        status = mbni_replacement_commit(w.sink.file);
    else if (path)
        mbni_replacement_discard(w.sink.file);
    mbni_bytes_free(&w.sink.memory);
    mbni_bytes_free(&w.table);
    mbni_codec_free(&w.codec);
    return status;
}
