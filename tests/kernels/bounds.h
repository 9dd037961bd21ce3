/* Error bounds of the kernels against float64, as docs/numerics.md states them: multiples of UNIT times the
 * sum of the magnitudes of what is added up. */
#ifndef TESTS_BOUNDS_H
#define TESTS_BOUNDS_H

#define UNIT 0x1p-24 /* half the distance from 1 to the next float */

#define BOUND_GEMM(k) (((k) < 256 ? (k) : 256) + ((k) + 255) / 256 + 2)
#define BOUND_POINTWISE(k) ((k) + 2)
#define BOUND_GEMM_MOMENTS(rows) ((rows) + 2)
#define BOUND_OPENBLAS(k) ((k) + 2)
#define BOUND_TAPS(taps) ((taps) + 2)
#define BOUND_DEPTHWISE_MOMENTS(pixels) ((pixels) + 4)
#define BOUND_KERNEL_GRADIENT(out_h, out_w) (((out_w) > 64 ? (out_w) : 64) + (out_h) + 2)
#define BOUND_CONV2D_MOMENTS(rows, out_w) ((rows) + (out_w) + 4)
#define BOUND_CONV2D_GRADIENT(rows, out_w) (128 + (rows) * (((out_w) + 6) / 7) + 2)
#define BOUND_ROWS 66
#define BOUND_SQUARES 72
#define BOUND_MOMENTS 280
#define BOUND_AFFINE 3
#define BOUND_POOL(window) ((window) + 2)
#define BOUND_EXPONENTIAL 3
#define BOUND_SOFTMAX(distance) ((distance) + 8)
#define BOUND_LOSS 4
#define BOUND_STEP 12

#endif
