/* The decoders of PPM, PNG and JPEG from memory, on whole, cut and damaged files, and what changes the size
 * of pictures, against a plain one in double and values by hand. */
#include <math.h>
#include "core/context.h"
#include "data/pictures.h"
#include "data/resize.h"
#include "support/suite.h"

enum { MAX_PIXELS = 1 << 20 };

static mbn_context *context;
static mbni_image_job job;

static void start(void)
{
    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = 1;
    ck_ok(mbn_context_create(&options, &context));
    job = (mbni_image_job){.context = context, .max_pixels = MAX_PIXELS};
}

static void stop(void)
{
    mbn_context_destroy(context);
}

static mbn_status decode(bytes b, mbni_image *image)
{
    mbn_status status = mbni_image_decode(&job, b.data, (int64_t)b.count, image);
    ck_assert((status == MBN_OK) == (image->pixels != NULL));
    return status;
}

/* The file is the picture `expected`, [height, width, channels]. Frees it. */
static void is_picture(bytes b, int64_t height, int64_t width, int64_t channels,
                       const unsigned char *expected)
{
    mbni_image image;
    mbn_status status = decode(b, &image);
    ck_assert_msg(status == MBN_OK, "%s", job.reason);
    ck_assert(image.height == height && image.width == width && image.channels == channels);
    ck_assert_mem_eq(image.pixels, expected, (size_t)(height * width * channels));
    mbni_image_free(context, &image);
    free(b.data);
}

static void is_refused(bytes b, mbn_status status, const char *reason)
{
    mbni_image image;
    mbn_status got = decode(b, &image);
    ck_assert_msg(got == status && strstr(job.reason, reason), "%s: %s", mbn_status_name(got), job.reason);
    free(b.data);
}

START_TEST(ppm_and_pgm_of_every_depth_are_read)
{
    static const unsigned char pixels[] = {1, 2, 3, 40, 50, 60, 0, 128, 255, 9, 8, 7};
    is_picture(ppm("P6\n2 2\n255\n", pixels, 12), 2, 2, 3, pixels);
    is_picture(ppm("P5 4 3 255\n", pixels, 12), 3, 4, 1, pixels);
    is_picture(ppm("P6#a\n# b c\r2 #\n2\t255 ", pixels, 12), 2, 2, 3, pixels);
    is_picture(ppm("P6 2 2 255\n", "\1\2\3\50\62\74\0\200\377\11\10\7more", 16), 2, 2, 3, pixels);
    is_picture(ppm("P5 4 1 15\n", "\0\1\17\20", 4), 1, 4, 1, (const unsigned char[]){0, 17, 255, 255});
    is_picture(ppm("P5 2 1 1\n", "\0\1", 2), 1, 2, 1, (const unsigned char[]){0, 255});
    is_picture(ppm("P5 3 1 65535\n", "\0\0\x80\x80\xff\xff", 6), 1, 3, 1,
               (const unsigned char[]){0, 128, 255});
    is_picture(ppm("P5 2 1 1000\n", "\x01\xf4\x03\xe8", 4), 1, 2, 1, (const unsigned char[]){128, 255});
}
END_TEST

START_TEST(damaged_headers_are_refused_with_a_reason)
{
    static const char *const HEADERS[] = {"P6",
                                          "P6 2",
                                          "P6 2 2",
                                          "P6 2 2 255",
                                          "P6 2 2 0\n",
                                          "P6 2 2 65536\n",
                                          "P6 -2 2 255\n",
                                          "P6 x 2 255\n",
                                          "P6 2 2 255x",
                                          "P6 99999999999999999999 1 255\n",
                                          "P6 # 2 2 255\n"};
    for (size_t i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++)
        is_refused(ppm(HEADERS[i], "", 0), MBN_ERR_FORMAT, "header is cut or damaged");
    is_refused(ppm("P6 0 2 255\n", "", 0), MBN_ERR_FORMAT, "a picture of 2 x 0 pixels");
    is_refused(ppm("P6 1024 1025 255\n", "", 0), MBN_ERR_FORMAT, "1025 x 1024 pixels; allowed are 1048576");
    is_refused(ppm("P6 1048560 1048560 255\n", "", 0), MBN_ERR_FORMAT, "allowed are 1048576 in all");
    is_refused(ppm("P6 2 2 255\n", "12345678901", 11), MBN_ERR_FORMAT, "11 of 12 bytes of pixels");
    is_refused(ppm("", "", 0), MBN_ERR_FORMAT, "an empty file");
    is_refused(ppm("hello", "", 0), MBN_ERR_FORMAT, "no picture");
    is_refused(ppm("P3 1 1 255 1 2 3", "", 0), MBN_ERR_FORMAT, "no picture");
    is_refused(ppm("\x89PNG\r\n\x1a\n", "", 0), MBN_ERR_FORMAT, "PNG file whose header is cut");
    is_refused(ppm("\xff\xd8\xff\xe0", "", 0), MBN_ERR_FORMAT, "JPEG file whose header is cut");
    is_refused(ppm("\xff\xd8\xff\xe0", "\0\1aaaaaaaaaaaaaaaaaa", 20), MBN_ERR_FORMAT,
               "JPEG file whose header");
}
END_TEST

