#include "kernels/demo/mandelbrot.h"

#include "base/compiler.h"
#include "base/isa.h"

#include <stddef.h>
#include <string.h>

enum {
    BAND = 4,   /* rows of a tile, as in the template's EACH_ROW */
    BURST = 8,  /* steps between questions whether any point of a tile is left */
    BURSTS_BETWEEN_LOOKS = 4096, /* at gk_cancelled(): 0.3 to 2 ms */
    CHUNK = 1 << 19, /* steps, if no point of the chunk escapes: 0.15 to 2 ms */
    LINE = 16,  /* columns in a cache line, and a multiple of every LANES */
};

typedef struct {
    int64_t width, height;
    double x0, dx, y0, dy;
    int32_t max_iter;
    int32_t *out;
    int64_t segment;  /* columns of an item, which is BAND rows high */
    int64_t segments; /* in a row */
} image;

/* Of column or row i of n; the last one for those beyond it. */
GK_INLINE double position(double start, double step, int64_t i, int64_t n)
{
    return start + (double)(i < n ? i : n - 1) * step;
}

#define NAME(x) x##_scalar
#define TARGET
#define LANES 1
#define V double
#define SET(x) (x)
#define IOTA 0.0
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MASK int32_t
#define ALL 1
#define WITHIN(m, a) ((m) & ((a) <= 4.0))
#define ANY(m) (m)
#define OR(m, n) ((m) | (n))
#define COUNTS int32_t
#define ZERO 0
#define COUNT(n, m) ((n) + (m))
#define STORE(p, n) (*(p) = (n))
#include "kernels/demo/mandelbrot_template.h"

#if GK_X86
#  include <immintrin.h>

GK_TARGET(GK_AVX2_FEATURES) GK_INLINE void store_avx2(int32_t *p, __m256i n)
{
    const __m256i low_words = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    n = _mm256_permutevar8x32_epi32(n, low_words);
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(n));
}

#  define NAME(x) x##_avx2
#  define TARGET GK_TARGET(GK_AVX2_FEATURES)
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
#  include "kernels/demo/mandelbrot_template.h"

#  define NAME(x) x##_avx512
#  define TARGET GK_TARGET(GK_AVX512_FEATURES)
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
#  include "kernels/demo/mandelbrot_template.h"
#endif

static void mandelbrot_items(int64_t begin, int64_t end, void *data)
{
    const image *m = data;
    for (int64_t item = begin; item < end && !gk_cancelled(); item++) {
        int64_t row = item / m->segments * BAND;
        int64_t first = item % m->segments * m->segment;
        int64_t last = m->width - first < m->segment ? m->width : first + m->segment;
        GK_DISPATCH(segment)(m, row, first, last);
    }
}

int gk_mandelbrot(int64_t width, int64_t height, double x0, double x1, double y0, double y1,
                  int32_t max_iter, int32_t *out, const gk_options *options)
{
    /* A band in one piece unless its points are dear; several bands in one
     * chunk where they are cheap. A point costs some steps even if it takes none. */
    int64_t column = BAND * ((int64_t)max_iter + 8);
    int64_t segment = (CHUNK / column + LINE - 1) / LINE * LINE;
    if (segment < LINE)
        segment = LINE;
    if (segment > width)
        segment = width;
    image m = {
        .width = width,
        .height = height,
        .x0 = x0,
        .dx = width > 1 ? (x1 - x0) / (double)(width - 1) : 0.0,
        .y0 = y0,
        .dy = height > 1 ? (y1 - y0) / (double)(height - 1) : 0.0,
        .max_iter = max_iter,
        .out = out,
        .segment = segment,
        .segments = (width - 1) / segment + 1,
    };
    int64_t items = ((height - 1) / BAND + 1) * m.segments;
    gk_options how = options != NULL ? *options : (gk_options){0};
    how.grain = CHUNK / (column * segment);
    if (how.grain < 1)
        how.grain = 1;
    how.eager = items / how.grain >= 8;
    return gk_parallel_for(items, mandelbrot_items, &m, &how);
}
