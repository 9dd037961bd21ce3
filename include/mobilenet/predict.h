/* Prediction. */
#ifndef MOBILENET_PREDICT_H
#define MOBILENET_PREDICT_H

#include <mobilenet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Runs the network on pictures, in batches of at most 128, in inference mode: running statistics, no
 * dropout.
 *  @param x    u8 or f32 [n, height, width, channels] (or the model's data format), n at least 0
 *  @param out  receives f32 [n, classes], or [n, ...] with the model's output shape; to be released by the
 * caller; NULL on failure
 *  @return MBN_OK, MBN_ERR_STATE (not built, or u8 without preprocessing), MBN_ERR_SHAPE, MBN_ERR_TYPE,
 * MBN_ERR_MEMORY, MBN_ERR_BUSY (the model is being trained or changed) Side by side on one model from any
 * number of threads. A picture's answer depends on no other picture of the call. Memory:
 * mbn_model_inference_memory. */
MBN_API mbn_status mbn_predict(const mbn_model *model, const mbn_tensor *x, mbn_tensor **out);

#ifdef __cplusplus
}
#endif
#endif
