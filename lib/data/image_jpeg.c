/* JPEG by libjpeg (libjpeg-turbo), with its errors brought back by longjmp. A picture that is to become much
 * smaller is decoded at a half, a quarter or an eighth of its size, which is where most of the time goes.
 * Damaged data, which libjpeg would fill up with grey, is refused. Pictures are turned as EXIF says they were
 * taken. libjpeg is not linked: it is opened when the first JPEG file is met, so that programs that read none
 * need not have it. Without MBNI_HAVE_JPEG nothing of it is compiled. */
#include "data/image.h"

#if defined(MBNI_HAVE_JPEG)
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
/* These want stdio.h before them. */
#include <jpeglib.h>
#include <jerror.h>

#if JPEG_LIB_VERSION >= 80
#define LIBRARY "libjpeg.so.8"
#elif JPEG_LIB_VERSION >= 70
#define LIBRARY "libjpeg.so.7"
#else
#define LIBRARY "libjpeg.so.62"
#endif

/* A progressive file may have as many scans as it likes, and each goes over the whole picture. */
enum { MAX_SCANS = 100, EXIF_MARKER = JPEG_APP0 + 1 };

#define FUNCTIONS(F)      \
    F(std_error)          \
    F(CreateDecompress)   \
    F(destroy_decompress) \
    F(mem_src)            \
    F(save_markers)       \
    F(read_header)        \
    F(start_decompress)   \
    F(read_scanlines)     \
    F(finish_decompress)

#define MEMBER(name) __typeof__(jpeg_##name) *(name);
static struct {
    FUNCTIONS(MEMBER)
} lib;
#undef MEMBER

static const char *missing; /* NULL: lib is complete */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
#define NAME(name) "jpeg_" #name,
    static const char *const NAMES[] = {FUNCTIONS(NAME)};
#undef NAME
    void *found[sizeof NAMES / sizeof *NAMES];
    _Static_assert(sizeof found == sizeof lib, "pointers of one size");
    missing = mbni_library_load(LIBRARY, (int)(sizeof NAMES / sizeof *NAMES), NAMES, found);
    if (!missing)
        memcpy(&lib, found, sizeof lib);
}

mbn_status mbni_jpeg_ready(mbni_image_job *job)
{
    pthread_once(&once, load);
    if (missing)
        return mbni_image_fault(job, MBN_ERR_UNSUPPORTED, "a JPEG file, for which %s cannot be used: %s",
                                LIBRARY, missing);
    return MBN_OK;
}

typedef struct reading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf out;
    mbni_image_job *job;
    mbni_image *image;
    unsigned char *line; /* of four inks, where there are such */
    mbn_status status;
} reading;

static void leave(reading *r, mbn_status status)
{
    r->status = status;
    longjmp(r->out, 1);
}

static void fail(j_common_ptr jpeg)
{
    reading *r = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY) {
        mbni_error(MBN_ERR_MEMORY, "no memory for libjpeg");
        leave(r, MBN_ERR_MEMORY);
    }
    jpeg->err->format_message(jpeg, text);
    mbni_image_fault(r->job, MBN_ERR_FORMAT, "a JPEG file that is damaged: %.100s", text);
    leave(r, MBN_ERR_FORMAT);
}

/* Level -1 is a warning that data is damaged. Bytes that do not belong there, and a superfluous mark of
 * Adobe's, do no harm. */
static void message(j_common_ptr jpeg, int level)
{
    const int code = jpeg->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM)
        fail(jpeg);
}

static void progress(j_common_ptr jpeg)
{
    reading *r = jpeg->client_data;
    if (r->jpeg.input_scan_number > MAX_SCANS) {
        mbni_image_fault(r->job, MBN_ERR_FORMAT, "a JPEG file of more than %d scans", MAX_SCANS);
        leave(r, MBN_ERR_FORMAT);
    }
}

static unsigned number_at(const unsigned char *p, int bytes, bool little)
{
    unsigned value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[little ? bytes - 1 - i : i];
    return value;
}

/* The orientation, 1 to 8, of an EXIF segment: a TIFF header and its first table of 12-byte rows. 1 where
 * there is none. */
