/* Runs a predictor. Pictures are shared out among the threads while there is one for each; those that are
 * left over are cut into rows, segment by segment; what follows the last map takes all pictures at once. */
#include "core/platform.h"
#include "predict/program.h"

typedef struct predictor_run {
    const mbn_predictor *predictor;
    mbni_pictures pictures;
    int64_t n;
    int64_t shared;           /* of them shared out whole, in the first phase */
    atomic_int_fast64_t next; /* of those */
    float *output;
    double *clock;
} predictor_run;

static float *workspace(const mbn_predictor *p, int64_t at)
{
    return (float *)(void *)p->workspace.base + at;
}

/* Where segment s of the map part leaves its output for a picture. */
static float *map_target(const predictor_run *run, int64_t s, int64_t slot, int64_t picture)
{
    const mbn_predictor *p = run->predictor;
    if (s + 1 < p->tail_segment)
        return workspace(p,
                         p->map_at + slot * (p->map_floats[0] + p->map_floats[1]) + s % 2 * p->map_floats[0]);
    if (p->tail == p->count)
        return run->output + picture * p->output_floats;
    const int64_t side = s + 1; /* what segment s + 1 reads */
    return workspace(p, p->vector_at + side % 2 * p->options.max_batch * p->vector_floats[0]) +
           picture * p->steps[p->tail]->in.c;
}

static const float *map_source(const predictor_run *run, int64_t s, int64_t slot, int64_t picture)
{
    const mbn_predictor *p = run->predictor;
    if (s > 0)
        return map_target(run, s - 1, slot, picture);
    if (p->steps[0]->kind == MBNI_OP_CONVERT)
        return NULL;
    return (const float *)run->pictures.data + picture * mbni_map_floats(p->steps[0]->in);
}

static mbni_bench bench_of(const predictor_run *run, int64_t part, int64_t picture)
{
    const mbn_predictor *p = run->predictor;
    float *columns = workspace(p, p->slot_at + part * mbni_slot_floats(p) + p->strip_floats);
    return (mbni_bench){.kernels = p->program->kernels,
                        .precision = p->program->precision,
                        .pictures = &run->pictures,
                        .picture = picture,
                        .columns = columns,
                        .scratch = columns + p->column_floats};
}

/* Rows [from, to) of a segment for a picture. slot: whose maps; part: whose strips. */
static void run_rows(const predictor_run *run, int64_t s, int64_t slot, int64_t part, int64_t picture,
                     int64_t from, int64_t to)
{
    const mbn_predictor *p = run->predictor;
    mbni_walk walk = {.predictor = p,
                      .segment = &p->segments[s],
                      .bench = bench_of(run, part, picture),
                      .x = map_source(run, s, slot, picture),
                      .y = map_target(run, s, slot, picture),
                      .strips = p->strips + part * p->count,
                      .clock = run->clock};
    mbni_walk_rows(&walk, from, to);
}

/* Pictures one after the other, as long as there are some. */
static void run_pictures(predictor_run *run, int64_t part)
{
    const mbn_predictor *p = run->predictor;
    for (;;) {
        const int64_t picture = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed);
        if (picture >= run->shared)
            return;
        for (int64_t s = 0; s < p->tail_segment; s++)
            run_rows(run, s, part, part, picture, 0, p->steps[p->segments[s].end - 1]->out.h);
    }
}

/* One part of a segment for a picture that all threads work on. */
static void run_part(const predictor_run *run, int64_t s, int64_t picture, int64_t part)
{
    const mbn_predictor *p = run->predictor;
    const mbni_segment *segment = &p->segments[s];
    const mbni_op *last = p->steps[segment->end - 1];
    if (segment->split == MBNI_SPLIT_PANELS) {
        const mbni_bench bench = bench_of(run, part, picture);
        const int64_t panels = mbni_op_panels(last, bench.kernels);
        mbni_op_run_panels(last, &bench, last->out.h * last->out.w, map_source(run, s, 0, picture),
                           map_target(run, s, 0, picture), mbni_part_begin(panels, p->parts, part),
                           mbni_part_begin(panels, p->parts, part + 1));
    } else if (segment->split == MBNI_SPLIT_ROWS) {
        run_rows(run, s, 0, part, picture, mbni_part_begin(last->out.h, p->parts, part),
                 mbni_part_begin(last->out.h, p->parts, part + 1));
    } else if (part == 0) {
        run_rows(run, s, 0, part, picture, 0, last->out.h);
    }
}

/* One part of a segment for all pictures, each of which is a pixel. */
static void run_tail(const predictor_run *run, int64_t s, int64_t part)
{
    const mbn_predictor *p = run->predictor;
    const mbni_segment *segment = &p->segments[s];
    const mbni_op *op = p->steps[segment->begin];
    const mbni_bench bench = bench_of(run, part, 0);
    const float *x = s == 0 ? run->pictures.data
                            : workspace(p, p->vector_at + s % 2 * p->options.max_batch * p->vector_floats[0]);
    float *y = s + 1 == p->segment_count
                   ? run->output
                   : workspace(p, p->vector_at + (s + 1) % 2 * p->options.max_batch * p->vector_floats[0]);
    const int64_t cut = segment->split == MBNI_SPLIT_PANELS ? mbni_op_panels(op, bench.kernels) : run->n;
    const int64_t parts = run->clock ? 1 : p->parts;
    const int64_t begin = mbni_part_begin(cut, parts, part), end = mbni_part_begin(cut, parts, part + 1);
    const double began = run->clock ? mbni_platform_seconds() : 0;
    if (segment->split == MBNI_SPLIT_PANELS)
        mbni_op_run_panels(op, &bench, run->n, x, y, begin, end);
    else if (begin < end)
        mbni_op_run(op, &bench, x + begin * op->in.c, y + begin * op->out.c, begin, end);
    if (run->clock)
        run->clock[segment->begin] += mbni_platform_seconds() - began;
}

static void run_phase(void *data, int64_t phase, int64_t part)
{
    predictor_run *run = data;
    const int64_t maps = run->predictor->tail_segment;
    if (run->shared > 0 && phase-- == 0) {
        run_pictures(run, part);
        return;
    }
    const int64_t cut = (run->n - run->shared) * maps;
    if (phase < cut)
        run_part(run, phase % maps, run->shared + phase / maps, part);
    else
        run_tail(run, maps + phase - cut, part);
}

void mbni_predictor_run(mbn_predictor *p, int64_t n, const void *input, float *output, double *clock)
{
    predictor_run run = {.predictor = p, .pictures = p->pictures, .n = n, .output = output, .clock = clock};
    const int64_t parts = clock ? 1 : p->parts, maps = p->tail_segment;
    run.pictures.data = input;
    if (maps > 0)
        run.shared = clock ? n : p->slots_with_maps == parts ? n / parts * parts : 0;
    atomic_init(&run.next, 0);
    const int64_t phases = (run.shared > 0) + (n - run.shared) * maps + p->segment_count - maps;
    if (parts > 1) {
        mbni_parallel_phases(p->context, phases, parts, run_phase, &run);
        return;
    }
    for (int64_t phase = 0; phase < phases; phase++)
        run_phase(&run, phase, 0);
}
