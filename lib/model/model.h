/* The model object: a chain of layers, their parameters in one block, and what rooms above need of it. */
#ifndef MBNI_MODEL_H
#define MBNI_MODEL_H

#include <mobilenet/model.h>
#include "core/feed.h"
#include "core/tensor.h"
#include "layers/layer.h"

/* What the train room hangs on a model: opaque here. */
typedef struct mbni_trainer mbni_trainer;

/* What a room above hangs on a model: opaque here, told when the model goes. */
typedef struct mbni_attachment mbni_attachment;
struct mbni_attachment {
    void (*detach)(mbni_attachment *attachment);
};

/* Head of a block of layers; they follow at MBNI_ALIGNMENT. */
typedef struct mbni_layer_block {
    struct mbni_layer_block *before; /* outgrown */
} mbni_layer_block;

/* Where a parameter is, and its name as the outside knows it: "layer/parameter". */
typedef struct mbni_param_entry {
    char name[2 * MBNI_NAME_BYTES];
    int32_t layer, param;
} mbni_param_entry;

struct mbn_model {
    mbn_context *context; /* a reference */
    mbni_layer *layers;   /* 0 is the input; lies in the newest of the blocks */
    int64_t layer_count, layer_capacity;
    mbni_layer_block *blocks; /* outgrown ones too: lent names stay valid as long as the model */
    mbn_status latched;       /* the first failure of a constructor */
    char latched_text[512];
    int32_t built;
    uint64_t seed;
    float *values;             /* all parameters, each aligned to 64 bytes */
    int64_t value_count;       /* floats in values, padding included (zero) */
    mbni_param_entry *entries; /* every parameter in the order of layers; NULL before build */
    int64_t entry_count;
    int32_t data_format;
    int32_t preprocessing;
    int64_t input_dims[3];             /* in data_format's order */
    int64_t output_dims[MBN_MAX_RANK]; /* likewise where the output is a map */
    char **labels;                     /* one block, pointers and text; NULL without */
    int64_t label_count;
    uint64_t revision; /* counts changes of weights or layers: caches compare it */
    mbni_trainer *trainer;
    void (*trainer_destroy)(mbni_trainer *trainer);
    _Atomic(mbni_attachment *) attachment; /* of the predict room; set once, by any reader */
    atomic_int users;                      /* see access.c */
};

/* Access. read: any number side by side. write: alone. MBN_ERR_BUSY otherwise. The api room begins and ends
 * it, once a public call; the other functions here rely on it. */
mbn_status mbni_model_read_begin(const mbn_model *model);
void mbni_model_read_end(const mbn_model *model);
mbn_status mbni_model_write_begin(mbn_model *model);
void mbni_model_write_end(mbn_model *model);
/* While fit, which has the model alone, calls back: reading is allowed to anyone, writing to nobody; take
 * returns to alone and waits for readers to finish. */
void mbni_model_lend(mbn_model *model);
void mbni_model_take(mbn_model *model);

/* Appends a layer: name NULL numbers it. config is copied; reads the last layer. Latches failures. */
typedef struct mbni_layer_request {
    const mbni_layer_ops *ops;
    const char *name;
    const void *config; /* of the type's config member, config_bytes; NULL: the type's defaults */
    size_t config_bytes;
} mbni_layer_request;
mbn_status mbni_model_add(mbn_model *model, const mbni_layer_request *request);
/* Records mbn_last_error's text if `status` is the first failure; returns the status. */
mbn_status mbni_model_latch(mbn_model *model, mbn_status status);

mbn_status mbni_model_new(mbn_context *context, mbn_model **out);
void mbni_model_free(mbn_model *model);                          /* nobody uses it */
mbn_status mbni_model_reserve(mbn_model *model, int64_t layers); /* room for that many */
/* Reports a latched failure or a chain without layers; else lays out the parameters (zero) and marks the
 * model built. initialize draws the values. */
mbn_status mbni_model_allocate(mbn_model *model);
void mbni_model_initialize(mbn_model *model, uint64_t seed);
/* Lays out anew the parameters of the first `count` layers, which become all; parameters that have values
 * keep them, others are zero. On failure nothing has changed. */
mbn_status mbni_model_lay_out(mbn_model *model, int64_t count);
void mbni_model_set_data_format(mbn_model *model, int32_t data_format);
/* Sets input_dims and output_dims. */
void mbni_model_update_edges(mbn_model *model);
/* Replaces the labels by copies; count 0 removes them. MBN_ERR_SHAPE when count is not the outputs'. */
mbn_status mbni_model_set_labels(mbn_model *model, const char *const *labels, int64_t count);
int64_t mbni_model_find(const mbn_model *model, const char *layer); /* -1: none */
/* The first layer from `from` on that a selection means, layer_count when none: NULL all, a layer's name that
 * one, "conv_dw*" those whose names begin so. check: MBN_ERR_NOT_FOUND where it means none at all. */
