/* Batch normalization in training: moments about a sample, combined after Chan, Golub and LeVeque (1979), and
 * the sums and the map of its gradient with the ReLU behind it. The forward map is affine. */
#define MBNI_THIS_FILE "kernels/vector/batch_norm.c"
#include "kernels/vector/isa.h"
#ifdef MBNI_ISA
#include "kernels/vector/columns.h"

/* Adds n channels of `rows` rows (1 or MBNI_COLUMN_STEP); rows and ahead are known at compile time. */
V_OP void ISA(moments_step)(int rows, int ahead, int64_t n, int64_t stride, const float *x,
                            const float *origin, float *sum, float *squares)
{
    for (int i = 0; i < rows; i++)
        ISA(row_ahead)(ahead, stride, x + i * stride);
    const vf o = ISA(load_lanes)(origin, n), a = ISA(load_lanes)(x, n) - o;
    vf s = a, q = a * a;
    if (rows == MBNI_COLUMN_STEP) {
        const vf b = ISA(load_lanes)(x + stride, n) - o, c = ISA(load_lanes)(x + 2 * stride, n) - o,
                 d = ISA(load_lanes)(x + 3 * stride, n) - o;
        s = (a + b) + (c + d);
        q = v_fma(b, b, q) + v_fma(d, d, c * c);
    }
    v_store(sum, v_load(sum) + s);
    v_store(squares, v_load(squares) + q);
}

V_OP void ISA(moments_rows)(int rows, int ahead, int64_t width, int64_t stride, const float *x,
                            const float *origin, float *sum, float *squares)
{
    int64_t c = 0;
    for (; c + VW <= width; c += VW)
        ISA(moments_step)(rows, ahead, VW, stride, x + c, origin + c, sum + c, squares + c);
    if (c < width)
        ISA(moments_step)(rows, ahead, width - c, stride, x + c, origin + c, sum + c, squares + c);
}

static void ISA(moments_block)(int64_t rows, int64_t width, int64_t stride, const float *x,
                               const float *origin, float *sum, float *squares)
{
    ISA(column_sums) s, q;
    ISA(columns_begin)(&s, rows, width);
    ISA(columns_begin)(&q, rows, width);
    for (int64_t r = 0; r < rows;) {
        const int64_t end = rows - r < MBNI_COLUMN_ROWS ? rows : r + MBNI_COLUMN_ROWS;
        for (; r + MBNI_COLUMN_STEP <= end; r += MBNI_COLUMN_STEP)
            if (stride <= MBNI_COLUMN_NARROW)
                ISA(moments_rows)
        (MBNI_COLUMN_STEP, 1, width, stride, x + r * stride, origin, s.partial, q.partial);
        else ISA(moments_rows)(MBNI_COLUMN_STEP, 0, width, stride, x + r * stride, origin, s.partial,
                               q.partial);
        for (; r < end; r++)
            ISA(moments_rows)(1, 0, width, stride, x + r * stride, origin, s.partial, q.partial);
        if (rows > MBNI_COLUMN_ROWS) {
            ISA(columns_fold)(&s, width);
            ISA(columns_fold)(&q, width);
        }
    }
    for (int64_t c = 0; c < width; c++) {
        sum[c] = (float)ISA(column_total)(&s, rows, c);
        squares[c] = (float)ISA(column_total)(&q, rows, c);
    }
}

void ISA(moments)(int64_t rows, int64_t channels, const float *x, float *moments)
{
    memcpy(moments, x, (size_t)channels * sizeof *x);
    for (int64_t c = 0; c < channels; c += MBNI_COLUMN_BLOCK) {
        const int64_t width = channels - c < MBNI_COLUMN_BLOCK ? channels - c : MBNI_COLUMN_BLOCK;
        ISA(moments_block)
        (rows, width, channels, x + c, moments + c, moments + channels + c, moments + 2 * channels + c);
    }
}

/* Two passes over the parts, a block of channels at a time: the mean, then m2 about it. Doubles, which the
 * compiler puts into vectors; divisions by the rows of a part are done once a part. */
