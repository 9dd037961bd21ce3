/* Vector operations for AVX-512 (F, BW, DQ, VL): sixteen floats, thirty-two registers. With MBNI_PAIRS the
 * target has the instructions for bfloat16 too. No guard: see vector/isa.h. */
#define VW 16
#define VREGS 32
#define MBNI_TARGET_PUSHED
#if defined(__clang__) && defined(MBNI_PAIRS)
#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#ifdef MBNI_PAIRS
#pragma GCC target("avx512bf16")
#endif
#endif
typedef __m512 vf;
typedef __mmask16 vm;

V_OP vf v_zero(void)
{
    return _mm512_setzero_ps();
}

V_OP vf v_set(float x)
{
    return _mm512_set1_ps(x);
}

V_OP vf v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

V_OP void v_store(float *p, vf v)
{
    _mm512_storeu_ps(p, v);
}

V_OP vf v_load_n(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

V_OP void v_store_n(float *p, int64_t n, vf v)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
}

V_OP vf v_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

V_OP vf v_fnma(vf a, vf b, vf c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

V_OP vf v_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

V_OP vf v_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}

V_OP vf v_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}

V_OP vm v_le(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}

V_OP vm v_ge(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}

V_OP vm v_or(vm m, vm n)
{
    return (vm)(m | n);
}

V_OP vf v_select(vm m, vf a, vf b)
{
    return _mm512_mask_blend_ps(m, b, a);
}

V_OP vf v_clear(vm m, vf a)
{
    return _mm512_maskz_mov_ps((vm)~m, a);
}

V_OP vf v_power2(vf n)
{
    const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
}

V_OP float v_sum(vf a)
{
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

typedef struct vd {
    __m512d low, high;
} vd;

V_OP vd vd_zero(void)
{
    return (vd){_mm512_setzero_pd(), _mm512_setzero_pd()};
}

V_OP vd vd_add(vd d, vf a)
{
    return (vd){_mm512_add_pd(d.low, _mm512_cvtps_pd(_mm512_castps512_ps256(a))),
                _mm512_add_pd(d.high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)))};
}

V_OP double vd_sum(vd d)
{
    const __m512d a = _mm512_add_pd(d.low, d.high);
    const __m256d h = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

V_OP vf v_load_bf16(const uint16_t *p, const int odd)
{
    const __m512i pairs = _mm512_loadu_si512(p);
    return _mm512_castsi512_ps(odd ? _mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000u))
                                   : _mm512_slli_epi32(pairs, 16));
}

V_OP vf v_load_u8(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}

/* Pairs, then fours within each quarter, then the quarters change places in two steps. */
V_OP void v_transpose(vf v[VW])
{
    __m512 t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            v[i + 2 * j] = _mm512_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
            v[i + 2 * j + 1] = _mm512_shuffle_ps(t[i + j], t[i + j + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        v[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        v[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
        v[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
        v[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
    }
}
