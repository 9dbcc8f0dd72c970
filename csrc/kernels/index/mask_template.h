/* Words of a mask, and what they select, included by base/foreach_isa.h for each instruction set. */

#if ISA > 0
#  include "base/vectors.h"
#endif

/* The bytes that are not 0, as bits. */
TARGET GK_INLINE uint64_t NAME(word_of)(const uint8_t *bytes)
{
#if ISA == 5
    __m512i x = _mm512_loadu_si512(bytes);
    return _mm512_test_epi8_mask(x, x);
#elif ISA == 2
    const __m256i zero = _mm256_setzero_si256(), *halves = (const __m256i *)(const void *)bytes;
    uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256(halves), zero));
    uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256(halves + 1), zero));
    return ~((uint64_t)high << 32 | low);
#elif ISA == 1
    /* A bit for each byte. Adding neighbours three times puts those of 8 bytes into one. */
    const uint8x16_t bits = vreinterpretq_u8_u64(vdupq_n_u64(UINT64_C(0x8040201008040201)));
    uint8x16_t x[WORD / 16];
    for (int i = 0; i < WORD / 16; i++) {
        uint8x16_t part = vld1q_u8(bytes + 16 * i);
        x[i] = vandq_u8(vtstq_u8(part, part), bits);
    }
    uint8x16_t sum = vpaddq_u8(vpaddq_u8(x[0], x[1]), vpaddq_u8(x[2], x[3]));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)), 0);
#else
    uint64_t word = 0;
    for (int eight = 0; eight < WORD; eight += 8) {
        uint64_t part = 0; /* bit 8 * i: whether bytes[eight + i] is not 0 */
        for (int i = 0; i < 8; i++)
            part |= (uint64_t)(bytes[eight + i] != 0) << 8 * i;
        /* The factor moves bit 8 * i to bit 56 + i, and no two bits to the same position. */
        word |= (part * UINT64_C(0x0102040810204080)) >> 56 << eight;
    }
    return word;
#endif
}

