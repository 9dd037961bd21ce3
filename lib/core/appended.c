/* Text files that grow by whole lines: logs. A line that cannot be written whole is taken back. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/error.h"
#include "core/platform.h"

static mbn_status io_error(const char *what, const char *path, int error)
{
    char reason[128];
    return mbni_error(MBN_ERR_IO, "cannot %s \"%.700s\": %s", what, path,
                      strerror_r(error, reason, sizeof reason));
}

mbn_status mbni_appended_open(const char *path, mbni_appended *file)
{
    struct stat about;
    file->path = path;
    file->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
    if (file->fd < 0)
        return io_error("open", path, errno);
    if (fstat(file->fd, &about) || !S_ISREG(about.st_mode)) {
        mbni_appended_close(file);
        return mbni_error(MBN_ERR_IO, "cannot append to \"%.700s\": it is not a regular file", path);
    }
    return MBN_OK;
}

mbn_status mbni_appended_edges(const mbni_appended *file, char *start, size_t bytes, size_t *read, char *last)
{
    struct stat about;
    *read = 0;
    if (fstat(file->fd, &about))
        return io_error("read", file->path, errno);
    while (*read < bytes) {
        ssize_t part = pread(file->fd, start + *read, bytes - *read, (off_t)*read);
        if (part < 0 && errno != EINTR)
            return io_error("read", file->path, errno);
        if (part == 0)
            break;
        *read += part > 0 ? (size_t)part : 0;
    }
    if (about.st_size > 0 && pread(file->fd, last, 1, about.st_size - 1) != 1)
        return io_error("read", file->path, errno);
    return MBN_OK;
}

mbn_status mbni_appended_clear(mbni_appended *file)
{
    return ftruncate(file->fd, 0) ? io_error("empty", file->path, errno) : MBN_OK;
}

mbn_status mbni_appended_write(mbni_appended *file, const char *text)
{
    struct stat before;
    const size_t bytes = strlen(text);
    size_t done = 0;
    if (fstat(file->fd, &before))
        return io_error("write", file->path, errno);
    while (done < bytes) {
        ssize_t written = write(file->fd, text + done, bytes - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            int error = written < 0 ? errno : ENOSPC;
            if (done > 0 && ftruncate(file->fd, before.st_size))
                error = errno;
            return io_error("write", file->path, error);
        }
        done += (size_t)written;
    }
    return MBN_OK;
}

void mbni_appended_close(mbni_appended *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}