static void ISA(combine_block)(int64_t rows, int64_t channels, int64_t width, const mbni_moments *moments,
                               const float *values, float *restrict mean, float *restrict m2)
{
    double total[MBNI_COLUMN_BLOCK] = {0}, squares[MBNI_COLUMN_BLOCK] = {0};
    for (int64_t i = 0; i < moments->parts; i++) {
        const int64_t begin = mbni_moments_begin(moments, rows, i);
        const double n = (double)(mbni_moments_begin(moments, rows, i + 1) - begin);
        const float *restrict origin = values + 3 * i * channels, *restrict sum = origin + channels;
        for (int64_t c = 0; n > 0 && c < width; c++)
            total[c] += n * origin[c] + sum[c];
    }
    for (int64_t c = 0; c < width; c++)
        total[c] /= (double)rows;
    for (int64_t i = 0; i < moments->parts; i++) {
        const int64_t begin = mbni_moments_begin(moments, rows, i);
        const double n = (double)(mbni_moments_begin(moments, rows, i + 1) - begin), inverse = 1 / n;
        const float *restrict origin = values + 3 * i * channels, *restrict sum = origin + channels;
        for (int64_t c = 0; n > 0 && c < width; c++) {
            const double shift = sum[c] * inverse, away = origin[c] + shift - total[c];
            squares[c] += sum[channels + c] - shift * sum[c] + n * away * away;
        }
    }
    for (int64_t c = 0; c < width; c++) {
        mean[c] = (float)total[c];
        m2[c] = squares[c] < 0 ? 0 : (float)squares[c];
    }
}

void ISA(combine_moments)(int64_t rows, int64_t channels, int64_t begin, int64_t end,
                          const mbni_moments *moments, float *mean, float *m2)
{
    for (int64_t c = begin; c < end; c += MBNI_COLUMN_BLOCK) {
        const int64_t width = end - c < MBNI_COLUMN_BLOCK ? end - c : MBNI_COLUMN_BLOCK;
        ISA(combine_block)(rows, channels, width, moments, moments->values + c, mean + c, m2 + c);
    }
}

/* The part of d_y that the ReLU lets through: its output is computed as the forward map does, to the bit. */
V_OP vf ISA(passed)(vf x, vf d_y, vf scale, vf shift, vf low, vf high)
{
    const vf y = v_fma(x, scale, shift);
    return v_clear(v_or(v_le(y, low), v_ge(y, high)), d_y);
}

/* The normalization from channel `first` on. */
V_OP mbni_normalization ISA(normalization_from)(const mbni_normalization *n, int64_t first)
{
    mbni_normalization part = *n;
    part.mean += first;
    part.inv_std += first;
    part.scale += first;
    part.shift += first;
    return part;
}

V_OP void ISA(sums_step)(int rows, int ahead, int64_t n, int64_t stride, const mbni_normalization *b,
                         int64_t channel, const float *x, const float *d_y, float *sum_dy, float *sum_dy_x)
{
    const vf scale = ISA(load_lanes)(b->scale + channel, n), shift = ISA(load_lanes)(b->shift + channel, n);
    const vf mean = ISA(load_lanes)(b->mean + channel, n), low = v_set(b->low), high = v_set(b->high);
    vf s[MBNI_COLUMN_STEP] = {v_zero()}, q[MBNI_COLUMN_STEP] = {v_zero()};
    V_EACH (i, rows) {
        ISA(row_ahead)(ahead, stride, x + i * stride);
        ISA(row_ahead)(ahead, stride, d_y + i * stride);
        const vf v = ISA(load_lanes)(x + i * stride, n);
        s[i] = ISA(passed)(v, ISA(load_lanes)(d_y + i * stride, n), scale, shift, low, high);
        q[i] = s[i] * (v - mean);
        if (i % 2)
            q[i] = v_fma(s[i], v - mean, q[i - 1]);
    }
    if (rows == MBNI_COLUMN_STEP) {
        s[0] = (s[0] + s[1]) + (s[2] + s[3]);
        q[0] = q[1] + q[3];
    }
    v_store(sum_dy, v_load(sum_dy) + s[0]);
    v_store(sum_dy_x, v_load(sum_dy_x) + q[0]);
}

V_OP void ISA(sums_rows)(int rows, int ahead, int64_t width, int64_t stride, const mbni_normalization *b,
                         const float *x, const float *d_y, float *sum_dy, float *sum_dy_x)
{
    int64_t c = 0;
    for (; c + VW <= width; c += VW)
        ISA(sums_step)(rows, ahead, VW, stride, b, c, x + c, d_y + c, sum_dy + c, sum_dy_x + c);
    if (c < width)
        ISA(sums_step)(rows, ahead, width - c, stride, b, c, x + c, d_y + c, sum_dy + c, sum_dy_x + c);
}

