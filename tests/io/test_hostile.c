/* Files whose CRCs are right and whose contents are not: made by somebody who wants to do harm, or by a
 * program that has a fault. */
#include "io/files.h"
#include "support/allocator.h"

/* What stands in the network section of a small file; one thing at a time is wrong. */
typedef struct network {
    uint32_t format, layers;
    const char *type, *name;
    uint32_t trainable, inputs, input, fields;
    const char *field;
    uint32_t kind;
    uint64_t value;
    uint32_t trailing;
} network;

static const network good = {0, 3, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 0};

static void add_field(buffer *b, const char *name, uint32_t kind, uint64_t value)
{
    add_string(b, name);
    add_number(b, kind, 2);
    add_number(b, value, 8);
}

/* input 3 x 2 x 1, flatten, and the layer of `n`. */
static buffer network_bytes(const network *n)
{
    buffer b = {0};
    add_number(&b, n->format, 4);
    add_number(&b, n->layers, 4);
    add_string(&b, "input");
    add_string(&b, "in");
    add_number(&b, 1, 4);
    add_number(&b, 0, 4);
    add_number(&b, 3, 4);
    add_field(&b, "height", 0, 3);
    add_field(&b, "width", 0, 2);
    add_field(&b, "channels", 0, 1);
    add_string(&b, "flatten");
    add_string(&b, "flat");
    add_number(&b, 1, 4);
    add_number(&b, 1, 4);
    add_number(&b, 0, 4);
    add_number(&b, 0, 4);
    add_string(&b, n->type);
    add_string(&b, n->name);
    add_number(&b, n->trainable, 4);
    add_number(&b, n->inputs, 4);
    if (n->inputs)
        add_number(&b, n->input, 4);
    add_number(&b, n->fields, 4);
    for (uint32_t i = 0; i < n->fields && i < 100; i++)
        add_field(&b, n->field, n->kind, n->value);
    for (uint32_t i = 0; i < n->trailing; i++)
        add_number(&b, 0, 1);
    return b;
}

static void add_section(test_file *file, uint32_t kind, uint32_t element, const char *name,
                        const int64_t *dims, uint32_t rank, const void *payload, size_t bytes)
{
    test_section *s = &file->sections[file->count++];
    s->kind = kind;
    s->element = element;
    snprintf(s->name, sizeof s->name, "%s", name);
    set_payload(s, payload, bytes);
    if (rank) {
        s->rank = rank;
        memcpy(s->dims, dims, rank * sizeof *dims);
    }
}

enum { NETWORK, PREPROCESSING, LABELS, KERNEL, BIAS, SECTIONS };

static test_file *file_with(const network *n)
{
    test_file *file = calloc(1, sizeof *file);
    const unsigned char preprocessing[4] = {1}, zeros[24 * 4] = {0};
    buffer description = network_bytes(n), labels = {0};
    file->major = 1;
    add_section(file, 1, 0, "network", NULL, 0, description.data, description.count);
    add_section(file, 2, 0, "preprocessing", NULL, 0, preprocessing, 4);
    add_number(&labels, 4, 4);
    for (int i = 0; i < 4; i++)
        add_string(&labels, &"abcd"[i]);
    add_section(file, 3, 0, "labels", NULL, 0, labels.data, labels.count);
    add_section(file, 4, 1, "dense/kernel", (const int64_t[]){6, 4}, 2, zeros, sizeof zeros);
    add_section(file, 4, 1, "dense/bias", (const int64_t[]){4}, 1, zeros, 16);
    free(description.data);
    free(labels.data);
    return file;
}

/* Loads with an allocator that refuses sizes which a file so small cannot justify, and that counts what is
 * left. */
static mbn_status load(const test_file *file, const lies *lie)
{
    test_allocator allocator;
    mbn_context_options options;
    mbn_context *context;
    mbn_model *model;
    buffer bytes = assemble(file, lie);
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    mbn_status status = mbn_model_load_memory(context, bytes.data, bytes.count, &model);
    ck_assert(status ? model == NULL : model != NULL);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
    ck_assert_int_lt(atomic_load(&allocator.peak_bytes), 8 << 20);
    free(bytes.data);
    return status;
}

