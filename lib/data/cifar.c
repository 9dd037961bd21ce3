/* CIFAR-10 and CIFAR-100 from their binary version (https://www.cs.toronto.edu/~kriz/cifar.html): a file is a
 * row of records, each one label byte, or two, and then the red, green and blue plane of a 32 x 32 picture.
 * Every length and every label is checked. It downloads nothing and reads no other version of the sets. */
#include "data/data.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "core/platform.h"
#include "core/tensor.h"
#include "data/gzip.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, PICTURE_BYTES = 3 * PIXELS, MAX_FILES = 5 };

/* What tells one set from the other. */
typedef struct layout {
    const char *set;
    const char *const *names;          /* of classes */
    const char *const *files[2];       /* of the parts, train and test; NULL ends a list */
    int32_t classes, max_records;      /* max_records: of a file */
    int32_t record_bytes, label_bytes; /* labels come before the picture */
    int32_t label_at, limits[2];       /* which one counts; what each must be below */
} layout;

typedef struct batch {
    const layout *layout;
    char *path;             /* of the file that was read */
    unsigned char *records; /* [count][record_bytes] */
    int64_t count;
} batch;

static const char *const NAMES_10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                       "dog",      "frog",       "horse", "ship", "truck"};

static const char *const NAMES_100[] = {
    "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
    "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
    "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
    "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
    "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
    "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
    "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
    "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
    "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
    "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
    "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
    "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
    "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
    "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
    "woman",      "worm"};

static const char *const NAMES_20[] = {"aquatic_mammals",
                                       "fish",
                                       "flowers",
                                       "food_containers",
                                       "fruit_and_vegetables",
                                       "household_electrical_devices",
                                       "household_furniture",
                                       "insects",
                                       "large_carnivores",
                                       "large_man-made_outdoor_things",
                                       "large_natural_outdoor_scenes",
                                       "large_omnivores_and_herbivores",
                                       "medium_mammals",
                                       "non-insect_invertebrates",
                                       "people",
                                       "reptiles",
                                       "small_mammals",
                                       "trees",
                                       "vehicles_1",
                                       "vehicles_2"};

static const char *const TRAIN_10[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                       "data_batch_4.bin", "data_batch_5.bin", NULL};
static const char *const TEST_10[] = {"test_batch.bin", NULL};
static const char *const TRAIN_100[] = {"train.bin", NULL};
static const char *const TEST_100[] = {"test.bin", NULL};

/* By MBN_CIFAR10, MBN_CIFAR100, MBN_CIFAR100_COARSE. The coarse label is the first of two. */
static const layout LAYOUTS[] = {
    {"CIFAR-10", NAMES_10, {TRAIN_10, TEST_10}, 10, 10000, 1 + PICTURE_BYTES, 1, 0, {10, 0}},
    {"CIFAR-100", NAMES_100, {TRAIN_100, TEST_100}, 100, 50000, 2 + PICTURE_BYTES, 2, 1, {20, 100}},
    {"CIFAR-100", NAMES_20, {TRAIN_100, TEST_100}, 20, 50000, 2 + PICTURE_BYTES, 2, 0, {20, 100}},
};

int64_t mbni_cifar_classes(int32_t set)
{
    return LAYOUTS[set].classes;
}

const char *const *mbni_cifar_labels(int32_t set)
{
    return LAYOUTS[set].names;
}

/* deflate may grow what it cannot shrink by a few bytes in 16 KiB; anything beyond this is no batch */
static int64_t max_bytes(const layout *l, bool packed)
{
    return (int64_t)l->max_records * l->record_bytes + (packed ? 1 << 20 : 0);
}

static void batch_free(mbn_context *context, batch *b)
{
    mbni_free(context, b->path);
    mbni_free(context, b->records);
    *b = (batch){0};
}

static mbn_status check_length(batch *b, int64_t bytes)
{
    const layout *l = b->layout;
    if (bytes <= 0 || bytes > max_bytes(l, false) || bytes % l->record_bytes)
        return mbni_error(MBN_ERR_FORMAT,
                          "file %s has %lld bytes of records; a batch of %s is 1 to %d whole records of "
                          "%d bytes",
                          b->path, (long long)bytes, l->set, (int)l->max_records, (int)l->record_bytes);
    b->count = bytes / l->record_bytes;
    return MBN_OK;
}

static mbn_status read_plain(mbn_context *context, mbni_file *file, batch *b)
{
    MBNI_TRY(check_length(b, file->bytes));
    b->records = mbni_alloc(context, file->bytes);
    if (!b->records)
        return MBN_ERR_MEMORY;
    return mbni_file_read(file, b->path, 0, b->records, file->bytes);
}

static mbn_status read_gzip(mbn_context *context, mbni_file *file, batch *b)
{
    const int64_t capacity = max_bytes(b->layout, false), most = max_bytes(b->layout, true);
    int64_t bytes = 0;
    if (file->bytes > most)
        return mbni_error(MBN_ERR_FORMAT, "file %s has %lld bytes; a packed batch has at most %lld", b->path,
                          (long long)file->bytes, (long long)most);
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
        status = check_length(b, bytes);
done:
    mbni_free(context, packed);
    return status;
}

static mbn_status check_labels(const batch *b)
{
    const layout *l = b->layout;
    for (int64_t i = 0; i < b->count; i++)
        for (int k = 0; k < l->label_bytes; k++) {
            int label = b->records[i * l->record_bytes + k];
            if (label >= l->limits[k])
                return mbni_error(MBN_ERR_FORMAT,
                                  "file %s, record %lld: the label is %d; allowed are 0 to %d", b->path,
                                  (long long)i, label, (int)l->limits[k] - 1);
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
    const layout *l = b->layout;
    for (int64_t i = 0; i < b->count; i++) {
        const unsigned char *record = b->records + i * l->record_bytes;
        const unsigned char *planes = record + l->label_bytes;
        unsigned char *picture = pixels + i * PICTURE_BYTES; /* [32, 32, 3] */
        labels[i] = record[l->label_at];
        for (int p = 0; p < PIXELS; p++)
            for (int c = 0; c < 3; c++)
                picture[3 * p + c] = planes[c * PIXELS + p];
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
        pixels += batches[f].count * PICTURE_BYTES;
        ids += batches[f].count;
    }
    return MBN_OK;
}

mbn_status mbni_cifar_load(mbn_context *context, const char *directory, int32_t set, int32_t part,
                           mbn_tensor **images, mbn_tensor **labels)
{
    if (part != MBN_CIFAR10_TRAIN && part != MBN_CIFAR10_TEST)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "argument part is %d; allowed are MBN_CIFAR10_TRAIN (0) and MBN_CIFAR10_TEST (1)",
                          (int)part);
    mbn_context *owner = mbni_context_retain(context);
    if (!owner)
        return MBN_ERR_MEMORY;
    batch batches[MAX_FILES] = {{0}};
    const layout *l = &LAYOUTS[set];
    const char *const *names = l->files[part == MBN_CIFAR10_TEST];
    int files = 0;
    mbn_status status = MBN_OK;
    for (; files < MAX_FILES && names[files] && !status; files++) {
        batches[files].layout = l;
        status = read_batch(owner, directory, names[files], &batches[files]);
    }
    if (!status)
        status = unpack_all(owner, batches, files, images, labels);
    for (int f = 0; f < files; f++)
        batch_free(owner, &batches[f]);
    mbni_context_release(owner);
    return status;
}
