/* Data sets: pictures and their classes, read by index. They may lie in memory, in a directory of class
 * folders that is read as it is needed, or behind a function of the caller.
 *
 *     mbn_dataset_from_tensors, _cifar, _shapes, _directory, _from_callback     make one
 *     mbn_dataset_split, _subset, _shuffle, _balance                            choose and order, without a
 * copy mbn_dataset_cache, _tensors                                               bring all of it into memory
 *
 * A data set never changes, so any number of threads may read it and make views of it, but for callbacks that
 * are not marked as thread-safe. A view keeps what it looks at alive; each data set that a call hands out is
 * released once with mbn_dataset_destroy. Pictures are [height, width, channels], u8 or f32, all of one size.
 * Indices run from 0 to count - 1. */
#ifndef MOBILENET_DATASET_H
#define MOBILENET_DATASET_H

#include <mobilenet/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A finite set of pictures with their classes. */
typedef struct mbn_dataset mbn_dataset;

/** Which CIFAR set, and which of its labels. */
enum {
    MBN_CIFAR10 = 0,
    MBN_CIFAR100 = 1,       /* its 100 fine classes */
    MBN_CIFAR100_COARSE = 2 /* its 20 coarse classes */
};

/** Makes a data set of tensors, which are lent: they must live, unchanged, until it and all its views are
 * gone.
 *  @param context  NULL for the default
 *  @param x        u8 or f32 [n, height, width, channels]
 *  @param y        class ids, i32 [n], 0 to classes - 1; or f32 [n, classes], a row of shares for each
 * picture
 *  @param classes  how many there are; 0: the largest id + 1, or the length of a row
 *  @param out      receives the data set, to be released with mbn_dataset_destroy; NULL on failure, here and
 * in every call below
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_SHAPE, MBN_ERR_TYPE, MBN_ERR_MEMORY. Any thread. */
MBN_API mbn_status mbn_dataset_from_tensors(mbn_context *context, const mbn_tensor *x, const mbn_tensor *y,
                                            int64_t classes, mbn_dataset **out);

/** Reads CIFAR-10 or CIFAR-100 into memory, from the binary version
 * (https://www.cs.toronto.edu/~kriz/cifar.html): u8 [32, 32, 3], with the names of the classes.
 *  @param directory  of CIFAR-10: as mbn_cifar10_load has it; of CIFAR-100: has train.bin or test.bin, plain
 * or with .gz, whole 3074-byte records, at most 50,000
 *  @param set        MBN_CIFAR10, MBN_CIFAR100 or MBN_CIFAR100_COARSE
 *  @param part       MBN_CIFAR10_TRAIN or MBN_CIFAR10_TEST, for all of them
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_IO (the message names the file), MBN_ERR_FORMAT (and says
 * where), MBN_ERR_MEMORY. Any thread. While reading, twice the memory of the set is used. */
MBN_API mbn_status mbn_dataset_cifar(mbn_context *context, const char *directory, int32_t set, int32_t part,
                                     mbn_dataset **out);

/** Draws pictures into memory, as mbn_shapes_create does, whose ranges hold: u8 [height, width, 3] of ten
 * classes with names.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. Any thread. */
MBN_API mbn_status mbn_dataset_shapes(mbn_context *context, int64_t count, int64_t height, int64_t width,
                                      uint64_t seed, mbn_dataset **out);

/** How a picture of another size becomes one of the size asked for. */
enum {
    MBN_RESIZE_STRETCH = 0, /* all of it, both sides by themselves */
    MBN_RESIZE_CROP = 1     /* its middle, as large as fits: the shorter side decides */
};

/** What becomes of a file that is no picture, is too large or turns out to be damaged. */
enum {
    MBN_BROKEN_SKIP = 0, /* left out, counted and named */
    MBN_BROKEN_ERROR = 1 /* the call fails and names it */
};

typedef struct mbn_directory_options {
    size_t struct_size;    /* set by the init function */
    int64_t height, width; /* of the data set's pictures; required, 1 to 8192 */
    int64_t channels;      /* 3 (default) or 1 */
    int64_t max_pixels; /* height times width that a file may have; 1 to 1,000,000,000, default 64,000,000 */
    int32_t resize;     /* MBN_RESIZE_...; default stretch */
    int32_t on_broken;  /* MBN_BROKEN_...; default skip */
} mbn_directory_options;

