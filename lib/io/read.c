/* Reads a model: the description first, whose layers say which parameters there must be and how large they
 * are; the parameters' memory is allocated only when the file has all of them. Values go straight to their
 * place. */
#include "io/io.h"
#include <stdio.h>
#include "io/describe.h"
#include "core/half.h"
#include "io/table.h"

/* Where a tensor's values go. */
typedef struct target {
    const mbni_source *source;
    const mbni_section *section;
    float *values;
    int32_t variance; /* must not be negative or NaN: its square root is taken */
} target;

/* A loop for each encoding: loading is measured in milliseconds a megabyte. */
static void convert_values(uint32_t element, int64_t count, const unsigned char *raw, float *values)
{
    if (element == MBNI_ELEMENT_F16) {
        for (int64_t i = 0; i < count; i++)
            values[i] = mbni_f32_from_f16(mbni_get_u16(raw + 2 * i));
    } else if (element == MBNI_ELEMENT_BF16) {
        for (int64_t i = 0; i < count; i++)
            values[i] = mbni_f32_from_bf16(mbni_get_u16(raw + 2 * i));
    } else {
        for (int64_t i = 0; i < count; i++) {
            uint32_t bits = mbni_get_u32(raw + 4 * i);
            memcpy(values + i, &bits, sizeof bits);
        }
    }
}

static mbn_status consume_values(void *user, int64_t first, int64_t count, const unsigned char *raw)
{
    const target *t = user;
    convert_values(t->section->element, count, raw, t->values + first);
    for (int64_t i = 0; t->variance && i < count; i++)
        if (!(t->values[first + i] >= 0))
            return mbni_source_error(t->source, MBN_ERR_FORMAT,
                                     "'%s' is %g at element %lld; a variance is at least 0", t->section->name,
                                     (double)t->values[first + i], (long long)(first + i));
    return MBN_OK;
}

static mbn_status read_param(mbni_archive *archive, const mbni_section *section, const mbni_param *param,
                             float *values)
{
    target t = {&archive->source, section, values, strcmp(param->name, "moving_variance") == 0};
    return mbni_section_decode(&archive->codec, &archive->source, section, consume_values, &t);
}

static mbn_status consume_bytes(void *user, int64_t first, int64_t count, const unsigned char *raw)
{
    memcpy((unsigned char *)user + first, raw, (size_t)count);
    return MBN_OK;
}

/* A whole section of bytes, to be freed by the caller; `limit` is the most that is sensible. */
static mbn_status read_bytes(mbni_archive *archive, const mbni_section *section, int64_t limit,
                             unsigned char **out)
{
    *out = NULL;
    if (section->raw > limit)
        return mbni_source_error(&archive->source, MBN_ERR_FORMAT,
                                 "section '%s' has %lld bytes; allowed are up to %lld", section->name,
                                 (long long)section->raw, (long long)limit);
    unsigned char *bytes = mbni_alloc(archive->context, section->raw);
    if (!bytes)
        return MBN_ERR_MEMORY;
    mbn_status status = mbni_section_decode(&archive->codec, &archive->source, section, consume_bytes, bytes);
    if (status)
        mbni_free(archive->context, bytes);
    else
        *out = bytes;
    return status;
}

static mbn_status read_network(mbni_archive *archive, mbn_model *model)
{
    const mbni_section *section = mbni_archive_find(archive, MBNI_SECTION_NETWORK, "network");
    unsigned char *bytes;
    if (!section)
        return mbni_source_error(&archive->source, MBN_ERR_FORMAT, "there is no section 'network'");
    MBNI_TRY(read_bytes(archive, section, MBNI_MBN_MAX_NETWORK_BYTES, &bytes));
    mbn_status status = mbni_network_read(&archive->source, bytes, section->raw, model);
    mbni_free(archive->context, bytes);
    return status;
}

static void param_name(const mbni_layer *layer, const mbni_param *param, char name[MBNI_MBN_NAME_BYTES])
{
    snprintf(name, MBNI_MBN_NAME_BYTES, "%s/%s", layer->name, param->name);
}

static mbn_status check_shape(const mbni_archive *archive, const mbni_section *section,
                              const mbni_param *param, mbn_status status)
{
    char has[MBNI_DIMS_TEXT], needed[MBNI_DIMS_TEXT];
    if (section->rank == param->shape.rank &&
        memcmp(section->dims, param->shape.dims, (size_t)section->rank * sizeof *section->dims) == 0)
        return MBN_OK;
    return mbni_source_error(&archive->source, status, "'%s' has shape %s; the model needs %s", section->name,
                             mbni_dims_text(has, section->rank, section->dims),
                             mbni_dims_text(needed, param->shape.rank, param->shape.dims));
}

