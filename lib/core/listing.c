/* The names in a directory, sorted, so that what is made of them is the same on every file system. Symbolic
 * links are told apart and never followed. */
#include "core/listing.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static mbn_status fail(const char *path, const char *what, int error)
{
    char reason[128];
    return mbni_error(MBN_ERR_IO, "cannot %s \"%.700s\": %s", what, path,
                      strerror_r(error, reason, sizeof reason));
}

static mbn_status grow(mbn_context *context, mbni_listing *listing)
{
    if (listing->count < listing->capacity)
        return MBN_OK;
    const int64_t capacity = listing->capacity ? 2 * listing->capacity : 64;
    mbni_entry *entries = mbni_alloc(context, capacity * (int64_t)sizeof *entries);
    if (!entries)
        return MBN_ERR_MEMORY;
    if (listing->count)
        memcpy(entries, listing->entries, (size_t)listing->count * sizeof *entries);
    mbni_free(context, listing->entries);
    listing->entries = entries;
    listing->capacity = capacity;
    return MBN_OK;
}

static mbn_status append(mbn_context *context, DIR *directory, const char *name, mbni_listing *listing)
{
    struct stat about;
    /* What went away since it was named is not there. */
    if (fstatat(dirfd(directory), name, &about, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? MBN_OK : fail(name, "look at", errno);
    MBNI_TRY(grow(context, listing));
    mbni_entry *entry = &listing->entries[listing->count];
    entry->name = mbni_strdup(context, name);
    if (!entry->name)
        return MBN_ERR_MEMORY;
    entry->kind = S_ISREG(about.st_mode)   ? MBNI_ENTRY_FILE
                  : S_ISDIR(about.st_mode) ? MBNI_ENTRY_DIRECTORY
                                           : MBNI_ENTRY_OTHER;
    listing->count++;
    return MBN_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mbni_entry *)a)->name, ((const mbni_entry *)b)->name);
}

mbn_status mbni_listing_read(mbn_context *context, const char *path, mbni_listing *listing)
{
    *listing = (mbni_listing){0};
    DIR *directory = opendir(path);
    if (!directory)
        return fail(path, "open the directory", errno);
    mbn_status status = MBN_OK;
    while (!status) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry) {
            status = errno ? fail(path, "read the directory", errno) : MBN_OK;
            break;
        }
        if (entry->d_name[0] != '.')
            status = append(context, directory, entry->d_name, listing);
    }
    closedir(directory);
    if (status)
        mbni_listing_free(context, listing);
    else if (listing->count)
        qsort(listing->entries, (size_t)listing->count, sizeof *listing->entries, by_name);
    return status;
}

void mbni_listing_free(mbn_context *context, mbni_listing *listing)
{
    for (int64_t i = 0; i < listing->count; i++)
        mbni_free(context, listing->entries[i].name);
    mbni_free(context, listing->entries);
    *listing = (mbni_listing){0};
}
