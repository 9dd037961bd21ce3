/* 16-bit floating point formats. */
#ifndef MBNI_CORE_HALF_H
#define MBNI_CORE_HALF_H

#include <stdint.h>

/* Rounded to nearest, ties to even; NaN stays NaN, quiet, with the upper bits of its payload. What is too
 * large becomes infinity. The way back is exact. */
uint16_t mbni_f16_from_f32(float value);
float mbni_f32_from_f16(uint16_t half);
uint16_t mbni_bf16_from_f32(float value);
float mbni_f32_from_bf16(uint16_t half);

#endif
