/* The version of the header, and of the library that is linked. The Makefile reads the three numbers from
 * here. */
#ifndef MOBILENET_VERSION_H
#define MOBILENET_VERSION_H

#include <mobilenet/export.h>
#include <stdint.h>

#define MBN_VERSION_MAJOR 0
#define MBN_VERSION_MINOR 1
#define MBN_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the linked library as major * 10000 + minor * 100 + patch. Any thread. */
MBN_API int32_t mbn_version(void);

/** The version of the linked library, "major.minor.patch". A constant, never freed. Any thread. */
MBN_API const char *mbn_version_string(void);

/** How the library was built: matrix product ("openblas" or "none") and compiler. A constant. Any thread. */
MBN_API const char *mbn_build_info(void);

#ifdef __cplusplus
}
#endif
#endif
