/* Items are compared with each of a few elements. Of more, small ranges of integers become a table of bits, and everything
 * else a hash table with linear probing, at most half full.
 */
#include "kernels/search/membership.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/fp_control.h"
#include "base/isa.h"
#include "kernels/array/memory.h"

enum {
    CHUNK = 1 << 14,
    BLOCK = 64,                /* items whose slots are computed before the first lookup */
    MAX_TABLE_BITS = 1 << 24,  /* 2 MB */
    CACHED = 1 << 16,          /* slots of a table that fits into the second-level cache */
    PREFETCHED_FROM = 1 << 14, /* smaller tables are in the cache */
    FEW = 16,                  /* elements of 4 or 8 bytes with which each item is compared */
};

#define FOREACH_ISA "kernels/search/membership_template.h"
#include "base/foreach_isa.h"

typedef struct {
    const void *items, *elements;
    int64_t n, m;
    gk_type type;
    uint8_t inverted, *found;
    uint64_t sign, min, max; /* keys with this bit inverted are in the order of the items */
    /* The table of bits: for keys from `low` on. NULL if there is none. */
    uint64_t *bits;
    uint64_t low, width;
    /* The hash table. 0 marks an empty slot, so the key 0 is kept apart. */
    uint64_t *table, capacity, factor;
    int64_t steps; /* probes that insertions may still make before another factor is tried */
    int shift;
    int has_zero;
} set;

/* An item as a number that is the same for equal items only. NaN gets a key of its own. */
#define NAN_KEY UINT64_C(0x7ff8000000000001)

GK_INLINE uint64_t key_of(const void *items, int64_t i, gk_type type)
{
    double x;
    uint64_t bits;
    switch (type) {
    case GK_FLOAT64: x = ((const double *)items)[i]; break;
    case GK_FLOAT32: x = (double)((const float *)items)[i]; break;
    case GK_BOOL: case GK_UINT8: return ((const uint8_t *)items)[i];
    case GK_INT8: return (uint64_t)(int64_t)((const int8_t *)items)[i];
    case GK_INT16: return (uint64_t)(int64_t)((const int16_t *)items)[i];
    case GK_UINT16: return ((const uint16_t *)items)[i];
    case GK_INT32: return (uint64_t)(int64_t)((const int32_t *)items)[i];
    case GK_UINT32: return ((const uint32_t *)items)[i];
    default: return ((const uint64_t *)items)[i];
    }
    if (x != x)
        return NAN_KEY;
    x += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* `type` is a constant in each case, so the compiler removes the switch in key_of. */
#define FOR_EACH_TYPE(CASE)                                                   \
    CASE(GK_BOOL) CASE(GK_UINT8) CASE(GK_INT8) CASE(GK_UINT16) CASE(GK_INT16) \
    CASE(GK_UINT32) CASE(GK_INT32) CASE(GK_UINT64) CASE(GK_INT64)             \
    CASE(GK_FLOAT32) CASE(GK_FLOAT64)

GK_INLINE uint64_t place_of(const set *s, uint64_t key)
{
    return (key ^ key >> 32) * s->factor >> s->shift;
}

static GK_NOINLINE int is_further_on(const set *s, uint64_t key, uint64_t place)
{
    uint64_t mask = s->capacity - 1;
    while (s->table[place] != key && s->table[place] != 0)
        place = (place + 1) & mask;
    return s->table[place] == key;
}

/* Most keys are in their own slot, in the next one, or absent. No branch depends on which. */
GK_INLINE uint8_t look_up(const set *s, uint64_t key, uint64_t place)
{
    uint64_t first = s->table[place], second = s->table[place + 1];
    int found = (first == key) | (second == key);
    if (GK_UNLIKELY(!found & (first != 0) & (second != 0)))
        found = is_further_on(s, key, place);
    return (uint8_t)(key == 0 ? s->has_zero : found);
}

/* Returns the number of occupied slots before the right one. */
GK_INLINE int64_t insert(set *s, uint64_t key, uint64_t place)
{
    uint64_t mask = s->capacity - 1;
    int64_t steps = 0;
    for (; s->table[place] != key && s->table[place] != 0; steps++)
        place = (place + 1) & mask;
    s->table[place] = key;
    return steps;
}

GK_INLINE void look_up_items(const set *s, int64_t begin, int64_t end, gk_type type)
{
    int prefetch = s->capacity >= PREFETCHED_FROM;
    for (int64_t i = begin; i < end; i += BLOCK) {
        uint64_t keys[BLOCK], places[BLOCK];
        int n = (int)(end - i < BLOCK ? end - i : BLOCK);
        for (int k = 0; k < n; k++) {
            keys[k] = key_of(s->items, i + k, type);
            places[k] = place_of(s, keys[k]);
            if (prefetch)
                GK_PREFETCH(s->table + places[k]);
        }
        for (int k = 0; k < n; k++)
            s->found[i + k] = look_up(s, keys[k], places[k]) ^ s->inverted;
    }
}

GK_INLINE void test_bits(const set *s, int64_t begin, int64_t end, gk_type type)
{
    for (int64_t i = begin; i < end; i++) {
        uint64_t bit = key_of(s->items, i, type) - s->low;
        int within = bit < s->width;
        bit = within ? bit : 0;
        s->found[i] = (uint8_t)((within & (int)(s->bits[bit / 64] >> bit % 64 & 1)) ^ s->inverted);
    }
}

static void compare_chunks(int64_t begin, int64_t end, void *data)
{
    const set *s = data;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t first = c * CHUNK, n = first + CHUNK < s->n ? CHUNK : s->n - first;
        const char *items = (const char *)s->items + first * gk_itemsize(s->type);
        if (s->type == GK_FLOAT64)
            GK_DISPATCH(among_few_double)(items, n, s->elements, s->m, s->inverted, s->found + first);
        else if (s->type == GK_FLOAT32)
            GK_DISPATCH(among_few_float)(items, n, s->elements, s->m, s->inverted, s->found + first);
        else if (gk_itemsize(s->type) == 8)
            GK_DISPATCH(among_few_uint64_t)(items, n, s->elements, s->m, s->inverted, s->found + first);
        else
            GK_DISPATCH(among_few_uint32_t)(items, n, s->elements, s->m, s->inverted, s->found + first);
    }
}

