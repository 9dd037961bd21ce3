/* PNG by libpng, with the context's allocator. Any depth and colour type; transparency and gamma are left
 * alone, as Pillow does it. libpng is not linked: it is opened when the first PNG file is met, so that
 * programs that read none need not have it. Without MBNI_HAVE_PNG nothing of it is compiled. */
#include "data/image.h"

#if defined(MBNI_HAVE_PNG)
#include <png.h>
#include <pthread.h>
#include <setjmp.h>
#include <string.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define LIBRARY "libpng" TEXT(PNG_LIBPNG_VER_SONUM) ".so." TEXT(PNG_LIBPNG_VER_SONUM)

enum { MAX_CHUNK_BYTES = 8 << 20 }; /* of what is not pixels: profiles, texts */

#define FUNCTIONS(F)              \
    F(create_read_struct_2)       \
    F(create_info_struct)         \
    F(destroy_read_struct)        \
    F(set_longjmp_fn)             \
    F(longjmp)                    \
    F(error)                      \
    F(get_error_ptr)              \
    F(get_mem_ptr)                \
    F(get_io_ptr)                 \
    F(set_read_fn)                \
    F(set_user_limits)            \
    F(set_chunk_malloc_max)       \
    F(read_info)                  \
    F(get_image_width)            \
    F(get_image_height)           \
    F(set_palette_to_rgb)         \
    F(set_expand_gray_1_2_4_to_8) \
    F(set_scale_16)               \
    F(set_strip_alpha)            \
    F(set_interlace_handling)     \
    F(get_color_type)             \
    F(read_update_info)           \
    F(get_channels)               \
    F(get_rowbytes)               \
    F(read_row)                   \
    F(read_end)

#define MEMBER(name) __typeof__(png_##name) *(name);
static struct {
    FUNCTIONS(MEMBER)
} lib;
#undef MEMBER

static const char *missing; /* NULL: lib is complete */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
#define NAME(name) "png_" #name,
    static const char *const NAMES[] = {FUNCTIONS(NAME)};
#undef NAME
    void *found[sizeof NAMES / sizeof *NAMES];
    _Static_assert(sizeof found == sizeof lib, "pointers of one size");
    missing = mbni_library_load(LIBRARY, (int)(sizeof NAMES / sizeof *NAMES), NAMES, found);
    if (!missing)
        memcpy(&lib, found, sizeof lib);
}

mbn_status mbni_png_ready(mbni_image_job *job)
{
    pthread_once(&once, load);
    if (missing)
        return mbni_image_fault(job, MBN_ERR_UNSUPPORTED, "a PNG file, for which %s cannot be used: %s",
                                LIBRARY, missing);
    return MBN_OK;
}

typedef struct reading {
    mbni_image_job *job;
    const unsigned char *bytes;
    int64_t left;
    mbni_image *image;
    png_structp png;
    png_infop info;
    bool no_memory;
} reading;

static png_voidp allocate(png_structp png, png_alloc_size_t bytes)
{
    reading *r = lib.get_mem_ptr(png);
    void *memory = mbni_alloc(r->job->context, bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX);
    r->no_memory |= !memory;
    return memory;
}

static void deallocate(png_structp png, png_voidp memory)
{
    const reading *r = lib.get_mem_ptr(png);
    mbni_free(r->job->context, memory);
}

static void fail(png_structp png, png_const_charp message)
{
    const reading *r = lib.get_error_ptr(png);
    mbni_image_fault(r->job, MBN_ERR_FORMAT, "a PNG file that is damaged: %s", message);
    lib.longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void give(png_structp png, png_bytep target, size_t count)
{
    reading *r = lib.get_io_ptr(png);
    if ((uint64_t)r->left < count)
        lib.error(png, "it ends too early");
    memcpy(target, r->bytes, count);
    r->bytes += count;
    r->left -= (int64_t)count;
}

/* Whatever the file has becomes 8 bits of grey or of three colours. */
static mbn_status set_up(reading *r)
{
    lib.set_read_fn(r->png, r, give);
    lib.set_user_limits(r->png, 0x7fffffff, 0x7fffffff);
    lib.set_chunk_malloc_max(r->png, MAX_CHUNK_BYTES);
    lib.read_info(r->png, r->info);
    if (lib.get_image_height(r->png, r->info) != r->image->height ||
        lib.get_image_width(r->png, r->info) != r->image->width)
        lib.error(r->png, "two headers");
    const int type = lib.get_color_type(r->png, r->info);
    if (type == PNG_COLOR_TYPE_PALETTE)
        lib.set_palette_to_rgb(r->png);
    if (type == PNG_COLOR_TYPE_GRAY)
        lib.set_expand_gray_1_2_4_to_8(r->png);
    lib.set_scale_16(r->png);
    lib.set_strip_alpha(r->png);
    return MBN_OK;
}

static mbn_status read_rows(reading *r)
{
    mbni_image *image = r->image;
    const int passes = lib.set_interlace_handling(r->png);
    lib.read_update_info(r->png, r->info);
    image->channels = lib.get_channels(r->png, r->info);
    if ((image->channels != 1 && image->channels != 3) ||
        lib.get_rowbytes(r->png, r->info) != (size_t)(image->width * image->channels))
        lib.error(r->png, "its pixels are of no known kind");
    MBNI_TRY(mbni_image_alloc(r->job->context, image));
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < image->height; y++)
            lib.read_row(r->png, image->pixels + y * image->width * image->channels, NULL);
    lib.read_end(r->png, NULL);
    return MBN_OK;
}

/* In a function of its own: what changes between setjmp and longjmp is in *r. */
static mbn_status guarded(reading *r)
{
    if (setjmp(*lib.set_longjmp_fn(r->png, longjmp, sizeof(jmp_buf))))
        return r->no_memory ? MBN_ERR_MEMORY : MBN_ERR_FORMAT;
    mbn_status status = set_up(r);
    return status ? status : read_rows(r);
}

mbn_status mbni_png_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count, mbni_image *image)
{
    reading r = {.job = job, .bytes = bytes, .left = count, .image = image};
    r.png = lib.create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, fail, ignore, &r, allocate, deallocate);
    r.info = r.png ? lib.create_info_struct(r.png) : NULL;
    mbn_status status = MBN_ERR_MEMORY;
    if (r.info)
        status = guarded(&r);
    else if (!r.no_memory)
        status =
            mbni_image_fault(job, MBN_ERR_UNSUPPORTED,
                             "a PNG file, and %s is of another version than the one compiled with", LIBRARY);
    if (r.png)
        lib.destroy_read_struct(&r.png, &r.info, NULL);
    return status;
}

#else

mbn_status mbni_png_ready(mbni_image_job *job)
{
    return mbni_image_fault(job, MBN_ERR_UNSUPPORTED,
                            "a PNG file, and this build of the library is without libpng");
}

mbn_status mbni_png_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count, mbni_image *image)
{
    (void)bytes, (void)count, (void)image;
    return mbni_png_ready(job);
}

#endif
