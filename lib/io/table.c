/* Header, trailer and table. Everything that a file says about sizes is checked here, before anything is
 * allocated for it: sections follow each other without gap or overlap and fill the file, a raw length is what
 * shape and element make it, and no more than deflate can have packed into the stored bytes. */
#include "io/table.h"

mbn_status mbni_header_write(mbni_sink *sink)
{
    unsigned char header[MBNI_MBN_HEADER_BYTES];
    memcpy(header, MBNI_MBN_MAGIC, 8);
    mbni_put_u16(header + 8, MBNI_MBN_MAJOR);
    mbni_put_u16(header + 10, MBNI_MBN_MINOR);
    mbni_put_u32(header + 12, (uint32_t)crc32(0, header, 12));
    return mbni_sink_write(sink, header, sizeof header);
}

void mbni_table_add(mbni_bytes *table, const mbni_section *section)
{
    mbni_bytes_u32(table, section->kind);
    mbni_bytes_u32(table, section->flags);
    mbni_bytes_u32(table, section->codec);
    mbni_bytes_u32(table, section->element);
    mbni_bytes_u64(table, (uint64_t)section->offset);
    mbni_bytes_u64(table, (uint64_t)section->stored);
    mbni_bytes_u64(table, (uint64_t)section->raw);
    mbni_bytes_u32(table, section->crc);
    mbni_bytes_u32(table, (uint32_t)section->rank);
    for (int32_t i = 0; i < section->rank; i++)
        mbni_bytes_u64(table, (uint64_t)section->dims[i]);
    mbni_bytes_string(table, section->name);
}

mbn_status mbni_table_write(mbni_sink *sink, const mbni_bytes *table, int32_t count)
{
    unsigned char trailer[MBNI_MBN_TRAILER_BYTES];
    int64_t at = sink->written;
    MBNI_TRY(table->status);
    MBNI_TRY(mbni_sink_write(sink, table->data, table->count));
    mbni_put_u64(trailer, (uint64_t)at);
    mbni_put_u64(trailer + 8, (uint64_t)(at + table->count + MBNI_MBN_TRAILER_BYTES));
    mbni_put_u32(trailer + 16, (uint32_t)table->count);
    mbni_put_u32(trailer + 20, (uint32_t)count);
    mbni_put_u32(trailer + 24, (uint32_t)crc32_z(0, table->data, (z_size_t)table->count));
    mbni_put_u32(trailer + 28, (uint32_t)crc32(0, trailer, 28));
    memcpy(trailer + 32, MBNI_MBN_END_MAGIC, 4);
    return mbni_sink_write(sink, trailer, sizeof trailer);
}

static mbn_status read_header(mbni_source *source)
{
    unsigned char header[MBNI_MBN_HEADER_BYTES];
    if (source->bytes < MBNI_MBN_HEADER_BYTES + MBNI_MBN_TRAILER_BYTES)
        return mbni_source_error(source, MBN_ERR_FORMAT, "%lld bytes are too few for an .mbn file",
                                 (long long)source->bytes);
    MBNI_TRY(mbni_source_read(source, 0, header, sizeof header));
    if (memcmp(header, MBNI_MBN_MAGIC, 8) != 0)
        return mbni_source_error(source, MBN_ERR_FORMAT, "not an .mbn file: its first 8 bytes are others");
    if (mbni_get_u32(header + 12) != (uint32_t)crc32(0, header, 12))
        return mbni_source_error(source, MBN_ERR_FORMAT, "the header is damaged: its CRC-32 does not fit");
    uint32_t major = mbni_get_u16(header + 8), minor = mbni_get_u16(header + 10);
    if (major > MBNI_MBN_MAJOR)
        return mbni_source_error(source, MBN_ERR_VERSION,
                                 "format version %u.%u; this library reads up to version %d", major, minor,
                                 MBNI_MBN_MAJOR);
    if (major < 1)
        return mbni_source_error(source, MBN_ERR_FORMAT, "format version %u.%u; the first was 1.0", major,
                                 minor);
    source->newer = major == MBNI_MBN_MAJOR && minor > MBNI_MBN_MINOR;
    return MBN_OK;
}

