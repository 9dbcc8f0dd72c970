/* Each step of a binary search in a large array waits for memory. Several keys are
 * searched in step, so that their reads overlap. No branch depends on the items.
 */
#include "kernels/search/searchsorted.h"

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

/* `before` says whether an item comes before a key. NaN comes before nothing. */
#define SEARCH(name, type, before)                                                                \
    static void name(const search *s, int64_t begin, int64_t end)                                 \
    {                                                                                             \
        const type *sorted = s->sorted, *keys = s->keys;                                          \
        for (int64_t i = begin; i < end; i += TOGETHER) {                                         \
            const type *base[TOGETHER];                                                           \
            type key[TOGETHER];                                                                   \
            int count = (int)(end - i < TOGETHER ? end - i : TOGETHER);                           \
            for (int k = 0; k < TOGETHER; k++) { /* the last group repeats its last key */        \
                base[k] = sorted;                                                                 \
                key[k] = keys[i + (k < count ? k : count - 1)];                                   \
            }                                                                                     \
            int64_t left = s->n;                                                                  \
            while (left > 1) {                                                                    \
                int64_t half = left / 2;                                                          \
                left -= half;                                                                     \
                for (int k = 0; k < TOGETHER; k++) {                                              \
                    base[k] += half & -(int64_t)(base[k][half - 1] before key[k]);                    \
                    GK_PREFETCH(base[k] + left / 2 - 1);                                          \
                }                                                                                 \
            }                                                                                     \
            for (int k = 0; k < count; k++)                                                       \
                s->places[i + k] = (base[k] - sorted) + (left == 1 && *base[k] before key[k]);    \
        }                                                                                         \
    }

#define BOTH_SIDES(constant, type) SEARCH(left_##constant, type, <) SEARCH(right_##constant, type, <=)
GK_EACH_INTEGER(BOTH_SIDES)
GK_EACH_FLOAT(BOTH_SIDES)

/* NaN keys, for which the comparisons above are all false. */
static void place_nans(const search *s, int64_t begin, int64_t end)
{
    const double *doubles = s->keys;
    const float *floats = s->keys;
    for (int64_t i = begin; i < end; i++)
        if (s->type == GK_FLOAT64 ? doubles[i] != doubles[i] : floats[i] != floats[i])
            s->places[i] = s->right ? s->n : s->valid;
}

static void search_chunks(int64_t begin, int64_t end, void *data)
{
    const search *s = data;
    begin *= CHUNK;
    end = end * CHUNK < s->m ? end * CHUNK : s->m;
    switch (s->type) {
#define CASE(constant, type)              \
    case constant:                        \
        if (s->right)                     \
            right_##constant(s, begin, end); \
        else                              \
            left_##constant(s, begin, end);  \
        break;
        GK_EACH_INTEGER(CASE)
        GK_EACH_FLOAT(CASE)
#undef CASE
    default: break;
    }
    if (gk_is_float(s->type))
        place_nans(s, begin, end);
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
    if (s.type == GK_BOOL)
        s.type = GK_UINT8;
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
