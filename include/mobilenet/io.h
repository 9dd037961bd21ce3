/* Files: models (.mbn) and training checkpoints. docs/mbn-format.md specifies the container.
 *
 * Files are written aside, synced and renamed, so that a crash or a full disk leaves the old file whole.
 * Readers check every length before they believe it and verify a CRC-32 of every section. */
#ifndef MOBILENET_IO_H
#define MOBILENET_IO_H

#include <mobilenet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How weights are stored. They are f32 again once loaded. */
enum {
    MBN_ENCODING_F32 = 0, /* exact */
    MBN_ENCODING_F16 = 1, /* IEEE half, rounded to nearest even; values beyond 65504 are refused */
    MBN_ENCODING_BF16 = 2 /* bfloat16, rounded to nearest even */
};

typedef struct mbn_save_options {
    size_t struct_size;
    int32_t
        encoding; /* MBN_ENCODING_... of kernels; vectors (bias, batch norm) are always f32; default f32 */
    int32_t compression; /* zlib's level 1 to 9; 0: stored; default 6 */
    int32_t average;     /* 1: the averages of weights and running statistics that a compiled model keeps
                            (ema_decay), from a callback of fit too; default 0 */
    int32_t reserved;    /* 0 */
} mbn_save_options;

MBN_API void mbn_save_options_init_sized(mbn_save_options *options, size_t struct_size);
static inline void mbn_save_options_init(mbn_save_options *options)
{
    mbn_save_options_init_sized(options, sizeof *options);
}

/** Writes description, preprocessing, labels and weights of a built model; no optimizer state.
 *  @param path     replaced atomically if it exists
 *  @param options  NULL for the defaults
 *  @return MBN_OK, MBN_ERR_STATE, MBN_ERR_ARGUMENT, MBN_ERR_IO (the old file is as it was), MBN_ERR_MEMORY,
 * MBN_ERR_BUSY Side by side with predictions of the same model. */
MBN_API mbn_status mbn_model_save(const mbn_model *model, const char *path, const mbn_save_options *options);

/** The same into memory. @param out  receives u8 [bytes], released by the caller; NULL on failure */
MBN_API mbn_status mbn_model_save_memory(const mbn_model *model, const mbn_save_options *options,
                                         mbn_tensor **out);

/** Reads a model; a checkpoint is read as the model in it. The model is built and not compiled.
 *  @param context  NULL for the default
 *  @param out      receives the model, released with mbn_model_destroy; NULL on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_IO, MBN_ERR_FORMAT, MBN_ERR_VERSION, MBN_ERR_MEMORY. Any thread.
 */
MBN_API mbn_status mbn_model_load(mbn_context *context, const char *path, mbn_model **out);

/** The same from memory. @param data  lent during the call; need not be aligned */
MBN_API mbn_status mbn_model_load_memory(mbn_context *context, const void *data, size_t bytes,
                                         mbn_model **out);

/** Copies weights of a file into a built model, by layer and parameter name. Names in the file that the model
 * lacks are passed over.
 *  @param partial  0: every parameter of the model must be in the file with its shape, else nothing is
 * changed and the message names the first that is not; 1: copies those that fit
 *  @param loaded   receives the number of parameters copied; may be NULL
 *  @return MBN_OK, MBN_ERR_STATE, MBN_ERR_NOT_FOUND, MBN_ERR_SHAPE, and the statuses of mbn_model_load */
MBN_API mbn_status mbn_model_load_weights(mbn_model *model, const char *path, int32_t partial,
                                          int64_t *loaded);

/** Writes everything that training needs to go on as if it had never stopped: the model and, in sections
 * beside it, the optimizer's settings and state, the epochs completed, what callbacks remember, the layers
 * that are frozen. Never lossy.
 *  @return as mbn_model_save, and MBN_ERR_STATE when the model is not compiled */
MBN_API mbn_status mbn_checkpoint_save(const mbn_model *model, const char *path);

/** Reads a checkpoint: the model comes compiled, and mbn_fit with the same data, seed and batch size
 * continues bit for bit. @return as mbn_model_load; MBN_ERR_FORMAT for a model file without training state */
MBN_API mbn_status mbn_checkpoint_load(mbn_context *context, const char *path, mbn_model **out);

#ifdef __cplusplus
}
#endif
#endif
