/* One picture of a pass: read, augmented, mixed with a partner, and its target. A function of the data set,
 * the order, the seed and the place alone, so that it does not matter which thread makes it, or when. */
#ifndef MBNI_DATA_SAMPLE_H
#define MBNI_DATA_SAMPLE_H

#include "data/augment.h"
#include "data/dataset.h"

typedef struct mbni_sampler {
    const mbn_dataset *dataset;
    const mbn_augment_options *augment; /* NULL: pictures as they are */
    bool mixes;                         /* targets are rows, whatever those of the data set are */
    int64_t picture_bytes;
    const int64_t *order; /* place i is picture order[i], or i when order is NULL */
    int64_t end;          /* of the order: partners are found in all of it */
    uint64_t seed;
} mbni_sampler;

/* What making a picture needs beside its place; one for each thread at work. */
typedef struct mbni_sample_bench {
    uint8_t *raw, *partner, *scratch;
    float *row; /* of classes, where the data set's targets are rows */
} mbni_sample_bench;

mbni_sampler mbni_sampler_of(const mbn_dataset *dataset, const mbn_augment_options *augment);
/* Whether targets are rows of `classes` numbers. */
bool mbni_sampler_soft(const mbni_sampler *sampler);
/* Whether pictures can be taken where they lie. */
bool mbni_sampler_direct(const mbni_sampler *sampler);
/* Plans a bench on an arena; places it when the arena has its memory. */
void mbni_sample_bench_plan(const mbni_sampler *sampler, mbni_arena *arena, unsigned char *base,
                            mbni_sample_bench *bench);
int64_t mbni_sample_index(const mbni_sampler *sampler, int64_t place);
/* The picture of a place, and its target: *id, or `soft` when targets are rows. */
mbn_status mbni_sample_make(const mbni_sampler *sampler, int64_t place, const mbni_sample_bench *bench,
                            void *pixels, int32_t *id, float *soft);

#endif
