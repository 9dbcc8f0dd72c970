/* Minimum and maximum of every type, included by base/foreach_isa.h for each instruction set. */

#define TEMPLATE "kernels/reduce/minmax_template.h"

#define TABLE NAME(min)
#define SUFFIXED(x, type) NAME(x##_min_##type)
#define ORDERED(x, y) ((x) < (y))
#define NEUTRAL_OF(min, max) (max)
#include "kernels/reduce/minmax_types.h"

#define TABLE NAME(max)
#define SUFFIXED(x, type) NAME(x##_max_##type)
#define ORDERED(x, y) ((x) > (y))
#define NEUTRAL_OF(min, max) (min)
#include "kernels/reduce/minmax_types.h"

#define TABLE NAME(nanmin)
#define SUFFIXED(x, type) NAME(x##_nanmin_##type)
#define ORDERED(x, y) ((x) < (y))
#define NEUTRAL_OF(min, max) (max)
#define WITHOUT_NANS
#include "kernels/reduce/minmax_types.h"

#define TABLE NAME(nanmax)
#define SUFFIXED(x, type) NAME(x##_nanmax_##type)
#define ORDERED(x, y) ((x) > (y))
#define NEUTRAL_OF(min, max) (min)
#define WITHOUT_NANS
#include "kernels/reduce/minmax_types.h"

#undef TEMPLATE
