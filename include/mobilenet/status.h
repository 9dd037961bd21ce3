/* Status codes and the sentence that explains the last failure.
 *
 * Every call that can fail returns an mbn_status: 0 when all is well, else one of the negative codes below,
 * whose values never change. The code is for the program; mbn_last_error() has a sentence for people, which
 * names the call, the argument, the value given and what is allowed. */
#ifndef MOBILENET_STATUS_H
#define MOBILENET_STATUS_H

#include <mobilenet/export.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** MBN_OK, or one of the negative codes below. */
typedef int32_t mbn_status;

enum {
    MBN_OK = 0,
    MBN_ERR_ARGUMENT = -1,     /* an argument or option is outside what is allowed */
    MBN_ERR_SHAPE = -2,        /* the shape of a tensor or layer does not fit */
    MBN_ERR_TYPE = -3,         /* the element type does not fit */
    MBN_ERR_MEMORY = -4,       /* an allocation failed, or a size is more than the machine can address */
    MBN_ERR_STATE = -5,        /* the object is not ready for this call (not built, not compiled, ...) */
    MBN_ERR_BUSY = -6,         /* the model is in use by another call that excludes this one */
    MBN_ERR_IO = -7,           /* the operating system could not open, read, write or rename a file */
    MBN_ERR_FORMAT = -8,       /* a file is damaged or is not what it should be */
    MBN_ERR_VERSION = -9,      /* a file was written by a newer version of the library */
    MBN_ERR_UNSUPPORTED = -10, /* this build of the library cannot do it */
    MBN_ERR_NOT_FOUND = -11,   /* no layer, parameter, column or file of that name */
    MBN_ERR_NUMERIC = -12,     /* a loss became NaN or infinite */
    MBN_ERR_CALLBACK = -13     /* a callback of the caller reported failure */
};

/** The name of a status code, e.g. "MBN_ERR_SHAPE"; "unknown status" for any other number. A constant. Any
 * thread. */
MBN_API const char *mbn_status_name(mbn_status status);

/** The sentence that explains the last failure of a libmobilenet call on this thread; "" when none failed
 * yet. Lent: valid until the next libmobilenet call of this thread. */
MBN_API const char *mbn_last_error(void);

/** Copies the sentence of mbn_last_error into a buffer, for bindings that may switch threads.
 *  @param buffer    receives the text, cut if need be, always closed by a NUL; may be NULL when capacity is 0
 *  @param capacity  bytes in buffer
 *  @return the bytes that the whole text needs, with its NUL */
MBN_API size_t mbn_last_error_copy(char *buffer, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
