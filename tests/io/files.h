/* What the tests of files share: small models, directories of their own, and a writer and reader of the
 * container that were made from docs/mbn-format.md and not from the library, so that each is an oracle for
 * the other. */
#ifndef TESTS_IO_FILES_H
#define TESTS_IO_FILES_H

#include "support/suite.h"
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* ---- directories and files ---- */

static inline char *temporary_directory(char path[256])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, 256, "%s/mbn_test_XXXXXX", base && strlen(base) < 200 ? base : "/tmp");
    ck_assert(mkdtemp(path) != NULL);
    return path;
}

static inline const char *in_directory(const char *directory, const char *name)
{
    static char path[4][600];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

static inline int files_in(const char *directory)
{
    DIR *listing = opendir(directory);
    int count = 0;
    ck_assert(listing != NULL);
    for (struct dirent *entry; (entry = readdir(listing));)
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    closedir(listing);
    return count;
}

static inline void remove_directory(const char *directory)
{
    DIR *listing = opendir(directory);
    ck_assert(listing != NULL);
    for (struct dirent *entry; (entry = readdir(listing));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(in_directory(directory, entry->d_name));
    closedir(listing);
    ck_assert_int_eq(rmdir(directory), 0);
}

static inline unsigned char *read_file(const char *path, size_t *bytes)
{
    FILE *stream = fopen(path, "rb");
    ck_assert_msg(stream != NULL, "cannot open %s", path);
    fseek(stream, 0, SEEK_END);
    *bytes = (size_t)ftell(stream);
    rewind(stream);
    unsigned char *data = malloc(*bytes + 1);
    ck_assert_uint_eq(fread(data, 1, *bytes, stream), *bytes);
    fclose(stream);
    return data;
}

static inline void write_file(const char *path, const void *data, size_t bytes)
{
    FILE *stream = fopen(path, "wb");
    ck_assert_msg(stream != NULL, "cannot write %s", path);
    ck_assert_uint_eq(fwrite(data, 1, bytes, stream), bytes);
    ck_assert_int_eq(fclose(stream), 0);
}

/* ---- models ---- */

/* A value for each place that differs in all its bytes; not a pattern that a wrong order would leave alike.
 */
static inline float value_for(size_t parameter, int64_t index)
{
    uint32_t mixed = (uint32_t)(index + 1) * 2654435761u ^ (uint32_t)(parameter + 1) * 40503u;
    return ((float)(mixed >> 8) / 16777216.0f - 0.5f) * 3.0f;
}

static inline void set_values(mbn_model *model)
{
    for (size_t i = 0; i < mbn_model_parameter_tensors(model); i++) {
        const char *name = mbn_model_parameter_name(model, i);
        mbn_tensor *tensor;
        ck_ok(mbn_model_get_parameter(model, name, &tensor));
        float *data = mbn_tensor_data(tensor);
        for (int64_t j = 0; j < mbn_tensor_count(tensor); j++) {
            data[j] = value_for(i, j);
            if (strstr(name, "/moving_variance"))
                data[j] = data[j] * data[j];
        }
        ck_ok(mbn_model_set_parameter(model, name, tensor));
        mbn_tensor_destroy(tensor);
    }
}

/* conv2d, batch norm, relu, dense, softmax: about 2 KB in a file. */
static inline mbn_model *small_model(mbn_context *context)
{
    mbn_model *model;
    mbn_conv2d_options conv;
    mbn_dense_options dense;
    ck_ok(mbn_model_create(context, &model));
    ck_ok(mbn_model_add_input(model, 6, 5, 2));
    mbn_conv2d_options_init(&conv);
    conv.name = "first";
    conv.filters = 3;
    ck_ok(mbn_model_add_conv2d(model, &conv));
    ck_ok(mbn_model_add_batch_norm(model, NULL));
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_add_global_average_pooling2d(model, NULL));
    mbn_dense_options_init(&dense);
    dense.units = 4;
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    set_values(model);
    return model;
}

static inline void same_parameters(const mbn_model *a, const mbn_model *b)
{
    ck_assert_uint_eq(mbn_model_parameter_tensors(a), mbn_model_parameter_tensors(b));
    for (size_t i = 0; i < mbn_model_parameter_tensors(a); i++) {
        mbn_tensor *p, *q;
        const char *name = mbn_model_parameter_name(a, i);
        ck_ok(mbn_model_get_parameter(a, name, &p));
        ck_ok(mbn_model_get_parameter(b, name, &q));
        ck_assert_uint_eq(mbn_tensor_bytes(p), mbn_tensor_bytes(q));
        ck_assert_msg(memcmp(mbn_tensor_data(p), mbn_tensor_data(q), mbn_tensor_bytes(p)) == 0, "%s differs",
                      name);
        mbn_tensor_destroy(p);
        mbn_tensor_destroy(q);
    }
}

/* Layers, shapes, parameters, and all that a file keeps beside. */
static inline void same_models(const mbn_model *a, const mbn_model *b)
{
    static char text[2][65536];
    ck_ok(mbn_model_summary(a, text[0], sizeof text[0], NULL));
    ck_ok(mbn_model_summary(b, text[1], sizeof text[1], NULL));
    ck_assert_str_eq(text[0], text[1]);
    ck_assert_int_eq(mbn_model_preprocessing(a), mbn_model_preprocessing(b));
    ck_assert(memcmp(mbn_model_input_dims(a), mbn_model_input_dims(b), 3 * sizeof(int64_t)) == 0);
    for (size_t i = 0; i < mbn_model_layer_count(a); i++) {
        mbn_layer_info p, q;
        mbn_layer_info_init(&p);
        mbn_layer_info_init(&q);
        ck_ok(mbn_model_layer_info(a, i, &p));
        ck_ok(mbn_model_layer_info(b, i, &q));
        ck_assert_str_eq(p.name, q.name);
        ck_assert_str_eq(p.type, q.type);
        ck_assert_int_eq(p.trainable, q.trainable);
    }
    for (size_t i = 0; mbn_model_label(a, i) || mbn_model_label(b, i); i++)
        ck_assert_pstr_eq(mbn_model_label(a, i), mbn_model_label(b, i));
    same_parameters(a, b);
}

/* ---- the container, from its specification ---- */

typedef struct buffer {
    unsigned char *data;
    size_t count, capacity;
} buffer;

static inline void add_bytes(buffer *b, const void *data, size_t count)
{
    while (b->count + count > b->capacity) {
        b->capacity = b->capacity ? 2 * b->capacity : 1024;
        b->data = realloc(b->data, b->capacity);
    }
    memcpy(b->data + b->count, data, count);
    b->count += count;
}

static inline void add_number(buffer *b, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        add_bytes(b, &byte, 1);
    }
}

