/* Sixteen floats in plain C and, of operations on them, those that products take. Read twice by bf16.h, so no
 * guard. A pair is the bits of a float, the first number in the lower half. */
#define VW 16
#define VREGS 32
typedef struct vf {
    float at[VW];
} vf;

V_OP vf v_set(float x)
{
    vf v;
    for (int i = 0; i < VW; i++)
        v.at[i] = x;
    return v;
}

V_OP vf v_zero(void)
{
    return v_set(0);
}

V_OP vf v_load_n(const float *p, int64_t n)
{
    vf v = v_zero();
    memcpy(v.at, p, (size_t)n * sizeof *p);
    return v;
}

V_OP vf v_load(const float *p)
{
    return v_load_n(p, VW);
}

V_OP void v_store(float *p, vf v)
{
    memcpy(p, v.at, sizeof v.at);
}

V_OP vf v_max(vf a, vf b)
{
    for (int i = 0; i < VW; i++)
        a.at[i] = a.at[i] > b.at[i] ? a.at[i] : b.at[i];
    return a;
}

V_OP vf v_min(vf a, vf b)
{
    for (int i = 0; i < VW; i++)
        a.at[i] = a.at[i] < b.at[i] ? a.at[i] : b.at[i];
    return a;
}

V_OP vf v_fma(vf a, vf b, vf c)
{
    for (int i = 0; i < VW; i++)
        c.at[i] += a.at[i] * b.at[i];
    return c;
}

V_OP vf v_load_bf16(const uint16_t *p, const int odd)
{
    vf v;
    for (int i = 0; i < VW; i++)
        v.at[i] = mbni_f32_from_bf16(p[2 * i + odd]);
    return v;
}

#ifdef MBNI_PAIRS
V_OP float ISA(normal)(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x;
}

/* One number of each pair. */
V_OP vf ISA(numbers)(vf pairs, int second)
{
    vf v;
    uint32_t bits[VW];
    memcpy(bits, pairs.at, sizeof bits);
    for (int i = 0; i < VW; i++)
        bits[i] = second ? bits[i] & 0xffff0000u : bits[i] << 16;
    memcpy(v.at, bits, sizeof bits);
    for (int i = 0; i < VW; i++)
        v.at[i] = ISA(normal)(v.at[i]);
    return v;
}

/* a * b + sum, rounded once. The product of two bfloat16 is a float, but for its exponent: where that is too
 * small or too large for one, what costs more. */
V_OP vf ISA(add_products)(vf a, vf b, vf sum)
{
    vf product = a;
    int beyond = 0;
    for (int i = 0; i < VW; i++) {
        product.at[i] *= b.at[i];
        beyond |= !(fabsf(product.at[i]) <= 0x1p127f);
        beyond |= (fabsf(product.at[i]) < 0x1p-126f) & (a.at[i] != 0) & (b.at[i] != 0);
    }
    for (int i = 0; i < VW; i++)
        sum.at[i] = beyond ? fmaf(a.at[i], b.at[i], sum.at[i]) : sum.at[i] + product.at[i];
    for (int i = 0; i < VW; i++)
        sum.at[i] = ISA(normal)(sum.at[i]);
    return sum;
}

/* The second products first. */
V_OP vf v_dot(vf a, vf b, vf sum)
{
    for (int i = 0; i < VW; i++)
        sum.at[i] = ISA(normal)(sum.at[i]);
    sum = ISA(add_products)(ISA(numbers)(a, 1), ISA(numbers)(b, 1), sum);
    return ISA(add_products)(ISA(numbers)(a, 0), ISA(numbers)(b, 0), sum);
}

V_OP vf v_to_bf16(vf low, vf high)
{
    vf pairs;
    uint16_t numbers[2 * VW];
    for (int i = 0; i < 2 * VW; i++)
        numbers[i] = mbni_bf16_from_f32(ISA(normal)(i < VW ? low.at[i] : high.at[i - VW]));
    memcpy(pairs.at, numbers, sizeof numbers);
    return pairs;
}
#endif
