/* Runs of equal items in a sorted array: what unique values, their counts and their
 * positions follow from. */
#ifndef GK_RUNS_H
#define GK_RUNS_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* The items that one step of the work covers. */
enum { GK_RUNS_CHUNK = 1 << 15 };

typedef struct {
    const void *items; /* n sorted, contiguous items */
    int64_t n;
    gk_type type;
    int nans_differ;  /* whether each NaN is a run of its own */
    int64_t *offsets; /* one more than there are chunks */
} gk_runs;

/* Fills offsets with the number of runs that begin before each chunk. The last one is the
 * number of runs. -0.0 equals 0.0. */
int gk_runs_count(const gk_runs *runs, const gk_options *options);

/* Afterwards, writes what is not NULL: the first item of each run, where each run begins,
 * and for each item the number of its run, at the place that `places` gives it. */
int gk_runs_write(const gk_runs *runs, void *values, int64_t *starts, const int64_t *places, int64_t *numbers,
                  const gk_options *options);

#endif