/* Cut anywhere it is refused; every byte changed, something is decided and nothing breaks. */
static void cut_and_damage(bytes b)
{
    mbni_image image;
    ck_assert_int_eq(decode(b, &image), MBN_OK);
    mbni_image_free(context, &image);
    for (size_t cut = 0; cut < b.count; cut++) {
        bytes part = bytes_of(b.data, cut);
        mbn_status status = decode(part, &image);
        ck_assert_msg(status == MBN_ERR_FORMAT, "cut at %zu of %zu: %s", cut, b.count,
                      mbn_status_name(status));
        ck_assert_int_gt(strlen(job.reason), 0);
        free(part.data);
    }
    for (size_t at = 0; at < b.count; at += (size_t)unless_valgrind(1, 7))
        for (int bit = 0; bit < 8; bit += 3) {
            b.data[at] ^= (unsigned char)(1 << bit);
            mbn_status status = decode(b, &image);
            ck_assert(!status || status == MBN_ERR_FORMAT || status == MBN_ERR_UNSUPPORTED);
            mbni_image_free(context, &image);
            b.data[at] ^= (unsigned char)(1 << bit);
        }
    free(b.data);
}

static void fill(unsigned char *pixels, int count)
{
    for (int i = 0; i < count; i++)
        pixels[i] = (unsigned char)(i * 7 + i / 13 * 5);
}

START_TEST(ppm_cut_or_damaged_anywhere_is_decided)
{
    unsigned char pixels[6 * 5 * 3];
    fill(pixels, sizeof pixels);
    cut_and_damage(ppm("P6 # 6\n6 5 255\n", pixels, sizeof pixels));
    cut_and_damage(ppm("P5 6 5 999\n", pixels, 60));
}
END_TEST

#if defined(MBNI_HAVE_PNG)
START_TEST(png_of_every_kind_is_read)
{
    static const unsigned char rgb[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const unsigned char rgba[] = {1, 2, 3, 0, 4, 5, 6, 255, 7, 8, 9, 128, 10, 11, 12, 7};
    static const unsigned char wide[] = {1, 1, 2, 2, 3, 3, 4,  4,  5,  5,  6,  6,
                                         7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12};
    is_picture(png(2, 2, 8, 2, rgb, 6, NULL, 0), 2, 2, 3, rgb);
    is_picture(png(2, 2, 8, 6, rgba, 8, NULL, 0), 2, 2, 3, rgb); /* what is transparent keeps its colour */
    is_picture(png(2, 2, 16, 2, wide, 12, NULL, 0), 2, 2, 3, rgb);
    is_picture(png(4, 3, 8, 0, rgb, 4, NULL, 0), 3, 4, 1, rgb);
    is_picture(png(2, 1, 8, 4, (const unsigned char[]){9, 0, 200, 1}, 4, NULL, 0), 1, 2, 1,
               (const unsigned char[]){9, 200});
    is_picture(png(8, 1, 1, 0, (const unsigned char[]){0xa5}, 1, NULL, 0), 1, 8, 1,
               (const unsigned char[]){255, 0, 255, 0, 0, 255, 0, 255});
    is_picture(png(4, 1, 2, 0, (const unsigned char[]){0x1b}, 1, NULL, 0), 1, 4, 1,
               (const unsigned char[]){0, 85, 170, 255});
    is_picture(png(2, 2, 4, 3, (const unsigned char[]){0x01, 0x23}, 1, rgb, 12), 2, 2, 3, rgb);
}
END_TEST

START_TEST(png_cut_or_damaged_anywhere_is_decided)
{
    unsigned char pixels[6 * 5 * 3];
    fill(pixels, sizeof pixels);
    cut_and_damage(png(6, 5, 8, 2, pixels, 18, NULL, 0));
    cut_and_damage(png(6, 5, 4, 3, pixels, 3, pixels, 48));
}
END_TEST

START_TEST(png_that_claims_to_be_huge_is_refused_before_it_is_unpacked)
{
    unsigned char pixels[3] = {0};
    bytes b = png(1, 1, 8, 2, pixels, 3, NULL, 0);
    put_be32(b.data + 16, 0xffffffff);
    put_be32(b.data + 20, 0xffffffff);
    is_refused(bytes_of(b.data, b.count), MBN_ERR_FORMAT, "4294967295 x 4294967295 pixels");
    put_be32(b.data + 16, 0);
    is_refused(b, MBN_ERR_FORMAT, "a picture of 4294967295 x 0 pixels");
}
END_TEST
#else
START_TEST(png_is_refused_and_its_library_named)
{
    unsigned char pixels[3] = {0};
    is_refused(png(1, 1, 8, 2, pixels, 3, NULL, 0), MBN_ERR_UNSUPPORTED, "without libpng");
}
END_TEST
#endif

#if defined(MBNI_HAVE_JPEG)
/* What libjpeg itself makes of a file. */
static void by_libjpeg(bytes b, J_COLOR_SPACE space, unsigned denominator, unsigned char *pixels)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    d.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, b.data, b.count);
    ck_assert_int_eq(jpeg_read_header(&d, TRUE), JPEG_HEADER_OK);
    d.out_color_space = space;
    d.scale_denom = denominator;
    jpeg_start_decompress(&d);
    while (d.output_scanline < d.output_height) {
        JSAMPROW row = pixels + d.output_scanline * d.output_width * (unsigned)d.output_components;
        ck_assert_uint_eq(jpeg_read_scanlines(&d, &row, 1), 1);
    }
    jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
}

