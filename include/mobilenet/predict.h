/* Prediction: the simple call, and predictors, which are models compiled for inference.
 *
 * A predictor holds a model's weights folded (batch norm and bias into the convolutions) and packed for the
 * machine, a plan of its memory, and the memory itself: running it allocates nothing. It does not look at its
 * model again, which may be trained on or released; a predictor made afterwards has the new weights.
 * Predictors of one model with the same precision and instruction set share the packed weights.
 *
 * Thread rule: one thread at a time runs a predictor; different predictors run side by side, on one model
 * too. Answers are the same bits for any number of threads, any batch and any predictor of one model,
 * precision and instruction set. */
#ifndef MOBILENET_PREDICT_H
#define MOBILENET_PREDICT_H

#include <mobilenet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Runs the network on pictures in inference mode: running statistics, no dropout. Keeps a predictor in the
 * model, made by the first call and again after weights or layers have changed.
 *  @param x    u8 or f32 [n, height, width, channels] (or the model's data format), n at least 0
 *  @param out  receives f32 [n, classes], or [n, ...] with the model's output shape; to be released by the
 * caller; NULL on failure
 *  @return MBN_OK, MBN_ERR_STATE (not built, or u8 without preprocessing), MBN_ERR_SHAPE, MBN_ERR_TYPE,
 * MBN_ERR_MEMORY, MBN_ERR_BUSY (the model is being trained or changed). Side by side on one model from any
 * number of threads. A picture's answer depends on no other picture of the call. Memory:
 * mbn_model_inference_memory. */
MBN_API mbn_status mbn_predict(const mbn_model *model, const mbn_tensor *x, mbn_tensor **out);

/** How a predictor keeps weights. */
enum {
    MBN_PRECISION_F32 = 0, /* exact but for folding: trained networks within 1e-5 of the layers'
                              probabilities */
    MBN_PRECISION_BF16 = 1 /* products' weights in bfloat16: half the bytes; sums in f32. See docs/numerics.md
                              for the bound; answers differ between instruction sets */
};

/** What a predictor answers. */
enum {
    MBN_OUTPUT_PROBABILITIES =
        0,                 /* the model's own output, which is probabilities where it ends in softmax */
    MBN_OUTPUT_LOGITS = 1, /* the same without a softmax at the end */
    MBN_OUTPUT_EMBEDDING =
        2 /* the vector that the classifier reads, in the shape that it has there; of a model that has no
             classifier and ends in a vector, that vector. MBN_ERR_STATE for other models */
};

/** The order of axes of pictures, and of maps that are answered. */
enum {
    MBN_LAYOUT_MODEL = 0, /* the model's data format */
    MBN_LAYOUT_NHWC = 1,  /* channels last */
    MBN_LAYOUT_NCHW = 2   /* channels first */
};

typedef struct mbn_predictor mbn_predictor;

typedef struct mbn_predictor_options {
    size_t struct_size;
    mbn_context *context; /* mbn_predictor_load only: where the model is read; NULL: the default context. A
                             predictor made from a model belongs to the model's */
    int64_t max_batch;    /* pictures in one run at most, 1 to 65536; default 1 */
    int32_t
        threads; /* that compute at once; more than the context has are taken as all of its; default 0: all */
    int32_t precision;  /* MBN_PRECISION_...; default f32 */
    int32_t isa_limit;  /* MBN_ISA_..., lowers the context's; default MBN_ISA_BEST */
    int32_t output;     /* MBN_OUTPUT_...; default probabilities */
    int32_t input_type; /* MBN_F32 (default) or MBN_U8, which needs the model's preprocessing */
    int32_t layout;     /* MBN_LAYOUT_...; default the model's */
} mbn_predictor_options;

MBN_API void mbn_predictor_options_init_sized(mbn_predictor_options *options, size_t struct_size);
static inline void mbn_predictor_options_init(mbn_predictor_options *options)
{
    mbn_predictor_options_init_sized(options, sizeof *options);
}

/** Compiles a built model.
 *  @param options  NULL for the defaults: one picture at a time, f32, channels last
 *  @param out      receives the predictor, released with mbn_predictor_destroy; NULL on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_STATE (not built, no preprocessing for u8, no embedding),
 * MBN_ERR_MEMORY, MBN_ERR_BUSY. Any thread, side by side with other calls that read the model. */
MBN_API mbn_status mbn_predictor_create(const mbn_model *model, const mbn_predictor_options *options,
                                        mbn_predictor **out);

/** Compiles a model file (.mbn) without loading the model: each weight is packed as it is read, so that there
 * is never more than one tensor beside the packed weights.
 *  @return as mbn_predictor_create and mbn_model_load. Any thread. */
MBN_API mbn_status mbn_predictor_load(const char *path, const mbn_predictor_options *options,
                                      mbn_predictor **out);

/** Another predictor with the same options, weights shared, memory of its own: one for each thread.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. Any thread, also while `predictor` runs. */
MBN_API mbn_status mbn_predictor_clone(const mbn_predictor *predictor, mbn_predictor **out);

/** Releases a predictor that no thread runs. NULL is allowed. */
MBN_API void mbn_predictor_destroy(mbn_predictor *predictor);

/** Runs n pictures.
 *  @param n             0 to max_batch
 *  @param input         pictures one after the other, of the type and layout of the options
 *  @param input_bytes   exactly n times mbn_predictor_input_bytes
 *  @param output        receives f32; must not overlap the input
 *  @param output_bytes  exactly n times mbn_predictor_output_bytes
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_SHAPE (sizes), MBN_ERR_BUSY (another thread runs it). Allocates
 * nothing. NaN in a picture makes its own answer NaN and no other. */
MBN_API mbn_status mbn_predictor_run(mbn_predictor *predictor, int64_t n, const void *input,
                                     size_t input_bytes, void *output, size_t output_bytes);

/** The same on tensors.
 *  @param x    of the type of the options, [n, ...] with the shape of mbn_predictor_input_dims
 *  @param out  f32 [n, ...] with the shape of mbn_predictor_output_dims, made by the caller, overwritten
 *  @return as mbn_predictor_run, and MBN_ERR_TYPE */
MBN_API mbn_status mbn_predictor_run_tensor(mbn_predictor *predictor, const mbn_tensor *x, mbn_tensor *out);

/** Bytes of one picture given; 0 for NULL. Any thread. */
MBN_API size_t mbn_predictor_input_bytes(const mbn_predictor *predictor);
/** Bytes of one answer; 0 for NULL. Any thread. */
MBN_API size_t mbn_predictor_output_bytes(const mbn_predictor *predictor);
/** Shape of one picture, three numbers in the predictor's layout. Lent: valid as long as the predictor. NULL
 * for NULL. */
MBN_API const int64_t *mbn_predictor_input_dims(const mbn_predictor *predictor);
/** Shape of one answer, mbn_predictor_output_rank numbers. Lent: valid as long as the predictor. NULL for
 * NULL. */
MBN_API const int64_t *mbn_predictor_output_dims(const mbn_predictor *predictor);
/** Number of axes of one answer; 0 for NULL. */
MBN_API int32_t mbn_predictor_output_rank(const mbn_predictor *predictor);
/** Threads that a run computes with; 0 for NULL. */
MBN_API int32_t mbn_predictor_threads(const mbn_predictor *predictor);
/** The instruction set that it computes with (MBN_ISA_...); 0 for NULL. */
MBN_API int32_t mbn_predictor_isa(const mbn_predictor *predictor);
/** The name of a class, of probabilities and logits; NULL when there is none. Lent: valid as long as the
 * predictor. */
MBN_API const char *mbn_predictor_label(const mbn_predictor *predictor, size_t index);

/** Bytes of a predictor: packed weights, counted whole although predictors of one model share them, and its
 * own workspace, all that it has besides a few kilobytes. Either pointer may be NULL. */
MBN_API mbn_status mbn_predictor_memory(const mbn_predictor *predictor, int64_t *weights_bytes,
                                        int64_t *workspace_bytes);
/** The same numbers for a predictor that is yet to be made. @return as mbn_predictor_create; allocates
 * little.
 */
MBN_API mbn_status mbn_predictor_memory_needed(const mbn_model *model, const mbn_predictor_options *options,
                                               int64_t *weights_bytes, int64_t *workspace_bytes);

/** A step of a predictor: a layer with what has been fused into it; filled up to the caller's struct_size. */
typedef struct mbn_step_info {
    size_t struct_size;
    const char *name;      /* of the layer that it is named after; lent by the predictor, as is type */
    const char *type;      /* Keras' class of that layer, or "Input" for the conversion of pictures */
    int64_t multiply_adds; /* for one picture */
    int64_t bytes;         /* weights, and activations read and written for one picture */
    double milliseconds;   /* of one run by one thread, median over the last profile; 0 before one */
    double gflops;         /* 2 * multiply_adds of the run over that time */
    int32_t segment;       /* steps of one segment run together, some rows at a time */
    int32_t reserved;      /* 0 */
} mbn_step_info;

MBN_API void mbn_step_info_init_sized(mbn_step_info *info, size_t struct_size);
static inline void mbn_step_info_init(mbn_step_info *info)
{
    mbn_step_info_init_sized(info, sizeof *info);
}

/** Runs n pictures `repeats` times on the calling thread alone and times each step.
 *  @param repeats  1 to 10000; times are medians over them
 *  @return as mbn_predictor_run, and MBN_ERR_MEMORY */
MBN_API mbn_status mbn_predictor_profile(mbn_predictor *predictor, int64_t n, const void *input,
                                         size_t input_bytes, int32_t repeats);
/** Number of steps; 0 for NULL. */
MBN_API size_t mbn_predictor_step_count(const mbn_predictor *predictor);
/** Describes a step. info->struct_size says how much may be written. @return MBN_OK, MBN_ERR_ARGUMENT */
MBN_API mbn_status mbn_predictor_step_info(const mbn_predictor *predictor, size_t index, mbn_step_info *info);

/** The k largest of one row of scores, largest first; of equals the lower index, NaN behind all numbers.
 *  @param predictor  whose labels are wanted; NULL: none
 *  @param scores     f32 [classes]
 *  @param k          1 to classes
 *  @param indices    receives k indices
 *  @param top        receives their scores; may be NULL
 *  @param labels     receives their names, lent by the predictor, NULL where there is none; may be NULL
 *  @return MBN_OK, MBN_ERR_ARGUMENT. Allocates nothing; time grows with classes and k^2. */
MBN_API mbn_status mbn_top_k(const mbn_predictor *predictor, const float *scores, int64_t classes, int64_t k,
                             int64_t *indices, float *top, const char **labels);

#ifdef __cplusplus
}
#endif
#endif
