/* The sentence of mbn_last_error, and the name of the public call that it begins with. Thread-local. */
#ifndef MBNI_CORE_ERROR_H
#define MBNI_CORE_ERROR_H

#include <mobilenet/status.h>

/* Every public call that can fail begins with MBNI_CALL(): its name opens each sentence that follows on this
 * thread. */
#define MBNI_CALL() ((void)mbni_call_begin(__func__))

/* Sets the name of the running call, a constant string, and returns the one before it: whoever calls back
 * into the host restores it afterwards. */
const char *mbni_call_begin(const char *name);

/* Records "<call>: <text>" for mbn_last_error and returns `status`. The text names the argument, the value
 * given and what is allowed. Never allocates; text beyond 1,023 bytes is cut. */
mbn_status mbni_error(mbn_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last sentence of this thread; "" when none was recorded. */
const char *mbni_error_text(void);

#define MBNI_TRY(call)                    \
    do {                                  \
        mbn_status mbni_status_ = (call); \
        if (mbni_status_)                 \
            return mbni_status_;          \
    } while (0)

#endif