/* Smooth, so that JPEG keeps it well. */
static void waves(unsigned char *pixels, int height, int width, int channels)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                pixels[(y * width + x) * channels + c] =
                    (unsigned char)(20 + 5 * x * (c != 1) + 3 * y * (c != 2));
}

START_TEST(jpeg_of_every_kind_is_what_libjpeg_makes_of_it)
{
    unsigned char pixels[17 * 23 * 4], expected[17 * 23 * 4];
    for (int progressive = 0; progressive < 2; progressive++) {
        waves(pixels, 17, 23, 3);
        bytes colour = jpeg(23, 17, 3, pixels, progressive, 0);
        by_libjpeg(colour, JCS_RGB, 1, expected);
        for (int i = 0; i < 17 * 23 * 3; i++)
            ck_assert_int_le(abs(expected[i] - pixels[i]), 24);
        is_picture(colour, 17, 23, 3, expected);
        waves(pixels, 17, 23, 1);
        bytes grey = jpeg(23, 17, 1, pixels, progressive, 0);
        by_libjpeg(grey, JCS_GRAYSCALE, 1, expected);
        is_picture(grey, 17, 23, 1, expected);
    }
    waves(pixels, 17, 23, 4);
    bytes inks = jpeg(23, 17, 4, pixels, 0, 0);
    by_libjpeg(inks, JCS_CMYK, 1, pixels);
    for (int i = 0; i < 17 * 23; i++)
        for (int c = 0; c < 3; c++) /* libjpeg marks what it writes as Adobe's: light, not ink */
            expected[3 * i + c] = (unsigned char)((pixels[4 * i + c] * pixels[4 * i + 3] + 127) / 255);
    is_picture(inks, 17, 23, 3, expected);
}
END_TEST

START_TEST(jpeg_is_decoded_no_larger_than_is_needed)
{
    unsigned char pixels[96 * 64 * 3], expected[96 * 64 * 3];
    waves(pixels, 64, 96, 3);
    static const struct {
        int64_t height, width;
        unsigned denominator;
    } ROWS[] = {{8, 12, 8},  {9, 12, 4}, {16, 20, 4}, {8, 25, 2},
                {32, 48, 2}, {33, 1, 1}, {64, 96, 1}, {999, 999, 1}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        bytes b = jpeg(96, 64, 3, pixels, 0, 0);
        job.height = ROWS[i].height;
        job.width = ROWS[i].width;
        by_libjpeg(b, JCS_RGB, ROWS[i].denominator, expected);
        is_picture(b, 64 / ROWS[i].denominator, 96 / ROWS[i].denominator, 3, expected);
    }
}
END_TEST

/* Where the corner that the camera saw above on the left, and the one on its right, lie in the file: the
 * meaning of EXIF's numbers as its standard gives it. */
