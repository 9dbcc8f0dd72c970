#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/reduce/lanes.h"

#include <math.h>
#include <string.h>

#define SUFFIXED(x, type) x##_min_##type##_scalar
#define TARGET
#define ORDERED(x, y) ((x) < (y))
#define NEUTRAL_OF(min, max) (max)
#define TABLE min_scalar
#include "kernels/reduce/extreme_types.h"

#define SUFFIXED(x, type) x##_max_##type##_scalar
#define TARGET
#define ORDERED(x, y) ((x) > (y))
#define NEUTRAL_OF(min, max) (min)
#define TABLE max_scalar
#include "kernels/reduce/extreme_types.h"

#if GK_X86
#  define SUFFIXED(x, type) x##_min_##type##_avx2
#  define TARGET GK_TARGET(GK_AVX2_FEATURES)
#  define ORDERED(x, y) ((x) < (y))
#  define NEUTRAL_OF(min, max) (max)
#  define TABLE min_avx2
#  include "kernels/reduce/extreme_types.h"

#  define SUFFIXED(x, type) x##_max_##type##_avx2
#  define TARGET GK_TARGET(GK_AVX2_FEATURES)
#  define ORDERED(x, y) ((x) > (y))
#  define NEUTRAL_OF(min, max) (min)
#  define TABLE max_avx2
#  include "kernels/reduce/extreme_types.h"

#  define SUFFIXED(x, type) x##_min_##type##_avx512
#  define TARGET GK_TARGET(GK_AVX512_FEATURES)
#  define ORDERED(x, y) ((x) < (y))
#  define NEUTRAL_OF(min, max) (max)
#  define TABLE min_avx512
#  include "kernels/reduce/extreme_types.h"

#  define SUFFIXED(x, type) x##_max_##type##_avx512
#  define TARGET GK_TARGET(GK_AVX512_FEATURES)
#  define ORDERED(x, y) ((x) > (y))
#  define NEUTRAL_OF(min, max) (min)
#  define TABLE max_avx512
#  include "kernels/reduce/extreme_types.h"
#endif

const gk_lane_ops *gk_lanes_min(gk_type type)
{
    return GK_DISPATCH(min)[type];
}

const gk_lane_ops *gk_lanes_max(gk_type type)
{
    return GK_DISPATCH(max)[type];
}
