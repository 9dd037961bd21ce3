/* Cores, threads, time and files of POSIX systems. Files that are replaced are in replacement.c. */
#include "core/platform.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "core/error.h"

#define MAX_CPUS 65536

#if defined(__linux__)
/* The set of CPUs may be larger than cpu_set_t; the kernel says EINVAL until ours is large enough. */
static int32_t affinity_cores(void)
{
    for (int cpus = CPU_SETSIZE; cpus <= MAX_CPUS; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set)
            return 0;
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        int failed = sched_getaffinity(0, bytes, set);
        int reason = errno;
        int32_t count = failed ? 0 : (int32_t)CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (!failed || reason != EINVAL)
            return count;
    }
    return 0;
}
#else
static int32_t affinity_cores(void)
{
    return 0;
}
#endif

int32_t mbni_platform_cores(void)
{
    int32_t cores = affinity_cores();
    if (cores < 1)
        cores = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores;
}

double mbni_platform_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool mbni_platform_thread(pthread_t *thread, void *(*run)(void *data), void *data)
{
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before))
        return false;
    const bool started = pthread_create(thread, NULL, run, data) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void mbni_platform_yield(void)
{
    sched_yield();
}

int mbni_platform_is_terminal(FILE *stream)
{
    return isatty(fileno(stream));
}

mbn_status mbni_file_open(const char *path, mbni_file *file)
{
    struct stat about;
    char reason[128];
    file->stream = NULL;
    file->bytes = 0;
    /* Without O_NONBLOCK a named pipe would wait for its writer before it can be refused. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &about)) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return mbni_error(MBN_ERR_IO, "cannot open \"%.700s\": %s", path,
                          strerror_r(error, reason, sizeof reason));
    }
    if (!S_ISREG(about.st_mode)) {
        close(fd);
        return mbni_error(MBN_ERR_IO, "cannot open \"%.700s\": it is %s", path,
                          S_ISDIR(about.st_mode) ? "a directory" : "not a regular file");
    }
    file->stream = fdopen(fd, "rb");
    if (!file->stream) {
        close(fd);
        return mbni_error(MBN_ERR_IO, "cannot open \"%.700s\": no memory for a stream", path);
    }
    file->bytes = (int64_t)about.st_size;
    return MBN_OK;
}

mbn_status mbni_file_read(mbni_file *file, const char *path, int64_t offset, void *target, int64_t bytes)
{
    char reason[128];
    if (offset < 0 || bytes < 0 || offset > file->bytes || bytes > file->bytes - offset)
        return mbni_error(MBN_ERR_IO, "cannot read %lld bytes at byte %lld of \"%.700s\": it has %lld bytes",
                          (long long)bytes, (long long)offset, path, (long long)file->bytes);
    if (fseeko(file->stream, (off_t)offset, SEEK_SET))
        return mbni_error(MBN_ERR_IO, "cannot seek in \"%.700s\": %s", path,
                          strerror_r(errno, reason, sizeof reason));
    if (bytes > 0 && fread(target, 1, (size_t)bytes, file->stream) != (size_t)bytes) {
        int error = errno;
        if (ferror(file->stream))
            return mbni_error(MBN_ERR_IO, "cannot read \"%.700s\": %s", path,
                              strerror_r(error, reason, sizeof reason));
        return mbni_error(MBN_ERR_IO, "cannot read \"%.700s\": it became shorter meanwhile", path);
    }
    return MBN_OK;
}

void mbni_file_close(mbni_file *file)
{
    if (file->stream)
        fclose(file->stream);
    file->stream = NULL;
}

mbn_status mbni_platform_can_make(const char *path)
{
    char directory[PATH_MAX], reason[128];
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    struct stat about;
    if (length >= sizeof directory)
        return mbni_error(MBN_ERR_IO, "path \"%.700s\" is too long", path);
    memcpy(directory, path, length);
    strcpy(directory + length, length ? "" : ".");
    if (stat(directory, &about) || access(directory, W_OK | X_OK))
        return mbni_error(MBN_ERR_IO, "cannot write into directory \"%.700s\": %s", directory,
                          strerror_r(errno, reason, sizeof reason));
    if (!S_ISDIR(about.st_mode))
        return mbni_error(MBN_ERR_IO, "cannot write into \"%.700s\": it is no directory", directory);
    return MBN_OK;
}

mbn_status mbni_platform_remove(const char *path)
{
    char reason[128];
    if (unlink(path) && errno != ENOENT)
        return mbni_error(MBN_ERR_IO, "cannot remove \"%.700s\": %s", path,
                          strerror_r(errno, reason, sizeof reason));
    return MBN_OK;
}