START_TEST(jpeg_is_turned_as_exif_says)
{
    enum { H = 8, W = 16 };
    static const struct {
        int turned, first_y, first_x, right_y, right_x;
    } ROWS[] = {{0, 0, 0, 0, 1}, {0, 0, 0, 0, 1}, {0, 0, 1, 0, 0}, {0, 1, 1, 1, 0}, {0, 1, 0, 1, 1},
                {1, 0, 0, 1, 0}, {1, 1, 0, 0, 0}, {1, 1, 1, 0, 1}, {1, 0, 1, 1, 1}};
    unsigned char pixels[H * W], plain[H * W];
    for (int i = 0; i < H * W; i++) /* quarters of four greys */
        pixels[i] = (unsigned char)(40 + 60 * (i / W >= H / 2) + 110 * (i % W >= W / 2));
    for (int how = 0; how <= 8; how++) {
        bytes b = jpeg(W, H, 1, pixels, 0, how);
        by_libjpeg(b, JCS_GRAYSCALE, 1, plain);
        mbni_image image;
        ck_assert_int_eq(decode(b, &image), MBN_OK);
        ck_assert_int_eq(image.height, ROWS[how].turned ? W : H);
        ck_assert_int_eq(image.width, ROWS[how].turned ? H : W);
        ck_assert_uint_eq(image.pixels[0],
                          plain[ROWS[how].first_y * (H - 1) * W + ROWS[how].first_x * (W - 1)]);
        ck_assert_uint_eq(image.pixels[image.width - 1],
                          plain[ROWS[how].right_y * (H - 1) * W + ROWS[how].right_x * (W - 1)]);
        mbni_image_free(context, &image);
        free(b.data);
    }
}
END_TEST

START_TEST(jpeg_cut_or_damaged_anywhere_is_decided)
{
    unsigned char pixels[10 * 9 * 3];
    waves(pixels, 9, 10, 3);
    cut_and_damage(jpeg(10, 9, 3, pixels, 0, 6));
    cut_and_damage(jpeg(10, 9, 3, pixels, 1, 0));
}
END_TEST
#else
START_TEST(jpeg_is_refused_and_its_library_named)
{
    static const unsigned char HEAD[] = {0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0};
    is_refused(bytes_of(HEAD, sizeof HEAD), MBN_ERR_UNSUPPORTED, "without libjpeg");
}
END_TEST
#endif

/* A mean with triangular weights, in double, of one channel of one pixel. */
static double reference(const mbni_image *image, mbni_region box, int64_t height, int64_t width, int64_t y,
                        int64_t x, int64_t c)
{
    const double step_y = box.height / (double)height, step_x = box.width / (double)width;
    const double at_y = box.top + ((double)y + 0.5) * step_y, at_x = box.left + ((double)x + 0.5) * step_x;
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < image->height; i++)
        for (int64_t k = 0; k < image->width; k++) {
            const double dy = 1 - fabs((double)i + 0.5 - at_y) / fmax(step_y, 1);
            const double dx = 1 - fabs((double)k + 0.5 - at_x) / fmax(step_x, 1);
            const double weight = fmax(dy, 0) * fmax(dx, 0);
            weights += weight;
            sum += weight * image->pixels[(i * image->width + k) * image->channels + c];
        }
    return sum / weights;
}

static uint32_t noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 24;
}

START_TEST(resize_is_the_mean_by_a_triangle)
{
    static const int64_t SIZES[][4] = {{7, 5, 3, 4},  {7, 5, 20, 17}, {20, 30, 7, 7}, {1, 1, 4, 4},
                                       {40, 3, 5, 9}, {9, 64, 9, 8},  {64, 9, 8, 9},  {33, 31, 32, 32}};
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        for (int variant = 0; variant < 4; variant++) {
            const int64_t *s = SIZES[i], channels = variant & 1 ? 3 : 1;
            unsigned char pixels[64 * 64 * 3], target[64 * 64 * 3];
            mbni_image image = {pixels, s[0], s[1], channels};
            for (int k = 0; k < s[0] * s[1] * channels; k++)
                pixels[k] = (unsigned char)noise(&state);
            const mbni_region box =
                variant & 2 ? mbni_region_crop(&image, s[2], s[3]) : mbni_region_whole(&image);
            ck_ok(mbni_resize(context, &image, box, s[2], s[3], target));
            for (int64_t y = 0; y < s[2]; y++)
                for (int64_t x = 0; x < s[3]; x++)
                    for (int64_t c = 0; c < channels; c++) {
                        const double expected = reference(&image, box, s[2], s[3], y, x, c);
                        const double apart = fabs(target[(y * s[3] + x) * channels + c] - expected);
                        ck_assert_msg(apart < 0.55, "%g from %g", apart, expected);
                    }
        }
}
END_TEST

