/* Pictures of one size from pictures of any. */
#ifndef MBNI_DATA_RESIZE_H
#define MBNI_DATA_RESIZE_H

#include "data/image.h"

/* A part of a picture, in pixels; its borders need not lie between two of them. */
typedef struct mbni_region {
    double top, left, height, width;
} mbni_region;

/* The whole of a picture; or the largest part of it, in its middle, of the shape height : width. */
mbni_region mbni_region_whole(const mbni_image *image);
mbni_region mbni_region_crop(const mbni_image *image, int64_t height, int64_t width);

/* The part of `image` in `box` as [height, width, image->channels] into target. Each target pixel is a mean
 * of those around its place, with weights that fall linearly with the distance (a triangle, as wide as the
 * step between two target pixels, but at least two pixels). In integers: the same bytes on every machine. */
mbn_status mbni_resize(mbn_context *context, const mbni_image *image, mbni_region box, int64_t height,
                       int64_t width, unsigned char *target);

/* `count` pixels of `from` channels (1 or 3) as pixels of `to` channels; colours to grey by ITU-R BT.601. In
 * place where from == to. */
void mbni_convert_channels(const unsigned char *source, int64_t from, unsigned char *target, int64_t to,
                           int64_t count);

#endif
