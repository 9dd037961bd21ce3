/* Runs a segment row by row: a row of the last step asks the step before for the rows that it reads, and so
 * on back to the segment's input, so that what lies between two steps is a strip of a few rows that stays in
 * the near caches. Rows that two parts both need are computed by each of them. */
#include <string.h>
#include "core/platform.h"
#include "predict/program.h"

static const mbni_op *op_at(const mbni_walk *walk, int64_t i)
{
    return walk->predictor->steps[i];
}

/* Makes room for the rows up to `to`, by moving those from `keep` on to the front. */
static void make_room(mbni_strip *strip, int64_t keep, int64_t to)
{
    if (strip->end <= keep) { /* nothing that is still needed */
        strip->first = strip->end = keep;
        return;
    }
    if (to - strip->first <= strip->capacity)
        return;
    memmove(strip->rows, strip->rows + (keep - strip->first) * strip->row_floats,
            (size_t)((strip->end - keep) * strip->row_floats) * sizeof(float));
    strip->first = keep;
}

static void produce(const mbni_walk *walk, int64_t i, float *y, int64_t from, int64_t to);

/* Step i's strip holds rows [keep, to) afterwards. */
static void advance(const mbni_walk *walk, int64_t i, int64_t keep, int64_t to)
{
    mbni_strip *strip = &walk->strips[i];
    if (walk->strip_rows && to - keep > walk->strip_rows[i])
        walk->strip_rows[i] = to - keep;
    make_room(strip, keep, to);
    if (strip->end < to) {
        produce(walk, i,
                walk->strip_rows ? NULL : strip->rows + (strip->end - strip->first) * strip->row_floats,
                strip->end, to);
        strip->end = to;
    }
}

static void run(const mbni_walk *walk, int64_t i, const float *x, float *y, int64_t from, int64_t to)
{
    if (walk->strip_rows)
        return;
    const double began = walk->clock ? mbni_platform_seconds() : 0;
    mbni_op_run(op_at(walk, i), &walk->bench, x, y, from, to);
    if (walk->clock)
        walk->clock[i] += mbni_platform_seconds() - began;
}

/* Rows [from, to) of step i to y. */
static void produce(const mbni_walk *walk, int64_t i, float *y, int64_t from, int64_t to)
{
    const mbni_op *op = op_at(walk, i);
    const float *x = NULL;
    int64_t begin, end;
    mbni_op_rows_read(op, from, to, &begin, &end);
    if (i > walk->segment->begin) {
        const mbni_strip *strip = &walk->strips[i - 1];
        advance(walk, i - 1, begin, end);
        if (!walk->strip_rows)
            x = strip->rows + (begin - strip->first) * strip->row_floats;
    } else if (walk->x) {
        x = walk->x + begin * op->in.w * op->in.c;
    }
    run(walk, i, x, y, from, to);
}

void mbni_walk_rows(mbni_walk *walk, int64_t from, int64_t to)
{
    const mbni_segment *segment = walk->segment;
    const mbni_op *last = op_at(walk, segment->end - 1);
    const int64_t row = last->out.w * last->out.c;
    for (int64_t i = segment->begin; i < segment->end - 1; i++)
        walk->strips[i].first = walk->strips[i].end = -1;
    for (int64_t next = from; next < to;) {
        const int64_t end = to - next < segment->chunk ? to : next + segment->chunk;
        produce(walk, segment->end - 1, walk->y ? walk->y + next * row : NULL, next, end);
        next = end;
    }
}
