/* Labels: everything about them is checked here, before the first step. */
#include "train/trainer.h"
#include <math.h>
#include <string.h>

int64_t mbni_first_largest(int64_t n, const float *x)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

static mbn_status check_ids(const mbni_tensors *targets, const char *y_name)
{
    for (int64_t i = 0; i < targets->x->dims[0]; i++)
        if (targets->ids[i] < 0 || targets->ids[i] >= targets->classes)
            return mbni_error(MBN_ERR_ARGUMENT,
                              "argument %s has label %d at position %lld; allowed are 0 to %lld", y_name,
                              (int)targets->ids[i], (long long)i, (long long)(targets->classes - 1));
    return MBN_OK;
}

static mbn_status check_soft(const mbni_tensors *targets, const char *y_name)
{
    for (int64_t i = 0; i < targets->x->dims[0] * targets->classes; i++)
        if (!(targets->soft[i] >= 0 && targets->soft[i] <= 1))
            return mbni_error(MBN_ERR_ARGUMENT,
                              "argument %s has %g at row %lld, class %lld; allowed are 0 to 1", y_name,
                              (double)targets->soft[i], (long long)(i / targets->classes),
                              (long long)(i % targets->classes));
    return MBN_OK;
}

static mbn_status check_tensors(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                                const char *x_name, const char *y_name, mbni_tensors *targets)
{
    char dims[MBNI_DIMS_TEXT];
    int64_t classes = mbni_model_last(model)->out.dims[0];
    MBNI_TRY(mbni_model_check_input(model, x, x_name));
    if (!y)
        return mbni_error(MBN_ERR_ARGUMENT, "argument %s is NULL; labels are needed", y_name);
    *targets = (mbni_tensors){.x = x, .classes = classes};
    if (y->type == MBN_I32 && y->rank == 1)
        targets->ids = y->data;
    else if (y->type == MBN_F32 && y->rank == 2 && y->dims[1] == classes)
        targets->soft = y->data;
    else
        return mbni_error(y->type == MBN_I32 || y->type == MBN_F32 ? MBN_ERR_SHAPE : MBN_ERR_TYPE,
                          "argument %s is %s %s; allowed are i32 [n] with class ids or f32 [n, %lld]", y_name,
                          mbni_type_name(y->type), mbni_dims_text(dims, y->rank, y->dims),
                          (long long)classes);
    if (y->dims[0] != x->dims[0])
        return mbni_error(MBN_ERR_SHAPE,
                          "arguments %s and %s have %lld pictures and %lld labels; they must be as many",
                          x_name, y_name, (long long)x->dims[0], (long long)y->dims[0]);
    if (x->dims[0] == 0)
        return mbni_error(MBN_ERR_SHAPE, "argument %s has no pictures; at least 1 is needed", x_name);
    return targets->ids ? check_ids(targets, y_name) : check_soft(targets, y_name);
}

mbn_status mbni_labelled(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y, const char *x_name,
                         const char *y_name, mbni_tensors *tensors, mbni_feed *feed)
{
    MBNI_TRY(check_tensors(model, x, y, x_name, y_name, tensors));
    *feed = mbni_tensors_feed(tensors, model->data_format == MBN_CHANNELS_FIRST);
    return MBN_OK;
}
