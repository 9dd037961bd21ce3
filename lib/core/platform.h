/* The only place that knows the cores, threads, time and files of the operating system. Locks are those of
 * POSIX. */
#ifndef MBNI_CORE_PLATFORM_H
#define MBNI_CORE_PLATFORM_H

#include <mobilenet/status.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

int32_t mbni_platform_cores(void);  /* that this process may use; at least 1 */
double mbni_platform_seconds(void); /* monotonic */
void mbni_platform_yield(void);     /* gives the core to another thread */
int mbni_platform_is_terminal(FILE *stream);
/* Starts a thread that takes no signals, which are the host's; false when the system gives none. */
bool mbni_platform_thread(pthread_t *thread, void *(*run)(void *data), void *data);

/* A file being read: opened, its size known. The error names the path and the reason. */
typedef struct mbni_file {
    FILE *stream;
    int64_t bytes;
} mbni_file;
mbn_status mbni_file_open(const char *path, mbni_file *file); /* MBN_ERR_IO; a directory is refused */
mbn_status mbni_file_read(mbni_file *file, const char *path, int64_t offset, void *target,
                          int64_t bytes); /* all or MBN_ERR_IO */
void mbni_file_close(mbni_file *file);

/* A file being replaced: written aside in the same directory under a unique name; commit syncs it, renames it
 * over `path` (keeping the old file's permission bits) and syncs the directory; discard removes it. */
typedef struct mbni_replacement mbni_replacement;
struct mbn_context;
mbn_status mbni_replacement_open(struct mbn_context *context, const char *path, mbni_replacement **out);
mbn_status mbni_replacement_write(mbni_replacement *file, const void *data, int64_t bytes);
mbn_status mbni_replacement_commit(
    mbni_replacement *file); /* frees it in any case; on failure the old file is as it was */
void mbni_replacement_discard(mbni_replacement *file); /* frees it; NULL is allowed */

/* A text file that grows by lines; made if it is not there. Errors are MBN_ERR_IO and name the path. */
typedef struct mbni_appended {
    const char *path; /* lent */
    int fd;
} mbni_appended;
mbn_status mbni_appended_open(const char *path, mbni_appended *file);
/* The first bytes that there are, and the last one, if any. */
mbn_status mbni_appended_edges(const mbni_appended *file, char *start, size_t bytes, size_t *read,
                               char *last);
mbn_status mbni_appended_clear(mbni_appended *file);
mbn_status mbni_appended_write(mbni_appended *file, const char *text); /* all of it or nothing */
void mbni_appended_close(mbni_appended *file);

/* Whether a file can be made where `path` says: MBN_ERR_IO, naming the directory, if not. */
mbn_status mbni_platform_can_make(const char *path);
/* Removes a file; one that is not there is no error. */
mbn_status mbni_platform_remove(const char *path);

#endif
