/* CIFAR-10 from its binary version (https://www.cs.toronto.edu/~kriz/cifar.html): a file is a row of records,
 * each a label byte and then the red, green and blue plane of a 32 x 32 picture. Every length and every label
 * is checked. It downloads nothing and reads no other version of the data set. */
#include "data/data.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "core/platform.h"
#include "core/tensor.h"
#include "data/gzip.h"

enum {
    SIDE = 32,
    PIXELS = SIDE * SIDE,
    RECORD_BYTES = 1 + 3 * PIXELS,
    MAX_RECORDS = 10000,
    MAX_FILES = 5,
    CLASSES = 10,
    /* deflate may grow what it cannot shrink by a few bytes in 16 KiB; anything beyond this is no batch */
    MAX_PACKED_BYTES = MAX_RECORDS * RECORD_BYTES + (1 << 20)
};

typedef struct batch {
    char *path;             /* of the file that was read */
    unsigned char *records; /* [count][RECORD_BYTES] */
    int64_t count;
} batch;

static const char *const LABELS[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                            "dog",      "frog",       "horse", "ship", "truck"};

const char *mbni_cifar10_label(int32_t label)
{
    return label >= 0 && label < CLASSES ? LABELS[label] : NULL;
}

static void batch_free(mbn_context *context, batch *b)
{
    mbni_free(context, b->path);
    mbni_free(context, b->records);
    *b = (batch){0};
}

static mbn_status check_length(const char *path, int64_t bytes, int64_t *count)
{
    if (bytes <= 0 || bytes > (int64_t)MAX_RECORDS * RECORD_BYTES || bytes % RECORD_BYTES)
        return mbni_error(
            MBN_ERR_FORMAT,
            "file %s has %lld bytes of records; a batch of CIFAR-10 is 1 to %d whole records of "
            "%d bytes",
            path, (long long)bytes, MAX_RECORDS, RECORD_BYTES);
    *count = bytes / RECORD_BYTES;
    return MBN_OK;
}

static mbn_status read_plain(mbn_context *context, mbni_file *file, batch *b)
{
    MBNI_TRY(check_length(b->path, file->bytes, &b->count));
    b->records = mbni_alloc(context, file->bytes);
    if (!b->records)
        return MBN_ERR_MEMORY;
    return mbni_file_read(file, b->path, 0, b->records, file->bytes);
}

static mbn_status read_gzip(mbn_context *context, mbni_file *file, batch *b)
{
    const int64_t capacity = (int64_t)MAX_RECORDS * RECORD_BYTES;
    int64_t bytes = 0;
    if (file->bytes > MAX_PACKED_BYTES)
        return mbni_error(MBN_ERR_FORMAT, "file %s has %lld bytes; a packed batch has at most %d", b->path,
                          (long long)file->bytes, MAX_PACKED_BYTES);
    unsigned char *packed = mbni_alloc(context, file->bytes);
    mbn_status status = MBN_ERR_MEMORY;
    if (!packed)
        goto done;
    b->records = mbni_alloc(context, capacity);
    if (!b->records)
        goto done;
    status = mbni_file_read(file, b->path, 0, packed, file->bytes);
    if (!status)
        status = mbni_gzip_inflate(context, b->path, packed, file->bytes, b->records, capacity, &bytes);
    if (!status)
        status = check_length(b->path, bytes, &b->count);
done:
    mbni_free(context, packed);
    return status;
}

static mbn_status check_labels(const batch *b)
{
    for (int64_t i = 0; i < b->count; i++) {
        int label = b->records[i * RECORD_BYTES];
        if (label >= CLASSES)
            return mbni_error(MBN_ERR_FORMAT, "file %s, record %lld: the label is %d; allowed are 0 to 9",
                              b->path, (long long)i, label);
    }
    return MBN_OK;
}

/* <directory>/<name>, or else <directory>/<name>.gz. A plain file that is there but cannot be read is an
 * error, not a reason to take the other. */
