/* Arrays of any layout, prepared for the kernels. */
#ifndef GK_LAYOUT_H
#define GK_LAYOUT_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "kernels/array/iterator.h"

/* An array, with its dimensions separated into retained and reduced ones. Dimensions
 * that continue each other in memory are merged. */
typedef struct {
    const char *data;
    gk_type type;
    int64_t n_outputs, n_reduced; /* elements of the result, and input elements for each of them */
    gk_dims retained, reduced;
    /* The retained axes by decreasing stride. The outputs are written in this order. */
    int n_retained_axes, retained_axes[GK_MAX_DIMS];
} gk_layout;

/* Values of reduced[axis]. The elements along a reduced axis may be taken in any order, or only forwards. */
enum { GK_RETAINED, GK_REDUCED, GK_REDUCED_FORWARDS };

/* reduced[axis] says whether to reduce along the axis. No element of shape may be 0. */
void gk_layout_init(gk_layout *layout, gk_type type, const char *data, int ndim,
                    const int64_t *shape, const int64_t *stride, const char *reduced);

#endif
