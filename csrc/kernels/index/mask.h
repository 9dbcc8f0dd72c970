/* Selection by a mask, in two passes: the first counts the selected items of each chunk, so that in
 * the second each chunk knows where its items go. And assignment to the selected items. */
#ifndef GK_MASK_H
#define GK_MASK_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* The number of items in a chunk. */
enum { GK_MASK_CHUNK = 1 << 15 };

typedef struct {
    const void *mask; /* n contiguous items; an item is selected where its mask item is not 0; NaN
                         counts as nonzero */
    gk_type type;
    int64_t n;
    int64_t *offsets; /* one more than there are chunks */
} gk_mask;

/* Fills `offsets` with the number of selected items before each chunk, and with their total number
 * at the end. */
int gk_mask_count(const gk_mask *mask, const gk_options *options);

/* After gk_mask_count(): copies the selected items out of n contiguous items of `size` bytes. */
int gk_mask_copy(const gk_mask *mask, const void *items, int64_t size, void *selected, const gk_options *options);

/* Which value a selected item gets. */
typedef enum {
    GK_MASK_ONE,  /* the only one */
    GK_MASK_EACH, /* the one with the item's own index */
    GK_MASK_NEXT, /* the next one: the first selected item gets the first value; needs gk_mask_count() */
} gk_mask_values;

/* Assigns values to the selected ones of n contiguous items of `size` bytes: 1, 2, 4, 8 or 16. No
 * other item is written, not even with the value it has. */
int gk_mask_assign(const gk_mask *mask, gk_mask_values which, const void *values, int64_t size, void *items,
                   const gk_options *options);

/* After gk_mask_count(): writes the indices of the selected items. indices[d] gets those along
 * dimension d. The mask has this shape, in C order. */
int gk_mask_indices(const gk_mask *mask, int ndim, const int64_t *shape, int64_t *const *indices,
                    const gk_options *options);

#endif