/* Every parameter has its tensor, of its shape, and every tensor its parameter. Afterwards the file bounds
 * what the model needs in memory. */
static mbn_status check_tensors(const mbni_archive *archive, const mbn_model *model)
{
    char name[MBNI_MBN_NAME_BYTES];
    int64_t expected = 0, tensors = 0;
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++, expected++) {
            const mbni_param *param = &model->layers[l].params[p];
            param_name(&model->layers[l], param, name);
            const mbni_section *section = mbni_archive_find(archive, MBNI_SECTION_TENSOR, name);
            if (!section)
                return mbni_source_error(&archive->source, MBN_ERR_FORMAT, "there is no tensor '%s'", name);
            MBNI_TRY(check_shape(archive, section, param, MBN_ERR_FORMAT));
        }
    for (int32_t i = 0; i < archive->count; i++)
        tensors += archive->sections[i].kind == MBNI_SECTION_TENSOR;
    if (tensors != expected)
        return mbni_source_error(&archive->source, MBN_ERR_FORMAT,
                                 "there are %lld tensors; the layers have %lld", (long long)tensors,
                                 (long long)expected);
    return MBN_OK;
}

static mbn_status read_tensors(mbni_archive *archive, mbn_model *model)
{
    char name[MBNI_MBN_NAME_BYTES];
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++) {
            const mbni_param *param = &model->layers[l].params[p];
            param_name(&model->layers[l], param, name);
            MBNI_TRY(read_param(archive, mbni_archive_find(archive, MBNI_SECTION_TENSOR, name), param,
                                param->value));
        }
    return MBN_OK;
}

static mbn_status read_preprocessing(mbni_archive *archive, mbn_model *model)
{
    const mbni_section *section = mbni_archive_find(archive, MBNI_SECTION_PREPROCESSING, "preprocessing");
    unsigned char raw[4];
    model->preprocessing = MBN_PREPROCESSING_NONE;
    if (!section)
        return MBN_OK;
    if (section->raw != 4)
        return mbni_source_error(&archive->source, MBN_ERR_FORMAT,
                                 "section 'preprocessing' has %lld bytes; allowed are 4",
                                 (long long)section->raw);
    MBNI_TRY(mbni_section_decode(&archive->codec, &archive->source, section, consume_bytes, raw));
    uint32_t value = mbni_get_u32(raw);
    if (value > MBN_PREPROCESSING_RAW)
        return mbni_source_error(&archive->source, MBN_ERR_FORMAT,
                                 "section 'preprocessing' is %u; allowed are 0 to %d", value,
                                 MBN_PREPROCESSING_RAW);
    model->preprocessing = (int32_t)value;
    return MBN_OK;
}

/* Labels in their place, each moved to the front by one of its two bytes of length, so that a NUL fits. */
static mbn_status split_labels(const mbni_source *source, unsigned char *bytes, int64_t count, int64_t labels,
                               const char **names)
{
    int64_t at = 4;
    for (int64_t i = 0; i < labels; i++) {
        int64_t length = count - at >= 2 ? mbni_get_u16(bytes + at) : INT64_MAX;
        if (length > 255 || length > count - at - 2 || memchr(bytes + at + 2, 0, (size_t)length))
            return mbni_source_error(
                source, MBN_ERR_FORMAT,
                "section 'labels', label %lld: cut off, longer than 255 bytes or with a NUL", (long long)i);
        memmove(bytes + at, bytes + at + 2, (size_t)length);
        bytes[at + length] = 0;
        names[i] = (const char *)bytes + at;
        at += length + 2;
    }
    if (at != count)
        return mbni_source_error(source, MBN_ERR_FORMAT, "section 'labels': %lld bytes follow the last label",
                                 (long long)(count - at));
    return MBN_OK;
}

