/* Stamps: antialiased figures and textures that are painted onto a picture of bytes. */
#ifndef MBNI_DATA_SHAPES_DRAW_H
#define MBNI_DATA_SHAPES_DRAW_H

#include <stdint.h>

enum {
    MBNI_STAMP_DISC,
    MBNI_STAMP_RING,
    MBNI_STAMP_SQUARE,
    MBNI_STAMP_TRIANGLE,
    MBNI_STAMP_CROSS,
    MBNI_STAMP_STAR,
    MBNI_STAMP_STRIPES,
    MBNI_STAMP_CHECKER,
    MBNI_STAMP_DOTS,
    MBNI_STAMP_TARGET,
    MBNI_STAMP_CLASSES, /* the ones above are the ten classes, in the order of their labels */
    MBNI_STAMP_BAR = MBNI_STAMP_CLASSES
};

typedef struct mbni_stamp {
    int32_t kind;
    int32_t region; /* outline of a texture: MBNI_STAMP_DISC or MBNI_STAMP_SQUARE; not used by figures */
    double center_x, center_y, radius; /* in pixels; the centre of the first pixel is (0.5, 0.5) */
    double cosine, sine;               /* of the angle */
    double period;                     /* of a texture, in pixels */
    double phase;                      /* of a texture, 0 to 1 */
    double colour[3];                  /* 0 to 255 */
    double second[3];                  /* other colour of a texture */
} mbni_stamp;

/* Paints over pixels u8 [height, width, 3]. The parts outside are cut off. */
void mbni_stamp_paint(const mbni_stamp *stamp, unsigned char *pixels, int64_t height, int64_t width);

/* Nearest byte, halves up, ends held. */
unsigned char mbni_shapes_byte(double value);

#endif
