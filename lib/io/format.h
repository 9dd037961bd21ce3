/* The constants of docs/mbn-format.md, and a row of a file's table of sections. */
#ifndef MBNI_IO_FORMAT_H
#define MBNI_IO_FORMAT_H

#include <stdint.h>
#include <mobilenet/types.h>

#define MBNI_MBN_MAGIC "\x89MBN\r\n\x1a\n"
#define MBNI_MBN_END_MAGIC "MBNE"
enum {
    MBNI_MBN_MAJOR = 1,
    MBNI_MBN_MINOR = 0,
    MBNI_MBN_HEADER_BYTES = 16,
    MBNI_MBN_TRAILER_BYTES = 36,
    MBNI_MBN_ROW_BYTES = 59, /* the smallest row: rank 1 and a name of one byte */
    MBNI_MBN_MAX_SECTIONS = 65536,
    MBNI_MBN_MAX_LAYERS = 4096,
    MBNI_MBN_MAX_FIELDS = 64,
    MBNI_MBN_MAX_NETWORK_BYTES = 16 << 20,
    MBNI_MBN_NAME_BYTES = 256, /* of a section, with a NUL in memory */
    MBNI_MBN_BLOCK = 65536,    /* elements that are shuffled together */
    MBNI_MBN_MAX_RATIO = 1032  /* of deflate: a match of 258 bytes takes at least two bits */
};

enum {
    MBNI_SECTION_NETWORK = 1,
    MBNI_SECTION_PREPROCESSING = 2,
    MBNI_SECTION_LABELS = 3,
    MBNI_SECTION_TENSOR = 4,
    MBNI_SECTION_RECORD = 5
};
enum { MBNI_SECTION_OPTIONAL = 1 };
enum { MBNI_CODEC_STORED = 0, MBNI_CODEC_ZLIB = 1 };
enum {
    MBNI_ELEMENT_U8 = 0,
    MBNI_ELEMENT_F32 = 1,
    MBNI_ELEMENT_F16 = 2,
    MBNI_ELEMENT_BF16 = 3,
    MBNI_ELEMENT_I64 = 4,
    MBNI_ELEMENT_F64 = 5
};

typedef struct mbni_section {
    uint32_t kind, flags, codec, element;
    int64_t offset, stored, raw;
    uint32_t crc; /* of the stored bytes */
    int32_t rank;
    int64_t dims[MBN_MAX_RANK];
    int64_t count; /* the product of dims */
    char name[MBNI_MBN_NAME_BYTES];
} mbni_section;

/* Bytes of one element; 0 for an unknown one. */
static inline int64_t mbni_element_bytes(uint32_t element)
{
    static const int64_t bytes[] = {1, 4, 2, 2, 8, 8};
    return element < sizeof bytes / sizeof *bytes ? bytes[element] : 0;
}

#endif
