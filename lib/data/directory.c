/* A directory of class folders as a data set: looked through once, its pictures decoded whenever they are
 * read. Nothing is kept of a picture between two reads, and nothing is read ahead. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "core/listing.h"
#include "data/dataset.h"
#include "data/resize.h"
#include "data/skipped.h"

enum { MAX_SIDE = 8192, MAX_PIXELS = 1000000000, DEFAULT_PIXELS = 64000000, MAX_DEPTH = 32, MAX_PATH = 4096 };

/* What a file may have beside eight bytes for each pixel: profiles, previews. */
static const int64_t MORE_BYTES = 16 << 20;

typedef struct picture {
    int64_t path; /* where its text begins in paths */
    int32_t label;
    atomic_int is_broken;
} picture;

/* A block that grows; what is in it moves. */
typedef struct growing {
    void *items;
    int64_t count, capacity;
} growing;

typedef struct directory {
    mbn_directory_options options;
    char *root;
    growing paths;    /* char: paths below the root, each with its NUL */
    growing pictures; /* picture: by class */
    int64_t *first;   /* [classes + 1]: picture that a class begins with */
    mbni_listing top; /* what is in the root; the folders come first, and are the classes */
    const char **names;
    int64_t classes;
    mbni_skipped *skipped;
} directory;

void mbni_directory_defaults(mbn_directory_options *options)
{
    *options =
        (mbn_directory_options){.struct_size = sizeof *options, .channels = 3, .max_pixels = DEFAULT_PIXELS};
}

/* Room for `more` items; NULL on failure. */
static void *grow(mbn_context *context, growing *g, int64_t more, int64_t item_bytes)
{
    if (g->count + more > g->capacity) {
        int64_t capacity = 2 * g->capacity > 256 ? 2 * g->capacity : 256;
        capacity = capacity > g->count + more ? capacity : g->count + more;
        void *items = mbni_alloc(context, capacity * item_bytes);
        if (!items)
            return NULL;
        if (g->count)
            memcpy(items, g->items, (size_t)(g->count * item_bytes));
        mbni_free(context, g->items);
        g->items = items;
        g->capacity = capacity;
    }
    g->count += more;
    return (char *)g->items + (g->count - more) * item_bytes;
}

static const char *path_of(const directory *d, const picture *p)
{
    return (const char *)d->paths.items + p->path;
}

static void directory_close(mbn_dataset *dataset)
{
    directory *d = dataset->self;
    mbn_context *context = dataset->context;
    if (!d)
        return;
    mbni_free(context, d->root);
    mbni_free(context, d->paths.items);
    mbni_free(context, d->pictures.items);
    mbni_free(context, d->first);
    mbni_free(context, d->names);
    mbni_listing_free(context, &d->top);
    mbni_skipped_destroy(context, d->skipped);
    mbni_free(context, d);
}

/* <root>/<below> into a buffer of MAX_PATH. */
static mbn_status join(const char *root, const char *below, char *path)
{
    if (snprintf(path, MAX_PATH, "%s/%s", root, below) >= MAX_PATH)
        return mbni_error(MBN_ERR_IO, "a path below \"%.200s\" is longer than %d bytes", root, MAX_PATH - 1);
    return MBN_OK;
}

/* A file that is not to be used: an error or a line in the list, as the options say. */
static mbn_status leave_out(mbn_context *context, const directory *d, const char *below, mbn_status status,
                            const char *reason)
{
    if (status != MBN_ERR_FORMAT && status != MBN_ERR_UNSUPPORTED)
        return status;
    if (d->options.on_broken == MBN_BROKEN_ERROR)
        return mbni_error(status, "file %.200s/%.500s: %s", d->root, below, reason);
    return mbni_skipped_add(context, d->skipped, below, reason);
}

static mbni_image_job job_of(mbn_context *context, const directory *d)
{
    return (mbni_image_job){.context = context,
                            .max_pixels = d->options.max_pixels,
                            .height = d->options.height,
                            .width = d->options.width};
}

/* Looks at a file's first bytes. */
static mbn_status probe(mbni_image_job *job, const char *path)
{
    mbni_file file;
    mbni_image_info info = {0};
    MBNI_TRY(mbni_file_open(path, &file));
    mbn_status status = mbni_image_probe(job, &file, path, NULL, 0, &info);
    if (!status && file.bytes > 8 * info.height * info.width + MORE_BYTES)
        status = mbni_image_fault(job, MBN_ERR_FORMAT, "%lld bytes for a picture of %lld x %lld",
                                  (long long)file.bytes, (long long)info.height, (long long)info.width);
    mbni_file_close(&file);
    return status;
}

