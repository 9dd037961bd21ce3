/* Conversions between f32 and the 16-bit formats: IEEE 754-2008 binary16 and bfloat16 (the upper half of an
 * f32). Integer arithmetic only, so that no rounding mode and no flushing of denormals can change a bit. */
#include "core/half.h"
#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* value >> shift, rounded to nearest, ties to even; shift 1 to 31. */
static uint32_t shift_rounded(uint32_t value, uint32_t shift)
{
    uint32_t quotient = value >> shift, rest = value & ((1u << shift) - 1), tie = 1u << (shift - 1);
    return quotient + (rest > tie || (rest == tie && (quotient & 1)));
}

uint16_t mbni_f16_from_f32(float value)
{
    uint32_t bits = bits_of(value), magnitude = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000u;
    uint32_t exponent = magnitude >> 23;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    if (magnitude >= 0x477ff000u) /* 65520, half way to the first number that has no place */
        return (uint16_t)(sign | 0x7c00u);
    if (exponent >= 113) /* 2^-14 and more: the exponent's bias falls from 127 to 15; a carry may raise it */
        return (uint16_t)(sign | shift_rounded(magnitude - (112u << 23), 13));
    if (exponent < 102) /* below 2^-25 */
        return (uint16_t)sign;
    return (uint16_t)(sign | shift_rounded((magnitude & 0x7fffffu) | 0x800000u, 126 - exponent));
}

float mbni_f32_from_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u, mantissa = half & 0x3ffu;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | mantissa << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    if (!mantissa)
        return from_bits(sign);
    for (exponent = 113; !(mantissa & 0x400u); exponent--) /* subnormal there, normal here */
        mantissa <<= 1;
    return from_bits(sign | exponent << 23 | (mantissa & 0x3ffu) << 13);
}

uint16_t mbni_bf16_from_f32(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)shift_rounded(bits, 16);
}

float mbni_f32_from_bf16(uint16_t half)
{
    return from_bits((uint32_t)half << 16);
}
