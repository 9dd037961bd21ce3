/* What the files of the predict room share: a model compiled to steps with packed weights (a program, shared
 * by predictors), and a predictor, which is a program with a schedule and memory. */
#ifndef MBNI_PREDICT_PROGRAM_H
#define MBNI_PREDICT_PROGRAM_H

#include "core/tensor.h"
#include "model/model.h"
#include "predict/predict.h"

/* A map of one picture, channels last. Vectors are maps of one pixel. */
typedef struct mbni_map {
    int64_t h, w, c;
} mbni_map;

typedef enum mbni_op_kind {
    MBNI_OP_CONVERT, /* pictures as they were given, to f32 channels last */
    MBNI_OP_DIRECT,  /* convolution straight from the picture */
    MBNI_OP_COLUMNS, /* convolution by columns and a product */
    MBNI_OP_DEPTHWISE,
    MBNI_OP_PRODUCT, /* of each pixel's channels with packed weights */
    MBNI_OP_AFFINE,  /* batch norm or ReLU by itself */
    MBNI_OP_PAD,     /* zero padding by itself */
    MBNI_OP_AVERAGE, /* over windows */
    MBNI_OP_GLOBAL_AVERAGE,
    MBNI_OP_GLOBAL_MAX,
    MBNI_OP_SOFTMAX,  /* of each pixel */
    MBNI_OP_TRANSPOSE /* channels first, for an answer that is a map */
} mbni_op_kind;

/* A layer with the batch norms and ReLUs behind it that have been folded into it. */
typedef struct mbni_op {
    mbni_op_kind kind;
    char name[MBNI_NAME_BYTES];
    const char *type;
    mbni_map in, out;
    bool reads_anew;    /* the numbers before it in another shape */
    mbni_window window; /* of those that slide one; of PAD: in, out, pad_top and pad_left */
    float low, high;    /* as in mbni_epilogue */
    int64_t multiply_adds;

    /* Where its weights come from: parameters of `layer`, -1 where there is none, and the batch norms among
     * the layers [norm_begin, norm_end). */
    int64_t layer, norm_begin, norm_end;
    int32_t kernel, bias;

    /* In the program's weights: offsets, and pointers once they are packed; NULL for none. kernel is [..., c]
     * as the layer has it, or packed for PRODUCT and COLUMNS. scale is of AFFINE alone. */
    int64_t kernel_at, shift_at, scale_at, weight_bytes;
    const float *kernel_values, *shift, *scale;
    mbni_packed packed;
} mbni_op;

/* What is hung on a model and shared by the predictors that are made from it. */
typedef struct mbni_share mbni_share;

typedef struct mbni_program {
    mbn_context *context; /* a reference */
    const mbni_kernels *kernels;
    int32_t isa, precision;
    int64_t layers; /* of the model that have been compiled */
    uint64_t revision;
    mbni_op *steps;
    int64_t count;
    mbni_arena weights;

    /* Under the share's lock, where there is one. */
    atomic_int_fast64_t references;
    mbni_share *share; /* a reference; NULL: from a file */
    struct mbni_program *next;
} mbni_program;

/* What a program is made for. */
typedef struct mbni_target {
    int32_t isa, precision;
    int64_t layers;
} mbni_target;
/* The target that options ask for. MBN_ERR_STATE where the model cannot answer what they want. */
mbn_status mbni_target_of(const mbn_model *model, const mbn_predictor_options *options, mbni_target *target);

/* Steps and sizes; no weights yet. */
mbn_status mbni_program_compile(const mbn_model *model, const mbni_target *target, mbni_program **out);
/* Allocates and fills the weights. */
mbn_status mbni_program_pack(mbni_program *program, const mbn_model *model, const mbni_weight_source *source);
/* The program of a model's present weights: one that a predictor has, or a new one. To be released. */
mbn_status mbni_program_of(const mbn_model *model, const mbni_target *target, mbni_program **out);
void mbni_program_retain(mbni_program *program);
void mbni_program_release(mbni_program *program);

/* Rows [*begin, *end) of a step's input that its output rows [from, to) are made of. */
void mbni_op_rows_read(const mbni_op *op, int64_t from, int64_t to, int64_t *begin, int64_t *end);
/* Whether it wants its whole input at once. */
static inline bool mbni_op_is_global(const mbni_op *op)
{
    return op->kind == MBNI_OP_GLOBAL_AVERAGE || op->kind == MBNI_OP_GLOBAL_MAX ||
           op->kind == MBNI_OP_TRANSPOSE;
}
/* Whether each pixel of its output comes from the same pixel of its input alone. */
static inline bool mbni_op_is_pixelwise(const mbni_op *op)
{
    return op->kind == MBNI_OP_PRODUCT || op->kind == MBNI_OP_AFFINE || op->kind == MBNI_OP_SOFTMAX;
}
static inline int64_t mbni_map_floats(mbni_map map)
{
    return map.h * map.w * map.c;
}

/* Pictures as they are given. */
typedef struct mbni_pictures {
    const void *data;
    int32_t type;
    bool planes; /* channels first */
    float scale, offset;
} mbni_pictures;

