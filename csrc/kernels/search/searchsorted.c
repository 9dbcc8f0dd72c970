/* Each step of a binary search in a large array waits for memory. Several keys are
 * searched in step, so that their reads overlap. No branch depends on the items.
 */
#include "kernels/search/searchsorted.h"

#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "base/fp_control.h"
#include "kernels/array/memory.h"

enum { TOGETHER = 16, CHUNK = 1 << 11 };

typedef struct {
    const void *sorted, *keys;
    int64_t n, m;
    gk_type type;
    int right;
    int64_t valid; /* the number of sorted items that are not NaN */
    int64_t *places;
} search;

/* An item is <= x if it is < the successor of x. So one search serves both sides. */
#define NEXT_INTEGER(x) ((x) + 1)

/* The successor of a number that is less than infinity. The C library's nextafter() takes several times as long. */
#define DEFINE_NEXT(name, type, bits_type)                          \
    GK_INLINE type name(type x)                                     \
    {                                                               \
        bits_type bits;                                             \
        x += 0; /* -0.0 becomes 0.0, whose successor has bits 1 */  \
        memcpy(&bits, &x, sizeof bits);                             \
        bits += bits < 0 ? -1 : 1;                                  \
        memcpy(&x, &bits, sizeof bits);                             \
        return x;                                                   \
    }
DEFINE_NEXT(next_float, float, int32_t)
DEFINE_NEXT(next_double, double, int64_t)

#define SEARCH(name, type, LAST, NEXT)                                                            \
    static void name(const search *s, int64_t begin, int64_t end)                                 \
    {                                                                                             \
        const type *sorted = s->sorted, *keys = s->keys;                                          \
        for (int64_t i = begin; i < end; i += TOGETHER) {                                         \
            const type *base[TOGETHER];                                                           \
            type key[TOGETHER];                                                                   \
            int count = (int)(end - i < TOGETHER ? end - i : TOGETHER);                           \
            for (int k = 0; k < TOGETHER; k++) { /* the last group repeats its last key */        \
                type x = keys[i + (k < count ? k : count - 1)];                                   \
                base[k] = sorted;                                                                 \
                key[k] = s->right && x < LAST ? NEXT(x) : x;                                      \
            }                                                                                     \
            int64_t left = s->n;                                                                  \
            while (left > 1) {                                                                    \
                int64_t half = left / 2;                                                          \
                left -= half;                                                                     \
                for (int k = 0; k < TOGETHER; k++) {                                              \
                    base[k] += half & -(int64_t)(base[k][half - 1] < key[k]);                     \
                    GK_PREFETCH(base[k] + left / 2 - 1);                                          \
                }                                                                                 \
            }                                                                                     \
            for (int k = 0; k < count; k++)                                                       \
                s->places[i + k] = (base[k] - sorted) + (left == 1 && *base[k] < key[k]);         \
            /* The last number has no successor, and comparisons with NaN are false. */           \
            for (int k = 0; k < count; k++)                                                       \
                if (!(keys[i + k] < LAST) && (s->right || keys[i + k] != keys[i + k]))            \
                    s->places[i + k] = place_at_the_end(s, keys[i + k] == keys[i + k]);           \
        }                                                                                         \
    }

static int64_t place_at_the_end(const search *s, int is_number)
{
    return s->right && !is_number ? s->n : s->valid;
}

SEARCH(search_int32, int32_t, INT32_MAX, NEXT_INTEGER)
SEARCH(search_uint32, uint32_t, UINT32_MAX, NEXT_INTEGER)
SEARCH(search_int64, int64_t, INT64_MAX, NEXT_INTEGER)
SEARCH(search_uint64, uint64_t, UINT64_MAX, NEXT_INTEGER)
SEARCH(search_float, float, INFINITY, next_float)
SEARCH(search_double, double, (double)INFINITY, next_double)

void gk_search_doubles(const double *sorted, int64_t n, const double *keys, int64_t m, int64_t *places)
{
    search s = {.sorted = sorted, .keys = keys, .n = n, .m = m, .type = GK_FLOAT64, .right = 1, .valid = n,
                .places = places};
    search_double(&s, 0, m);
}

static void search_chunks(int64_t begin, int64_t end, void *data)
{
    const search *s = data;
    begin *= CHUNK;
    end = end * CHUNK < s->m ? end * CHUNK : s->m;
    switch (s->type) {
    case GK_INT32: search_int32(s, begin, end); break;
    case GK_UINT32: search_uint32(s, begin, end); break;
    case GK_INT64: search_int64(s, begin, end); break;
    case GK_UINT64: search_uint64(s, begin, end); break;
    case GK_FLOAT32: search_float(s, begin, end); break;
    case GK_FLOAT64: search_double(s, begin, end); break;
    default: break;
    }
}

static int is_nan(const search *s, int64_t i)
{
    double x = s->type == GK_FLOAT64 ? ((const double *)s->sorted)[i] : (double)((const float *)s->sorted)[i];
    return x != x;
}

int gk_searchsorted(const void *sorted, int64_t n, const void *keys, int64_t m, gk_type type, int right,
                    int64_t *places, const gk_options *options)
{
    search s = {.sorted = sorted, .keys = keys, .n = n, .m = m, .type = type, .right = right, .valid = n,
                .places = places};
    if (gk_is_float(type)) {
        int64_t low = 0;
        while (low < s.valid) {
            int64_t middle = low + (s.valid - low) / 2;
            if (is_nan(&s, middle))
                s.valid = middle;
            else
                low = middle + 1;
        }
    }
    int64_t chunks = gk_ceil_div(m, CHUNK);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = chunks >= 8;
    gk_fp_saved saved = gk_fp_use_default(); /* subnormals must not be flushed to 0 */
    int status = gk_parallel_for(chunks, search_chunks, &s, &mine);
    gk_fp_restore(saved);
    return status;
}
