/* Files that are replaced as a whole: whoever opens the path finds the old bytes or the new ones, never a
 * part. A process that is killed leaves at most a temporary file, ".mbn-<pid>-<number>.tmp", beside them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "core/context.h"
#include "core/platform.h"

#define BUFFER_BYTES 65536
#define ATTEMPTS 100

struct mbni_replacement {
    mbn_context *context; /* a reference */
    int fd;
    mbn_status status; /* of the writes so far; after a failure nothing can be committed */
    size_t used;
    char target[PATH_MAX];    /* what is replaced, symbolic links followed */
    char temporary[PATH_MAX]; /* in the same directory */
    char directory[PATH_MAX];
    unsigned char buffer[BUFFER_BYTES];
};

/* A path may be longer than the sentence; the reason after it counts more than its end. */
static mbn_status io_error(const char *what, const char *path, int error)
{
    char reason[128];
    return mbni_error(MBN_ERR_IO, "cannot %s \"%.700s\": %s", what, path,
                      strerror_r(error, reason, sizeof reason));
}

/* Fills target and directory. *mode: the permission bits of the file that is there, or -1. */
static mbn_status find_target(mbni_replacement *file, const char *path, int *mode)
{
    struct stat about;
    *mode = -1;
    if (strlen(path) >= sizeof file->target)
        return io_error("write", path, ENAMETOOLONG);
    strcpy(file->target, path);
    if (lstat(path, &about) == 0 && S_ISLNK(about.st_mode) && !realpath(path, file->target))
        return io_error("write", path, errno);
    if (stat(file->target, &about) == 0) {
        if (!S_ISREG(about.st_mode))
            return mbni_error(MBN_ERR_IO, "cannot write \"%.700s\": it is %s", path,
                              S_ISDIR(about.st_mode) ? "a directory" : "not a regular file");
        /* A file that its owner protected is not replaced, though its directory would allow it. */
        if (access(file->target, W_OK))
            return io_error("write", path, errno);
        *mode = (int)(about.st_mode & 0777);
    } else if (errno != ENOENT) {
        return io_error("write", path, errno);
    }
    const char *slash = strrchr(file->target, '/');
    size_t length = slash ? (size_t)(slash - file->target) + 1 : 0;
    memcpy(file->directory, file->target, length);
    strcpy(file->directory + length, length ? "" : "./");
    return file->target[length] ? MBN_OK : io_error("write", path, length ? EISDIR : ENOENT);
}

static mbn_status open_temporary(mbni_replacement *file, const char *path)
{
    static atomic_uint counter;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        unsigned number = atomic_fetch_add(&counter, 1) * 2654435761u ^ (unsigned)now.tv_nsec;
        int needed = snprintf(file->temporary, sizeof file->temporary, "%s.mbn-%ld-%08x.tmp", file->directory,
                              (long)getpid(), number);
        if (needed < 0 || needed >= (int)sizeof file->temporary)
            return io_error("write", path, ENAMETOOLONG);
        file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd >= 0)
            return MBN_OK;
        if (errno != EEXIST)
            break;
    }
    return io_error("write a file beside", path, errno);
}

/* Frees everything; the temporary file is removed unless it has got its name. */
static void finish(mbni_replacement *file, int renamed)
{
    mbn_context *context = file->context;
    if (file->fd >= 0)
        close(file->fd);
    if (file->temporary[0] && !renamed)
        unlink(file->temporary);
    mbni_free(context, file);
    mbni_context_release(context);
}

mbn_status mbni_replacement_open(mbn_context *context, const char *path, mbni_replacement **out)
{
    int mode;
    *out = NULL;
    context = mbni_context_retain(context);
    if (!context)
        return MBN_ERR_MEMORY;
    mbni_replacement *file = mbni_alloc(context, sizeof *file);
    if (!file) {
        mbni_context_release(context);
        return MBN_ERR_MEMORY;
    }
    file->context = context;
    file->fd = -1;
    file->status = MBN_OK;
    file->used = 0;
    file->temporary[0] = '\0';
    mbn_status status = find_target(file, path, &mode);
    if (!status) {
        status = open_temporary(file, path);
        if (status)
            file->temporary[0] = '\0'; /* not ours */
    }
    if (!status && mode >= 0 && fchmod(file->fd, (mode_t)mode))
        status = io_error("set the permissions of", file->temporary, errno);
    if (status)
        finish(file, 0);
    else
        *out = file;
    return status;
}

static mbn_status write_all(mbni_replacement *file, const unsigned char *data, size_t bytes)
{
    while (bytes > 0 && !file->status) {
        size_t part = bytes < ((size_t)1 << 30) ? bytes : (size_t)1 << 30;
        ssize_t written = write(file->fd, data, part);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return file->status = io_error("write", file->target, written < 0 ? errno : ENOSPC);
        data += written;
        bytes -= (size_t)written;
    }
    return file->status;
}

static mbn_status flush_buffer(mbni_replacement *file)
{
    size_t used = file->used;
    file->used = 0;
    return write_all(file, file->buffer, used);
}

mbn_status mbni_replacement_write(mbni_replacement *file, const void *data, int64_t bytes)
{
    if (bytes <= 0)
        return MBN_OK;
    if ((uint64_t)bytes > sizeof file->buffer - file->used)
        MBNI_TRY(flush_buffer(file));
    if ((uint64_t)bytes >= sizeof file->buffer)
        return write_all(file, data, (size_t)bytes);
    memcpy(file->buffer + file->used, data, (size_t)bytes);
    file->used += (size_t)bytes;
    return MBN_OK;
}

/* Makes the rename itself last through a loss of power. Not every file system can, and the new file is in its
 * place by now, so a failure is not one of the commit. */
static void sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

mbn_status mbni_replacement_commit(mbni_replacement *file)
{
    int renamed = 0;
    mbn_status status = flush_buffer(file);
    if (!status && fsync(file->fd))
        status = io_error("sync", file->target, errno);
    if (!status) {
        int failed = close(file->fd);
        file->fd = -1;
        if (failed)
            status = io_error("write", file->target, errno);
    }
    if (!status && rename(file->temporary, file->target))
        status = io_error("replace", file->target, errno);
    if (!status) {
        renamed = 1;
        sync_directory(file->directory);
    }
    finish(file, renamed);
    return status;
}

void mbni_replacement_discard(mbni_replacement *file)
{
    if (file)
        finish(file, 0);
}