static mbn_status read_batch(mbn_context *context, const char *directory, const char *name, batch *b)
{
    mbni_file file;
    size_t capacity = strlen(directory) + strlen(name) + 5; /* "/", ".gz" and the NUL */
    b->path = mbni_alloc(context, (int64_t)capacity);
    if (!b->path)
        return MBN_ERR_MEMORY;
    snprintf(b->path, capacity, "%s/%s", directory, name);
    errno = 0;
    mbn_status status = mbni_file_open(b->path, &file);
    int is_packed = status && errno == ENOENT;
    if (is_packed) {
        snprintf(b->path, capacity, "%s/%s.gz", directory, name);
        errno = 0;
        status = mbni_file_open(b->path, &file);
        if (status && errno == ENOENT)
            return mbni_error(MBN_ERR_IO, "argument directory is \"%s\": it has neither %s nor %s.gz",
                              directory, name, name);
    }
    if (status)
        return status;
    status = is_packed ? read_gzip(context, &file, b) : read_plain(context, &file, b);
    mbni_file_close(&file);
    return status ? status : check_labels(b);
}

/* Planes to interleaved pixels. */
static void unpack(const batch *b, unsigned char *pixels, int32_t *labels)
{
    for (int64_t i = 0; i < b->count; i++) {
        const unsigned char *record = b->records + i * RECORD_BYTES;
        unsigned char *picture = pixels + i * 3 * PIXELS; /* [32, 32, 3] */
        labels[i] = record[0];
        for (int p = 0; p < PIXELS; p++)
            for (int c = 0; c < 3; c++)
                picture[3 * p + c] = record[1 + c * PIXELS + p];
    }
}

static mbn_status unpack_all(mbn_context *context, batch *batches, int files, mbn_tensor **images,
                             mbn_tensor **labels)
{
    int64_t count = 0;
    for (int f = 0; f < files; f++)
        count += batches[f].count;
    MBNI_TRY(mbni_tensor_new(context, MBN_U8, 4, (const int64_t[]){count, SIDE, SIDE, 3}, 0, images));
    mbn_status status = mbni_tensor_new(context, MBN_I32, 1, (const int64_t[]){count}, 0, labels);
    if (status) {
        mbni_tensor_free(*images);
        *images = NULL;
        return status;
    }
    unsigned char *pixels = (*images)->data;
    int32_t *ids = (*labels)->data;
    for (int f = 0; f < files; f++) {
        unpack(&batches[f], pixels, ids);
        pixels += batches[f].count * 3 * PIXELS;
        ids += batches[f].count;
    }
    return MBN_OK;
}

mbn_status mbni_cifar10_load(mbn_context *context, const char *directory, int32_t part, mbn_tensor **images,
                             mbn_tensor **labels)
{
    static const char *const NAMES[MAX_FILES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                 "data_batch_4.bin", "data_batch_5.bin"};
    static const char *const TEST_NAME = "test_batch.bin";
    if (part != MBN_CIFAR10_TRAIN && part != MBN_CIFAR10_TEST)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument part is %d; allowed are MBN_CIFAR10_TRAIN (0) and MBN_CIFAR10_TEST (1)",
                          (int)part);
    mbn_context *owner = mbni_context_retain(context);
    if (!owner)
        return MBN_ERR_MEMORY;
    batch batches[MAX_FILES] = {{0}};
    int files = part == MBN_CIFAR10_TRAIN ? MAX_FILES : 1;
    mbn_status status = MBN_OK;
    for (int f = 0; f < files && !status; f++)
        status = read_batch(owner, directory, files > 1 ? NAMES[f] : TEST_NAME, &batches[f]);
    if (!status)
        status = unpack_all(owner, batches, files, images, labels);
    for (int f = 0; f < files; f++)
        batch_free(owner, &batches[f]);
    mbni_context_release(owner);
    return status;
}
