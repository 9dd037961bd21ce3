/* The 16-bit formats against plain arithmetic in double. */
#include "support/suite.h"
#include "core/half.h"
#include <math.h>

/* The number that 16 bits stand for, by the definition: sign, exponent, fraction. */
static double meaning(uint16_t bits, int exponent_bits, int fraction_bits)
{
    int bias = (1 << (exponent_bits - 1)) - 1, exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
    double fraction = bits & ((1 << fraction_bits) - 1), sign = bits & 0x8000 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1)
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(1 + ldexp(fraction, -fraction_bits), exponent - bias);
}

static int same(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

START_TEST(every_half_value_converts_exactly_and_back)
{
    for (uint32_t i = 0; i < 65536; i++) {
        float f16 = mbni_f32_from_f16((uint16_t)i), bf16 = mbni_f32_from_bf16((uint16_t)i);
        int good = same((double)f16, meaning((uint16_t)i, 5, 10)) &&
                   same((double)bf16, meaning((uint16_t)i, 8, 7)) &&
                   (isnan(f16) || mbni_f16_from_f32(f16) == i) &&
                   (isnan(bf16) || mbni_bf16_from_f32(bf16) == i);
        if (!good) /* an assertion each would take longer than all else */
            ck_abort_msg("%04x: f16 %g, bf16 %g", i, (double)f16, (double)bf16);
    }
}
END_TEST

/* Between each pair of neighbours: the middle goes to the even one, the floats beside it to the nearer one.
 */
static void check_rounding(uint16_t low, float down, float up, uint16_t (*convert)(float))
{
    float middle = (float)(((double)down + (double)up) / 2);
    uint16_t even = (uint16_t)(low & 1 ? low + 1 : low);
    if (convert(middle) != even || convert(-middle) != (0x8000 | even) ||
        convert(nextafterf(middle, down)) != low || convert(nextafterf(middle, up)) != low + 1)
        ck_abort_msg("beside the middle of %04x and its successor", low);
}

START_TEST(every_midpoint_rounds_to_even_and_its_neighbours_to_the_nearer_value)
{
    for (uint16_t i = 0; i < 0x7bff; i++)
        check_rounding(i, mbni_f32_from_f16(i), mbni_f32_from_f16((uint16_t)(i + 1)), mbni_f16_from_f32);
    for (uint16_t i = 1; i < 0x7f7f; i++)
        check_rounding(i, mbni_f32_from_bf16(i), mbni_f32_from_bf16((uint16_t)(i + 1)), mbni_bf16_from_f32);
}
END_TEST

START_TEST(too_large_becomes_infinity_and_nan_stays_nan)
{
    ck_assert_uint_eq(mbni_f16_from_f32(65519.996f), 0x7bff);
    ck_assert_uint_eq(mbni_f16_from_f32(65520.0f), 0x7c00);
    ck_assert_uint_eq(mbni_f16_from_f32(-1e30f), 0xfc00);
    ck_assert_uint_eq(mbni_f16_from_f32(1e-30f), 0);
    ck_assert_uint_eq(mbni_f16_from_f32(-INFINITY), 0xfc00);
    ck_assert_uint_eq(mbni_bf16_from_f32(3.4e38f), 0x7f80);
    ck_assert_uint_eq(mbni_bf16_from_f32(-INFINITY), 0xff80);
    for (uint32_t bits = 0x7f800001; bits < 0x80000000u; bits += 4093) {
        float value;
        memcpy(&value, &bits, 4);
        if (!isnan(mbni_f32_from_f16(mbni_f16_from_f32(value))) ||
            !isnan(mbni_f32_from_bf16(mbni_bf16_from_f32(value))))
            ck_abort_msg("NaN %08x became a number", bits);
    }
}
END_TEST

SUITE("io/half", every_half_value_converts_exactly_and_back,
      every_midpoint_rounds_to_even_and_its_neighbours_to_the_nearer_value,
      too_large_becomes_infinity_and_nan_stays_nan)