static mbn_status read_labels(mbni_archive *archive, mbn_model *model)
{
    const mbni_section *section = mbni_archive_find(archive, MBNI_SECTION_LABELS, "labels");
    const mbni_source *source = &archive->source;
    int64_t outputs = mbni_shape_count(&mbni_model_last(model)->out), bytes, limit;
    unsigned char *raw;
    if (!section)
        return MBN_OK;
    if (!mbni_mul(outputs, 257, &limit) || !mbni_add(limit, 4, &limit))
        limit = INT64_MAX / 2;
    MBNI_TRY(read_bytes(archive, section, limit, &raw));
    mbn_status status = MBN_OK;
    const char **names = NULL;
    int64_t labels = section->raw >= 4 ? (int64_t)mbni_get_u32(raw) : -1;
    if (labels != outputs || section->raw < 4 + 2 * labels) {
        status =
            mbni_source_error(source, MBN_ERR_FORMAT,
                              "section 'labels' has %lld labels in %lld bytes; the model has %lld outputs",
                              (long long)labels, (long long)section->raw, (long long)outputs);
        goto done;
    }
    if (!mbni_mul(labels, sizeof *names, &bytes) || !(names = mbni_alloc(archive->context, bytes))) {
        status = MBN_ERR_MEMORY;
        goto done;
    }
    status = split_labels(source, raw, section->raw, labels, names);
    if (!status)
        status = mbni_model_set_labels(model, names, labels);
done:
    mbni_free(archive->context, names);
    mbni_free(archive->context, raw);
    return status;
}

typedef struct record_target {
    unsigned char *data;
    int64_t width;
} record_target;

static mbn_status consume_record(void *user, int64_t first, int64_t count, const unsigned char *raw)
{
    const record_target *t = user;
    unsigned char *data = t->data + first * t->width;
    for (int64_t i = 0; i < count; i++) {
        if (t->width == 4) {
            uint32_t bits = mbni_get_u32(raw + 4 * i);
            memcpy(data + 4 * i, &bits, sizeof bits);
        } else {
            uint64_t bits = mbni_get_u64(raw + 8 * i);
            memcpy(data + 8 * i, &bits, sizeof bits);
        }
    }
    return MBN_OK;
}

static mbn_status read_record(mbni_archive *archive, const mbni_section *section, mbni_records *records)
{
    int32_t type = section->element == MBNI_ELEMENT_F32   ? MBNI_RECORD_F32
                   : section->element == MBNI_ELEMENT_I64 ? MBNI_RECORD_I64
                                                          : MBNI_RECORD_F64;
    record_target t = {.width = mbni_element_bytes(section->element)};
    void *data;
    if (strlen(section->name) >= sizeof records->items->name)
        return mbni_source_error(&archive->source, MBN_ERR_FORMAT,
                                 "the name of record '%.60s' has %zu bytes; allowed are up to %zu",
                                 section->name, strlen(section->name), sizeof records->items->name - 1);
    MBNI_TRY(mbni_records_add(records, section->name, type, section->count, NULL, &data));
    t.data = data;
    return mbni_section_decode(&archive->codec, &archive->source, section, consume_record, &t);
}

/* Optimizers keep a few numbers for each parameter: what goes far beyond is no training state. */
static mbn_status read_records(mbni_archive *archive, const mbn_model *model, mbni_records *records)
{
    int64_t limit =
        (model->value_count < INT64_MAX / 128 ? model->value_count * 64 : INT64_MAX / 2) + (1 << 20);
    int64_t total = 0;
    for (int32_t i = 0; i < archive->count; i++) {
        const mbni_section *section = &archive->sections[i];
        if (section->kind != MBNI_SECTION_RECORD)
            continue;
        if (!mbni_add(total, section->raw, &total) || total > limit)
            return mbni_source_error(&archive->source, MBN_ERR_FORMAT,
                                     "the training records up to '%s' have more than %lld bytes",
                                     section->name, (long long)limit);
        MBNI_TRY(read_record(archive, section, records));
    }
    return MBN_OK;
}

/* The names of kinds that occur once are fixed; another name would be passed over in silence. */
static mbn_status check_names(const mbni_archive *archive)
{
    static const char *const names[] = {NULL, "network", "preprocessing", "labels"};
    for (int32_t i = 0; i < archive->count; i++) {
        const mbni_section *section = &archive->sections[i];
        if (section->kind >= MBNI_SECTION_NETWORK && section->kind <= MBNI_SECTION_LABELS &&
            strcmp(section->name, names[section->kind]) != 0)
            return mbni_source_error(&archive->source, MBN_ERR_FORMAT,
                                     "section %d of kind %u is called '%s'; allowed is '%s'", i,
                                     section->kind, section->name, names[section->kind]);
    }
    return MBN_OK;
}

static mbn_status check_layers(const mbni_archive *archive, const mbn_model *model)
{
    if (model->layer_count < 2)
        return mbni_source_error(&archive->source, MBN_ERR_FORMAT,
                                 "section 'network' has no layer but the input");
    return MBN_OK;
}