int64_t mbni_model_next(const mbn_model *model, const char *selection, int64_t from);
mbn_status mbni_model_check_selection(const mbn_model *model, const char *selection);
/* "layer/param" -> the parameter; NULL: none */
mbni_param *mbni_model_find_param(const mbn_model *model, const char *name);
/* Parameters of a layer, and those that training changes. */
void mbni_layer_parameter_count(const mbni_layer *layer, int64_t *total, int64_t *trainable);
int64_t mbni_layer_multiply_adds(const mbni_layer *layer);
void mbni_model_parameter_count(const mbn_model *model, int64_t *total, int64_t *trainable);
int64_t mbni_model_multiply_adds(const mbn_model *model);
mbn_status mbni_model_get_parameter(const mbn_model *model, const char *name, mbn_tensor **out);
mbn_status mbni_model_set_parameter(mbn_model *model, const char *name, const mbn_tensor *values);
mbn_status mbni_model_summary(const mbn_model *model, char *buffer, size_t capacity, size_t *needed);
mbn_status mbni_model_truncate(mbn_model *model, const char *layer);
mbn_status mbni_model_replace_head(mbn_model *model, int64_t classes, uint64_t seed);

/* MobileNet V1. `append` 1: onto the model's present end; options of the input are not looked at. */
void mbni_mobilenet_defaults(mbn_mobilenet_options *options);
mbn_status mbni_mobilenet_check(const mbn_mobilenet_options *options, int append);
/* Checked options; the model has its input. A failure is latched. */
mbn_status mbni_mobilenet_append(mbn_model *model, const mbn_mobilenet_options *options);
mbn_status mbni_mobilenet_create(mbn_context *context, const mbn_mobilenet_options *options, mbn_model **out);

void mbni_model_forget_training(mbn_model *model); /* drops the trainer */
const mbni_layer *mbni_model_last(const mbn_model *model);

/* Where the values of parameters come from, when not from the model: lent until the next call. */
typedef struct mbni_weight_source {
    mbn_status (*values)(void *user, const mbni_layer *layer, const mbni_param *param, const float **out);
    void *user;
} mbni_weight_source;

/* x * scale + offset for u8 pictures, by MBN_PREPROCESSING_...; 1 and 0 for none. */
void mbni_preprocessing_numbers(int32_t preprocessing, float *scale, float *offset);
/* Checks a tensor of pictures against the model: u8 (with preprocessing) or f32, [n, input dims]. `argument`
 * names it. */
mbn_status mbni_model_check_input(const mbn_model *model, const mbn_tensor *x, const char *argument);
/* Pictures to be converted, each by itself, so that any number may be at work at a time. */
typedef struct mbni_gather {
    const mbni_kernels *kernels;
    const mbni_feed *feed;
    int64_t place, count; /* of the feed's pass, which are ready */
    int64_t pixels, channels;
    float scale, offset;
    float *out;
} mbni_gather;
mbni_gather mbni_model_gather_plan(const mbn_model *model, const mbni_feed *feed, int64_t place,
                                   int64_t count, float *out);
void mbni_gather_picture(const mbni_gather *gather, int64_t index);
/* All of them, in parallel: to channels-last f32 rows of `out`. */
void mbni_model_gather(const mbn_model *model, const mbni_feed *feed, int64_t place, int64_t count,
                       float *out);
/* Pictures without targets, x having been checked; planes as the model takes them. */
mbni_feed mbni_model_pictures(const mbn_model *model, const mbn_tensor *x, mbni_tensors *tensors);

/* Inference layer by layer. Plan the workspace for a largest batch, then run any number of batches up to
 * that; y receives [batch, output...] channels last. `stop` layers from the end are left out: 1 gives the
 * logits below a final softmax. */
typedef struct mbni_inference {
    const mbn_model *model;
    int64_t max_batch;
    int64_t layers; /* to run */
    int64_t buffer_offsets[2], workspace_offset;
    mbni_arena arena;
    float *buffers[2], *workspace;
} mbni_inference;
mbn_status mbni_inference_plan(const mbn_model *model, int64_t max_batch, int64_t stop,
                               mbni_inference *run); /* allocates nothing; run->arena.bytes */
mbn_status mbni_inference_create(mbni_inference *run);
void mbni_inference_connect(
    mbni_inference *run); /* create without the allocation: run->arena has its memory */
void mbni_inference_destroy(mbni_inference *run);
float *mbni_inference_input(
    mbni_inference *run); /* where the batch, [batch, h, w, c], is to be put: max_batch rows */
const float *mbni_inference_run(mbni_inference *run, int64_t batch); /* the output, lent until the next run */

#endif
