/* numpy.take: items by index along one axis. */
#ifndef GK_TAKE_H
#define GK_TAKE_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* What happens to an index i outside 0 <= i < n. CLIP takes the nearest index inside, WRAP takes i
 * modulo n, and RAISE counts negative indices from the end and reports an error below -n or from n
 * on. The numbers are NumPy's. */
typedef enum { GK_TAKE_CLIP, GK_TAKE_WRAP, GK_TAKE_RAISE } gk_take_mode;

/* `outer` groups of n contiguous items of `size` bytes, and the indices to take from each group. */
typedef struct {
    const char *items;
    int64_t outer, n, size;
    const void *indices; /* m contiguous bool or integers, except uint64 */
    gk_type type;
    int64_t m;
    gk_take_mode mode;
} gk_take_source;

/* Writes m items for each group. n must not be 0. With GK_TAKE_RAISE, sets *outside to whether an
 * index was out of bounds; the contents of `taken` are then unspecified. */
int gk_take(const gk_take_source *source, char *taken, const gk_options *options, int *outside);

#endif
