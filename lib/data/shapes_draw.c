/* Painting of the stamps of shapes_draw.h. A figure is given by its distance function, negative inside, in
 * units of its radius; coverage of a pixel falls from 1 to 0 over one pixel around the outline.
 * Only + - * /, sqrt, floor and comparisons of doubles are used: IEEE 754 fixes their results, so the bytes
 * are the same on every machine. */
#include "data/shapes_draw.h"
#include <math.h>

static double larger(double a, double b)
{
    return a > b ? a : b;
}
static double smaller(double a, double b)
{
    return a < b ? a : b;
}
static double clamp01(double a)
{
    return smaller(larger(a, 0.0), 1.0);
}

unsigned char mbni_shapes_byte(double value)
{
    if (!(value > 0.0))
        return 0;
    return value >= 254.5 ? 255 : (unsigned char)(value + 0.5);
}

static double box_distance(double u, double v, double half_u, double half_v)
{
    return larger(fabs(u) - half_u, fabs(v) - half_v);
}

/* The inside of a five-pointed star are the points that lie inside at least four of the five lines that join
 * its tips, so the second largest of the five distances decides. */
static double star_distance(double u, double v)
{
    static const double NORMALS[5][2] = {{0.0, 1.0}, /* cosine and sine of 90 degrees + 72 k */
                                         {-0.95105651629515357, 0.30901699437494742},
                                         {-0.58778525229247313, -0.80901699437494742},
                                         {0.58778525229247313, -0.80901699437494742},
                                         {0.95105651629515357, 0.30901699437494742}};
    double first = -1e9, second = -1e9;
    for (int k = 0; k < 5; k++) {
        double distance = NORMALS[k][0] * u + NORMALS[k][1] * v - 0.36;
        if (distance > first) {
            second = first;
            first = distance;
        } else if (distance > second) {
            second = distance;
        }
    }
    return second;
}

static double figure_distance(int32_t kind, double u, double v)
{
    const double root3_half = 0.86602540378443865;
    switch (kind) {
    case MBNI_STAMP_RING:
        return fabs(sqrt(u * u + v * v) - 0.74) - 0.26;
    case MBNI_STAMP_SQUARE:
        return box_distance(u, v, 0.82, 0.82);
    case MBNI_STAMP_TRIANGLE:
        return larger(v, larger(root3_half * u - 0.5 * v, -root3_half * u - 0.5 * v)) - 0.56;
    case MBNI_STAMP_CROSS:
        return smaller(box_distance(u, v, 1.0, 0.28), box_distance(u, v, 0.28, 1.0));
    case MBNI_STAMP_STAR:
        return star_distance(u, v);
    case MBNI_STAMP_BAR:
        return box_distance(u, v, 1.0, 0.18);
    default: /* disc */
        return sqrt(u * u + v * v) - 1.0;
    }
}

/* Share of the first colour at position t along bands of one period, half of which has that colour. */
static double band(double t, double period, double phase)
{
    double place = t / period + phase;
    double distance = fabs(place - floor(place) - 0.5) - 0.25; /* in periods, to the nearest edge */
    return clamp01(0.5 - distance * period);
}

/* Share of the first colour of a texture at (x, y), in pixels from the centre, already turned. */
static double texture_tone(const mbni_stamp *stamp, double x, double y)
{
    double a, b;
    switch (stamp->kind) {
    case MBNI_STAMP_STRIPES:
        return band(x, stamp->period, stamp->phase);
    case MBNI_STAMP_CHECKER:
        a = band(x, stamp->period, stamp->phase);
        b = band(y, stamp->period, stamp->phase);
        return a + b - 2.0 * a * b;
    case MBNI_STAMP_DOTS:
        a = x / stamp->period + stamp->phase;
        b = y / stamp->period + stamp->phase;
        a = (a - floor(a) - 0.5) * stamp->period;
        b = (b - floor(b) - 0.5) * stamp->period;
        return clamp01(0.5 - (sqrt(a * a + b * b) - 0.3 * stamp->period));
    default: /* target */
        return band(sqrt(x * x + y * y), stamp->period, stamp->phase);
    }
}

static void blend(unsigned char *pixel, const double *colour, double share)
{
    for (int c = 0; c < 3; c++)
        pixel[c] = mbni_shapes_byte(pixel[c] + (colour[c] - pixel[c]) * share);
}

static int64_t held(double value, int64_t limit)
{
    return value <= 0.0 ? 0 : value >= (double)limit ? limit : (int64_t)value;
}

void mbni_stamp_paint(const mbni_stamp *stamp, unsigned char *pixels, int64_t height, int64_t width)
{
    const int is_texture = stamp->kind >= MBNI_STAMP_STRIPES && stamp->kind <= MBNI_STAMP_TARGET;
    const int32_t outline = is_texture ? stamp->region : stamp->kind;
    const double reach = stamp->radius * 1.5 + 2.0; /* no figure reaches farther */
    const int64_t row_end = held(stamp->center_y + reach, height);
    const int64_t column_end = held(stamp->center_x + reach, width);
    for (int64_t row = held(stamp->center_y - reach, height); row < row_end; row++) {
        for (int64_t column = held(stamp->center_x - reach, width); column < column_end; column++) {
            unsigned char *pixel = pixels + (row * width + column) * 3;
            double dx = (double)column + 0.5 - stamp->center_x;
            double dy = (double)row + 0.5 - stamp->center_y;
            double x = dx * stamp->cosine + dy * stamp->sine;
            double y = dy * stamp->cosine - dx * stamp->sine;
            double distance = figure_distance(outline, x / stamp->radius, y / stamp->radius);
            double coverage = clamp01(0.5 - distance * stamp->radius);
            if (coverage <= 0.0)
                continue;
            if (!is_texture) {
                blend(pixel, stamp->colour, coverage);
                continue;
            }
            double tone = texture_tone(stamp, x, y), mixed[3];
            for (int c = 0; c < 3; c++)
                mixed[c] = stamp->second[c] + (stamp->colour[c] - stamp->second[c]) * tone;
            blend(pixel, mixed, coverage);
        }
    }
}
