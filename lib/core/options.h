/* Option structs of any age. A caller compiled with an older header hands in a shorter struct, one with a
 * newer header a longer one; struct_size tells. */
#ifndef MBNI_CORE_OPTIONS_H
#define MBNI_CORE_OPTIONS_H

#include <mobilenet/status.h>

/* Copies the caller's options over `known`, which holds the defaults and whose size is known_bytes. Fields
 * that the caller's struct lacks keep their default. MBN_ERR_ARGUMENT, naming `what`, when struct_size is
 * below sizeof(size_t) or above 65536 or a byte beyond what this library knows is not zero. NULL options
 * leave the defaults. On return known's struct_size is known_bytes. */
mbn_status mbni_options_read(void *known, size_t known_bytes, const void *options, const char *what);

/* Fills the caller's struct of struct_size bytes from `source` (source_bytes): what both have is copied, what
 * only the caller has is cleared, and its struct_size is set. Nothing beyond struct_size is written. */
void mbni_options_write(void *target, size_t struct_size, const void *source, size_t source_bytes);

#endif
