/* Vectors of doubles of one instruction set, for mandelbrot_template.h:
 *   LANES, V        doubles in the vector type V
 *   SET(x), IOTA    x in every lane; 0.0, 1.0, ... LANES-1
 *   ADD SUB MUL MIN on each lane
 *   MASK, ALL       a truth value for each lane; all true
 *   WITHIN(m, a)    m and a <= 4
 *   ANY(m)          whether any lane is true
 *   OR(m, n)        m or n
 *   COUNTS, ZERO    an integer for each lane; all 0
 *   COUNT(n, m)     n + 1 where m is true, otherwise n
 *   STORE(p, n)     stores n to the int32_t p[LANES]
 */

#undef LANES
#undef V
#undef SET
#undef IOTA
#undef ADD
#undef SUB
#undef MUL
#undef MIN
#undef MASK
#undef ALL
#undef WITHIN
#undef ANY
#undef OR
#undef COUNTS
#undef ZERO
#undef COUNT
#undef STORE

#if ISA == 0
#  define LANES 1
#  define V double
#  define SET(x) (x)
#  define IOTA 0.0
#  define ADD(a, b) ((a) + (b))
#  define SUB(a, b) ((a) - (b))
#  define MUL(a, b) ((a) * (b))
#  define MIN(a, b) ((a) < (b) ? (a) : (b))
#  define MASK int32_t
#  define ALL 1
#  define WITHIN(m, a) ((m) & ((a) <= 4.0))
#  define ANY(m) (m)
#  define OR(m, n) ((m) | (n))
#  define COUNTS int32_t
#  define ZERO 0
#  define COUNT(n, m) ((n) + (m))
#  define STORE(p, n) (*(p) = (n))
#elif ISA == 1
#  include "base/vectors.h"

#  define LANES 2
#  define V float64x2_t
#  define SET(x) vdupq_n_f64(x)
#  define IOTA vsetq_lane_f64(1.0, vdupq_n_f64(0.0), 1)
#  define ADD(a, b) vaddq_f64(a, b)
#  define SUB(a, b) vsubq_f64(a, b)
#  define MUL(a, b) vmulq_f64(a, b)
#  define MIN(a, b) vminq_f64(a, b)
#  define MASK uint64x2_t
#  define ALL vdupq_n_u64(UINT64_MAX)
#  define WITHIN(m, a) vandq_u64(m, vcleq_f64(a, vdupq_n_f64(4.0)))
#  define ANY(m) (vmaxvq_u32(vreinterpretq_u32_u64(m)) != 0)
#  define OR(m, n) vorrq_u64(m, n)
#  define COUNTS uint64x2_t
#  define ZERO vdupq_n_u64(0)
#  define COUNT(n, m) vsubq_u64(n, m)
#  define STORE(p, n) vst1_s32(p, vreinterpret_s32_u32(vmovn_u64(n)))
#elif ISA == 2
#  include "base/vectors.h"

GK_TARGET(GK_AVX2_FEATURES) GK_INLINE void store_avx2(int32_t *p, __m256i n)
{
    const __m256i low_words = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    n = _mm256_permutevar8x32_epi32(n, low_words);
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(n));
}

#  define LANES 4
#  define V __m256d
#  define SET(x) _mm256_set1_pd(x)
#  define IOTA _mm256_setr_pd(0, 1, 2, 3)
#  define ADD(a, b) _mm256_add_pd(a, b)
#  define SUB(a, b) _mm256_sub_pd(a, b)
#  define MUL(a, b) _mm256_mul_pd(a, b)
#  define MIN(a, b) _mm256_min_pd(a, b)
#  define MASK __m256d
#  define ALL _mm256_castsi256_pd(_mm256_set1_epi64x(-1))
#  define WITHIN(m, a) _mm256_and_pd(m, _mm256_cmp_pd(a, _mm256_set1_pd(4.0), _CMP_LE_OQ))
#  define ANY(m) (_mm256_movemask_pd(m) != 0)
#  define OR(m, n) _mm256_or_pd(m, n)
#  define COUNTS __m256i
#  define ZERO _mm256_setzero_si256()
#  define COUNT(n, m) _mm256_sub_epi64(n, _mm256_castpd_si256(m))
#  define STORE(p, n) store_avx2(p, n)
#elif ISA == 5
#  define LANES 8
#  define V __m512d
#  define SET(x) _mm512_set1_pd(x)
#  define IOTA _mm512_setr_pd(0, 1, 2, 3, 4, 5, 6, 7)
#  define ADD(a, b) _mm512_add_pd(a, b)
#  define SUB(a, b) _mm512_sub_pd(a, b)
#  define MUL(a, b) _mm512_mul_pd(a, b)
#  define MIN(a, b) _mm512_min_pd(a, b)
#  define MASK __mmask8
#  define ALL 0xff
#  define WITHIN(m, a) _mm512_mask_cmp_pd_mask(m, a, _mm512_set1_pd(4.0), _CMP_LE_OQ)
#  define ANY(m) ((m) != 0)
#  define OR(m, n) ((__mmask8)((m) | (n)))
#  define COUNTS __m512i
#  define ZERO _mm512_setzero_si512()
#  define COUNT(n, m) _mm512_mask_add_epi64(n, m, n, _mm512_set1_epi64(1))
#  define STORE(p, n) _mm256_storeu_si256((__m256i *)(p), _mm512_cvtepi64_epi32(n))
#endif
