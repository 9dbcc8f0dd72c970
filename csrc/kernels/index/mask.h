/* Selection by a mask, in two passes: the items that are selected in each chunk are counted,
 * and then every chunk knows where its own items go. */
#ifndef GK_MASK_H
#define GK_MASK_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* The items that one step of the work covers. */
enum { GK_MASK_CHUNK = 1 << 15 };

typedef struct {
    const void *mask; /* n contiguous items; those that are not 0, NaN included, select */
    gk_type type;
    int64_t n;
    int64_t *offsets; /* one more than there are chunks */
} gk_mask;

/* Fills offsets with the number of items that are selected before each chunk. The last one
 * is the number of all that are. */
int gk_mask_count(const gk_mask *mask, const gk_options *options);

/* Afterwards, copies the selected ones of n contiguous items of `size` bytes. */
int gk_mask_copy(const gk_mask *mask, const void *items, int64_t size, void *selected, const gk_options *options);

/* Afterwards, writes the indices of the selected items: indices[d] gets those along dimension
 * d. The mask has this shape, in C order. */
int gk_mask_indices(const gk_mask *mask, int ndim, const int64_t *shape, int64_t *const *indices,
                    const gk_options *options);

#endif
