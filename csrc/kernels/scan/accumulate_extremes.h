/* Maxima or minima of every type, included by accumulate_template.h. */

#define STAYS NEVER
#define IN_ORDER NEVER
#define T int8_t
#define F(x) SUFFIXED(x, int8_t)
#define NEUTRAL LOWEST(INT8_MIN, INT8_MAX)
#include "kernels/scan/accumulate_types.h"
#define T uint8_t
#define F(x) SUFFIXED(x, uint8_t)
#define NEUTRAL LOWEST(0, UINT8_MAX)
#include "kernels/scan/accumulate_types.h"
#define T int16_t
#define F(x) SUFFIXED(x, int16_t)
#define NEUTRAL LOWEST(INT16_MIN, INT16_MAX)
#include "kernels/scan/accumulate_types.h"
#define T uint16_t
#define F(x) SUFFIXED(x, uint16_t)
#define NEUTRAL LOWEST(0, UINT16_MAX)
#include "kernels/scan/accumulate_types.h"
#define T int32_t
#define F(x) SUFFIXED(x, int32_t)
#define NEUTRAL LOWEST(INT32_MIN, INT32_MAX)
#include "kernels/scan/accumulate_types.h"
#define T uint32_t
#define F(x) SUFFIXED(x, uint32_t)
#define NEUTRAL LOWEST(0, UINT32_MAX)
#include "kernels/scan/accumulate_types.h"
#define T int64_t
#define F(x) SUFFIXED(x, int64_t)
#define NEUTRAL LOWEST(INT64_MIN, INT64_MAX)
#include "kernels/scan/accumulate_types.h"
#define T uint64_t
#define F(x) SUFFIXED(x, uint64_t)
#define NEUTRAL LOWEST(0, UINT64_MAX)
#include "kernels/scan/accumulate_types.h"
#undef STAYS
#undef IN_ORDER

#define STAYS IS_NAN
#define IN_ORDER IS_ZERO
#define T float
#define F(x) SUFFIXED(x, float)
#define NEUTRAL LOWEST(-(float)INFINITY, (float)INFINITY)
#include "kernels/scan/accumulate_types.h"
#define T double
#define F(x) SUFFIXED(x, double)
#define NEUTRAL LOWEST(-(double)INFINITY, (double)INFINITY)
#include "kernels/scan/accumulate_types.h"
#undef STAYS
#undef IN_ORDER

static const operation TABLE[GK_TYPES] = {
#define ROW(constant, type) [constant] = {SUFFIXED(run, type), SUFFIXED(row, type), SUFFIXED(fold, type)},
    ROW(GK_BOOL, uint8_t) GK_EACH_INTEGER(ROW) GK_EACH_FLOAT(ROW)
#undef ROW
};