typedef struct table_place {
    int64_t offset, bytes;
    uint32_t crc;
    int32_t count; /* of sections */
} table_place;

static mbn_status read_trailer(mbni_source *source, table_place *table)
{
    unsigned char t[MBNI_MBN_TRAILER_BYTES];
    int64_t end = source->bytes - MBNI_MBN_TRAILER_BYTES;
    MBNI_TRY(mbni_source_read(source, end, t, sizeof t));
    if (memcmp(t + 32, MBNI_MBN_END_MAGIC, 4) != 0)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "the end is missing or damaged; the file, of %lld bytes, may be cut off",
                                 (long long)source->bytes);
    if (mbni_get_u32(t + 28) != (uint32_t)crc32(0, t, 28))
        return mbni_source_error(source, MBN_ERR_FORMAT, "the trailer is damaged: its CRC-32 does not fit");
    uint64_t at = mbni_get_u64(t), total = mbni_get_u64(t + 8);
    uint32_t sections = mbni_get_u32(t + 20);
    if (total != (uint64_t)source->bytes)
        return mbni_source_error(source, MBN_ERR_FORMAT, "the file has %lld bytes, but should have %llu",
                                 (long long)source->bytes, (unsigned long long)total);
    int64_t bytes = mbni_get_u32(t + 16);
    if (at < MBNI_MBN_HEADER_BYTES || at > (uint64_t)end || (uint64_t)bytes != (uint64_t)end - at)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "the section table (%lld bytes at byte %llu) does not end at the trailer",
                                 (long long)bytes, (unsigned long long)at);
    if (sections < 1 || sections > MBNI_MBN_MAX_SECTIONS || (int64_t)sections * MBNI_MBN_ROW_BYTES > bytes)
        return mbni_source_error(
            source, MBN_ERR_FORMAT,
            "%u sections in a table of %lld bytes; allowed are 1 to %d, each of at least %d bytes", sections,
            (long long)bytes, MBNI_MBN_MAX_SECTIONS, MBNI_MBN_ROW_BYTES);
    *table = (table_place){(int64_t)at, bytes, mbni_get_u32(t + 24), (int32_t)sections};
    return MBN_OK;
}

static mbn_status row_error(const mbni_source *source, int32_t index, const mbni_section *section,
                            const char *what, uint32_t value, uint32_t largest)
{
    return mbni_source_error(source, mbni_source_unknown(source),
                             "section %d '%s': %s is %u; allowed are 0 to %u", index, section->name, what,
                             value, largest);
}

/* Fields of a row that stand for themselves. */
static mbn_status check_kind(const mbni_source *source, int32_t index, mbni_section *section)
{
    bool known = section->kind >= MBNI_SECTION_NETWORK && section->kind <= MBNI_SECTION_RECORD;
    if (section->flags > MBNI_SECTION_OPTIONAL)
        return row_error(source, index, section, "the flag word", section->flags, MBNI_SECTION_OPTIONAL);
    if (!known && !(section->flags & MBNI_SECTION_OPTIONAL))
        return mbni_source_error(
            source, mbni_source_unknown(source),
            "section %d '%s' is of kind %u, which this version neither knows nor may skip", index,
            section->name, section->kind);
    if (!known)
        return MBN_OK; /* skipped; codec and element may be of a later version */
    if (section->codec > MBNI_CODEC_ZLIB)
        return row_error(source, index, section, "the codec", section->codec, MBNI_CODEC_ZLIB);
    if (!mbni_element_bytes(section->element))
        return row_error(source, index, section, "the element encoding", section->element, MBNI_ELEMENT_F64);
    bool fits = section->kind == MBNI_SECTION_TENSOR
                    ? section->element >= MBNI_ELEMENT_F32 && section->element <= MBNI_ELEMENT_BF16
                : section->kind == MBNI_SECTION_RECORD
                    ? section->element == MBNI_ELEMENT_F32 || section->element >= MBNI_ELEMENT_I64
                    : section->element == MBNI_ELEMENT_U8;
    if (!fits || (section->kind != MBNI_SECTION_TENSOR && section->rank != 1))
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section %d '%s': element encoding %u and rank %d are not those of kind %u",
                                 index, section->name, section->element, section->rank, section->kind);
    return MBN_OK;
}

