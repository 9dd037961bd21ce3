/* A fuzz target for the reader of .mbn files, for clang's -fsanitize=fuzzer. What loads must save and load
 * again, to the same bytes.
 *
 * CRCs would keep changed bytes out of everything behind them, so the mutator puts them right 15 times of 16.
 * Start it on a folder with a copy of tests/io/golden/. */
#include <mobilenet/mobilenet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "io/io.h"
#include "train/train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed);

static uint64_t number_at(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)p[i] << 8 * i;
    return value;
}

static void put_number(uint8_t *p, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* Puts right the CRCs of rows whose sections lie inside the file; `end` is where the table ends. */
static void repair_rows(uint8_t *data, size_t at, size_t end, uint64_t sections)
{
    for (uint64_t i = 0; i < sections && end - at >= 48; i++) {
        uint64_t offset = number_at(data + at + 16, 8), stored = number_at(data + at + 24, 8);
        uint64_t rank = number_at(data + at + 44, 4);
        if (offset <= end && stored <= end - offset)
            put_number(data + at + 40, crc32(0, data + offset, (uInt)stored), 4);
        if (rank > 4 || end - at < 50 + 8 * rank)
            return;
        at += 48 + 8 * rank;
        uint64_t name = number_at(data + at, 2);
        if (end - at < 2 + name)
            return;
        at += 2 + name;
    }
}

static void repair(uint8_t *data, size_t bytes)
{
    if (bytes < 16 + 36)
        return;
    memcpy(data, "\x89MBN\r\n\x1a\n", 8);
    put_number(data + 12, crc32(0, data, 12), 4);
    uint8_t *trailer = data + bytes - 36;
    uint64_t table = number_at(trailer, 8);
    put_number(trailer + 8, bytes, 8);
    memcpy(trailer + 32, "MBNE", 4);
    if (table >= 16 && table <= bytes - 36) {
        size_t length = bytes - 36 - table;
        repair_rows(data, table, bytes - 36, number_at(trailer + 20, 4));
        put_number(trailer + 16, length, 4);
        put_number(trailer + 24, crc32(0, data + table, (uInt)length), 4);
    }
    put_number(trailer + 28, crc32(0, trailer, 28), 4);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed)
{
    size_t changed = LLVMFuzzerMutate(data, bytes, capacity);
    if (seed % 16)
        repair(data, changed);
    return changed;
}

static void *allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    return bytes <= (size_t)256 << 20
               ? aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)
               : NULL;
}

static void deallocate(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static void require(int condition)
{
    if (!condition)
        abort();
}

/* One picture of zeros of class 0, if the model is small enough for it. */
static void train_a_step(mbn_context *context, mbn_model *model)
{
    mbn_tensor *x, *y;
    const int64_t *dims = mbn_model_input_dims(model);
    int64_t pictures[4] = {1, dims[0], dims[1], dims[2]}, labels[1] = {1}, bytes, work;
    if (mbn_fit_memory(model, 1, &bytes) || bytes > 1 << 20 || mbn_model_multiply_adds(model, &work) ||
        work > 1 << 20 || mbn_tensor_create(context, MBN_F32, 4, pictures, &x))
        return;
    require(mbn_tensor_create(context, MBN_I32, 1, labels, &y) == MBN_OK);
    mbn_train_on_batch(model, x, y, NULL, NULL);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}

/* As mbn_checkpoint_load, from memory. */
static void read_training_state(mbn_context *context, const uint8_t *data, size_t bytes)
{
    mbni_records records;
    mbn_model *model;
    mbni_records_init(&records, context);
    if (mbni_mbn_read(context, NULL, data, bytes, &records, &model) == MBN_OK) {
        if (mbni_trainer_import(model, &records) == MBN_OK)
            train_a_step(context, model);
        mbn_model_destroy(model);
    }
    mbni_records_free(&records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static mbn_context *context;
    mbn_model *model, *again;
    mbn_tensor *first, *second;
    if (!context) {
        mbn_context_options options;
        mbn_context_options_init(&options);
        options.allocate = allocate;
        options.deallocate = deallocate;
        options.threads = 1;
        require(mbn_context_create(&options, &context) == MBN_OK);
    }
    if (mbn_model_load_memory(context, bytes ? data : (const uint8_t *)"", bytes, &model)) {
        require(model == NULL && *mbn_last_error());
        return 0;
    }
    read_training_state(context, data, bytes);
    require(mbn_model_save_memory(model, NULL, &first) == MBN_OK);
    require(mbn_model_load_memory(context, mbn_tensor_data(first), mbn_tensor_bytes(first), &again) ==
            MBN_OK);
    require(mbn_model_save_memory(again, NULL, &second) == MBN_OK);
    require(mbn_tensor_bytes(first) == mbn_tensor_bytes(second));
    require(memcmp(mbn_tensor_data(first), mbn_tensor_data(second), mbn_tensor_bytes(first)) == 0);
    mbn_tensor_destroy(first);
    mbn_tensor_destroy(second);
    mbn_model_destroy(model);
    mbn_model_destroy(again);
    return 0;
}