static inline void add_string(buffer *b, const char *text)
{
    add_number(b, strlen(text), 2);
    add_bytes(b, text, strlen(text));
}

static inline uint64_t number_at(const unsigned char *data, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)data[i] << 8 * i;
    return value;
}

enum { MAX_TEST_SECTIONS = 64 };

/* A section as the table has it; payload are its stored bytes. */
typedef struct test_section {
    uint32_t kind, flags, codec, element;
    uint64_t offset, stored, raw;
    uint32_t crc, rank;
    int64_t dims[16];
    char name[300];
    unsigned char *payload;
} test_section;

typedef struct test_file {
    uint32_t major, minor;
    int count;
    test_section sections[MAX_TEST_SECTIONS];
} test_file;

/* Takes a good file apart; asserts all that the specification says of a good one. */
static inline test_file *take_apart(const unsigned char *data, size_t bytes)
{
    test_file *file = calloc(1, sizeof *file);
    const unsigned char *trailer = data + bytes - 36;
    ck_assert_uint_gt(bytes, 16 + 36);
    ck_assert(memcmp(data, "\x89MBN\r\n\x1a\n", 8) == 0);
    ck_assert(memcmp(trailer + 32, "MBNE", 4) == 0);
    file->major = (uint32_t)number_at(data + 8, 2);
    file->minor = (uint32_t)number_at(data + 10, 2);
    ck_assert_uint_eq(number_at(data + 12, 4), crc32(0, data, 12));
    ck_assert_uint_eq(number_at(trailer + 28, 4), crc32(0, trailer, 28));
    ck_assert_uint_eq(number_at(trailer + 8, 8), bytes);
    size_t at = number_at(trailer, 8), length = number_at(trailer + 16, 4), next = 16;
    ck_assert_uint_eq(at + length + 36, bytes);
    ck_assert_uint_eq(number_at(trailer + 24, 4), crc32(0, data + at, (uInt)length));
    file->count = (int)number_at(trailer + 20, 4);
    ck_assert_int_le(file->count, MAX_TEST_SECTIONS);
    const unsigned char *row = data + at;
    for (int i = 0; i < file->count; i++) {
        test_section *s = &file->sections[i];
        s->kind = (uint32_t)number_at(row, 4);
        s->flags = (uint32_t)number_at(row + 4, 4);
        s->codec = (uint32_t)number_at(row + 8, 4);
        s->element = (uint32_t)number_at(row + 12, 4);
        s->offset = number_at(row + 16, 8);
        s->stored = number_at(row + 24, 8);
        s->raw = number_at(row + 32, 8);
        s->crc = (uint32_t)number_at(row + 40, 4);
        s->rank = (uint32_t)number_at(row + 44, 4);
        row += 48;
        ck_assert_uint_le(s->rank, 4);
        for (uint32_t d = 0; d < s->rank; d++, row += 8)
            s->dims[d] = (int64_t)number_at(row, 8);
        size_t name = number_at(row, 2);
        memcpy(s->name, row + 2, name);
        row += 2 + name;
        ck_assert_uint_eq(s->offset, next);
        next += s->stored;
        ck_assert_uint_le(next, at);
        ck_assert_uint_eq(s->crc, crc32(0, data + s->offset, (uInt)s->stored));
        s->payload = malloc(s->stored + 1);
        memcpy(s->payload, data + s->offset, s->stored);
    }
    ck_assert_uint_eq(next, at);
    ck_assert(row == data + at + length);
    return file;
}

