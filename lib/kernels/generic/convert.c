/* Bytes to floats, and channels first to channels last and back. */
#include "kernels/generic/generic.h"

void mbni_generic_convert_u8(int64_t count, const uint8_t *restrict x, float scale, float offset,
                             float *restrict y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = (float)x[i] * scale + offset;
}

/* In squares, so that both sides stay within lines that are in the cache. */
void mbni_generic_transpose(int64_t rows, int64_t columns, const float *restrict x, float *restrict y)
{
    enum { SQUARE = 16 };
    for (int64_t i = 0; i < rows; i += SQUARE)
        for (int64_t j = 0; j < columns; j += SQUARE)
            for (int64_t jj = j; jj < mbni_min64(j + SQUARE, columns); jj++)
                for (int64_t ii = i; ii < mbni_min64(i + SQUARE, rows); ii++)
                    y[jj * rows + ii] = x[ii * columns + jj];
}
