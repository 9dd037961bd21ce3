/* The model object: a chain of layers, their parameters in one block, and what rooms above need of it. */
#ifndef MBNI_MODEL_H
#define MBNI_MODEL_H

#include <mobilenet/model.h>
#include <pthread.h>
#include "core/tensor.h"
#include "layers/layer.h"

/* What the train room hangs on a model: opaque here. */
typedef struct mbni_trainer mbni_trainer;

struct mbn_model {
    mbn_context *context; /* a reference */
    mbni_layer *layers;   /* 0 is the input */
    int64_t layer_count, layer_capacity;
    mbn_status latched; /* the first failure of a constructor */
    char latched_text[512];
    int32_t built;
    uint64_t seed;
    float *values;        /* all parameters, each aligned to 64 bytes */
    int64_t value_count;  /* floats in values, padding included (zero) */
    int64_t *param_first; /* not used by rooms above */
    int32_t data_format;
    int32_t preprocessing;
    int64_t input_dims[3]; /* in data_format's order */
    char **labels;
    int64_t label_count;
    uint64_t revision; /* counts changes of weights or layers: caches compare it */
    mbni_trainer *trainer;
    void (*trainer_destroy)(mbni_trainer *trainer);
    atomic_int users; /* -1: one call has it alone; else the calls that read it */
    void *caller; /* while users is -1 in fit: marks the thread whose callbacks may read (see mbni_model_lend)
                   */
};

/* Access. read: any number side by side. write: alone. MBN_ERR_BUSY otherwise. */
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
mbn_status mbni_model_latch(mbn_model *model,
                            mbn_status status); /* records mbn_last_error's text if it is the first */

mbn_status mbni_model_new(mbn_context *context, mbn_model **out);
/* Lays out parameters (kept zero) and marks the model built; initialize draws the values. */
mbn_status mbni_model_allocate(mbn_model *model);
void mbni_model_initialize(mbn_model *model, uint64_t seed);
int64_t mbni_model_find(const mbn_model *model, const char *layer); /* -1: none */
/* "layer/param" -> the parameter; NULL: none */
mbni_param *mbni_model_find_param(const mbn_model *model, const char *name);
void mbni_model_forget_training(mbn_model *model); /* drops the trainer */
const mbni_layer *mbni_model_last(const mbn_model *model);

/* Checks a tensor of pictures against the model: u8 (with preprocessing) or f32, [n, input dims]. `argument`
 * names it. */
mbn_status mbni_model_check_input(const mbn_model *model, const mbn_tensor *x, const char *argument);
/* Converts pictures order[0..count) of x (order NULL: first, first + 1, ...) to channels-last f32 rows of
 * `out`. */
void mbni_model_gather(const mbn_model *model, const mbn_tensor *x, const int64_t *order, int64_t first,
                       int64_t count, float *out);

/* Inference layer by layer. Plan the workspace for a largest batch, then run any number of batches up to
 * that; y receives [batch, output...] channels last. `stop` layers from the end are left out: 1 gives the
 * logits below a final softmax. */
typedef struct mbni_inference {
    const mbn_model *model;
    int64_t max_batch;
    int64_t layers;                          /* to run */
    int64_t buffer_floats, workspace_floats; /* two buffers and one workspace */
    mbni_arena arena;
    float *buffers[2], *workspace;
} mbni_inference;
mbn_status mbni_inference_plan(const mbn_model *model, int64_t max_batch, int64_t stop,
                               mbni_inference *run); /* allocates nothing; run->arena.bytes */
mbn_status mbni_inference_create(mbni_inference *run);
void mbni_inference_destroy(mbni_inference *run);
float *mbni_inference_input(
    mbni_inference *run); /* where the batch, [batch, h, w, c], is to be put: max_batch rows */
const float *mbni_inference_run(mbni_inference *run, int64_t batch); /* the output, lent until the next run */

#endif
