/* Sections to bytes and back: blocks of elements, byte-shuffled and deflated, or stored as they are. */
#ifndef MBNI_IO_CODEC_H
#define MBNI_IO_CODEC_H

#include <zlib.h>
#include "io/bytes.h"
#include "io/format.h"

/* Fills `raw` with elements [first, first + count) in file order of bytes. */
typedef mbn_status (*mbni_produce_fn)(void *user, int64_t first, int64_t count, unsigned char *raw);
/* Takes elements [first, first + count). */
typedef mbn_status (*mbni_consume_fn)(void *user, int64_t first, int64_t count, const unsigned char *raw);

/* One for all sections of a file; it holds three buffers of at most 512 KiB and zlib's state. */
typedef struct mbni_codec {
    mbn_context *context;
    unsigned char *raw, *planes, *packed;
    z_stream stream;
    int32_t deflating, inflating; /* the stream is live */
} mbni_codec;

mbn_status mbni_codec_init(mbni_codec *codec, mbn_context *context);
void mbni_codec_free(mbni_codec *codec);

/* Writes section->count elements; sets offset, stored, raw and crc. level 1 to 9: zlib; 0: stored. */
mbn_status mbni_section_encode(mbni_codec *codec, mbni_sink *sink, int32_t level, mbni_section *section,
                               mbni_produce_fn produce, void *user);
/* Compares the CRC of the stored bytes with the table's. */
mbn_status mbni_section_verify(mbni_codec *codec, mbni_source *source, const mbni_section *section);
/* Hands all elements of a section to consume; MBN_ERR_FORMAT when it holds more or fewer than it says. */
mbn_status mbni_section_decode(mbni_codec *codec, mbni_source *source, const mbni_section *section,
                               mbni_consume_fn consume, void *user);

#endif
