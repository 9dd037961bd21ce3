/* mobilenet/status.h */
#include <mobilenet/status.h>
#include <string.h>
#include "core/error.h"

MBN_API const char *mbn_status_name(mbn_status status)
{
    static const char *const names[] = {
        "MBN_OK",          "MBN_ERR_ARGUMENT", "MBN_ERR_SHAPE",       "MBN_ERR_TYPE",
        "MBN_ERR_MEMORY",  "MBN_ERR_STATE",    "MBN_ERR_BUSY",        "MBN_ERR_IO",
        "MBN_ERR_FORMAT",  "MBN_ERR_VERSION",  "MBN_ERR_UNSUPPORTED", "MBN_ERR_NOT_FOUND",
        "MBN_ERR_NUMERIC", "MBN_ERR_CALLBACK",
    };
    if (status > 0 || status < MBN_ERR_CALLBACK)
        return "unknown status";
    return names[-status];
}

MBN_API const char *mbn_last_error(void)
{
    return mbni_error_text();
}

MBN_API size_t mbn_last_error_copy(char *buffer, size_t capacity)
{
    const char *text = mbni_error_text();
    size_t needed = strlen(text) + 1;
    if (buffer && capacity > 0) {
        size_t copied = needed <= capacity ? needed - 1 : capacity - 1;
        memcpy(buffer, text, copied);
        buffer[copied] = '\0';
    }
    return needed;
}