START_TEST(file_made_from_the_specification_alone_loads)
{
    test_file *file = file_with(&good);
    mbn_model *model;
    buffer bytes = assemble(file, NULL);
    ck_ok(mbn_model_load_memory(NULL, bytes.data, bytes.count, &model));
    ck_assert_str_eq(mbn_model_label(model, 2), "cd");
    ck_assert_int_eq(mbn_model_preprocessing(model), 1);
    ck_assert_int_eq(mbn_model_output_dims(model)[0], 4);
    mbn_model_destroy(model);
    free(bytes.data);
    free_file(file);
}
END_TEST

static const struct {
    const char *said;
    network n;
} bad_networks[] = {
    {"data format 2", {2, 3, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"0 layers", {0, 0, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"bytes follow the last layer", {0, 1, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"bytes follow the last layer", {0, 2, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"layer 3: cut off", {0, 4, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"4294967295 layers", {0, 0xffffffff, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"4097 layers", {0, 4097, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"'transformer'", {0, 3, "transformer", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"layer 2: cut off, or a name", {0, 3, "", "dense", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"layer 0 and no other is the input", {0, 3, "input", "dense", 1, 1, 1, 1, "height", 0, 4, 0}},
    {"occur once", {0, 3, "dense", "flat", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"slash", {0, 3, "dense", "a/b", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"a name is empty", {0, 3, "dense", "", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"too long",
     {0, 3, "dense", "0123456789012345678901234567890123456789012345678901234567890123", 1, 1, 1, 1, "units",
      0, 4, 0}},
    {"trainable is 2", {0, 3, "dense", "dense", 2, 1, 1, 1, "units", 0, 4, 0}},
    {"has 0 inputs", {0, 3, "dense", "dense", 1, 0, 1, 1, "units", 0, 4, 0}},
    {"has 2 inputs", {0, 3, "dense", "dense", 1, 2, 1, 1, "units", 0, 4, 0}},
    {"reads layer 2", {0, 3, "dense", "dense", 1, 1, 2, 1, "units", 0, 4, 0}},
    {"reads layer 0", {0, 3, "dense", "dense", 1, 1, 0, 1, "units", 0, 4, 0}},
    {"reads layer 7", {0, 3, "dense", "dense", 1, 1, 7, 1, "units", 0, 4, 0}},
    {"reads layer 4294967295", {0, 3, "dense", "dense", 1, 1, 0xffffffff, 1, "units", 0, 4, 0}},
    {"units is 0", {0, 3, "dense", "dense", 1, 1, 1, 0, "units", 0, 4, 0}},
    {"65 fields", {0, 3, "dense", "dense", 1, 1, 1, 65, "units", 0, 4, 0}},
    {"4294967295 fields", {0, 3, "dense", "dense", 1, 1, 1, 0xffffffff, "units", 0, 4, 0}},
    {"'units' is unknown to type dense, or repeated", {0, 3, "dense", "dense", 1, 1, 1, 2, "units", 0, 4, 0}},
    {"'colour' is unknown", {0, 3, "dense", "dense", 1, 1, 1, 1, "colour", 0, 4, 0}},
    {"'units' is unknown", {0, 3, "dense", "dense", 1, 1, 1, 1, "units", 1, 4, 0}},
    {"kind 2", {0, 3, "dense", "dense", 1, 1, 1, 1, "units", 2, 4, 0}},
    {"units is -4", {0, 3, "dense", "dense", 1, 1, 1, 1, "units", 0, (uint64_t)-4, 0}},
    {"units is 9223372036854775807", {0, 3, "dense", "dense", 1, 1, 1, 1, "units", 0, INT64_MAX, 0}},
    {"use_bias is 4294967297", {0, 3, "dense", "dense", 1, 1, 1, 1, "use_bias", 0, 0x100000001, 0}},
    {"'dense/kernel' has shape [6, 4]; the model needs [6, 5]",
     {0, 3, "dense", "dense", 1, 1, 1, 1, "units", 0, 5, 0}},
    {"'dense/kernel' has shape", {0, 3, "dense", "dense", 1, 1, 1, 1, "units", 0, 1 << 20, 0}},
    {"no tensor 'other/kernel'", {0, 3, "dense", "other", 1, 1, 1, 1, "units", 0, 4, 0}},
    {"layer 2: conv2d", {0, 3, "conv2d", "dense", 1, 1, 1, 1, "filters", 0, 4, 0}},
    {"1 bytes follow", {0, 3, "dense", "dense", 1, 1, 1, 1, "units", 0, 4, 1}},
};

START_TEST(network_that_is_wrong_is_refused)
{
    ck_assert_str_eq(good.type, "dense");
    for (size_t i = 0; i < sizeof bad_networks / sizeof *bad_networks; i++) {
        test_file *file = file_with(&bad_networks[i].n);
        ck_fails(load(file, NULL), MBN_ERR_FORMAT, bad_networks[i].said);
        free_file(file);
    }
}
END_TEST

START_TEST(missing_fields_have_their_defaults_and_fields_of_nan_are_refused)
{
    network n = good;
    test_file *file = file_with(&n);
    ck_ok(load(file, NULL));
    free_file(file);
    n = (network){0, 3, "dropout", "dense", 1, 1, 1, 1, "rate", 1, UINT64_C(0x7ff8000000000000), 0};
    file = file_with(&n);
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "rate is");
    free_file(file);
}
END_TEST

/* One change to a row, and what must be said of it. */
typedef struct row_case {
    const char *said;
    int section;
    void (*change)(test_section *s);
    mbn_status status;
} row_case;

static void change_kind(test_section *s)
{
    s->kind = 77;
}
static void change_flags(test_section *s)
{
    s->flags = 2;
}
static void change_codec(test_section *s)
{
    s->codec = 2;
}
static void change_element(test_section *s)
{
    s->element = 6;
}
static void change_element_huge(test_section *s)
{
    s->element = 0xffffffff;
}
static void change_to_f16(test_section *s)
{
    s->element = 2;
}
static void change_to_i64(test_section *s)
{
    s->element = 4;
}
static void change_raw(test_section *s)
{
    s->raw += 4;
}
static void change_raw_huge(test_section *s)
{
    s->raw = UINT64_MAX;
}
static void change_stored_huge(test_section *s)
{
    s->stored = 0;
    s->raw = s->raw + 0;
    s->dims[0] = INT64_MAX / 8;
}
static void change_rank_9(test_section *s)
{
    s->rank = 9;
}
static void change_rank_0(test_section *s)
{
    s->rank = 0;
}
static void change_dims_negative(test_section *s)
{
    s->dims[0] = -6;
    s->dims[1] = -4;
}
static void change_dims_overflow(test_section *s)
{
    s->dims[0] = INT64_C(1) << 40;
    s->dims[1] = INT64_C(1) << 40;
}
static void change_dims_swapped(test_section *s)
{
    s->dims[0] = 4;
    s->dims[1] = 6;
}
static void change_dims_flat(test_section *s)
{
    s->rank = 1;
    s->dims[0] = 24;
}
static void change_name_empty(test_section *s)
{
    s->name[0] = 0;
}
static void change_name_long(test_section *s)
{
    memset(s->name, 'n', 256);
    s->name[256] = 0;
}
static void change_name_other(test_section *s)
{
    strcpy(s->name, "others");
}
static void change_name_same(test_section *s)
{
    strcpy(s->name, "dense/kernel");
}
static void change_bomb(test_section *s)
{
    /* 50 GB of zeros, it says, in 96 bytes. */
    s->codec = 1;
    s->dims[0] = INT64_C(12) << 28;
    s->raw = (uint64_t)s->dims[0] * 4 * 4;
}
static void change_not_zlib(test_section *s)
{
    s->codec = 1;
}
static void change_preprocessing(test_section *s)
{
    set_payload(s, "\4\0\0\0", 4);
}
static void change_preprocessing_short(test_section *s)
{
    set_payload(s, "\1\0\0", 3);
}
static void change_labels_count(test_section *s)
{
    s->payload[0] = 5;
}
static void change_labels_huge(test_section *s)
{
    memset(s->payload, 0xff, 4);
}
static void change_labels_length(test_section *s)
{
    s->payload[4] = 200;
}
static void change_labels_nul(test_section *s)
{
    s->payload[6] = 0;
}
static void change_labels_long(test_section *s)
{
    unsigned char text[2000] = {4};
    set_payload(s, text, sizeof text);
}
static void change_labels_empty(test_section *s)
{
    set_payload(s, "", 0);
}
static void change_network_empty(test_section *s)
{
    set_payload(s, "", 0);
}

static const row_case rows[] = {
    {"kind 77", BIAS, change_kind, MBN_ERR_FORMAT},
    {"flag word is 2", BIAS, change_flags, MBN_ERR_FORMAT},
    {"codec is 2", KERNEL, change_codec, MBN_ERR_FORMAT},
    {"encoding is 6", KERNEL, change_element, MBN_ERR_FORMAT},
    {"encoding is 4294967295", KERNEL, change_element_huge, MBN_ERR_FORMAT},
    {"raw length 96", KERNEL, change_to_f16, MBN_ERR_FORMAT},
    {"not those of kind 4", KERNEL, change_to_i64, MBN_ERR_FORMAT},
    {"not those of kind 1", NETWORK, change_to_i64, MBN_ERR_FORMAT},
    {"raw length 100", KERNEL, change_raw, MBN_ERR_FORMAT},
    {"raw length 18446744073709551615", KERNEL, change_raw_huge, MBN_ERR_FORMAT},
    {"raw length", KERNEL, change_stored_huge, MBN_ERR_FORMAT},
    {"rank is 9", KERNEL, change_rank_9, MBN_ERR_FORMAT},
    {"rank is 0", KERNEL, change_rank_0, MBN_ERR_FORMAT},
    {"dense/kernel", KERNEL, change_dims_negative, MBN_ERR_FORMAT},
    {"dense/kernel", KERNEL, change_dims_overflow, MBN_ERR_FORMAT},
    {"has shape [4, 6]; the model needs [6, 4]", KERNEL, change_dims_swapped, MBN_ERR_FORMAT},
    {"has shape [24]", KERNEL, change_dims_flat, MBN_ERR_FORMAT},
    {"name is empty", KERNEL, change_name_empty, MBN_ERR_FORMAT},
    {"too long", KERNEL, change_name_long, MBN_ERR_FORMAT},
    {"no tensor 'dense/kernel'", KERNEL, change_name_other, MBN_ERR_FORMAT},
    {"called 'others'", LABELS, change_name_other, MBN_ERR_FORMAT},
    {"called 'others'", NETWORK, change_name_other, MBN_ERR_FORMAT},
    {"occurs twice", BIAS, change_name_same, MBN_ERR_FORMAT},
    {"cannot hold", KERNEL, change_bomb, MBN_ERR_FORMAT},
    {"compressed stream is invalid", KERNEL, change_not_zlib, MBN_ERR_FORMAT},
    {"'preprocessing' is 4", PREPROCESSING, change_preprocessing, MBN_ERR_FORMAT},
    {"'preprocessing' has 3 bytes", PREPROCESSING, change_preprocessing_short, MBN_ERR_FORMAT},
    {"5 labels", LABELS, change_labels_count, MBN_ERR_FORMAT},
    {"4294967295 labels", LABELS, change_labels_huge, MBN_ERR_FORMAT},
    {"label 0", LABELS, change_labels_length, MBN_ERR_FORMAT},
    {"label 0", LABELS, change_labels_nul, MBN_ERR_FORMAT},
    {"'labels' has 2000 bytes", LABELS, change_labels_long, MBN_ERR_FORMAT},
    {"-1 labels in 0 bytes", LABELS, change_labels_empty, MBN_ERR_FORMAT},
    {"'network' is too short", NETWORK, change_network_empty, MBN_ERR_FORMAT},
};

START_TEST(row_that_is_wrong_is_refused)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_file *file = file_with(&good);
        rows[i].change(&file->sections[rows[i].section]);
        ck_fails(load(file, NULL), rows[i].status, rows[i].said);
        free_file(file);
    }
}
END_TEST

START_TEST(offsets_and_counts_that_do_not_add_up_are_refused)
{
    static const struct {
        const char *said;
        lies lie;
    } cases[] = {
        {"section 3", {KERNEL, -1, 0, 0}},
        {"section 3", {KERNEL, 1, 0, 0}},
        {"section 0", {NETWORK, -16, 0, 0}},
        {"section 4", {BIAS, -96, 0, 0}},
        {"section 4", {BIAS, INT64_MAX / 2, 0, 0}},
        {"sections end", {-1, 0, -1, 0}},
        {"6 sections in a table", {-1, 0, 1, 0}},
        {"sections in a table", {-1, 0, 60000, 0}},
        {"sections in a table", {-1, 0, -5, 0}},
        {"should have", {-1, 0, 0, 1}},
        {"should have", {-1, 0, 0, -1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_file *file = file_with(&good);
        ck_fails(load(file, &cases[i].lie), MBN_ERR_FORMAT, cases[i].said);
        free_file(file);
    }
}
END_TEST

START_TEST(stored_length_beyond_the_file_is_refused)
{
    test_file *file = file_with(&good);
    buffer bytes = assemble(file, NULL);
    mbn_model *model;
    size_t table = number_at(bytes.data + bytes.count - 36, 8),
           length = number_at(bytes.data + bytes.count - 20, 4);
    /* The stored length of section 0. */
    for (int i = 0; i < 8; i++)
        bytes.data[table + 24 + (size_t)i] = i == 7 ? 0x7f : 0xff;
    uint32_t crc = (uint32_t)crc32(0, bytes.data + table, (uInt)length);
    unsigned char *trailer = bytes.data + bytes.count - 36;
    for (int i = 0; i < 4; i++)
        trailer[24 + i] = (unsigned char)(crc >> 8 * i);
    crc = (uint32_t)crc32(0, trailer, 28);
    for (int i = 0; i < 4; i++)
        trailer[28 + i] = (unsigned char)(crc >> 8 * i);
    ck_fails(mbn_model_load_memory(NULL, bytes.data, bytes.count, &model), MBN_ERR_FORMAT, "its space ends");
    free(bytes.data);
    free_file(file);
}
END_TEST

START_TEST(versions_newer_than_known_are_told_apart_from_damage)
{
    test_file *file = file_with(&good);
    file->minor = 9;
    ck_ok(load(file, NULL));
    change_kind(&file->sections[LABELS]);
    ck_fails(load(file, NULL), MBN_ERR_VERSION, "kind 77");
    file->sections[LABELS].flags = 1; /* optional: skipped, whatever its codec and encoding */
    file->sections[LABELS].codec = 12;
    file->sections[LABELS].element = 99;
    ck_ok(load(file, NULL));
    change_element(&file->sections[KERNEL]);
    ck_fails(load(file, NULL), MBN_ERR_VERSION, "encoding is 6");
    file->major = 2;
    ck_fails(load(file, NULL), MBN_ERR_VERSION, "format version 2.9");
    file->major = 65535;
    ck_fails(load(file, NULL), MBN_ERR_VERSION, "format version 65535.9");
    file->major = 0;
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "format version 0.9");
    free_file(file);
}
END_TEST

START_TEST(unknown_optional_section_is_skipped_and_still_checked)
{
    test_file *file = file_with(&good);
    mbn_model *model;
    add_section(file, 1000, 3, "future", NULL, 0, "something", 9);
    file->sections[SECTIONS].flags = 1;
    file->sections[SECTIONS].rank = 1;
    ck_ok(load(file, NULL));
    buffer bytes = assemble(file, NULL);
    unsigned char *place = memmem(bytes.data, bytes.count, "something", 9);
    place[3] ^= 1;
    ck_fails(mbn_model_load_memory(NULL, bytes.data, bytes.count, &model), MBN_ERR_FORMAT, "future");
    free(bytes.data);
    free_file(file);
}
END_TEST

START_TEST(missing_network_or_extra_tensor_is_refused)
{
    test_file *file = file_with(&good);
    file->sections[NETWORK].kind = 5; /* a record then, but bytes are no element of records */
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "not those of kind 5");
    file->sections[NETWORK].kind = 1000;
    file->sections[NETWORK].flags = 1;
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "no section 'network'");
    free_file(file);
    file = file_with(&good);
    add_section(file, 4, 1, "dense/extra", (const int64_t[]){1}, 1, "abcd", 4);
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "3 tensors");
    free_file(file);
}
END_TEST

/* Deflates `bytes` zeros; whatever they are declared to be. */
static void set_zeros(test_section *s, size_t bytes)
{
    unsigned char *zeros = calloc(1, bytes), *packed = malloc(compressBound(bytes));
    uLongf length = compressBound(bytes);
    ck_assert_int_eq(compress2(packed, &length, zeros, bytes, 9), Z_OK);
    free(s->payload);
    s->payload = packed;
    s->codec = 1;
    s->stored = length;
    free(zeros);
}

START_TEST(stream_longer_or_shorter_than_declared_is_refused)
{
    test_file *file = file_with(&good);
    test_section *kernel = &file->sections[KERNEL];
    set_zeros(kernel, 96);
    ck_ok(load(file, NULL));
    kernel->payload = realloc(kernel->payload, kernel->stored + 1);
    kernel->payload[kernel->stored++] = 0;
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "bytes follow");
    kernel->stored -= 2;
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "cut off");
    set_zeros(kernel, 95);
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "less than it should");
    set_zeros(kernel, 97);
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "more than it should");
    set_zeros(kernel, 10 << 20);
    ck_fails(load(file, NULL), MBN_ERR_FORMAT, "more than it should");
    free_file(file);
}
END_TEST

START_TEST(record_with_a_name_too_long_is_refused_by_whoever_wants_it)
{
    char directory[256], name[200] = {0};
    test_file *file = file_with(&good);
    mbn_model *model;
    memset(name, 'r', 160);
    add_section(file, 5, 5, name, (const int64_t[]){1}, 1, "12345678", 8);
    file->sections[SECTIONS].flags = 1;
    ck_ok(load(file, NULL));
    buffer bytes = assemble(file, NULL);
    const char *path = in_directory(temporary_directory(directory), "r.mbn");
    write_file(path, bytes.data, bytes.count);
    ck_fails(mbn_checkpoint_load(NULL, path, &model), MBN_ERR_FORMAT, "has 160 bytes");
    free(bytes.data);
    /* Names fit, but the amount does not: 2 MB of zeros for 28 parameters. */
    strcpy(file->sections[SECTIONS].name, "steps");
    file->sections[SECTIONS].dims[0] = 2 << 17;
    file->sections[SECTIONS].raw = 2 << 20;
    set_zeros(&file->sections[SECTIONS], 2 << 20);
    bytes = assemble(file, NULL);
    write_file(path, bytes.data, bytes.count);
    ck_fails(mbn_checkpoint_load(NULL, path, &model), MBN_ERR_FORMAT, "training records");
    ck_assert_ptr_null(model);
    free(bytes.data);
    free_file(file);
    remove_directory(directory);
}
END_TEST

SUITE("io/hostile", file_made_from_the_specification_alone_loads, network_that_is_wrong_is_refused,
      missing_fields_have_their_defaults_and_fields_of_nan_are_refused, row_that_is_wrong_is_refused,
      offsets_and_counts_that_do_not_add_up_are_refused, stored_length_beyond_the_file_is_refused,
      versions_newer_than_known_are_told_apart_from_damage,
      unknown_optional_section_is_skipped_and_still_checked, missing_network_or_extra_tensor_is_refused,
      stream_longer_or_shorter_than_declared_is_refused,
      record_with_a_name_too_long_is_refused_by_whoever_wants_it)
