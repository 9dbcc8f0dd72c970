/* Vectors of 64-bit lanes of one instruction set, for pi_template.h:
 *   LANES, V      64-bit lanes in the vector type V
 *   SET(x)        x in every lane
 *   IOTA          0, 1, 2, ... LANES-1
 *   ADD, XOR      on 64-bit lanes
 *   SHR(a, n)     on 64-bit lanes; HALVE(a): the low word of each lane, shifted right by 1
 *   MUL(a, b)     64-bit products of the low words of the lanes
 *   SUM(a)        the sum of all lanes
 */

#undef LANES
#undef V
#undef SET
#undef IOTA
#undef ADD
#undef XOR
#undef SHR
#undef HALVE
#undef MUL
#undef SUM

#if ISA == 0
#  define LANES 1
#  define V uint64_t
#  define SET(x) ((uint64_t)(x))
#  define IOTA 0
#  define ADD(a, b) ((a) + (b))
#  define XOR(a, b) ((a) ^ (b))
#  define SHR(a, n) ((a) >> (n))
#  define HALVE(a) ((uint64_t)((uint32_t)(a) >> 1))
#  define MUL(a, b) ((uint64_t)(uint32_t)(a) * (uint32_t)(b))
#  define SUM(a) (a)
#elif ISA == 1
#  include "base/vectors.h"

#  define LANES 2
#  define V uint64x2_t
#  define SET(x) vdupq_n_u64(x)
#  define IOTA vcombine_u64(vcreate_u64(0), vcreate_u64(1))
#  define ADD(a, b) vaddq_u64(a, b)
#  define XOR(a, b) veorq_u64(a, b)
#  define SHR(a, n) vshrq_n_u64(a, n)
#  define HALVE(a) vreinterpretq_u64_u32(vshrq_n_u32(vreinterpretq_u32_u64(a), 1))
#  define MUL(a, b) vmull_u32(vmovn_u64(a), vmovn_u64(b))
#  define SUM(a) vaddvq_u64(a)
#elif ISA == 2
#  include "base/vectors.h"

GK_TARGET(GK_AVX2_FEATURES) GK_INLINE uint64_t sum_avx2(__m256i a)
{
    __m128i pair = _mm_add_epi64(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    return (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(pair, _mm_unpackhi_epi64(pair, pair)));
}

#  define LANES 4
#  define V __m256i
#  define SET(x) _mm256_set1_epi64x((long long)(x))
#  define IOTA _mm256_setr_epi64x(0, 1, 2, 3)
#  define ADD(a, b) _mm256_add_epi64(a, b)
#  define XOR(a, b) _mm256_xor_si256(a, b)
#  define SHR(a, n) _mm256_srli_epi64(a, n)
#  define HALVE(a) _mm256_srli_epi32(a, 1)
#  define MUL(a, b) _mm256_mul_epu32(a, b)
#  define SUM(a) sum_avx2(a)
#elif ISA == 5
#  define LANES 8
#  define V __m512i
#  define SET(x) _mm512_set1_epi64((long long)(x))
#  define IOTA _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)
#  define ADD(a, b) _mm512_add_epi64(a, b)
#  define XOR(a, b) _mm512_xor_si512(a, b)
#  define SHR(a, n) _mm512_srli_epi64(a, n)
#  define HALVE(a) _mm512_srli_epi32(a, 1)
#  define MUL(a, b) _mm512_mul_epu32(a, b)
#  define SUM(a) ((uint64_t)_mm512_reduce_add_epi64(a))
#endif
