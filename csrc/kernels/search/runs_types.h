/* Includes runs_template.h for each type, included by base/foreach_isa.h for each instruction set. Items of 1 and 2 bytes have
 * no vectors of their own: they are few values, which are counted instead of sorted if there are many items. */
#if ISA == 5
#  include "base/vectors.h"
#endif

#if ISA == 0
#  define TYPE uint8_t
#  define TYPED(name) NAME(name##_8)
#  define IS_FLOAT 0
#  include "kernels/search/runs_template.h"
#  undef TYPE
#  undef TYPED

#  define TYPE uint16_t
#  define TYPED(name) NAME(name##_16)
#  include "kernels/search/runs_template.h"
#  undef TYPE
#  undef TYPED
#  undef IS_FLOAT
#endif

#define TYPE uint32_t
#define TYPED(name) NAME(name##_32)
#define BITS 32
#define IS_FLOAT 0
#define BEGIN_MASK __mmask16
#include "kernels/search/runs_template.h"
#undef TYPE
#undef TYPED
#undef IS_FLOAT

#define TYPE float
#define TYPED(name) NAME(name##_float)
#define IS_FLOAT 1
#include "kernels/search/runs_template.h"
#undef TYPE
#undef TYPED
#undef BITS
#undef BEGIN_MASK

#define TYPE double
#define TYPED(name) NAME(name##_double)
#define BITS 64
#define BEGIN_MASK __mmask8
#include "kernels/search/runs_template.h"
#undef TYPE
#undef TYPED
#undef IS_FLOAT

#define TYPE uint64_t
#define TYPED(name) NAME(name##_64)
#define IS_FLOAT 0
#include "kernels/search/runs_template.h"
#undef TYPE
#undef TYPED
#undef BITS
#undef IS_FLOAT
#undef BEGIN_MASK
