/* Sums over the rows of a matrix, column by column: how far they run in float, and how they go on in double.
 * A family reads this inside its section for one instruction set; no guard, see vector/isa.h.
 *
 * Four rows are added to each other and then to a float accumulator in L1, sixty-four times at most, so that
 * a sum has gone through no more than 66 roundings when it is added to the double total, and the error does
 * not grow with the rows. Few rows need no total. Accumulators in registers would save little, since the
 * loads of the rows are what takes the time, and would need a loop for each number of channels. */
#ifndef MBNI_COLUMNS
#define MBNI_COLUMNS
/* Columns worked on at a time, rows between two folds into double, rows added to each other. */
enum { MBNI_COLUMN_BLOCK = 512, MBNI_COLUMN_ROWS = 256, MBNI_COLUMN_STEP = 4 };
/* Rows no longer than this are asked for ahead: four at a time in turn do not look like a stream to the
 * hardware. Longer ones do, and four more of them would not stay in L1. */
enum { MBNI_COLUMN_NARROW = 256 };
#endif

#include "kernels/vector/lanes.h"

/* Float accumulators of a block of columns, padded to whole vectors, and their totals once there are more
 * rows than may be added up in float. */
typedef struct ISA(column_sums) {
    float partial[MBNI_COLUMN_BLOCK];
    double total[MBNI_COLUMN_BLOCK];
} ISA(column_sums);

static inline void ISA(columns_begin)(ISA(column_sums) * sums, int64_t rows, int64_t width)
{
    const int64_t padded = (width + VW - 1) / VW * VW;
    memset(sums->partial, 0, (size_t)padded * sizeof *sums->partial);
    if (rows > MBNI_COLUMN_ROWS)
        memset(sums->total, 0, (size_t)width * sizeof *sums->total);
}

static inline void ISA(columns_fold)(ISA(column_sums) * sums, int64_t width)
{
    for (int64_t c = 0; c < width; c++) {
        sums->total[c] += sums->partial[c];
        sums->partial[c] = 0;
    }
}

/* The sum of a column once all rows are in. */
static inline double ISA(column_total)(const ISA(column_sums) * sums, int64_t rows, int64_t c)
{
    return rows > MBNI_COLUMN_ROWS ? sums->total[c] : sums->partial[c];
}

/* Asks for the row that comes in the next step in the place of the one at p. ahead: whether to. */
V_OP void ISA(row_ahead)(int ahead, int64_t stride, const float *p)
{
    if (ahead)
        __builtin_prefetch(p + MBNI_COLUMN_STEP * stride);
}

/* Adds n columns of `rows` rows (1 or MBNI_COLUMN_STEP); rows and ahead are known at compile time. */
V_OP void ISA(column_step)(int rows, int ahead, int64_t n, int64_t stride, const float *x, float *sum)
{
    for (int i = 0; i < rows; i++)
        ISA(row_ahead)(ahead, stride, x + i * stride);
    vf s = ISA(load_lanes)(x, n);
    if (rows == MBNI_COLUMN_STEP)
        s = (s + ISA(load_lanes)(x + stride, n)) +
            (ISA(load_lanes)(x + 2 * stride, n) + ISA(load_lanes)(x + 3 * stride, n));
    v_store(sum, v_load(sum) + s);
}

V_OP void ISA(column_rows)(int rows, int ahead, int64_t width, int64_t stride, const float *x, float *sum)
{
    int64_t c = 0;
    for (; c + VW <= width; c += VW)
        ISA(column_step)(rows, ahead, VW, stride, x + c, sum + c);
    if (c < width)
        ISA(column_step)(rows, ahead, width - c, stride, x + c, sum + c);
}

/* Sums of `width` columns, at most MBNI_COLUMN_BLOCK, of a matrix whose rows are `stride` apart. */
static inline void ISA(columns_sum)(ISA(column_sums) * sums, int64_t rows, int64_t width, int64_t stride,
                                    const float *x)
{
    ISA(columns_begin)(sums, rows, width);
    for (int64_t r = 0; r < rows;) {
        const int64_t end = rows - r < MBNI_COLUMN_ROWS ? rows : r + MBNI_COLUMN_ROWS;
        for (; r + MBNI_COLUMN_STEP <= end; r += MBNI_COLUMN_STEP)
            if (stride <= MBNI_COLUMN_NARROW)
                ISA(column_rows)(MBNI_COLUMN_STEP, 1, width, stride, x + r * stride, sums->partial);
            else
                ISA(column_rows)(MBNI_COLUMN_STEP, 0, width, stride, x + r * stride, sums->partial);
        for (; r < end; r++)
            ISA(column_rows)(1, 0, width, stride, x + r * stride, sums->partial);
        if (rows > MBNI_COLUMN_ROWS)
            ISA(columns_fold)(sums, width);
    }
}