static mbn_status add_file(mbn_context *context, directory *d, const char *below, int32_t label)
{
    char path[MAX_PATH];
    mbni_image_job job = job_of(context, d);
    MBNI_TRY(join(d->root, below, path));
    mbn_status status = probe(&job, path);
    if (status)
        return leave_out(context, d, below, status, job.reason);
    const int64_t length = (int64_t)strlen(below) + 1, begin = d->paths.count;
    char *text = grow(context, &d->paths, length, 1);
    picture *added = text ? grow(context, &d->pictures, 1, sizeof *added) : NULL;
    if (!added)
        return MBN_ERR_MEMORY;
    memcpy(text, below, (size_t)length);
    added->path = begin;
    added->label = label;
    atomic_init(&added->is_broken, 0);
    return MBN_OK;
}

static mbn_status add_folder(mbn_context *context, directory *d, const char *below, int32_t label, int depth);

static mbn_status add_entry(mbn_context *context, directory *d, const char *folder, const mbni_entry *entry,
                            int32_t label, int depth)
{
    char below[MAX_PATH];
    MBNI_TRY(join(folder, entry->name, below));
    if (entry->kind == MBNI_ENTRY_FILE)
        return add_file(context, d, below, label);
    if (entry->kind == MBNI_ENTRY_DIRECTORY)
        return add_folder(context, d, below, label, depth + 1);
    return leave_out(context, d, below, MBN_ERR_FORMAT, "neither a file nor a folder");
}

/* All pictures of a class in a folder and in those below it. */
static mbn_status add_folder(mbn_context *context, directory *d, const char *below, int32_t label, int depth)
{
    char path[MAX_PATH];
    mbni_listing listing;
    if (depth > MAX_DEPTH)
        return mbni_error(MBN_ERR_IO, "folders in \"%.500s\" are more than %d deep", d->root, MAX_DEPTH);
    MBNI_TRY(join(d->root, below, path));
    MBNI_TRY(mbni_listing_read(context, path, &listing));
    mbn_status status = MBN_OK;
    for (int64_t i = 0; i < listing.count && !status; i++)
        status = add_entry(context, d, below, &listing.entries[i], label, depth);
    mbni_listing_free(context, &listing);
    return status;
}

/* The folders of the root are the classes; what else lies there is not used. */
static mbn_status find_classes(mbn_context *context, directory *d)
{
    MBNI_TRY(mbni_listing_read(context, d->root, &d->top));
    d->names = mbni_alloc(context, d->top.count * (int64_t)sizeof *d->names);
    d->first = mbni_alloc_zeroed(context, (d->top.count + 1) * (int64_t)sizeof *d->first);
    if (!d->names || !d->first)
        return MBN_ERR_MEMORY;
    for (int64_t i = 0; i < d->top.count; i++) {
        const mbni_entry *entry = &d->top.entries[i];
        if (entry->kind == MBNI_ENTRY_DIRECTORY)
            d->names[d->classes++] = entry->name;
        else
            MBNI_TRY(leave_out(context, d, entry->name, MBN_ERR_FORMAT, "it lies beside the class folders"));
    }
    if (!d->classes)
        return mbni_error(MBN_ERR_FORMAT, "directory %.700s has no class folder", d->root);
    return MBN_OK;
}

static mbn_status scan(mbn_context *context, directory *d)
{
    MBNI_TRY(find_classes(context, d));
    for (int64_t k = 0; k < d->classes; k++) {
        MBNI_TRY(add_folder(context, d, d->names[k], (int32_t)k, 1));
        d->first[k + 1] = d->pictures.count;
    }
    if (d->pictures.count)
        return MBN_OK;
    const int64_t skipped = mbni_skipped_count(d->skipped);
    if (!skipped)
        return mbni_error(MBN_ERR_FORMAT, "directory %.700s has no picture in its class folders", d->root);
    return mbni_error(MBN_ERR_FORMAT,
                      "directory %.200s has no picture that can be used; %lld files were skipped, the first, "
                      "%.200s: %s",
                      d->root, (long long)skipped, mbni_skipped_name(d->skipped, 0),
                      mbni_skipped_reason(d->skipped, 0));
}

/* A whole file. */
static mbn_status load_file(mbni_image_job *job, const char *path, unsigned char **bytes, int64_t *count)
{
    mbni_file file;
    *bytes = NULL;
    MBNI_TRY(mbni_file_open(path, &file));
    *count = file.bytes;
    mbn_status status = MBN_OK;
    if (file.bytes > 8 * job->max_pixels + MORE_BYTES)
        status = mbni_image_fault(job, MBN_ERR_FORMAT, "%lld bytes", (long long)file.bytes);
    else if (!(*bytes = mbni_alloc(job->context, file.bytes)))
        status = MBN_ERR_MEMORY;
    else
        status = mbni_file_read(&file, path, 0, *bytes, file.bytes);
    mbni_file_close(&file);
    return status;
}

/* To the size and the channels of the data set. */
static mbn_status fit_picture(mbn_context *context, const directory *d, const mbni_image *image,
                              unsigned char *pixels)
{
    const mbn_directory_options *o = &d->options;
    const mbni_region box = o->resize == MBN_RESIZE_CROP ? mbni_region_crop(image, o->height, o->width)
                                                         : mbni_region_whole(image);
    const int64_t count = o->height * o->width;
    if (image->channels == o->channels)
        return mbni_resize(context, image, box, o->height, o->width, pixels);
    unsigned char *other = mbni_alloc(context, count * image->channels);
    mbn_status status = other ? mbni_resize(context, image, box, o->height, o->width, other) : MBN_ERR_MEMORY;
    if (!status)
        mbni_convert_channels(other, image->channels, pixels, o->channels, count);
    mbni_free(context, other);
    return status;
}