static void look_up_chunks(int64_t begin, int64_t end, void *data)
{
    const set *s = data;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t first = c * CHUNK, last = first + CHUNK < s->n ? first + CHUNK : s->n;
        switch (s->type) {
#define CASE(t)                                               \
    case t:                                                   \
        if (s->bits != NULL)                                  \
            test_bits(s, first, last, t);                     \
        else if (gk_itemsize(t) >= 4) /* others are narrow */ \
            look_up_items(s, first, last, t);                 \
        break;
            FOR_EACH_TYPE(CASE)
#undef CASE
        default: break;
        }
    }
}

/* Finds the smallest and the largest key, or two that are too far apart for a table of bits. */
static void find_range(int64_t begin, int64_t end, void *data)
{
    set *s = data;
    int64_t last = end * CHUNK < s->m ? end * CHUNK : s->m;
    uint64_t min = s->min, max = s->max;
    for (int64_t i = begin * CHUNK; i < last && s->max - s->min < MAX_TABLE_BITS; i++) {
        uint64_t key = key_of(s->elements, i, s->type) ^ s->sign;
        min = key < min ? key : min;
        max = key > max ? key : max;
    }
    s->min = min;
    s->max = max;
}

static void set_bits(int64_t begin, int64_t end, void *data)
{
    set *s = data;
    int64_t last = end * CHUNK < s->m ? end * CHUNK : s->m;
    for (int64_t i = begin * CHUNK; i < last; i++) {
        uint64_t bit = key_of(s->elements, i, s->type) - s->low;
        if (bit < s->width) /* true unless another thread changes the elements now */
            s->bits[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

static void insert_chunks(int64_t begin, int64_t end, void *data)
{
    set *s = data;
    int64_t last = end * CHUNK < s->m ? end * CHUNK : s->m;
    for (int64_t i = begin * CHUNK; i < last && s->steps >= 0; i += BLOCK) {
        uint64_t keys[BLOCK], places[BLOCK];
        int n = (int)(last - i < BLOCK ? last - i : BLOCK);
        for (int k = 0; k < n; k++) {
            keys[k] = key_of(s->elements, i + k, s->type);
            places[k] = place_of(s, keys[k]);
            GK_PREFETCH(s->table + places[k]);
            s->has_zero |= keys[k] == 0;
        }
        int64_t steps = 0;
        for (int k = 0; k < n; k++)
            if (keys[k] != NAN_KEY || !gk_is_float(s->type))
                steps += insert(s, keys[k], places[k]);
        s->steps -= steps;
    }
    s->table[s->capacity] = s->table[0]; /* the neighbour of the last slot */
}

/* A table that is nearly empty is faster, while it fits into the cache. */
static int64_t room(int64_t m)
{
    return m < CACHED / 8 ? 8 * m : m < CACHED / 2 ? CACHED : 2 * m;
}

/* Keys at certain equal distances get slots next to each other. With another factor, the
 * distances are others. */
static const uint64_t factors[] = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93),
                                   UINT64_C(0xbf58476d1ce4e5b9), UINT64_C(0x94d049bb133111eb)};
enum { FACTORS = sizeof factors / sizeof factors[0] };

static int fill_hash_table(set *s, const gk_options *options)
{
    s->shift = 64 - 4;
    while (s->shift > 8 && INT64_C(1) << (64 - s->shift) < room(s->m))
        s->shift--;
    s->capacity = UINT64_C(1) << (64 - s->shift);
    int status = GK_OK;
    s->steps = -1;
    for (int k = 0; k < FACTORS && status == GK_OK && s->steps < 0; k++) {
        free(s->table);
        s->table = calloc((size_t)s->capacity + 1, sizeof *s->table);
        if (s->table == NULL)
            return GK_NO_MEMORY;
        s->factor = factors[k];
        s->steps = k + 1 < FACTORS ? 8 * s->m : INT64_MAX;
        status = gk_parallel_for(gk_ceil_div(s->m, CHUNK), insert_chunks, s, options);
    }
    return status;
}

/* On this thread, in regions, so that it can be interrupted. */
static int fill(set *s, const gk_options *options)
{
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.threads = 1;
    mine.grain = 1;
    if (gk_is_float(s->type))
        return fill_hash_table(s, &mine);
    int status = gk_parallel_for(gk_ceil_div(s->m, CHUNK), find_range, s, &mine);
    if (status != GK_OK)
        return status;
    s->low = s->min ^ s->sign;
    s->width = s->max - s->min + 1; /* 0: all keys */
    if (s->width == 0 || s->width > MAX_TABLE_BITS)
        return fill_hash_table(s, &mine);
    s->bits = calloc((size_t)(s->width / 64 + 1), sizeof *s->bits);
    return s->bits != NULL ? gk_parallel_for(gk_ceil_div(s->m, CHUNK), set_bits, s, &mine) : GK_NO_MEMORY;
}

int gk_isin(const void *items, int64_t n, const void *elements, int64_t m, gk_type type, int inverted, uint8_t *found,
            const gk_options *options)
{
    set s = {.items = items, .elements = elements, .n = n, .m = m, .type = type,
             .inverted = (uint8_t)inverted, .found = found,
             .sign = type == GK_UINT64 ? 0 : UINT64_C(1) << 63, .min = UINT64_MAX};
    if (m == 0) {
        memset(found, inverted, (size_t)n);
        return GK_OK;
    }
    gk_fp_saved saved = gk_fp_use_default(); /* subnormals must not be flushed to 0 */
    int few = m <= FEW && gk_itemsize(type) >= 4;
    int status = few ? GK_OK : fill(&s, options);
    if (status == GK_OK) {
        int64_t chunks = gk_ceil_div(n, CHUNK);
        gk_options mine = options != NULL ? *options : (gk_options){0};
        mine.grain = 1;
        mine.eager = chunks >= 8;
        status = gk_parallel_for(chunks, few ? compare_chunks : look_up_chunks, &s, &mine);
    }
    gk_fp_restore(saved);
    free(s.bits);
    free(s.table);
    return status;
}
