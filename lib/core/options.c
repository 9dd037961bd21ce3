/* Option structs that are shorter or longer than the library's. */
#include "core/options.h"
#include <string.h>
#include "core/error.h"

#define LARGEST_STRUCT 65536

mbn_status mbni_options_read(void *known, size_t known_bytes, const void *options, const char *what)
{
    size_t given;
    const unsigned char *bytes = options;
    if (options) {
        memcpy(&given, options, sizeof given);
        if (given < sizeof given || given > LARGEST_STRUCT)
            return mbni_error(
                MBN_ERR_ARGUMENT,
                "struct_size of %s is %zu; allowed are %zu to %d (set it with the init function)", what,
                given, sizeof given, LARGEST_STRUCT);
        for (size_t i = known_bytes; i < given; i++) {
            if (bytes[i])
                return mbni_error(
                    MBN_ERR_ARGUMENT,
                    "%s set a field at byte %zu that this version of the library does not know; "
                    "it knows %zu bytes",
                    what, i, known_bytes);
        }
        memcpy(known, options, given < known_bytes ? given : known_bytes);
    }
    memcpy(known, &known_bytes, sizeof known_bytes);
    return MBN_OK;
}

void mbni_options_write(void *target, size_t struct_size, const void *source, size_t source_bytes)
{
    if (!target || struct_size < sizeof struct_size)
        return;
    size_t shared = struct_size < source_bytes ? struct_size : source_bytes;
    memcpy(target, source, shared);
    memset((unsigned char *)target + shared, 0, struct_size - shared);
    memcpy(target, &struct_size, sizeof struct_size);
}