mbn_status mbni_mbn_read(mbn_context *context, const char *path, const void *data, size_t bytes,
                         mbni_records *records, mbn_model **out)
{
    mbni_archive archive;
    mbn_model *model = NULL;
    mbn_status status;
    *out = NULL;
    MBNI_TRY(mbni_model_new(context, &model));
    if ((status = mbni_archive_open(model->context, path, data, bytes, &archive))) {
        mbni_model_free(model);
        return status;
    }
    if ((status = check_names(&archive)) || (status = read_network(&archive, model)) ||
        (status = check_tensors(&archive, model)) || (status = check_layers(&archive, model)) ||
        (status = mbni_model_allocate(model)) || (status = read_tensors(&archive, model)) ||
        (status = read_preprocessing(&archive, model)) || (status = read_labels(&archive, model)))
        goto done;
    if (records)
        status = read_records(&archive, model, records);
done:
    mbni_archive_close(&archive);
    if (status)
        mbni_model_free(model);
    else
        *out = model;
    return status;
}

/* One parameter at a time, in memory for the largest. */
typedef struct stream {
    mbni_archive *archive;
    float *values;
} stream;

static mbn_status stream_values(void *user, const mbni_layer *layer, const mbni_param *param,
                                const float **out)
{
    const stream *s = user;
    char name[MBNI_MBN_NAME_BYTES];
    param_name(layer, param, name);
    MBNI_TRY(
        read_param(s->archive, mbni_archive_find(s->archive, MBNI_SECTION_TENSOR, name), param, s->values));
    *out = s->values;
    return MBN_OK;
}

static mbn_status stream_model(mbni_archive *archive, mbn_model *model, mbni_stream_fn *use, void *user)
{
    int64_t largest = 0;
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++)
            if (model->layers[l].params[p].count > largest)
                largest = model->layers[l].params[p].count;
    stream s = {archive, mbni_alloc(model->context, largest * (int64_t)sizeof(float))};
    const mbni_weight_source source = {stream_values, &s};
    if (!s.values)
        return MBN_ERR_MEMORY;
    mbn_status status = use(user, model, &source);
    mbni_free(model->context, s.values);
    return status;
}

mbn_status mbni_mbn_stream(mbn_context *context, const char *path, mbni_stream_fn *use, void *user)
{
    mbni_archive archive;
    mbn_model *model;
    mbn_status status;
    MBNI_TRY(mbni_model_new(context, &model));
    status = mbni_archive_open(model->context, path, NULL, 0, &archive);
    if (status) {
        mbni_model_free(model);
        return status;
    }
    if ((status = check_names(&archive)) || (status = read_network(&archive, model)) ||
        (status = check_tensors(&archive, model)) || (status = check_layers(&archive, model)))
        goto done;
    model->built = 1; /* but for its parameters, which `use` asks for */
    if ((status = read_preprocessing(&archive, model)) || (status = read_labels(&archive, model)))
        goto done;
    status = stream_model(&archive, model, use, user);
done:
    mbni_archive_close(&archive);
    mbni_model_free(model);
    return status;
}

/* Reads what fits into `values`, laid out as the model's own. */
static mbn_status stage_weights(mbni_archive *archive, mbn_model *model, int32_t partial, float *values,
                                int64_t *loaded)
{
    char name[MBNI_MBN_NAME_BYTES];
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++) {
            const mbni_param *param = &model->layers[l].params[p];
            param_name(&model->layers[l], param, name);
            const mbni_section *section = mbni_archive_find(archive, MBNI_SECTION_TENSOR, name);
            if (!section && !partial)
                return mbni_source_error(&archive->source, MBN_ERR_NOT_FOUND,
                                         "there is no tensor '%s', which the model has", name);
            mbn_status status = section ? check_shape(archive, section, param, MBN_ERR_SHAPE) : MBN_OK;
            if (status && !partial)
                return status;
            if (!section || status)
                continue;
            MBNI_TRY(read_param(archive, section, param, values + (param->value - model->values)));
            ++*loaded;
        }
    return MBN_OK;
}

mbn_status mbni_mbn_read_weights(mbn_model *model, const char *path, int32_t partial, int64_t *loaded)
{
    mbni_archive archive;
    size_t bytes = (size_t)model->value_count * sizeof(float);
    int64_t copied = 0;
    MBNI_TRY(mbni_archive_open(model->context, path, NULL, 0, &archive));
    mbn_status status = MBN_ERR_MEMORY;
    float *values = mbni_alloc(model->context, (int64_t)bytes);
    if (values) {
        memcpy(values, model->values, bytes);
        status = check_names(&archive);
        if (!status)
            status = stage_weights(&archive, model, partial, values, &copied);
    }
    if (!status) {
        memcpy(model->values, values, bytes);
        model->revision++;
        *loaded = copied;
    }
    mbni_free(model->context, values);
    mbni_archive_close(&archive);
    return status;
}