/* Sizes: against the shape, against what deflate can do, and against the place in the file. */
static mbn_status check_sizes(const mbni_source *source, int32_t index, mbni_section *section,
                              const uint64_t place[3], int64_t next, int64_t end)
{
    int64_t width = mbni_element_bytes(section->element), raw;
    if (place[0] != (uint64_t)next)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section %d '%s' is at byte %llu; the one before ends at byte %lld", index,
                                 section->name, (unsigned long long)place[0], (long long)next);
    if (place[1] > (uint64_t)(end - next))
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section %d '%s' has %llu bytes at byte %lld; its space ends at byte %lld",
                                 index, section->name, (unsigned long long)place[1], (long long)next,
                                 (long long)end);
    section->offset = next;
    section->stored = (int64_t)place[1];
    section->raw = place[2] > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)place[2];
    if (section->kind > MBNI_SECTION_RECORD || section->kind < MBNI_SECTION_NETWORK)
        return MBN_OK;
    if (!mbni_product(section->rank, section->dims, &section->count) ||
        !mbni_mul(section->count, width, &raw) || (uint64_t)raw != place[2])
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section %d '%s': raw length %llu is not that of its shape and encoding",
                                 index, section->name, (unsigned long long)place[2]);
    if (section->codec == MBNI_CODEC_STORED ? raw != section->stored
                                            : raw / MBNI_MBN_MAX_RATIO > section->stored)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section %d '%s': %lld stored bytes cannot hold %lld raw ones", index,
                                 section->name, (long long)section->stored, (long long)raw);
    return MBN_OK;
}

static mbn_status read_row(const mbni_source *source, mbni_cursor *cursor, int32_t index, int64_t next,
                           int64_t end, mbni_section *section)
{
    uint64_t place[3];
    *section = (mbni_section){0};
    section->kind = mbni_cursor_u32(cursor);
    section->flags = mbni_cursor_u32(cursor);
    section->codec = mbni_cursor_u32(cursor);
    section->element = mbni_cursor_u32(cursor);
    for (int i = 0; i < 3; i++)
        place[i] = mbni_cursor_u64(cursor);
    section->crc = mbni_cursor_u32(cursor);
    uint32_t rank = mbni_cursor_u32(cursor);
    if (!cursor->failed && (rank < 1 || rank > MBN_MAX_RANK))
        return mbni_source_error(source, MBN_ERR_FORMAT, "section %d: rank is %u; allowed are 1 to %d", index,
                                 rank, MBN_MAX_RANK);
    section->rank = (int32_t)rank;
    for (uint32_t i = 0; i < rank && !cursor->failed; i++)
        section->dims[i] = (int64_t)mbni_cursor_u64(cursor);
    mbni_cursor_string(cursor, section->name, sizeof section->name);
    if (cursor->failed)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section %d: its row is cut off, or its name is empty or too long", index);
    MBNI_TRY(check_kind(source, index, section));
    return check_sizes(source, index, section, place, next, end);
}

static int compare_name(const mbni_section *section, uint32_t kind, const char *name)
{
    if (section->kind != kind)
        return section->kind < kind ? -1 : 1;
    return strcmp(section->name, name);
}

static int compare(const mbni_archive *archive, int32_t a, int32_t b)
{
    const mbni_section *other = &archive->sections[b];
    return compare_name(&archive->sections[a], other->kind, other->name);
}

/* Heap sort: no recursion, no memory, and no order of names that makes it slow. */
static void sift(mbni_archive *archive, int32_t root, int32_t count)
{
    int32_t *order = archive->sorted, child;
    while ((child = 2 * root + 1) < count) {
        if (child + 1 < count && compare(archive, order[child], order[child + 1]) < 0)
            child++;
        if (compare(archive, order[root], order[child]) >= 0)
            return;
        int32_t swapped = order[root];
        order[root] = order[child];
        order[child] = swapped;
        root = child;
    }
}