static void ISA(sums_block)(int64_t rows, int64_t width, int64_t stride, mbni_normalization b, const float *x,
                            const float *d_y, float *sum_dy, float *sum_dy_xhat)
{
    ISA(column_sums) s, q;
    ISA(columns_begin)(&s, rows, width);
    ISA(columns_begin)(&q, rows, width);
    for (int64_t r = 0; r < rows;) {
        const int64_t end = rows - r < MBNI_COLUMN_ROWS ? rows : r + MBNI_COLUMN_ROWS;
        for (; r + MBNI_COLUMN_STEP <= end; r += MBNI_COLUMN_STEP)
            if (stride <= MBNI_COLUMN_NARROW)
                ISA(sums_rows)
        (MBNI_COLUMN_STEP, 1, width, stride, &b, x + r * stride, d_y + r * stride, s.partial, q.partial);
        else ISA(sums_rows)(MBNI_COLUMN_STEP, 0, width, stride, &b, x + r * stride, d_y + r * stride,
                            s.partial, q.partial);
        for (; r < end; r++)
            ISA(sums_rows)(1, 0, width, stride, &b, x + r * stride, d_y + r * stride, s.partial, q.partial);
        if (rows > MBNI_COLUMN_ROWS) {
            ISA(columns_fold)(&s, width);
            ISA(columns_fold)(&q, width);
        }
    }
    for (int64_t c = 0; c < width; c++) {
        const double sum = ISA(column_total)(&s, rows, c);
        const double sum_x = ISA(column_total)(&q, rows, c);
        sum_dy[c] = (float)(sum_dy[c] + sum);
        sum_dy_xhat[c] = (float)(sum_dy_xhat[c] + sum_x * b.inv_std[c]);
    }
}

void ISA(batch_norm_gradient_sums)(int64_t rows, int64_t channels, const mbni_normalization *n,
                                   const float *x, const float *d_y, float *sum_dy, float *sum_dy_xhat)
{
    for (int64_t c = 0; c < channels; c += MBNI_COLUMN_BLOCK) {
        const int64_t width = channels - c < MBNI_COLUMN_BLOCK ? channels - c : MBNI_COLUMN_BLOCK;
        ISA(sums_block)
        (rows, width, channels, ISA(normalization_from)(n, c), x + c, d_y + c, sum_dy + c, sum_dy_xhat + c);
    }
}

/* The map of the input gradient: a, b and shift of the contract, with the normalization. */
typedef struct ISA(gradient_map) {
    const mbni_normalization *n;
    const float *a, *b, *shift;
} ISA(gradient_map);

V_OP void ISA(input_step)(int rows, int ahead, int64_t n, int64_t stride, const ISA(gradient_map) * map,
                          int64_t c, const float *x, const float *d_y, float *d_x)
{
    const mbni_normalization *b = map->n;
    const vf scale = ISA(load_lanes)(b->scale + c, n), shift = ISA(load_lanes)(b->shift + c, n);
    const vf low = v_set(b->low), high = v_set(b->high);
    const vf by_d = ISA(load_lanes)(map->a + c, n), by_x = ISA(load_lanes)(map->b + c, n);
    const vf plus = ISA(load_lanes)(map->shift + c, n);
    V_EACH (i, rows) {
        const int64_t at = i * stride + c;
        ISA(row_ahead)(ahead, stride, x + at);
        ISA(row_ahead)(ahead, stride, d_y + at);
        const vf v = ISA(load_lanes)(x + at, n);
        const vf d = ISA(passed)(v, ISA(load_lanes)(d_y + at, n), scale, shift, low, high);
        ISA(store_lanes)(d_x + at, n, v_fma(by_d, d, v_fma(by_x, v, plus)));
    }
}

V_OP void ISA(input_rows)(int rows, int ahead, int64_t channels, const ISA(gradient_map) * map,
                          const float *x, const float *d_y, float *d_x)
{
    int64_t c = 0;
    for (; c + VW <= channels; c += VW)
        ISA(input_step)(rows, ahead, VW, channels, map, c, x, d_y, d_x);
    if (c < channels)
        ISA(input_step)(rows, ahead, channels - c, channels, map, c, x, d_y, d_x);
}

void ISA(batch_norm_input_gradient)(int64_t rows, int64_t channels, const mbni_normalization *n,
                                    const float *x, const float *d_y, const float *a, const float *b,
                                    const float *shift, float *d_x)
{
    enum { ROWS = MBNI_COLUMN_STEP };
    const ISA(gradient_map) map = {n, a, b, shift};
    int64_t r = 0;
    for (; r + ROWS <= rows; r += ROWS)
        if (channels <= MBNI_COLUMN_NARROW)
            ISA(input_rows)
    (ROWS, 1, channels, &map, x + r * channels, d_y + r * channels, d_x + r * channels);
    else ISA(input_rows)(ROWS, 0, channels, &map, x + r * channels, d_y + r * channels, d_x + r * channels);
    for (; r < rows; r++)
        ISA(input_rows)(1, 0, channels, &map, x + r * channels, d_y + r * channels, d_x + r * channels);
}

#endif
