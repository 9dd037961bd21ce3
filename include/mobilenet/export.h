/* Marks the public functions. Nothing else of the library is visible to the linker. */
#ifndef MOBILENET_EXPORT_H
#define MOBILENET_EXPORT_H

#if defined(_WIN32)
#define MBN_API
#elif defined(__GNUC__)
#define MBN_API __attribute__((visibility("default")))
#else
#define MBN_API
#endif

#endif
