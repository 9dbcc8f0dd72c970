/* Adding up items by index: the common half of histogram and bincount. */
#ifndef GK_BINNING_H
#define GK_BINNING_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* So few that prefetching one while another is counted keeps memory busy all the time. */
enum { GK_BINNING_BLOCK = 256 };

/* Writes the index of each of the items begin <= i < begin + n, n at most
 * GK_BINNING_BLOCK: below the number of bins, or that number for an item that
 * belongs to none. */
typedef void gk_index_of(const void *data, int64_t begin, int64_t n, uint32_t *index);

typedef struct {
    gk_index_of *index_of;
    const void *data;
    int64_t n, bins; /* bins < 2**32 - 1 */
    const void *items; /* that index_of reads, of so many bytes each, to prefetch them */
    int64_t itemsize;
} gk_binning;

/* counts[b]: the items with index b, for 0 <= b <= bins: the last place counts
 * the items that belong to no bin. */
int gk_binning_counts(const gk_binning *binning, int64_t *counts, const gk_options *options);

/* sums[b]: the sum of the weights of the items with index b, 0 <= b < bins.
 * Up to GK_BINNING_PARTIAL bins each stretch of GK_BINNING_STRETCH items is summed
 * by itself, in order, and the stretches' sums are added in order, each
 * rounded to float32 first if `single`: as numpy.histogram does it. With more
 * bins each bin is summed in the order of its items. */
int gk_binning_weights(const gk_binning *binning, const double *weights, int single, double *sums,
                     const gk_options *options);

enum { GK_BINNING_STRETCH = 65536, GK_BINNING_PARTIAL = 65536 };

/* Histogram: items by edges. Bins are half open but the last, which includes
 * its upper edge. NaN belongs to no bin. */
typedef struct {
    const void *items;
    gk_type type;
    const double *edges; /* bins + 1, ascending */
    int64_t bins;
    int uniform;  /* the bins have equal widths, up to the rounding of the edges */
    double slack; /* uniform: how far, in bins, an edge may be from its ideal place */
} gk_histogram;

int gk_histogram_counts(const gk_histogram *h, int64_t n, int64_t *counts, const gk_options *options);
int gk_histogram_weights(const gk_histogram *h, int64_t n, const double *weights, int single, double *sums,
                         const gk_options *options);

/* bincount: each item is its own index; items outside 0 <= x < bins belong to none. */
int gk_bincount_counts(const void *items, gk_type type, int64_t n, int64_t bins, int64_t *counts,
                       const gk_options *options);
int gk_bincount_weights(const void *items, gk_type type, int64_t n, int64_t bins, const double *weights,
                        double *sums, const gk_options *options);

/* The minimum and the maximum of n > 0 items; NaN in both if there is one. In
 * double, where integers beyond 2**53 are rounded. */
typedef struct {
    double min, max;
} gk_minmax;

int gk_minmax_of(const void *items, gk_type type, int64_t n, gk_minmax *minmax, const gk_options *options);

#endif