START_TEST(resize_keeps_what_is_even_and_what_has_the_size)
{
    unsigned char pixels[50 * 50], target[60 * 60];
    uint32_t state = 2;
    for (int value = 0; value < 256; value += 51)
        for (int64_t size = 1; size <= 60; size += 7) {
            mbni_image image = {pixels, 50, 50, 1};
            memset(pixels, value, sizeof pixels);
            ck_ok(mbni_resize(context, &image, mbni_region_whole(&image), size, 60 - size + 1, target));
            for (int64_t k = 0; k < size * (60 - size + 1); k++)
                ck_assert_uint_eq(target[k], value);
        }
    mbni_image image = {pixels, 25, 50, 1};
    for (int k = 0; k < 25 * 50; k++)
        pixels[k] = (unsigned char)noise(&state);
    ck_ok(mbni_resize(context, &image, mbni_region_crop(&image, 25, 50), 25, 50, target));
    ck_assert_mem_eq(target, pixels, 25 * 50);
}
END_TEST

/* 4 -> 2 pixels: the triangle is four wide and cut at the border: (3 3 1) / 7 of each. */
START_TEST(resize_by_hand)
{
    unsigned char pixels[4] = {0, 70, 140, 210}, target[2];
    mbni_image image = {pixels, 1, 4, 1};
    ck_ok(mbni_resize(context, &image, mbni_region_whole(&image), 1, 2, target));
    ck_assert_uint_eq(target[0], (3 * 0 + 3 * 70 + 140) / 7);
    ck_assert_uint_eq(target[1], (70 + 3 * 140 + 3 * 210) / 7);
    mbni_region box = mbni_region_crop(&(mbni_image){NULL, 30, 50, 3}, 10, 10);
    ck_assert(box.top == 0 && box.left == 10 && box.height == 30 && box.width == 30);
    box = mbni_region_crop(&(mbni_image){NULL, 50, 30, 3}, 5, 10);
    ck_assert(box.top == 17.5 && box.left == 0 && box.height == 15 && box.width == 30);
}
END_TEST

/* The same on every machine: a sum over what a resize made here once. */
START_TEST(resized_bytes_are_the_pinned_ones)
{
    static unsigned char pixels[61 * 83 * 3], target[32 * 32 * 3];
    uint32_t state = 3;
    mbni_image image = {pixels, 61, 83, 3};
    for (size_t k = 0; k < sizeof pixels; k++)
        pixels[k] = (unsigned char)noise(&state);
    ck_ok(mbni_resize(context, &image, mbni_region_crop(&image, 32, 32), 32, 32, target));
    ck_assert_uint_eq(crc32(0, target, sizeof target), 3691256509u);
}
END_TEST

START_TEST(channels_are_converted_by_bt601)
{
    static const unsigned char COLOURS[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 20, 30};
    unsigned char grey[5], back[15], same[15];
    mbni_convert_channels(COLOURS, 3, grey, 1, 5);
    ck_assert_mem_eq(grey, ((const unsigned char[]){76, 150, 29, 255, 18}), 5);
    mbni_convert_channels(grey, 1, back, 3, 5);
    ck_assert(back[0] == 76 && back[2] == 76 && back[12] == 18 && back[14] == 18);
    mbni_convert_channels(COLOURS, 3, same, 3, 5);
    ck_assert_mem_eq(same, COLOURS, 15);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        ppm_and_pgm_of_every_depth_are_read,
        damaged_headers_are_refused_with_a_reason,
        ppm_cut_or_damaged_anywhere_is_decided,
#if defined(MBNI_HAVE_PNG)
        png_of_every_kind_is_read,
        png_cut_or_damaged_anywhere_is_decided,
        png_that_claims_to_be_huge_is_refused_before_it_is_unpacked,
#else
        png_is_refused_and_its_library_named,
#endif
#if defined(MBNI_HAVE_JPEG)
        jpeg_of_every_kind_is_what_libjpeg_makes_of_it,
        jpeg_is_decoded_no_larger_than_is_needed,
        jpeg_is_turned_as_exif_says,
        jpeg_cut_or_damaged_anywhere_is_decided,
#else
        jpeg_is_refused_and_its_library_named,
#endif
        resize_is_the_mean_by_a_triangle,
        resize_keeps_what_is_even_and_what_has_the_size,
        resize_by_hand,
        resized_bytes_are_the_pinned_ones,
        channels_are_converted_by_bt601,
    };
    Suite *suite = suite_create("data/image");
    TCase *tcase = tcase_create("data/image");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, start, stop);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
