/* Vector operations in the compiler's own vectors of four floats, for every target: SSE on x86, NEON on Arm,
 * plain registers elsewhere. Contraction is off, so the bits are the same with every compiler. No guard: see
 * vector/isa.h. */
#define VW 4
#define VREGS 16
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vm __attribute__((vector_size(16)));

V_OP vf v_zero(void)
{
    return (vf){0, 0, 0, 0};
}

V_OP vf v_set(float x)
{
    return (vf){x, x, x, x};
}

V_OP vf v_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

V_OP void v_store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}

V_OP vf v_load_n(const float *p, int64_t n)
{
    vf v = {0, 0, 0, 0};
    for (int64_t i = 0; i < n; i++)
        v[i] = p[i];
    return v;
}

V_OP void v_store_n(float *p, int64_t n, vf v)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = v[i];
}

V_OP vf v_fma(vf a, vf b, vf c)
{
    return a * b + c;
}

V_OP vf v_fnma(vf a, vf b, vf c)
{
    return c - a * b;
}

V_OP vm v_le(vf a, vf b)
{
    return a <= b;
}

V_OP vm v_ge(vf a, vf b)
{
    return a >= b;
}

V_OP vm v_or(vm m, vm n)
{
    return m | n;
}

V_OP vf v_select(vm m, vf a, vf b)
{
    return (vf)((m & (vm)a) | (~m & (vm)b));
}

V_OP vf v_clear(vm m, vf a)
{
    return (vf)(~m & (vm)a);
}

V_OP vf v_power2(vf n)
{
    return (vf)((__builtin_convertvector(n, vm) + 127) << 23);
}

V_OP vf v_max(vf a, vf b)
{
    return v_select(a > b, a, b);
}

V_OP vf v_min(vf a, vf b)
{
    return v_select(a < b, a, b);
}

V_OP vf v_sqrt(vf a)
{
    return (vf){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}

V_OP float v_sum(vf a)
{
    return (a[0] + a[2]) + (a[1] + a[3]);
}

typedef double ISA(pair) __attribute__((vector_size(16)));
typedef struct vd {
    ISA(pair) low, high;
} vd;

V_OP vd vd_zero(void)
{
    return (vd){{0, 0}, {0, 0}};
}

V_OP vd vd_add(vd d, vf a)
{
    return (vd){d.low + (ISA(pair)){a[0], a[1]}, d.high + (ISA(pair)){a[2], a[3]}};
}

V_OP double vd_sum(vd d)
{
    const ISA(pair) s = d.low + d.high;
    return s[0] + s[1];
}

V_OP vf v_load_u8(const uint8_t *p)
{
    return (vf){(float)p[0], (float)p[1], (float)p[2], (float)p[3]};
}

V_OP vf v_load_bf16(const uint16_t *p, const int odd)
{
    vm bits = {0};
    for (int i = 0; i < VW; i++)
        bits[i] = (int32_t)((uint32_t)p[2 * i + odd] << 16);
    return (vf)bits;
}

V_OP void v_transpose(vf v[VW])
{
    for (int i = 0; i < VW; i++)
        for (int j = 0; j < i; j++) {
            const float x = v[i][j];
            v[i][j] = v[j][i];
            v[j][i] = x;
        }
}
