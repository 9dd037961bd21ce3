/* Layers by name or by the beginning of their names. */
#include <string.h>
#include "model/model.h"

int64_t mbni_model_next(const mbn_model *model, const char *selection, int64_t from)
{
    const int64_t exact = selection ? mbni_model_find(model, selection) : -1;
    const size_t length = selection ? strlen(selection) : 0;
    if (!selection)
        return from;
    if (exact >= 0)
        return exact >= from ? exact : model->layer_count;
    for (int64_t i = from; length > 0 && selection[length - 1] == '*' && i < model->layer_count; i++)
        if (strncmp(model->layers[i].name, selection, length - 1) == 0)
            return i;
    return model->layer_count;
}

mbn_status mbni_model_check_selection(const mbn_model *model, const char *selection)
{
    if (mbni_model_next(model, selection, 0) < model->layer_count)
        return MBN_OK;
    return mbni_error(MBN_ERR_NOT_FOUND, "argument layer is '%.70s'; the model has no such layer", selection);
}
