/* Pictures of bytes mirrored and moved, for training. Plain C: 32 x 32 pixels take less than a
 * microsecond. */
#include <string.h>
#include "kernels/generic/generic.h"

/* `count` pixels of which the first is the last of y. Three channels are known at compile time where they are
 * worth it. */
static inline void mirror(int64_t count, int64_t channels, const uint8_t *x, uint8_t *y)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < channels; c++)
            y[(count - 1 - i) * channels + c] = x[i * channels + c];
}

void mbni_generic_shift_flip_u8(int64_t h, int64_t w, int64_t channels, int64_t down, int64_t right, int flip,
                                const uint8_t *x, uint8_t *y)
{
    /* Columns [left, end) of y come from x. */
    const int64_t left = mbni_min64(mbni_max64(right, 0), w),
                  end = mbni_max64(mbni_min64(w, w + right), left);
    const int64_t from = flip ? w - (end - right) : left - right, count = end - left;
    for (int64_t row = 0; row < h; row++, y += w * channels) {
        const int64_t source = row - down;
        if (source < 0 || source >= h || count == 0) {
            memset(y, 0, (size_t)(w * channels));
            continue;
        }
        const uint8_t *p = x + (source * w + from) * channels;
        uint8_t *to = y + left * channels;
        memset(y, 0, (size_t)(left * channels));
        memset(y + end * channels, 0, (size_t)((w - end) * channels));
        if (!flip)
            memcpy(to, p, (size_t)(count * channels));
        else if (channels == 3)
            mirror(count, 3, p, to);
        else
            mirror(count, channels, p, to);
    }
}
