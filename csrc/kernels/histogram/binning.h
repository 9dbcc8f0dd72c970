/* Adds items or weights by index: the common part of histogram, bincount and reductions of groups. */
#ifndef GK_BINNING_H
#define GK_BINNING_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* Small enough that prefetching one block while counting another keeps memory busy. */
enum { GK_BINNING_BLOCK = 256 };

/* Writes the index of each item begin <= i < begin + n, where n is at most
 * GK_BINNING_BLOCK. The index is below the number of bins, or equal to it for an item
 * that belongs to no bin. */
typedef void gk_index_of(const void *data, int64_t begin, int64_t n, uint32_t *index);

typedef struct {
    gk_index_of *index_of;
    const void *data;
    int64_t n, bins; /* bins < 2**32 - 1 */
    const void *items; /* the items that index_of reads, and their size, for prefetching */
    int64_t itemsize;
    int in_order; /* weights are to be added in the order of the items, however few bins there are */
} gk_binning;

/* Writes the index of each item of the block that begins at item i, and the positions in the
 * block of those items whose index is in low..high - 1. Returns how many these are. */
int64_t gk_binning_block_of_part(const gk_binning *binning, int64_t i, uint32_t low, uint32_t high, uint32_t *index,
                                 uint32_t *mine);

/* If each participant owns a part of a table, there are at most this many parts, because
 * each participant looks at every item. */
enum { GK_BINNING_MAX_PARTS = 8 };

/* Sets counts[b] to the number of items with index b, for 0 <= b <= bins. The last
 * element counts the items that belong to no bin. */
int gk_binning_counts(const gk_binning *binning, int64_t *counts, const gk_options *options);

/* Sets sums[b] to the sum of the weights of the items with index b, for 0 <= b < bins.
 * Up to GK_BINNING_PARTIAL bins, each stretch of GK_BINNING_STRETCH items is summed
 * in order, and the sums of the stretches are added in order, as numpy.histogram
 * does. With `single`, the sum of each stretch is rounded to float32 first. With more bins, and
 * with in_order, the weights of each bin are added in the order of the items. */
int gk_binning_weights(const gk_binning *binning, const double *weights, int single, double *sums,
                     const gk_options *options);

enum { GK_BINNING_STRETCH = 65536, GK_BINNING_PARTIAL = 65536 };

/* Histogram: the edges determine the bin of an item. Bins are half-open except the
 * last one, which includes its upper edge. NaN belongs to no bin. */
typedef struct {
    const void *items;
    gk_type type;
    const double *edges; /* bins + 1, ascending */
    int64_t bins;
    int uniform;  /* the bins have equal widths, up to the rounding of the edges */
    double slack; /* if uniform: how far, in bins, an edge may be from its ideal position */
} gk_histogram;

int gk_histogram_counts(const gk_histogram *h, int64_t n, int64_t *counts, const gk_options *options);
int gk_histogram_weights(const gk_histogram *h, int64_t n, const double *weights, int single, double *sums,
                         const gk_options *options);

/* The same for items with several coordinates, each with a histogram of its own. Bins are numbered
 * in C order. There are less than 2^31 bins. The array of counts or sums has room for one more. If
 * there are weights, they are added in the order of the items. */
int gk_histogramdd(const gk_histogram *of, int dims, int64_t n, const double *weights, void *bins,
                   const gk_options *options);

/* bincount: each item is its own index. Items outside 0 <= x < bins belong to no bin. */
int gk_bincount_counts(const void *items, gk_type type, int64_t n, int64_t bins, int64_t *counts,
                       const gk_options *options);
int gk_bincount_weights(const void *items, gk_type type, int64_t n, int64_t bins, const double *weights,
                        double *sums, const gk_options *options);

/* The minimum and the maximum of n > 0 items, or NaN in both if an item is NaN. As
 * doubles, so integers beyond 2**53 are rounded. */
typedef struct {
    double min, max;
} gk_minmax;

int gk_minmax_of(const void *items, gk_type type, int64_t n, gk_minmax *minmax, const gk_options *options);

#endif