static int orientation(const unsigned char *p, unsigned count)
{
    if (count < 14 || memcmp(p, "Exif\0\0", 6) != 0)
        return 1;
    p += 6;
    count -= 6;
    const bool little = p[0] == 'I';
    if (p[0] != p[1] || (p[0] != 'I' && p[0] != 'M') || number_at(p + 2, 2, little) != 42)
        return 1;
    const unsigned table = number_at(p + 4, 4, little);
    if (table > count || count - table < 2)
        return 1;
    const unsigned rows = number_at(p + table, 2, little);
    for (unsigned i = 0; i < rows && (count - table - 2) / 12 > i; i++) {
        const unsigned char *row = p + table + 2 + 12 * i;
        const unsigned value = number_at(row + 8, 2, little);
        if (number_at(row, 2, little) == 0x0112)
            return number_at(row + 2, 2, little) == 3 && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static int marked_orientation(const reading *r)
{
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next)
        if (m->marker == EXIF_MARKER)
            return orientation(m->data, m->data_length);
    return 1;
}

/* The picture as it was seen: orientations from 5 on change rows for columns. */
static mbn_status turn(reading *r, int how)
{
    const bool swap = how >= 5, from_below = how == 3 || how == 4 || how == 6 || how == 7;
    const bool from_right = how == 2 || how == 3 || how == 7 || how == 8;
    const mbni_image from = *r->image;
    mbni_image to = {NULL, swap ? from.width : from.height, swap ? from.height : from.width, from.channels};
    if (how == 1)
        return MBN_OK;
    MBNI_TRY(mbni_image_alloc(r->job->context, &to));
    for (int64_t y = 0; y < to.height; y++)
        for (int64_t x = 0; x < to.width; x++) {
            int64_t row = swap ? x : y, column = swap ? y : x;
            row = from_below ? from.height - 1 - row : row;
            column = from_right ? from.width - 1 - column : column;
            memcpy(to.pixels + (y * to.width + x) * to.channels,
                   from.pixels + (row * from.width + column) * from.channels, (size_t)to.channels);
        }
    mbni_free(r->job->context, from.pixels);
    *r->image = to;
    return MBN_OK;
}

/* The smallest of the sizes that libjpeg decodes to quickly and that has all the pixels asked for. */
static void choose_scale(reading *r, int how)
{
    const int64_t height = how >= 5 ? r->job->width : r->job->height;
    const int64_t width = how >= 5 ? r->job->height : r->job->width;
    r->jpeg.scale_num = r->jpeg.scale_denom = 1;
    for (unsigned by = 2; by <= 8 && height > 0 && width > 0; by *= 2)
        if (r->jpeg.image_height / by >= height && r->jpeg.image_width / by >= width)
            r->jpeg.scale_denom = by;
}

/* Four inks to three colours. Adobe's programs store how much light is left instead of how much ink is there.
 */
static void mix(const unsigned char *inks, bool is_light, int64_t count, unsigned char *target)
{
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++) {
            const int ink = inks[4 * i + c], black = inks[4 * i + 3];
            const int product = is_light ? ink * black : (255 - ink) * (255 - black);
            target[3 * i + c] = (unsigned char)((product + 127) / 255);
        }
}

static mbn_status read_lines(reading *r)
{
    mbni_image *image = r->image;
    const bool inks = r->jpeg.out_color_space == JCS_CMYK;
    image->height = r->jpeg.output_height;
    image->width = r->jpeg.output_width;
    image->channels = r->jpeg.out_color_space == JCS_GRAYSCALE ? 1 : 3;
    MBNI_TRY(mbni_image_alloc(r->job->context, image));
    if (inks && !(r->line = mbni_alloc(r->job->context, 4 * image->width)))
        return MBN_ERR_MEMORY;
    for (int64_t y = 0; y < image->height; y++) {
        unsigned char *row = image->pixels + y * image->width * image->channels;
        JSAMPROW target = inks ? r->line : row;
        if (lib.read_scanlines(&r->jpeg, &target, 1) != 1)
            return mbni_image_fault(r->job, MBN_ERR_FORMAT, "a JPEG file that ends too early");
        if (inks)
            mix(r->line, r->jpeg.saw_Adobe_marker, image->width, row);
    }
    (void)lib.finish_decompress(&r->jpeg);
    return MBN_OK;
}

static mbn_status read_picture(reading *r, const unsigned char *bytes, int64_t count)
{
    lib.CreateDecompress(&r->jpeg, JPEG_LIB_VERSION, sizeof r->jpeg);
    r->progress.progress_monitor = progress;
    r->jpeg.progress = &r->progress;
    lib.save_markers(&r->jpeg, EXIF_MARKER, 0xffff);
    lib.mem_src(&r->jpeg, bytes, (unsigned long)count);
    (void)lib.read_header(&r->jpeg, TRUE);
    if (r->jpeg.image_height != r->image->height || r->jpeg.image_width != r->image->width)
        return mbni_image_fault(r->job, MBN_ERR_FORMAT, "a JPEG file with two headers");
    const int how = marked_orientation(r);
    const J_COLOR_SPACE space = r->jpeg.jpeg_color_space;
    r->jpeg.out_color_space = space == JCS_GRAYSCALE                   ? JCS_GRAYSCALE
                              : space == JCS_CMYK || space == JCS_YCCK ? JCS_CMYK
                                                                       : JCS_RGB;
    choose_scale(r, how);
    (void)lib.start_decompress(&r->jpeg);
    MBNI_TRY(read_lines(r));
    return turn(r, how);
}

/* In a function of its own: what changes between setjmp and longjmp is in *r. */
static mbn_status guarded(reading *r, const unsigned char *bytes, int64_t count)
{
    return setjmp(r->out) ? r->status : read_picture(r, bytes, count);
}

static void be_quiet(j_common_ptr jpeg)
{
    (void)jpeg;
}

mbn_status mbni_jpeg_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count, mbni_image *image)
{
    reading r = {.job = job, .image = image};
    r.jpeg.err = lib.std_error(&r.errors);
    r.errors.error_exit = fail;
    r.errors.emit_message = message;
    r.errors.output_message = be_quiet;
    r.jpeg.client_data = &r;
    mbn_status status = guarded(&r, bytes, count);
    lib.destroy_decompress(&r.jpeg);
    mbni_free(job->context, r.line);
    return status;
}

#else

mbn_status mbni_jpeg_ready(mbni_image_job *job)
{
    return mbni_image_fault(job, MBN_ERR_UNSUPPORTED,
                            "a JPEG file, and this build of the library is without libjpeg");
}

mbn_status mbni_jpeg_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count, mbni_image *image)
{
    (void)bytes, (void)count, (void)image;
    return mbni_jpeg_ready(job);
}

#endif
