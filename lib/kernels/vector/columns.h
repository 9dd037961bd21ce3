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