/** Fills `options` with the defaults. `struct_size` is sizeof of the caller's struct. */
MBN_API void mbn_directory_options_init_sized(mbn_directory_options *options, size_t struct_size);
static inline void mbn_directory_options_init(mbn_directory_options *options)
{
    mbn_directory_options_init_sized(options, sizeof *options);
}

/** Makes a data set of a directory with one folder for each class: path/cat/1.jpg, path/dog/x/2.png. u8
 * pictures, decoded each time they are read.
 *
 * Folders in the order of their names' bytes give the class ids, and files are in the order of their paths.
 * Folders in a class's folder belong to that class. Names that begin with a dot are ignored; symbolic links
 * in the directory are not followed. JPEG and PNG are read through libjpeg and libpng, if the library was
 * built with them and they are installed; binary PPM and PGM always. Colours and depths become 8 bits and
 * the channels asked for; transparency is ignored; pictures are turned as EXIF says. Sizes are changed by a
 * triangle filter in integers, the same on every machine (JPEG: as far as libjpeg's decoder is).
 *
 * Making it reads the first bytes of every file. A file whose pixels turn out to be damaged when they are
 * read is skipped then: the next good one of its class, in a circle, stands in its place.
 *  @param path     of the directory, which stays as it is as long as the data set is used
 *  @param options  copied
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_IO (a file or folder cannot be opened or read), MBN_ERR_FORMAT
 * (no class, no picture; with MBN_BROKEN_ERROR, the first file that is none), MBN_ERR_UNSUPPORTED,
 * MBN_ERR_MEMORY. Any thread. Memory: the paths; and for each thread that reads, one file, its pixels and a
 * few rows. */
MBN_API mbn_status mbn_dataset_directory(mbn_context *context, const char *path,
                                         const mbn_directory_options *options, mbn_dataset **out);

/** Files that a directory's data set has left out so far, its views included: of everything that is not
 * hidden, what is no picture and what turned out to be damaged. 0 for other data sets. Any thread. */
MBN_API int64_t mbn_dataset_skipped(const mbn_dataset *dataset);
/** Path below the directory of one that was left out, 0 to skipped - 1, in the order of discovery; NULL for
 * other numbers. Lent: valid as long as the data set. */
MBN_API const char *mbn_dataset_skipped_name(const mbn_dataset *dataset, int64_t index);
/** Why it was left out, as a part of a sentence, e.g. "an empty file". Lent likewise. */
MBN_API const char *mbn_dataset_skipped_reason(const mbn_dataset *dataset, int64_t index);

/** Reads one picture and its class. It must answer the same for the same index.
 *  @param index   0 to count - 1
 *  @param pixels  to be filled: [height, width, channels]; NULL when only the class is asked for
 *  @param bytes   of all pixels; 0 when pixels is NULL
 *  @param label   to be set: 0 to classes - 1
 *  @return 0, or a negative number: the call that reads fails with MBN_ERR_CALLBACK */
typedef int32_t (*mbn_read_fn)(void *user, int64_t index, void *pixels, size_t bytes, int32_t *label);

typedef struct mbn_dataset_callback_options {
    size_t struct_size;     /* set by the init function */
    mbn_read_fn read;       /* required */
    void *user;             /* its first argument; must live as long as the data set and its views */
    int64_t count;          /* pictures; default 0 */
    int64_t height, width;  /* required, 1 to 65535 */
    int64_t channels;       /* default 3; 1 to 4096 */
    int64_t classes;        /* required */
    int32_t type;           /* MBN_U8, the default of the init function, or MBN_F32 */
    int32_t is_thread_safe; /* not 0: read may be called by several threads at once; default 0: only by the
                             * thread that is in a call of the library */
} mbn_dataset_callback_options;

/** Fills `options` with the defaults. `struct_size` is sizeof of the caller's struct. */
MBN_API void mbn_dataset_callback_options_init_sized(mbn_dataset_callback_options *options,
                                                     size_t struct_size);
static inline void mbn_dataset_callback_options_init(mbn_dataset_callback_options *options)
{
    mbn_dataset_callback_options_init_sized(options, sizeof *options);
}

/** Makes a data set of pictures that a function of the caller provides. Making it calls nothing.
 *  @param options  copied
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. Any thread. */
MBN_API mbn_status mbn_dataset_from_callback(mbn_context *context,
                                             const mbn_dataset_callback_options *options, mbn_dataset **out);

