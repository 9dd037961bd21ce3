/* Augmentation between two pictures: mixup (Zhang et al., arXiv 1710.09412) and cutmix (Yun et al., arXiv
 * 1905.04899). Shares are rounded before pixels and labels use them, so that both use the same. */
#include <math.h>
#include <string.h>
#include "data/augment.h"
#include "data/augment_ops.h"

enum { WHOLE = 256 }; /* of mixup's weights */

bool mbni_augment_mixes(const mbn_augment_options *o)
{
    return o->mixup > 0 || o->cutmix > 0;
}

static mbni_mix mixup_draw(const mbn_augment_options *o, mbni_random *random)
{
    mbni_mix m = {.kind = MBNI_MIX_MIXUP};
    m.own_256th = (int32_t)(mbni_random_beta(random, o->mixup_alpha) * WHOLE + 0.5);
    m.own = (float)m.own_256th / WHOLE;
    return m;
}

static int32_t held(int64_t value, int64_t high)
{
    return (int32_t)(value < 0 ? 0 : value > high ? high : value);
}

/* The box has the picture's aspect and a uniform centre; what of it lies outside is cut off. */
static mbni_mix cutmix_draw(const mbn_augment_options *o, mbni_random *random, int64_t height, int64_t width)
{
    mbni_mix m = {.kind = MBNI_MIX_CUTMIX};
    const double side = sqrt(1.0 - mbni_random_beta(random, o->cutmix_alpha));
    const int64_t box_h = (int64_t)((double)height * side), box_w = (int64_t)((double)width * side);
    const int64_t top = mbni_random_below(random, height) - box_h / 2;
    const int64_t left = mbni_random_below(random, width) - box_w / 2;
    m.top = held(top, height);
    m.left = held(left, width);
    m.bottom = held(top + box_h, height);
    m.right = held(left + box_w, width);
    const int64_t area = (int64_t)(m.bottom - m.top) * (m.right - m.left);
    m.own = (float)(1.0 - (double)area / ((double)height * (double)width));
    return m;
}

mbni_mix mbni_mix_draw(const mbn_augment_options *o, uint64_t seed, int64_t height, int64_t width)
{
    mbni_mix m = {.kind = MBNI_MIX_NONE, .own = 1};
    mbni_random random;
    if (!mbni_augment_mixes(o))
        return m;
    mbni_random_seed(&random, seed, MBNI_DRAWS_MIX);
    const double chance = mbni_random_double(&random);
    if (chance < o->mixup)
        m = mixup_draw(o, &random);
    else if (chance < o->mixup + o->cutmix)
        m = cutmix_draw(o, &random, height, width);
    return m.own < 1 ? m : (mbni_mix){.kind = MBNI_MIX_NONE, .own = 1};
}

int64_t mbni_mix_partner(uint64_t seed, int64_t i, int64_t count)
{
    mbni_random random;
    if (count < 2)
        return i;
    mbni_random_seed(&random, seed, MBNI_DRAWS_PARTNER);
    const int64_t other = mbni_random_below(&random, count - 1);
    return other + (other >= i);
}

void mbni_mix_picture(const mbni_mix *m, const uint8_t *partner, int64_t height, int64_t width,
                      int64_t channels, uint8_t *picture)
{
    if (m->kind == MBNI_MIX_MIXUP) {
        const int32_t own = m->own_256th, other = WHOLE - own;
        const int64_t count = height * width * channels;
        for (int64_t i = 0; i < count; i++)
            picture[i] = (uint8_t)((picture[i] * own + partner[i] * other + WHOLE / 2) / WHOLE);
    } else if (m->kind == MBNI_MIX_CUTMIX) {
        const size_t bytes = (size_t)((m->right - m->left) * channels);
        for (int64_t i = m->top; i < m->bottom; i++) {
            const int64_t offset = (i * width + m->left) * channels;
            memcpy(picture + offset, partner + offset, bytes);
        }
    }
}

void mbni_mix_targets(float own, int64_t classes, int32_t id, const float *soft, float *row)
{
    const float other = 1 - own;
    for (int64_t c = 0; c < classes; c++) {
        const float target = soft ? soft[c] : (float)(c == id);
        row[c] = own > 0 ? own * row[c] + other * target : target;
    }
}
