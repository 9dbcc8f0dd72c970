/* Sorts the slices of an array in a total order.
 *
 * Integers and bool sort by value. Floats sort as in NumPy, with NaN last. Where
 * NumPy leaves the order open, their bits decide: -0.0 comes before 0.0, and NaNs
 * with a clear sign bit come by rising payload before the others by falling payload.
 * The result is a permutation of the input's bits, and only one permutation is
 * right, so it cannot depend on how the work was divided.
 */
#ifndef GK_SORT_H
#define GK_SORT_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "kernels/array/slices.h"
#include "runtime/parallel.h"

/* Sorts n contiguous items on the calling thread. The signature is that of NumPy's
 * sort functions, whose last argument is an array or NULL. */
typedef int gk_leaf_sort(void *items, intptr_t n, void *unused);

/* One leaf sort for each type. */
typedef struct {
    gk_leaf_sort *of[GK_TYPES];
} gk_leaf_sorts;

/* Sorts every slice of src into dst. The arrays must not overlap, unless they are the
 * same memory with the same strides. */
int gk_sort(const char *src, char *dst, const gk_slices *slices, gk_type type,
            const gk_leaf_sorts *leaves, const gk_options *options);

/* The same, but equal items keep their order: zeros of different sign and NaNs. `stable` are stable sorts. Floats must
 * not be sorted in place. */
int gk_sort_stable(const char *src, char *dst, const gk_slices *slices, gk_type type, const gk_leaf_sorts *leaves,
                   const gk_leaf_sorts *stable, const gk_options *options);

/* Sorts n contiguous items of src into dst on all threads. src may be dst. */
int gk_sort_long(const void *src, void *dst, int64_t n, gk_type type,
                 const gk_leaf_sorts *leaves, const gk_options *options);

/* Sorts n contiguous items in place on this thread. */
void gk_sort_leaf(void *items, int64_t n, gk_type type, const gk_leaf_sorts *leaves);

/* Sorts n contiguous items of src into dst on this thread. src may be dst. */
void gk_sort_copy(const void *src, void *dst, int64_t n, gk_type type, const gk_leaf_sorts *leaves);

/* Whether there is a -0.0 or a NaN among n floats that are `stride` bytes apart. Such items are equal to others, so their
 * order depends on the algorithm. */
int gk_sort_has_ambiguous(const char *items, int64_t stride, int64_t n, gk_type type, int *found, const gk_options *options);

/* Finds out whether n items are in order, on all threads. Ends early if they are not. */
int gk_sort_in_order(const void *items, int64_t n, gk_type type, int *in_order, const gk_options *options);

/* The number of ascending or descending runs that n items consist of, of which the first ascends. Counts up to max + 1.
 * Ends early, so it costs nothing on items in no order. */
int gk_sort_runs(const void *items, int64_t n, gk_type type, int max);

/* The number of 8-byte items from which gk_sort_long is worth it. */
enum { GK_SORT_LONG = 1 << 15 };

/* Sorts 8-bit and 16-bit items by counting them. src may be dst. */
int gk_sort_counting(const void *src, void *dst, int64_t n, gk_type type,
                     const gk_options *options);
void gk_sort_counting8(void *items, int64_t n, gk_type type);

/* Writes the positions that sort each slice of src. The sort is stable: of equal items
 * the earlier one comes first. All zeros are equal, and so are all NaNs, which come
 * last. */
int gk_argsort(const char *src, char *dst, const gk_slices *slices, gk_type type,
               const gk_leaf_sorts *leaves, const gk_options *options);

/* The same for n contiguous items, on all threads. */
int gk_argsort_long(const void *src, int64_t *positions, int64_t n, gk_type type, const gk_leaf_sorts *leaves,
                    const gk_options *options);

#endif