static mbn_status decode(mbni_image_job *job, const directory *d, const picture *p, unsigned char *pixels)
{
    char path[MAX_PATH];
    unsigned char *bytes;
    int64_t count;
    mbni_image image = {0};
    MBNI_TRY(join(d->root, path_of(d, p), path));
    mbn_status status = load_file(job, path, &bytes, &count);
    if (!status)
        status = mbni_image_decode(job, bytes, count, &image);
    mbni_free(job->context, bytes); /* before the picture's other memory is needed */
    if (!status)
        status = fit_picture(job->context, d, &image, pixels);
    mbni_image_free(job->context, &image);
    return status;
}

/* Skips a picture that turned out to be broken; once, whichever thread finds it first. */
static mbn_status mark_broken(mbn_context *context, const directory *d, picture *p, mbn_status status,
                              const char *reason)
{
    if (status != MBN_ERR_FORMAT && status != MBN_ERR_UNSUPPORTED)
        return status;
    if (d->options.on_broken != MBN_BROKEN_ERROR && atomic_exchange(&p->is_broken, 1))
        return MBN_OK;
    status = leave_out(context, d, path_of(d, p), status, reason);
    if (status)
        atomic_store(&p->is_broken, 0);
    return status;
}

static mbn_status directory_read(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *id,
                                 float *soft)
{
    const directory *d = dataset->self;
    picture *pictures = d->pictures.items;
    const int32_t label = pictures[index].label;
    const int64_t first = d->first[label], count = d->first[label + 1] - first;
    (void)soft;
    *id = label;
    for (int64_t k = 0; pixels && k < count; k++) {
        picture *p = &pictures[first + (index - first + k) % count];
        mbni_image_job job = job_of(dataset->context, d);
        if (atomic_load(&p->is_broken))
            continue;
        mbn_status status = decode(&job, d, p, pixels);
        if (!status)
            return MBN_OK;
        MBNI_TRY(mark_broken(dataset->context, d, p, status, job.reason));
    }
    if (!pixels)
        return MBN_OK;
    return mbni_error(MBN_ERR_FORMAT, "class folder %.200s/%.500s has no picture left that can be decoded",
                      d->root, d->names[label]);
}

static const mbni_dataset_kind DIRECTORY = {NULL, directory_read, directory_close};

static mbn_status check_option(const char *name, int64_t value, int64_t low, int64_t high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "options.%s is %lld; allowed are %lld to %lld", name,
                      (long long)value, (long long)low, (long long)high);
}

static mbn_status check_options(const char *path, const mbn_directory_options *o)
{
    if (!*path)
        return mbni_error(MBN_ERR_ARGUMENT, "argument path is empty");
    MBNI_TRY(check_option("height", o->height, 1, MAX_SIDE));
    MBNI_TRY(check_option("width", o->width, 1, MAX_SIDE));
    if (o->channels != 1 && o->channels != 3)
        return mbni_error(MBN_ERR_ARGUMENT, "options.channels is %lld; allowed are 1 and 3",
                          (long long)o->channels);
    MBNI_TRY(check_option("max_pixels", o->max_pixels, 1, MAX_PIXELS));
    MBNI_TRY(check_option("resize", o->resize, MBN_RESIZE_STRETCH, MBN_RESIZE_CROP));
    return check_option("on_broken", o->on_broken, MBN_BROKEN_SKIP, MBN_BROKEN_ERROR);
}

mbn_status mbni_dataset_directory(mbn_context *context, const char *path,
                                  const mbn_directory_options *options, mbn_dataset **out)
{
    MBNI_TRY(check_options(path, options));
    mbn_dataset *dataset =
        mbni_dataset_new(context, MBN_U8, 0, options->height, options->width, options->channels, 0);
    if (!dataset)
        return MBN_ERR_MEMORY;
    dataset->kind = &DIRECTORY;
    directory *d = dataset->self = mbni_alloc_zeroed(dataset->context, sizeof *d);
    mbn_status status = d ? MBN_OK : MBN_ERR_MEMORY;
    if (!status) {
        d->options = *options;
        d->root = mbni_strdup(dataset->context, path);
        status = d->root ? mbni_skipped_create(dataset->context, &d->skipped) : MBN_ERR_MEMORY;
    }
    if (!status)
        status = scan(dataset->context, d);
    if (status) {
        mbni_dataset_release(dataset);
        return status;
    }
    dataset->count = d->pictures.count;
    dataset->classes = d->classes;
    dataset->names = d->names;
    dataset->skipped = d->skipped;
    *out = dataset;
    return MBN_OK;
}
