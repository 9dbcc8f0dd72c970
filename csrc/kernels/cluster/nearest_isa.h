/* Defines vectors of float and double for nearest_template.h and
 * nearest_filter_template.h. Included by base/foreach_isa.h for each instruction set.
 *   LESS(x, y)        a MASK with ones where x < y
 *   SELECT(m, x, y)   x where m has ones, otherwise y
 *   BYTES             the size of a vector */

#if ISA == 0
#  define BYTES sizeof(T)
#  define LESS(x, y) (-((x) < (y)))
#  define SELECT(m, x, y) ((m) ? (x) : (y))
typedef float NAME(float32);
typedef int32_t NAME(mask32);
typedef double NAME(float64);
typedef int64_t NAME(mask64);
#else
#  define BYTES (ISA == 5 ? 64 : ISA == 2 ? 32 : 16)
#  define LESS(x, y) ((MASK)((x) < (y)))
#  define SELECT(m, x, y) ((VEC)(((m) & (MASK)(x)) | (~(m) & (MASK)(y))))
typedef float NAME(float32) __attribute__((vector_size(BYTES), may_alias));
typedef int32_t NAME(mask32) __attribute__((vector_size(BYTES), may_alias));
typedef double NAME(float64) __attribute__((vector_size(BYTES), may_alias));
typedef int64_t NAME(mask64) __attribute__((vector_size(BYTES), may_alias));
#endif

#define T float
#define INT int32_t
#define LANES (int)(BYTES / sizeof(float))
#define VEC NAME(float32)
#define MASK NAME(mask32)
#define TYPED(name) NAME(name##32)
#include "kernels/cluster/nearest_template.h"
#if ISA > 0
#  include "kernels/cluster/nearest_filter_template.h"
#endif
#undef T
#undef INT
#undef LANES
#undef VEC
#undef MASK
#undef TYPED

#define T double
#define INT int64_t
#define LANES (int)(BYTES / sizeof(double))
#define VEC NAME(float64)
#define MASK NAME(mask64)
#define TYPED(name) NAME(name##64)
#include "kernels/cluster/nearest_template.h"
#undef T
#undef INT
#undef LANES
#undef VEC
#undef MASK
#undef TYPED

#undef BYTES
#undef LESS
#undef SELECT
