/* Damaged files: cut at every byte, changed in every byte. Each must be refused with a sentence. */
#include "io/files.h"

/* Under valgrind, where every load takes some milliseconds, only some of the bytes. */
static size_t stride(void)
{
    return (size_t)unless_valgrind(1, 97);
}

/* Small, with every kind of section. */
static unsigned char *checkpoint_bytes(size_t *bytes)
{
    char directory[256];
    const char *labels[] = {"a", "b", "c", "d"};
    mbn_model *model = small_model(NULL);
    const char *path = in_directory(temporary_directory(directory), "c.mbn");
    ck_ok(mbn_model_set_labels(model, labels, 4));
    ck_ok(mbn_compile(model, NULL));
    ck_ok(mbn_checkpoint_save(model, path));
    unsigned char *data = read_file(path, bytes);
    remove_directory(directory);
    mbn_model_destroy(model);
    return data;
}

static void refused(const unsigned char *data, size_t bytes, size_t place)
{
    mbn_model *model = NULL;
    mbn_status status = mbn_model_load_memory(NULL, data, bytes, &model);
    if (status != MBN_ERR_FORMAT || model || strlen(mbn_last_error()) <= strlen("mbn_model_load_memory: "))
        ck_abort_msg("byte %zu: %s: %s", place, mbn_status_name(status), mbn_last_error());
}

START_TEST(file_cut_at_any_byte_is_refused)
{
    size_t bytes;
    unsigned char *data = checkpoint_bytes(&bytes);
    for (size_t length = 0; length < bytes; length += stride()) {
        unsigned char *part = malloc(length + 1); /* its own block, so that tools see a read beyond it */
        memcpy(part, data, length);
        refused(part, length, length);
        free(part);
    }
    free(data);
}
END_TEST

START_TEST(file_with_any_bit_flipped_is_refused)
{
    size_t bytes;
    unsigned char *data = checkpoint_bytes(&bytes);
    for (size_t i = 0; i < bytes; i += stride())
        for (int bit = 0; bit < 8; bit++) {
            data[i] ^= (unsigned char)(1 << bit);
            refused(data, bytes, i);
            data[i] ^= (unsigned char)(1 << bit);
        }
    free(data);
}
END_TEST

START_TEST(file_with_any_byte_replaced_dropped_or_doubled_is_refused)
{
    size_t bytes;
    unsigned char *data = checkpoint_bytes(&bytes), *other = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i += stride()) {
        memcpy(other, data, bytes);
        other[i] = (unsigned char)~other[i];
        refused(other, bytes, i);
        other[i] = (unsigned char)(data[i] ? 0 : 255);
        refused(other, bytes, i);
        memcpy(other + i, data + i + 1, bytes - i - 1);
        refused(other, bytes - 1, i);
        memcpy(other, data, i + 1);
        memcpy(other + i + 1, data + i, bytes - i);
        refused(other, bytes + 1, i);
    }
    free(other);
    free(data);
}
END_TEST

START_TEST(sentence_names_the_section_that_is_damaged)
{
    mbn_model *model = small_model(NULL), *loaded;
    mbn_tensor *tensor;
    ck_ok(mbn_model_save_memory(model, NULL, &tensor));
    unsigned char *data = mbn_tensor_data(tensor);
    test_file *file = take_apart(data, mbn_tensor_bytes(tensor));
    for (int i = 0; i < file->count; i++) {
        const test_section *s = &file->sections[i];
        data[s->offset + s->stored / 2] ^= 0x10;
        ck_fails(mbn_model_load_memory(NULL, data, mbn_tensor_bytes(tensor), &loaded), MBN_ERR_FORMAT,
                 s->name);
        data[s->offset + s->stored / 2] ^= 0x10;
    }
    free_file(file);
    mbn_tensor_destroy(tensor);
    mbn_model_destroy(model);
}
END_TEST

SUITE("io/damage", file_cut_at_any_byte_is_refused, file_with_any_bit_flipped_is_refused,
      file_with_any_byte_replaced_dropped_or_doubled_is_refused, sentence_names_the_section_that_is_damaged)
