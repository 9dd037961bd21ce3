/* Binary PPM (P6) and PGM (P5) of Netpbm: a short text header, then pixels of one or two bytes. Of several
 * pictures in a file the first is read. The text variants P2 and P3 are not. */
#include <string.h>
#include "data/image.h"

enum { MAX_SIDE = 65535 * 16, MAX_VALUE = 65535 };

typedef struct header {
    int64_t width, height, max_value, data_at;
} header;

/* The next number at *at, behind white space and comments, each of which ends its line. -1: there is none. */
static int64_t next_number(const unsigned char *bytes, int64_t count, int64_t *at, int64_t limit)
{
    int64_t i = *at, value = 0;
    while (i < count && (strchr(" \t\n\v\f\r#", bytes[i]) && bytes[i])) {
        if (bytes[i] == '#')
            while (i < count && bytes[i] != '\n' && bytes[i] != '\r')
                i++;
        else
            i++;
    }
    const int64_t begin = i;
    for (; i < count && bytes[i] >= '0' && bytes[i] <= '9'; i++) {
        value = value * 10 + (bytes[i] - '0');
        if (value > limit)
            return -1;
    }
    *at = i;
    return i > begin ? value : -1;
}

/* Only the first 4096 bytes are looked at. */
static mbn_status read_header(mbni_image_job *job, const unsigned char *bytes, int64_t count, header *h)
{
    int64_t at = 2;
    count = count < 4096 ? count : 4096;
    h->width = next_number(bytes, count, &at, MAX_SIDE);
    h->height = h->width < 0 ? -1 : next_number(bytes, count, &at, MAX_SIDE);
    h->max_value = h->height < 0 ? -1 : next_number(bytes, count, &at, MAX_VALUE);
    const bool ends = at < count && bytes[at] && strchr(" \t\n\v\f\r", bytes[at]);
    if (h->max_value < 1 || !ends)
        return mbni_image_fault(job, MBN_ERR_FORMAT, "a PPM or PGM file whose header is cut or damaged");
    h->data_at = at + 1;
    return MBN_OK;
}

mbn_status mbni_ppm_header(mbni_image_job *job, const unsigned char *bytes, int64_t count,
                           mbni_image_info *info)
{
    header h;
    MBNI_TRY(read_header(job, bytes, count, &h));
    info->height = h.height;
    info->width = h.width;
    return MBN_OK;
}

/* Values of 0 to max_value become 0 to 255, rounded. What is above max_value counts as it. */
static void scale(const unsigned char *source, int64_t count, int64_t max_value, unsigned char *target)
{
    const int64_t bytes = max_value > 255 ? 2 : 1;
    if (max_value == 255) {
        memcpy(target, source, (size_t)count);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t value = bytes == 2 ? source[2 * i] << 8 | source[2 * i + 1] : source[i];
        value = value > max_value ? max_value : value;
        target[i] = (unsigned char)((value * 255 + max_value / 2) / max_value);
    }
}

mbn_status mbni_ppm_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count, mbni_image *image)
{
    header h;
    MBNI_TRY(read_header(job, bytes, count, &h));
    image->channels = bytes[1] == '6' ? 3 : 1;
    const int64_t values = image->height * image->width * image->channels;
    const int64_t needed = values * (h.max_value > 255 ? 2 : 1);
    if (count - h.data_at < needed)
        return mbni_image_fault(job, MBN_ERR_FORMAT,
                                "a PPM or PGM file that is cut: %lld of %lld bytes of pixels",
                                (long long)(count - h.data_at), (long long)needed);
    MBNI_TRY(mbni_image_alloc(job->context, image));
    scale(bytes + h.data_at, values, h.max_value, image->pixels);
    return MBN_OK;
}
