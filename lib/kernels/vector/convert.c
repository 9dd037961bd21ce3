/* Bytes to floats, and channels first to channels last and back. */
#define MBNI_THIS_FILE "kernels/vector/convert.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/lanes.h"

/* Not fused, so that a picture becomes the same numbers on every instruction set. */
void ISA(convert_u8)(int64_t count, const uint8_t *x, float scale, float offset, float *y)
{
    int64_t i = 0;
    for (; i + VW <= count; i += VW)
        v_store(y + i, v_load_u8(x + i) * v_set(scale) + v_set(offset));
    if (i < count) {
        uint8_t rest[VW] = {0};
        memcpy(rest, x + i, (size_t)(count - i));
        v_store_n(y + i, count - i, v_load_u8(rest) * v_set(scale) + v_set(offset));
    }
}

V_OP void ISA(transpose_square)(const float *x, int64_t x_pitch, float *y, int64_t y_pitch)
{
    vf v[VW];
    V_EACH (i, VW)
        v[i] = v_load(x + i * x_pitch);
    v_transpose(v);
    V_EACH (i, VW)
        v_store(y + i * y_pitch, v[i]);
}

/* The rows from i on and the columns from j to end, number by number, in squares that stay in the cache: for
 * the three channels of a picture that is faster than stores of three lanes. */
static void ISA(transpose_rest)(int64_t rows, int64_t columns, int64_t i, int64_t j, int64_t end,
                                const float *restrict x, float *restrict y)
{
    enum { SQUARE = 16 };
    for (int64_t p = i; p < rows; p += SQUARE)
        for (int64_t q = j; q < end; q += SQUARE)
            for (int64_t qq = q; qq < (end - q < SQUARE ? end : q + SQUARE); qq++)
                for (int64_t pp = p; pp < (rows - p < SQUARE ? rows : p + SQUARE); pp++)
                    y[qq * rows + pp] = x[pp * columns + qq];
}

void ISA(transpose)(int64_t rows, int64_t columns, const float *x, float *y)
{
    const int64_t whole_rows = rows / VW * VW, whole_columns = columns / VW * VW;
    for (int64_t i = 0; i < whole_rows; i += VW)
        for (int64_t j = 0; j < whole_columns; j += VW)
            ISA(transpose_square)(x + i * columns + j, columns, y + j * rows + i, rows);
    ISA(transpose_rest)(rows, columns, 0, whole_columns, columns, x, y);
    ISA(transpose_rest)(rows, columns, whole_rows, 0, whole_columns, x, y);
}

#endif
