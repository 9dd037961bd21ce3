/* Softmax over rows. A NaN in a row makes the whole row NaN; so does +infinity, or nothing but -infinity. */
#include <math.h>
#include "kernels/generic/generic.h"

void mbni_generic_softmax(int64_t rows, int64_t n, const float *x, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        float max = n > 0 ? x[0] : 0;
        for (int64_t i = 1; i < n; i++)
            max = x[i] > max ? x[i] : max;
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            y[i] = expf(x[i] - max);
            sum += y[i];
        }
        const float inverse = (float)(1 / sum);
        for (int64_t i = 0; i < n; i++)
            y[i] *= inverse;
    }
}
