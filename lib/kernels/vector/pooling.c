/* The mean over a whole picture. Other pooling stays plain C. */
#define MBNI_THIS_FILE "kernels/vector/pooling.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/columns.h"

void ISA(global_average)(int64_t pixels, int64_t channels, const float *x, float *y)
{
    ISA(column_sums) sums;
    for (int64_t c = 0; c < channels; c += MBNI_COLUMN_BLOCK) {
        const int64_t width = channels - c < MBNI_COLUMN_BLOCK ? channels - c : MBNI_COLUMN_BLOCK;
        ISA(columns_sum)(&sums, pixels, width, channels, x + c);
        for (int64_t i = 0; i < width; i++)
            y[c + i] = (float)(ISA(column_total)(&sums, pixels, i) / (double)pixels);
    }
}

#endif
