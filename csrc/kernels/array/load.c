#include "kernels/array/load.h"

#include "base/compiler.h"
#include "base/isa.h"

typedef struct {
    gk_load *as_float64[GK_TYPES], *as_int64[GK_TYPES];
    gk_load *as_is[9]; /* indexed by element size */
} loaders;

#define FOREACH_ISA "kernels/array/load_template.h"
#include "base/foreach_isa.h"

gk_load *gk_load_as_float64(gk_type from)
{
    return GK_DISPATCH(table).as_float64[from];
}

gk_load *gk_load_as_int64(gk_type from)
{
    return GK_DISPATCH(table).as_int64[from];
}

gk_load *gk_load_as_is(gk_type from)
{
    return GK_DISPATCH(table).as_is[gk_itemsize(from)];
}
