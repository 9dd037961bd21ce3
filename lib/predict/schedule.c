/* Plans how a predictor runs: which steps go together, how each segment is cut for the threads, how many rows
 * are worked on at a time, and the memory for all of it. */
#include "predict/program.h"

/* A map between two steps that is larger than NEAR_FLOATS does not stay in a core's second cache: the steps
 * are worth running together, up to DEPTH windows; rows at the seams of parts are computed twice, more of
 * them the deeper a segment is. A segment takes so many rows at a time as keep its strips within
 * STRIP_FLOATS, but no fewer than FEW_PIXELS, for which a product's weights would come too often. */
enum { NEAR_FLOATS = 256 * 1024, DEPTH = 3, STRIP_FLOATS = 64 * 1024, FEW_PIXELS = 56 };

static bool slides(const mbni_op *op)
{
    return op->kind == MBNI_OP_DIRECT || op->kind == MBNI_OP_COLUMNS || op->kind == MBNI_OP_DEPTHWISE ||
           op->kind == MBNI_OP_AVERAGE;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_vector(mbni_map map)
{
    return map.h * map.w == 1;
}

static int64_t tail_begin(const mbn_predictor *p)
{
    int64_t tail = p->count;
    while (tail > 0 && mbni_op_is_pixelwise(p->steps[tail - 1]) && is_vector(p->steps[tail - 1]->in) &&
           is_vector(p->steps[tail - 1]->out))
        tail--;
    return tail;
}

/* Whether parts of whole rows are so unequal that a product is better cut along its columns. */
static bool wants_panels(const mbn_predictor *p, const mbni_op *op)
{
    if (p->parts == 1 || op->kind != MBNI_OP_PRODUCT ||
        mbni_op_panels(op, p->program->kernels) < 2 * p->parts)
        return false;
    const int64_t tallest = (op->out.h + p->parts - 1) / p->parts;
    return tallest * p->parts * 8 > op->out.h * 9;
}

/* Whether step i runs together with the one before it, in a segment that has `depth` windows. */
static bool joins(const mbn_predictor *p, int64_t i, int64_t depth)
{
    const mbni_op *before = p->steps[i - 1], *op = p->steps[i];
    if (op->reads_anew || mbni_op_is_global(op) || mbni_op_is_global(before) || wants_panels(p, op) ||
        wants_panels(p, before))
        return false;
    if (before->kind == MBNI_OP_CONVERT || (mbni_op_is_pixelwise(op) && before->kind != MBNI_OP_PRODUCT))
        return true;
    if (op->kind == MBNI_OP_AFFINE || op->kind == MBNI_OP_SOFTMAX)
        return true;
    return mbni_map_floats(before->out) > NEAR_FLOATS && depth + slides(op) <= DEPTH;
}

static void add_segment(mbn_predictor *p, int64_t begin, int64_t end)
{
    const mbni_op *last = p->steps[end - 1];
    mbni_segment *s = &p->segments[p->segment_count++];
    *s = (mbni_segment){.begin = begin, .end = end, .split = MBNI_SPLIT_ROWS, .chunk = last->out.h};
    if (mbni_op_is_global(last))
        s->split = MBNI_SPLIT_NONE;
    else if (begin + 1 == end && wants_panels(p, last))
        s->split = MBNI_SPLIT_PANELS;
    if (end - begin == 1)
        return;
    /* As many rows as keep the strips in the second cache, and a product busy. */
    int64_t row = 0;
    for (int64_t i = begin; i < end - 1; i++)
        row += p->steps[i]->out.w * p->steps[i]->out.c * (p->steps[i]->out.h / larger(last->out.h, 1));
    const int64_t few = (FEW_PIXELS + last->out.w - 1) / larger(last->out.w, 1);
    const int64_t chunk = larger(larger(STRIP_FLOATS / larger(row, 1), 1), few);
    const int64_t chunks = (last->out.h + chunk - 1) / chunk;
    s->chunk = (last->out.h + chunks - 1) / chunks;
}

static void make_segments(mbn_predictor *p)
{
    p->segment_count = 0;
    for (int64_t begin = 0, end; begin < p->tail; begin = end) {
        int64_t depth = slides(p->steps[begin]);
        for (end = begin + 1; end < p->tail && joins(p, end, depth); end++)
            depth += slides(p->steps[end]);
        add_segment(p, begin, end);
    }
    p->tail_segment = p->segment_count;
    for (int64_t i = p->tail; i < p->count; i++) {
        mbni_segment *s = &p->segments[p->segment_count++];
        *s = (mbni_segment){.begin = i, .end = i + 1, .split = MBNI_SPLIT_ROWS};
        if (p->steps[i]->kind == MBNI_OP_PRODUCT && p->parts > 1)
            s->split = MBNI_SPLIT_PANELS;
    }
}

/* What a product of at most so many pixels works in; columns are multiplied row by row. */
static void plan_scratch(mbn_predictor *p, const mbni_op *op, int64_t pixels)
{
    if (p->program->precision != MBN_PRECISION_BF16)
        return;
    if (op->kind == MBNI_OP_COLUMNS)
        pixels = op->out.w;
    else if (op->kind != MBNI_OP_PRODUCT)
        return;
    p->scratch_floats =
        larger(p->scratch_floats, p->program->kernels->pointwise_bf16_floats(pixels, op->packed.k));
}

/* Rows that the strips of a segment hold, for any part of it. */
static void plan_strips(mbn_predictor *p, const mbni_segment *segment)
{
    mbni_walk walk = {.predictor = p, .segment = segment, .strips = p->strips, .strip_rows = p->strip_rows};
    const int64_t rows = p->steps[segment->end - 1]->out.h;
    if (segment->split == MBNI_SPLIT_ROWS)
        for (int64_t part = 0; part < p->parts; part++)
            mbni_walk_rows(&walk, mbni_part_begin(rows, p->parts, part),
                           mbni_part_begin(rows, p->parts, part + 1));
    mbni_walk_rows(&walk, 0, rows);
    int64_t floats = 0;
    for (int64_t i = segment->begin; i < segment->end - 1; i++) {
        const mbni_op *op = p->steps[i];
        if (slides(p->steps[i + 1])) /* the rows that two windows share are not moved each time */
            p->strip_rows[i] += (p->strip_rows[i] + 1) / 2;
        p->strip_rows[i] = p->strip_rows[i] < op->out.h ? p->strip_rows[i] : op->out.h;
        floats += (p->strip_rows[i] * op->out.w * op->out.c + 15) / 16 * 16;
        plan_scratch(p, op, p->strip_rows[i] * op->out.w);
    }
    plan_scratch(p, p->steps[segment->end - 1], segment->chunk * p->steps[segment->end - 1]->out.w);
    p->strip_floats = larger(p->strip_floats, floats);
}

static void place_strips(mbn_predictor *p, const mbni_segment *segment)
{
    float *base = (float *)(void *)p->workspace.base;
    for (int64_t part = 0; part < p->parts; part++) {
        float *at = base + p->slot_at + part * mbni_slot_floats(p);
        for (int64_t i = segment->begin; i < segment->end - 1; i++) {
            const int64_t row = p->steps[i]->out.w * p->steps[i]->out.c;
            p->strips[part * p->count + i] =
                (mbni_strip){.rows = at, .row_floats = row, .capacity = p->strip_rows[i]};
            at += (p->strip_rows[i] * row + 15) / 16 * 16;
        }
    }
}

static int64_t plan_floats(mbn_predictor *p, int64_t count, int64_t floats)
{
    int64_t all;
    if (!mbni_mul(count, floats, &all))
        p->workspace.overflow = true;
    return mbni_arena_plan(&p->workspace, p->workspace.overflow ? 0 : all, sizeof(float)) /
           (int64_t)sizeof(float);
}

static void plan_buffers(mbn_predictor *p)
{
    for (int64_t s = 0; s < p->segment_count; s++) {
        const mbni_op *last = p->steps[p->segments[s].end - 1];
        if (s + 1 < p->tail_segment)
            p->map_floats[s % 2] = larger(p->map_floats[s % 2], (mbni_map_floats(last->out) + 15) / 16 * 16);
        if (s >= p->tail_segment) {
            p->vector_floats[s % 2] = larger(p->vector_floats[s % 2], last->in.c);
            plan_scratch(p, last, p->options.max_batch);
        }
    }
    for (int64_t i = 0; i < p->count; i++)
        if (p->steps[i]->kind == MBNI_OP_COLUMNS)
            p->column_floats =
                larger(p->column_floats, (p->steps[i]->out.w * p->steps[i]->packed.k + 15) / 16 * 16);
    p->map_at = plan_floats(p, p->slots_with_maps, p->map_floats[0] + p->map_floats[1]);
    p->vector_at = plan_floats(p, p->options.max_batch, p->vector_floats[0] + p->vector_floats[1]);
    p->slot_at = plan_floats(p, p->parts, mbni_slot_floats(p));
}

mbn_status mbni_schedule(mbn_predictor *p)
{
    p->tail = tail_begin(p);
    make_segments(p);
    p->slots_with_maps = p->options.max_batch >= p->parts ? p->parts : 1;
    for (int64_t s = 0; s < p->tail_segment; s++)
        plan_strips(p, &p->segments[s]);
    plan_buffers(p);
    if (p->workspace.overflow || (uint64_t)p->workspace.bytes > PTRDIFF_MAX)
        return mbni_error(MBN_ERR_MEMORY, "a batch of %lld pictures needs more memory than can be addressed",
                          (long long)p->options.max_batch);
    return MBN_OK;
}

void mbni_schedule_connect(mbn_predictor *p)
{
    for (int64_t s = 0; s < p->tail_segment; s++)
        place_strips(p, &p->segments[s]);
}
