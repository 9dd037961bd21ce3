/* What softmax and its loss share: rows of any length as whole vectors, their maximum, and the exponential.
 * A family reads this inside its section for one instruction set; no guard, see vector/isa.h. */
#include "kernels/vector/lanes.h"

/* The lanes behind the first n. */
V_OP vm ISA(lanes_from)(int64_t n)
{
    static const float lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return v_ge(v_load(lanes), v_set((float)n));
}

/* n logits, VW or less; what is missing has probability 0. */
V_OP vf ISA(load_logits)(const float *p, int64_t n)
{
    return n == VW ? v_load(p) : v_select(ISA(lanes_from)(n), v_set(-INFINITY), v_load_n(p, n));
}

/* Of a row with NaN the result may be any of its logits. */
V_OP float ISA(row_maximum)(int64_t n, const float *x)
{
    vf best = v_set(-INFINITY);
    float lanes[VW];
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        best = v_max(best, v_load(x + i));
    v_store(lanes, v_max(best, ISA(load_logits)(x + i, n - i)));
    for (int k = 1; k < VW; k++)
        lanes[0] = lanes[k] > lanes[0] ? lanes[k] : lanes[0];
    return lanes[0];
}

/* e^x for x up to 0, or NaN; 0 where that is below 2^-126. x = n ln 2 + r with ln 2 in two parts, of which
 * the first times n is exact (Cody and Waite, 1980); e^r = 1 + r + r^2 p(r), p the polynomial that agrees
 * with it at the Chebyshev points of [-ln 2 / 2, ln 2 / 2], 0.17 units from e^r at most. */
V_OP vf ISA(exponential)(vf x)
{
    const vf round = v_set(0x1.8p23f); /* added, it leaves no place for a fraction */
    const vf n = v_fma(x, v_set(0x1.715476p0f), round) - round;
    const vf r = v_fnma(n, v_set(-0x1.bd0106p-13f), v_fnma(n, v_set(0x1.63p-1f), x));
    const vf square = r * r;
    const vf low = v_fma(r, v_set(0x1.5554dep-3f), v_set(0.5f));
    const vf high = v_fma(r, v_set(0x1.120b62p-7f), v_set(0x1.55551ap-5f));
    const vf p = v_fma(square, v_fma(square, v_set(0x1.6d10fcp-10f), high), low);
    const vf e = v_set(1) + v_fma(p, square, r);
    /* The second operand of max stands in for NaN too, so that the power is defined. */
    return v_clear(v_le(x, v_set(-0x1.5d589ep6f)), e * v_power2(v_max(n, v_set(-126))));
}