static mbn_status sort_sections(mbni_archive *archive)
{
    int32_t *order = archive->sorted;
    for (int32_t i = 0; i < archive->count; i++)
        order[i] = i;
    for (int32_t i = archive->count / 2 - 1; i >= 0; i--)
        sift(archive, i, archive->count);
    for (int32_t i = archive->count - 1; i > 0; i--) {
        int32_t largest = order[0];
        order[0] = order[i];
        order[i] = largest;
        sift(archive, 0, i);
    }
    for (int32_t i = 1; i < archive->count; i++)
        if (compare(archive, order[i - 1], order[i]) == 0)
            return mbni_source_error(&archive->source, MBN_ERR_FORMAT, "section '%s' occurs twice",
                                     archive->sections[order[i]].name);
    return MBN_OK;
}

static mbn_status read_rows(mbni_archive *archive, const unsigned char *table, int64_t bytes, int64_t end)
{
    mbni_source *source = &archive->source;
    mbni_cursor cursor = {table, bytes, 0, 0};
    int64_t next = MBNI_MBN_HEADER_BYTES;
    for (int32_t i = 0; i < archive->count; i++) {
        MBNI_TRY(read_row(source, &cursor, i, next, end, &archive->sections[i]));
        next += archive->sections[i].stored;
    }
    if (next != end || cursor.at != bytes)
        return mbni_source_error(
            source, MBN_ERR_FORMAT,
            "sections end at byte %lld and their table's rows at byte %lld; expected are "
            "%lld and %lld",
            (long long)next, (long long)(end + cursor.at), (long long)end, (long long)(end + bytes));
    return MBN_OK;
}

static mbn_status read_table(mbni_archive *archive)
{
    mbni_source *source = &archive->source;
    mbn_context *context = archive->context;
    table_place table = {0};
    MBNI_TRY(read_header(source));
    MBNI_TRY(read_trailer(source, &table));
    unsigned char *rows = mbni_alloc(context, table.bytes);
    if (!rows)
        return MBN_ERR_MEMORY;
    mbn_status status = mbni_source_read(source, table.offset, rows, table.bytes);
    if (!status && (uint32_t)crc32_z(0, rows, (z_size_t)table.bytes) != table.crc)
        status = mbni_source_error(source, MBN_ERR_FORMAT,
                                   "the section table at byte %lld is damaged: its CRC-32 does not fit",
                                   (long long)table.offset);
    if (!status) {
        archive->count = table.count;
        archive->sections = mbni_alloc(context, archive->count * (int64_t)sizeof(mbni_section));
        archive->sorted = mbni_alloc(context, archive->count * (int64_t)sizeof(int32_t));
        status = archive->sections && archive->sorted ? read_rows(archive, rows, table.bytes, table.offset)
                                                      : MBN_ERR_MEMORY;
    }
    mbni_free(context, rows);
    return status;
}

mbn_status mbni_archive_open(mbn_context *context, const char *path, const void *data, size_t bytes,
                             mbni_archive *archive)
{
    mbn_status status;
    *archive = (mbni_archive){.context = context};
    MBNI_TRY(mbni_source_open(&archive->source, path, data, bytes));
    if ((status = read_table(archive)) || (status = sort_sections(archive)) ||
        (status = mbni_codec_init(&archive->codec, context)))
        goto failed;
    for (int32_t i = 0; i < archive->count; i++)
        if ((status = mbni_section_verify(&archive->codec, &archive->source, &archive->sections[i])))
            goto failed;
    return MBN_OK;
failed:
    mbni_archive_close(archive);
    return status;
}

void mbni_archive_close(mbni_archive *archive)
{
    if (archive->codec.context)
        mbni_codec_free(&archive->codec);
    mbni_free(archive->context, archive->sections);
    mbni_free(archive->context, archive->sorted);
    mbni_source_close(&archive->source);
    archive->sections = NULL;
    archive->sorted = NULL;
    archive->count = 0;
}

const mbni_section *mbni_archive_find(const mbni_archive *archive, uint32_t kind, const char *name)
{
    int32_t low = 0, high = archive->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        const mbni_section *section = &archive->sections[archive->sorted[middle]];
        int order = compare_name(section, kind, name);
        if (order == 0)
            return section;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