/** Gives up the caller's reference; views and calls that still need the data set keep it. NULL is allowed. */
MBN_API void mbn_dataset_destroy(mbn_dataset *dataset);

/** Splits a data set into two views at random. Each part is in an order drawn from the seed.
 *  @param fraction       above 0, below 1: `first` has round(fraction * count) pictures, `second` the others
 *  @param seed           any; the same one gives the same parts on every machine
 *  @param is_stratified  not 0: both parts have each class in proportion, up to one picture
 *  @param first, second  receive the views; both are NULL on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY; stratified, also what reading a label may return. */
MBN_API mbn_status mbn_dataset_split(mbn_dataset *dataset, double fraction, uint64_t seed,
                                     int32_t is_stratified, mbn_dataset **first, mbn_dataset **second);

/** A view of the pictures at `indices`, in that order; an index may occur more than once.
 *  @param indices  `count` numbers, copied; may be NULL when count is 0
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. */
MBN_API mbn_status mbn_dataset_subset(mbn_dataset *dataset, const int64_t *indices, int64_t count,
                                      mbn_dataset **out);

/** A view of all pictures, in an order drawn from the seed.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. */
MBN_API mbn_status mbn_dataset_shuffle(mbn_dataset *dataset, uint64_t seed, mbn_dataset **out);

/** A view that has every class as often as the most frequent one, by repeating. First come all pictures in
 * their order, then the repeats in an order drawn from the seed. No picture of a class occurs more than once
 * more often than another of it. A class without pictures stays without.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY, and what reading a label may return. */
MBN_API mbn_status mbn_dataset_balance(mbn_dataset *dataset, uint64_t seed, mbn_dataset **out);

/** Reads all pictures into memory, once, on the context's threads. Tensors and sets that are in memory
 * already are not copied.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY, and what reading a picture may return. */
MBN_API mbn_status mbn_dataset_cache(mbn_dataset *dataset, mbn_dataset **out);

/** Copies all pictures and labels into tensors.
 *  @param x  receives u8 or f32 [count, height, width, channels], released by the caller
 *  @param y  receives i32 [count], or f32 [count, classes] where the labels are shares; released by the
 * caller. Both are NULL on failure.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY, and what reading a picture may return. */
MBN_API mbn_status mbn_dataset_tensors(const mbn_dataset *dataset, mbn_tensor **x, mbn_tensor **y);

/** Number of pictures; 0 for NULL, as all numbers below. */
MBN_API int64_t mbn_dataset_count(const mbn_dataset *dataset);
/** Rows of a picture. */
MBN_API int64_t mbn_dataset_height(const mbn_dataset *dataset);
/** Columns of a picture. */
MBN_API int64_t mbn_dataset_width(const mbn_dataset *dataset);
/** Channels of a picture. */
MBN_API int64_t mbn_dataset_channels(const mbn_dataset *dataset);
/** MBN_U8 or MBN_F32; -1 for NULL. */
MBN_API int32_t mbn_dataset_type(const mbn_dataset *dataset);
/** Number of classes. */
MBN_API int64_t mbn_dataset_classes(const mbn_dataset *dataset);
/** Name of a class; NULL where none is known. Lent: valid as long as the data set. */
MBN_API const char *mbn_dataset_class_name(const mbn_dataset *dataset, int64_t class_id);

/** The class of a picture; of labels that are shares, the first of the largest. No picture is decoded.
 *  @param label  receives 0 to classes - 1
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_CALLBACK. */
MBN_API mbn_status mbn_dataset_label(const mbn_dataset *dataset, int64_t index, int32_t *label);

/** Reads one picture.
 *  @param pixels  receives [height, width, channels] of the data set's type
 *  @param bytes   of pixels: exactly the size of a picture
 *  @param label   receives its class, as mbn_dataset_label; may be NULL
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_CALLBACK, and of a directory MBN_ERR_IO, MBN_ERR_FORMAT,
 * MBN_ERR_MEMORY. Any thread, but for a callback that is not thread-safe: one at a time. */
MBN_API mbn_status mbn_dataset_read(const mbn_dataset *dataset, int64_t index, void *pixels, size_t bytes,
                                    int32_t *label);

#ifdef __cplusplus
}
#endif
#endif
