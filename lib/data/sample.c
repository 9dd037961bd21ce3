/* Reading, augmentation and mixing, put together. */
#include "data/sample.h"
#include "core/random.h"

/* Of everything that chance decides about a place. */
static uint64_t seed_of(const mbni_sampler *s, int64_t place)
{
    return mbni_random_hash(s->seed, (uint64_t)place);
}

mbni_sampler mbni_sampler_of(const mbn_dataset *dataset, const mbn_augment_options *augment)
{
    return (mbni_sampler){.dataset = dataset,
                          .augment = augment,
                          .mixes = augment && mbni_augment_mixes(augment),
                          .picture_bytes = dataset->picture_bytes,
                          .end = dataset->count};
}

bool mbni_sampler_soft(const mbni_sampler *s)
{
    return s->mixes || s->dataset->soft;
}

bool mbni_sampler_direct(const mbni_sampler *s)
{
    return s->dataset->in_memory && !s->augment;
}

void mbni_sample_bench_plan(const mbni_sampler *s, mbni_arena *arena, unsigned char *base,
                            mbni_sample_bench *bench)
{
    const mbn_dataset *d = s->dataset;
    const bool reads = s->augment && !d->in_memory;
    const int64_t scratch =
        s->augment ? mbni_augment_scratch_bytes(s->augment, d->height, d->width, d->channels) : 0;
    const int64_t raw_at = mbni_arena_plan(arena, reads ? s->picture_bytes : 0, 1);
    const int64_t partner_at = mbni_arena_plan(arena, s->mixes ? s->picture_bytes : 0, 1);
    const int64_t scratch_at = mbni_arena_plan(arena, scratch, 1);
    const int64_t row_at = mbni_arena_plan(arena, s->mixes && d->soft ? d->classes : 0, sizeof(float));
    if (base)
        *bench = (mbni_sample_bench){.raw = base + raw_at,
                                     .partner = base + partner_at,
                                     .scratch = base + scratch_at,
                                     .row = (float *)(void *)(base + row_at)};
}

int64_t mbni_sample_index(const mbni_sampler *s, int64_t place)
{
    return s->order ? s->order[place] : place;
}

/* A picture by itself, with the target that the data set has for it. */
static mbn_status make_alone(const mbni_sampler *s, int64_t place, const mbni_sample_bench *bench,
                             void *pixels, int32_t *id, float *soft)
{
    const mbn_dataset *d = s->dataset;
    const int64_t index = mbni_sample_index(s, place);
    const void *picture = d->in_memory ? mbni_dataset_pixels(d, index) : NULL;
    void *to = !s->augment ? pixels : picture ? NULL : bench->raw;
    MBNI_TRY(mbni_dataset_read(d, index, to, id, soft));
    if (s->augment)
        mbni_augment_picture(s->augment, seed_of(s, place), picture ? picture : bench->raw, d->height,
                             d->width, d->channels, pixels, bench->scratch);
    return MBN_OK;
}

mbn_status mbni_sample_make(const mbni_sampler *s, int64_t place, const mbni_sample_bench *bench,
                            void *pixels, int32_t *id, float *soft)
{
    const mbn_dataset *d = s->dataset;
    const uint64_t seed = seed_of(s, place);
    float *shares = d->soft ? bench->row : NULL;
    int32_t label = 0;
    if (!s->mixes)
        return make_alone(s, place, bench, pixels, id, soft);
    MBNI_TRY(make_alone(s, place, bench, pixels, &label, shares));
    mbni_mix_targets(0, d->classes, label, shares, soft);
    const mbni_mix mix = mbni_mix_draw(s->augment, seed, d->height, d->width);
    if (mix.kind == MBNI_MIX_NONE)
        return MBN_OK;
    const int64_t partner = mbni_mix_partner(seed, place, s->end);
    MBNI_TRY(make_alone(s, partner, bench, bench->partner, &label, shares));
    mbni_mix_picture(&mix, bench->partner, d->height, d->width, d->channels, pixels);
    mbni_mix_targets(mix.own, d->classes, label, shares, soft);
    return MBN_OK;
}
