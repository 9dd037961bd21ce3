/* predict.h. */
#include "predict/predict.h"

MBN_API mbn_status mbn_predict(const mbn_model *model, const mbn_tensor *x, mbn_tensor **out)
{
    MBNI_CALL();
    if (!out)
        return mbni_error(MBN_ERR_ARGUMENT, "argument out is NULL");
    *out = NULL;
    if (!model)
        return mbni_error(MBN_ERR_ARGUMENT, "argument model is NULL");
    MBNI_TRY(mbni_model_read_begin(model));
    uint32_t denormals = mbni_denormals_flush();
    mbn_status status = mbni_predict(model, x, out);
    mbni_denormals_restore(denormals);
    mbni_model_read_end(model);
    return status;
}