/* What a step computes with. */
typedef struct mbni_bench {
    const mbni_kernels *kernels;
    int32_t precision;
    const mbni_pictures *pictures; /* of CONVERT; its x is not looked at, but the number of the picture */
    int64_t picture;
    float *columns; /* of COLUMNS: a row of them */
    float *scratch; /* of products in bfloat16: pointwise_bf16_floats of them */
} mbni_bench;
/* Output rows [from, to): x is at the first row that they read, y at the first that is written. */
void mbni_op_run(const mbni_op *op, const mbni_bench *bench, const float *x, float *y, int64_t from,
                 int64_t to);
/* Of PRODUCT: some panels of all pixels; x and y whole. */
void mbni_op_run_panels(const mbni_op *op, const mbni_bench *bench, int64_t pixels, const float *x, float *y,
                        int64_t begin, int64_t end);
int64_t mbni_op_panels(const mbni_op *op, const mbni_kernels *kernels);

/* How a segment's work is cut into parts. */
typedef enum mbni_split { MBNI_SPLIT_NONE, MBNI_SPLIT_ROWS, MBNI_SPLIT_PANELS } mbni_split;

/* Steps that run together, some rows at a time: the last one's rows go to a whole map, the others' to strips,
 * which hold as many rows as the op behind them reads at a time. */
typedef struct mbni_segment {
    int64_t begin, end; /* steps */
    mbni_split split;
    int64_t chunk; /* rows of the last step at a time */
} mbni_segment;

/* Rows [first, end) of a step's output. */
typedef struct mbni_strip {
    float *rows;
    int64_t row_floats, capacity, first, end;
} mbni_strip;

struct mbn_predictor {
    mbn_context *context; /* the program's */
    mbni_program *program;
    mbn_predictor_options options; /* complete */
    mbni_pictures pictures;        /* but for the data */
    mbni_op edges[2];              /* CONVERT and TRANSPOSE, where needed */
    const mbni_op **steps;
    int64_t count, tail; /* the steps from tail on take all pictures of a run at once, as pixels */
    mbni_segment *segments;
    int64_t segment_count, tail_segment;
    int64_t parts; /* that a run is cut into: threads */

    /* The workspace. A slot is what one part works with: strips, columns, scratch, and where pictures are
     * shared out among the parts, maps of its own. */
    mbni_arena workspace;
    int64_t slots_with_maps;
    int64_t *strip_rows; /* [count] */
    int64_t map_floats[2], vector_floats[2], strip_floats, column_floats, scratch_floats;
    int64_t map_at, vector_at, slot_at; /* offsets of floats: [slots_with_maps][2], [2], [parts] */
    mbni_strip *strips;                 /* [parts][count] */

    int64_t input_dims[3], output_dims[MBN_MAX_RANK];
    int32_t output_rank;
    int64_t input_bytes, output_floats; /* of one picture */
    char **labels;                      /* one block */
    int64_t label_count;
    double *times; /* [count] milliseconds of the last profile; NULL before */
    int64_t timed; /* pictures of it */
    atomic_flag running;
};

/* Floats of a slot but for its maps: strips, columns and scratch, in this order. */
static inline int64_t mbni_slot_floats(const mbn_predictor *p)
{
    return p->strip_floats + p->column_floats + p->scratch_floats;
}

/* Segments and sizes of a predictor whose steps and options are set; the arrays have room for them. connect:
 * once the workspace is there. */
mbn_status mbni_schedule(mbn_predictor *predictor);
void mbni_schedule_connect(mbn_predictor *predictor);
/* Runs a segment for a picture. part: of predictor->parts; whole: all of its rows, whatever the parts. Reads
 * and writes whole maps. clock: NULL, or [count] seconds to which each op's are added. */
typedef struct mbni_walk {
    const mbn_predictor *predictor;
    const mbni_segment *segment;
    mbni_bench bench;
    const float *x;
    float *y;
    mbni_strip *strips; /* of this part */
    double *clock;
    int64_t *strip_rows; /* planning: nothing is computed, but the rows each strip must hold are noted here */
} mbni_walk;
void mbni_walk_rows(mbni_walk *walk, int64_t from, int64_t to);

/* A run: arguments are checked. clock as in mbni_walk: then on this thread alone. */
void mbni_predictor_run(mbn_predictor *predictor, int64_t n, const void *input, float *output, double *clock);

/* A predictor of a program, whose reference it takes, on failure too. `model` lends what is at its edges. */
mbn_status mbni_predictor_make(mbni_program *program, const mbn_model *model,
                               const mbn_predictor_options *options, mbn_predictor **out);
/* Arguments of a run: how many pictures, and a buffer of `bytes` for n things of `each` bytes. */
mbn_status mbni_predictor_check_run(const mbn_predictor *p, int64_t n, const void *input);
mbn_status mbni_predictor_check_bytes(const char *argument, size_t bytes, int64_t n, int64_t each);
/* Takes the predictor for this thread, or MBN_ERR_BUSY. */
mbn_status mbni_predictor_begin(mbn_predictor *p);
void mbni_predictor_end(mbn_predictor *p);

/* The predictor that mbn_predict keeps in a model: taken out while it is used. */
mbn_predictor *mbni_share_take(const mbn_model *model);
void mbni_share_keep(const mbn_model *model, mbn_predictor *predictor);

#endif