static inline test_section *section_of(test_file *file, uint32_t kind, const char *name)
{
    for (int i = 0; i < file->count; i++)
        if (file->sections[i].kind == kind && strcmp(file->sections[i].name, name) == 0)
            return &file->sections[i];
    ck_abort_msg("no section %s", name);
    return NULL;
}

/* The raw bytes of a section, in the order of elements. */
static inline unsigned char *raw_of(const test_section *s)
{
    static const int widths[] = {1, 4, 2, 2, 8, 8};
    size_t width = (size_t)widths[s->element], count = s->raw / width;
    unsigned char *raw = malloc(s->raw + 1), *planes = malloc(s->raw + 1);
    if (s->codec == 0) {
        memcpy(raw, s->payload, s->raw);
    } else {
        uLongf length = s->raw;
        ck_assert_int_eq(uncompress(planes, &length, s->payload, s->stored), Z_OK);
        ck_assert_uint_eq(length, s->raw);
        for (size_t first = 0; first < count; first += 65536) {
            size_t block = count - first < 65536 ? count - first : 65536;
            for (size_t i = 0; i < block; i++)
                for (size_t b = 0; b < width; b++)
                    raw[(first + i) * width + b] = planes[first * width + b * block + i];
        }
    }
    free(planes);
    return raw;
}

/* Gives a section stored bytes, with codec "stored" and raw length and rank to fit. */
static inline void set_payload(test_section *s, const void *data, size_t bytes)
{
    free(s->payload);
    s->payload = malloc(bytes + 1);
    memcpy(s->payload, data, bytes);
    s->codec = 0;
    s->stored = s->raw = bytes;
    if (s->kind <= 3) {
        s->rank = 1;
        s->dims[0] = (int64_t)bytes;
    }
}

/* What `assemble` writes otherwise than it should: a row's offset, the number of rows, the whole length. */
typedef struct lies {
    int64_t offset_of, offset_by; /* section and bytes */
    int64_t sections_by, length_by;
} lies;

/* Puts a file together with right CRCs, whatever its numbers say. */
static inline buffer assemble(const test_file *file, const lies *lie)
{
    buffer out = {0}, table = {0};
    lies none = {.offset_of = -1};
    lie = lie ? lie : &none;
    add_bytes(&out, "\x89MBN\r\n\x1a\n", 8);
    add_number(&out, file->major, 2);
    add_number(&out, file->minor, 2);
    add_number(&out, crc32(0, out.data, 12), 4);
    for (int i = 0; i < file->count; i++) {
        const test_section *s = &file->sections[i];
        uint64_t offset = out.count + (uint64_t)(lie->offset_of == i ? lie->offset_by : 0);
        const uint64_t row[] = {s->kind, s->flags, s->codec, s->element};
        for (int k = 0; k < 4; k++)
            add_number(&table, row[k], 4);
        add_number(&table, offset, 8);
        add_number(&table, s->stored, 8);
        add_number(&table, s->raw, 8);
        add_number(&table, crc32(0, s->payload, (uInt)s->stored), 4);
        add_number(&table, s->rank, 4);
        for (uint32_t d = 0; d < s->rank && d < 16; d++)
            add_number(&table, (uint64_t)s->dims[d], 8);
        add_string(&table, s->name);
        add_bytes(&out, s->payload, s->stored);
    }
    size_t at = out.count;
    unsigned char *trailer;
    add_bytes(&out, table.data, table.count);
    add_number(&out, at, 8);
    add_number(&out, at + table.count + 36 + (uint64_t)lie->length_by, 8);
    add_number(&out, table.count, 4);
    add_number(&out, (uint64_t)(file->count + lie->sections_by), 4);
    add_number(&out, crc32(0, table.data, (uInt)table.count), 4);
    trailer = out.data + out.count - 28;
    add_number(&out, crc32(0, trailer, 28), 4);
    add_bytes(&out, "MBNE", 4);
    free(table.data);
    return out;
}

static inline void free_file(test_file *file)
{
    for (int i = 0; i < file->count; i++)
        free(file->sections[i].payload);
    free(file);
}

#endif
