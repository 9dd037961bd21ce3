/* Vector operations for NEON on aarch64: four floats, thirty-two registers. No guard: see vector/isa.h. */
#define VW 4
#define VREGS 32
typedef float32x4_t vf;
typedef uint32x4_t vm;

V_OP vf v_zero(void)
{
    return vdupq_n_f32(0);
}

V_OP vf v_set(float x)
{
    return vdupq_n_f32(x);
}

V_OP vf v_load(const float *p)
{
    return vld1q_f32(p);
}

V_OP void v_store(float *p, vf v)
{
    vst1q_f32(p, v);
}

V_OP vf v_load_n(const float *p, int64_t n)
{
    float lanes[4] = {0, 0, 0, 0};
    memcpy(lanes, p, (size_t)n * sizeof *p);
    return vld1q_f32(lanes);
}

V_OP void v_store_n(float *p, int64_t n, vf v)
{
    float lanes[4];
    vst1q_f32(lanes, v);
    memcpy(p, lanes, (size_t)n * sizeof *p);
}

V_OP vf v_fma(vf a, vf b, vf c)
{
    return vfmaq_f32(c, a, b);
}

V_OP vf v_fnma(vf a, vf b, vf c)
{
    return vfmsq_f32(c, a, b);
}

V_OP vm v_le(vf a, vf b)
{
    return vcleq_f32(a, b);
}

V_OP vm v_ge(vf a, vf b)
{
    return vcgeq_f32(a, b);
}

V_OP vm v_or(vm m, vm n)
{
    return vorrq_u32(m, n);
}

V_OP vf v_select(vm m, vf a, vf b)
{
    return vbslq_f32(m, a, b);
}

V_OP vf v_clear(vm m, vf a)
{
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a), m));
}

V_OP vf v_power2(vf n)
{
    const int32x4_t biased = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(biased, 23));
}

V_OP vf v_max(vf a, vf b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

V_OP vf v_min(vf a, vf b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

V_OP vf v_sqrt(vf a)
{
    return vsqrtq_f32(a);
}

V_OP float v_sum(vf a)
{
    const float32x2_t s = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(s, 0) + vget_lane_f32(s, 1);
}

typedef struct vd {
    float64x2_t low, high;
} vd;

V_OP vd vd_zero(void)
{
    return (vd){vdupq_n_f64(0), vdupq_n_f64(0)};
}

V_OP vd vd_add(vd d, vf a)
{
    return (vd){vaddq_f64(d.low, vcvt_f64_f32(vget_low_f32(a))), vaddq_f64(d.high, vcvt_high_f64_f32(a))};
}

V_OP double vd_sum(vd d)
{
    return vaddvq_f64(vaddq_f64(d.low, d.high));
}

V_OP vf v_load_bf16(const uint16_t *p, const int odd)
{
    const uint32x4_t pairs = vreinterpretq_u32_u16(vld1q_u16(p));
    return vreinterpretq_f32_u32(odd ? vandq_u32(pairs, vdupq_n_u32(0xffff0000u)) : vshlq_n_u32(pairs, 16));
}

V_OP vf v_load_u8(const uint8_t *p)
{
    const uint32_t lanes[4] = {p[0], p[1], p[2], p[3]};
    return vcvtq_f32_u32(vld1q_u32(lanes));
}

V_OP void v_transpose(vf v[VW])
{
    const float32x4x2_t a = vtrnq_f32(v[0], v[1]), b = vtrnq_f32(v[2], v[3]);
    v[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    v[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    v[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    v[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}
