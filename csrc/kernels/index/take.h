/* Items by index along one axis. */
#ifndef GK_TAKE_H
#define GK_TAKE_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* What becomes of an index i that is not below n: an error unless -n <= i, the remainder, or
 * the nearest one that is. The numbers are NumPy's. */
typedef enum { GK_TAKE_CLIP, GK_TAKE_WRAP, GK_TAKE_RAISE } gk_take_mode;

/* Contiguous items of `size` bytes: n in each of `outer` groups. */
typedef struct {
    const char *items;
    int64_t outer, n, size;
    const void *indices; /* m contiguous ones, bool or of integers other than uint64 */
    gk_type type;
    int64_t m;
    gk_take_mode mode;
} gk_take_source;

/* Writes m items of each group. n must not be 0. *outside is set to whether an index was
 * outside, with GK_TAKE_RAISE; the result is then not usable. */
int gk_take(const gk_take_source *source, char *taken, const gk_options *options, int *outside);

#endif
