/* The largest of a row of scores. */
#include "predict/predict.h"

/* Whether a goes before b: larger, a number before NaN. */
static bool before(float a, float b)
{
    return a > b || (a == a && b != b);
}

/* Insertion into the k best so far, which are few. */
mbn_status mbni_top_k(const float *scores, int64_t classes, int64_t k, int64_t *indices)
{
    if (classes < 1)
        return mbni_error(MBN_ERR_ARGUMENT, "argument classes is %lld; allowed are 1 and more",
                          (long long)classes);
    if (k < 1 || k > classes)
        return mbni_error(MBN_ERR_ARGUMENT, "argument k is %lld; allowed are 1 to %lld", (long long)k,
                          (long long)classes);
    int64_t found = 0;
    for (int64_t i = 0; i < classes; i++) {
        int64_t at = found < k ? found++ : k;
        if (at == k && !before(scores[i], scores[indices[--at]]))
            continue;
        for (; at > 0 && before(scores[i], scores[indices[at - 1]]); at--)
            indices[at] = indices[at - 1];
        indices[at] = i;
    }
    return MBN_OK;
}
