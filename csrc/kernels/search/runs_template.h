/* Where runs begin, for one type and instruction set. runs_types.h defines
 *   TYPE         the C type of the items
 *   TYPED(name)  name with the suffixes of the type and the instruction set
 *   IS_FLOAT     whether the items can be NaN
 * and with AVX-512
 *   BITS         the width of an item
 *   BEGIN_MASK   the type of a mask with a bit for each item of a vector
 */

/* Whether a run begins at item i > 0. NaNs are at the end, so only the first of them follows another item. */
TARGET GK_INLINE int TYPED(begins)(const TYPE *x, int64_t i, int nans_differ)
{
    return (x[i - 1] != x[i]) & ((IS_FLOAT == 0) | nans_differ | (x[i - 1] == x[i - 1]));
}

static TARGET int64_t TYPED(count)(const gk_runs *r, int64_t begin, int64_t end)
{
    const TYPE *x = r->items;
    int nans_differ = r->nans_differ;
    int64_t found = begin == 0;
    for (int64_t i = begin + (begin == 0); i < end; i++)
        found += TYPED(begins)(x, i, nans_differ);
    return found;
}

#if ISA == 5
/* The same of the items from i on, as many as fill a vector. */
TARGET GK_INLINE BEGIN_MASK TYPED(begin_mask)(const TYPE *x, int64_t i, int nans_differ)
{
#  if IS_FLOAT && BITS == 64
    __m512d before = _mm512_loadu_pd(x + i - 1);
    __mmask8 number = _mm512_cmp_pd_mask(before, before, _CMP_EQ_OQ);
    return _mm512_cmp_pd_mask(before, _mm512_loadu_pd(x + i), _CMP_NEQ_UQ) & (nans_differ ? (__mmask8)-1 : number);
#  elif IS_FLOAT
    __m512 before = _mm512_loadu_ps(x + i - 1);
    __mmask16 number = _mm512_cmp_ps_mask(before, before, _CMP_EQ_OQ);
    return _mm512_cmp_ps_mask(before, _mm512_loadu_ps(x + i), _CMP_NEQ_UQ) & (nans_differ ? (__mmask16)-1 : number);
#  elif BITS == 64
    (void)nans_differ;
    return _mm512_cmpneq_epi64_mask(_mm512_loadu_si512(x + i - 1), _mm512_loadu_si512(x + i));
#  else
    (void)nans_differ;
    return _mm512_cmpneq_epi32_mask(_mm512_loadu_si512(x + i - 1), _mm512_loadu_si512(x + i));
#  endif
}
#endif

/* Writes the first items of the runs that begin in begin..end - 1, numbered from `number` on, and their indices. Another
 * thread writes the next ones, so nothing may be written after the last. */
static TARGET void TYPED(write_firsts)(const gk_runs *r, int64_t begin, int64_t end, int64_t number, void *to,
                                       int64_t *starts)
{
    const TYPE *x = r->items;
    TYPE *values = to;
    int nans_differ = r->nans_differ;
    int64_t i = begin;
    if (i == 0 && end > 0) {
        if (values != NULL)
            values[number] = x[0];
        if (starts != NULL)
            starts[number] = 0;
        number++;
        i = 1;
    }
#if ISA == 5
    enum { LANES = 512 / BITS };
    const __m512i eight = _mm512_set1_epi64(8);
    __m512i indices = _mm512_add_epi64(_mm512_set1_epi64(i), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
    for (; i + LANES <= end; i += LANES) {
        BEGIN_MASK first = TYPED(begin_mask)(x, i, nans_differ);
        int64_t at = number;
        number += __builtin_popcount(first);
        if (values != NULL) {
            BEGIN_MASK written = (BEGIN_MASK)((1u << (number - at)) - 1);
#  if BITS == 64
            _mm512_mask_storeu_epi64(values + at, written, _mm512_maskz_compress_epi64(first, _mm512_loadu_si512(x + i)));
#  else
            _mm512_mask_storeu_epi32(values + at, written, _mm512_maskz_compress_epi32(first, _mm512_loadu_si512(x + i)));
#  endif
        }
        for (int half = 0; half < LANES; half += 8) {
            if (starts != NULL) {
                __mmask8 part = (__mmask8)(first >> half);
                int parts = __builtin_popcount(part);
                _mm512_mask_storeu_epi64(starts + at, (__mmask8)((1u << parts) - 1),
                                         _mm512_maskz_compress_epi64(part, indices));
                at += parts;
            }
            indices = _mm512_add_epi64(indices, eight);
        }
    }
#endif
    for (; i < end; i++) {
        if (!TYPED(begins)(x, i, nans_differ))
            continue;
        if (values != NULL)
            values[number] = x[i];
        if (starts != NULL)
            starts[number] = i;
        number++;
    }
}
