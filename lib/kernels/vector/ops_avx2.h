/* Vector operations for AVX2 with FMA: eight floats, sixteen registers. No guard: see vector/isa.h. */
#define VW 8
#define VREGS 16
#define MBNI_TARGET_PUSHED
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
typedef __m256 vf;
typedef __m256 vm; /* a lane of ones or of zeros */

V_OP vf v_zero(void)
{
    return _mm256_setzero_ps();
}

V_OP vf v_set(float x)
{
    return _mm256_set1_ps(x);
}

V_OP vf v_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

V_OP void v_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v);
}

/* n lanes of ones */
V_OP __m256i ISA(v_first)(int64_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}

V_OP vf v_load_n(const float *p, int64_t n)
{
    return _mm256_maskload_ps(p, ISA(v_first)(n));
}

V_OP void v_store_n(float *p, int64_t n, vf v)
{
    _mm256_maskstore_ps(p, ISA(v_first)(n), v);
}

V_OP vf v_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

V_OP vf v_fnma(vf a, vf b, vf c)
{
    return _mm256_fnmadd_ps(a, b, c);
}

V_OP vf v_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}

V_OP vf v_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}

V_OP vf v_sqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}

V_OP vm v_le(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}

V_OP vm v_ge(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_GE_OQ);
}

V_OP vm v_or(vm m, vm n)
{
    return _mm256_or_ps(m, n);
}

V_OP vf v_select(vm m, vf a, vf b)
{
    return _mm256_blendv_ps(b, a, m);
}

V_OP vf v_clear(vm m, vf a)
{
    return _mm256_andnot_ps(m, a);
}

V_OP vf v_power2(vf n)
{
    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}

V_OP float v_sum(vf a)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

typedef struct vd {
    __m256d low, high;
} vd;

V_OP vd vd_zero(void)
{
    return (vd){_mm256_setzero_pd(), _mm256_setzero_pd()};
}

V_OP vd vd_add(vd d, vf a)
{
    return (vd){_mm256_add_pd(d.low, _mm256_cvtps_pd(_mm256_castps256_ps128(a))),
                _mm256_add_pd(d.high, _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)))};
}

V_OP double vd_sum(vd d)
{
    const __m256d h = _mm256_add_pd(d.low, d.high);
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

V_OP vf v_load_bf16(const uint16_t *p, const int odd)
{
    const __m256i pairs = _mm256_loadu_si256((const __m256i *)(const void *)p);
    return _mm256_castsi256_ps(odd ? _mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000u))
                                   : _mm256_slli_epi32(pairs, 16));
}

V_OP vf v_load_u8(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

/* Pairs, then fours, then the halves change places. */
V_OP void v_transpose(vf v[VW])
{
    __m256 t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            v[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
            v[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x31);
    }
    for (int i = 0; i < 8; i++)
        v[i] = t[i];
}