/* Words that say which items of one size are not 0, looking only at the bits in `keep`. */
#define NONZERO(bits)                                                                                        \
    static TARGET void NAME(nonzero_##bits)(const void *items, int64_t n, uint64_t keep, uint64_t *words)    \
    {                                                                                                        \
        const uint##bits##_t *x = items;                                                                     \
        uint8_t bytes[WORD];                                                                                 \
        for (; n >= WORD; n -= WORD, x += WORD) {                                                            \
            for (int i = 0; i < WORD; i++)                                                                   \
                bytes[i] = (x[i] & (uint##bits##_t)keep) != 0;                                               \
            *words++ = NAME(word_of)(bytes);                                                                 \
        }                                                                                                    \
        if (n > 0) {                                                                                         \
            memset(bytes, 0, sizeof bytes);                                                                  \
            for (int64_t i = 0; i < n; i++)                                                                  \
                bytes[i] = (x[i] & (uint##bits##_t)keep) != 0;                                               \
            *words = NAME(word_of)(bytes);                                                                   \
        }                                                                                                    \
    }

NONZERO(8)
NONZERO(16)
NONZERO(32)
NONZERO(64)

/* The mask's items begin <= i < end, at most a chunk, as words. The bits after the last item are
 * 0. Returns the number of words. */
static TARGET int NAME(words_of)(const gk_mask *mask, int64_t begin, int64_t end, uint64_t words[WORDS])
{
    int64_t size = gk_itemsize(mask->type), n = end - begin;
    const char *items = (const char *)mask->mask + begin * size;
    uint64_t keep = gk_is_float(mask->type) ? UINT64_MAX >> (65 - 8 * size) : UINT64_MAX; /* -0.0 is 0 */
    switch (size) {
    case 1: NAME(nonzero_8)(items, n, keep, words); break;
    case 2: NAME(nonzero_16)(items, n, keep, words); break;
    case 4: NAME(nonzero_32)(items, n, keep, words); break;
    default: NAME(nonzero_64)(items, n, keep, words); break;
    }
    return (int)((n + WORD - 1) / WORD);
}

static TARGET int64_t NAME(count)(const gk_mask *mask, int64_t begin, int64_t end)
{
    uint64_t words[WORDS];
    int n = NAME(words_of)(mask, begin, end, words);
    int64_t count = 0;
    for (int w = 0; w < n; w++)
        count += count_bits(words[w]);
    return count;
}

/* Variants of STEP, which stores the 64 items of a word at x to out[k] onwards. */
#define EVERY_ITEM(ITEM)             \
    for (int b = 0; b < WORD; b++) { \
        out[k] = ITEM;               \
        k += word >> b & 1;          \
    }
#if ISA == 5
#  define EVERY_VECTOR(bits, VECTOR)                                            \
    for (int b = 0; b < WORD; b += 512 / bits) {                                \
        uint64_t part = word >> b & (UINT64_MAX >> (64 - 512 / bits));          \
        _mm512_storeu_si512(out + k, _mm512_maskz_compress_epi##bits(part, VECTOR)); \
        k += count_bits(part);                                                  \
    }
#  define EVERY_32 EVERY_VECTOR(32, _mm512_loadu_si512(x + b))
#  define EVERY_64 EVERY_VECTOR(64, _mm512_loadu_si512(x + b))
#  define EVERY_INDEX EVERY_VECTOR(64, _mm512_add_epi64(iota, _mm512_set1_epi64(first + b)))
#else
#  define EVERY_32 EVERY_ITEM(x[b])
#  define EVERY_64 EVERY_ITEM(x[b])
#  define EVERY_INDEX EVERY_ITEM(first + b)
#endif

/* Copies the selected items of begin <= i < end to out[k] onwards, and never to out[last] or
 * beyond. */
#define COPY(bits, STEP)                                                                                     \
    static TARGET void NAME(copy_##bits)(const gk_mask *mask, int64_t begin, int64_t end, const void *items, \
                                         void *selected, int64_t k, int64_t last)                            \
    {                                                                                                        \
        uint64_t words[WORDS];                                                                               \
        int n = NAME(words_of)(mask, begin, end, words);                                                     \
        const uint##bits##_t *GK_RESTRICT x = (const uint##bits##_t *)items + begin;                         \
        uint##bits##_t *GK_RESTRICT out = selected;                                                          \
        for (int w = 0; w < n; w++, x += WORD) {                                                             \
            uint64_t word = words[w];                                                                        \
            if (word == 0)                                                                                   \
                continue;                                                                                    \
            if (k + WORD > last) {                                                                           \
                for (; word != 0 && k < last; word &= word - 1)                                              \
                    out[k++] = x[lowest_bit(word)];                                                          \
            } else if (word == UINT64_MAX) {                                                                 \
                memcpy(out + k, x, WORD * sizeof *x);                                                        \
                k += WORD;                                                                                   \
            } else {                                                                                         \
                STEP                                                                                         \
            }                                                                                                \
        }                                                                                                    \
    }

COPY(8, EVERY_ITEM(x[b]))
COPY(16, EVERY_ITEM(x[b]))
COPY(32, EVERY_32)
COPY(64, EVERY_64)

/* The same for items of any size. Neighbours that are selected are copied together. */
static TARGET void NAME(copy_runs)(const gk_mask *mask, int64_t begin, int64_t end, const char *items, int64_t size,
                                   char *out, int64_t k, int64_t last)
{
    uint64_t words[WORDS];
    int n = NAME(words_of)(mask, begin, end, words);
    items += begin * size;
    for (int w = 0; w < n; w++, items += WORD * size) {
        uint64_t word = words[w];
        while (word != 0 && k < last) {
            int first = lowest_bit(word), run = ~(word >> first) == 0 ? WORD : lowest_bit(~(word >> first));
            if (run > last - k)
                run = (int)(last - k);
            if (size == 16 && run == 1)
                memcpy(out + k * 16, items + first * 16, 16);
            else
                memcpy(out + k * size, items + first * size, (size_t)(run * size));
            k += run;
            word = first + run < WORD ? word & UINT64_MAX << (first + run) : 0;
        }
    }
}

/* Assigns to the selected items of begin <= i < end. With GK_MASK_NEXT, values[k] is the first one's, and values[last]
 * is not read. */
#define ASSIGN(name, item)                                                                                   \
    static TARGET void NAME(assign_##name)(const gk_mask *mask, int64_t begin, int64_t end,                  \
                                           gk_mask_values which, const void *values, int64_t k, int64_t last, \
                                           void *items)                                                      \
    {                                                                                                        \
        uint64_t words[WORDS];                                                                               \
        int n = NAME(words_of)(mask, begin, end, words);                                                     \
        const item *GK_RESTRICT v = values, one = *v;                                                        \
        item *GK_RESTRICT x = (item *)items + begin;                                                         \
        for (int64_t w = 0, at = begin; w < n; w++, at += WORD, x += WORD) {                                 \
            uint64_t word = words[w];                                                                        \
            if (which == GK_MASK_NEXT)                                                                       \
                for (; word != 0 && k < last; word &= word - 1)                                              \
                    x[lowest_bit(word)] = v[k++];                                                            \
            else if (which == GK_MASK_EACH && word == UINT64_MAX)                                            \
                memcpy(x, v + at, WORD * sizeof *x);                                                         \
            else if (which == GK_MASK_EACH)                                                                  \
                for (; word != 0; word &= word - 1)                                                          \
                    x[lowest_bit(word)] = v[at + lowest_bit(word)];                                          \
            else if (word == UINT64_MAX)                                                                     \
                for (int b = 0; b < WORD; b++)                                                               \
                    x[b] = one;                                                                              \
            else                                                                                             \
                for (; word != 0; word &= word - 1)                                                          \
                    x[lowest_bit(word)] = one;                                                               \
        }                                                                                                    \
    }

ASSIGN(8, uint8_t)
ASSIGN(16, uint16_t)
ASSIGN(32, uint32_t)
ASSIGN(64, uint64_t)
ASSIGN(pair, pair)

/* Writes the indices of the selected items to out[k] onwards, and never to out[last] or beyond. The
 * index of item `begin` is `base`. Returns the position after the last index written. */
static TARGET int64_t NAME(indices)(const gk_mask *mask, int64_t begin, int64_t end, int64_t base,
                                    int64_t *GK_RESTRICT out, int64_t k, int64_t last)
{
    enum { SPARSE = 8 }; /* few enough bits to take them one by one */
    uint64_t words[WORDS];
    int n = NAME(words_of)(mask, begin, end, words);
#if ISA == 5
    const __m512i iota = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
#endif
    for (int w = 0; w < n; w++) {
        uint64_t word = words[w];
        int64_t first = base + w * WORD;
        if (k + WORD > last || count_bits(word) <= SPARSE) {
            for (; word != 0 && k < last; word &= word - 1)
                out[k++] = first + lowest_bit(word);
        } else {
            EVERY_INDEX
        }
    }
    return k;
}

#undef NONZERO
#undef COPY
#undef ASSIGN
#undef EVERY_ITEM
#undef EVERY_VECTOR
#undef EVERY_32
#undef EVERY_64
#undef EVERY_INDEX
