/* Runs of equal items in a sorted array, from which unique values, their counts and their positions
 * follow. */
#ifndef GK_RUNS_H
#define GK_RUNS_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* The number of items in a chunk. */
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

/* After gk_runs_count(): writes those outputs that are not NULL. They are the first item of each
 * run, where each run begins, and the number of each item's run, stored at the index that `places`
 * gives for the item. */
int gk_runs_write(const gk_runs *runs, void *values, int64_t *starts, const int64_t *places, int64_t *numbers,
                  const gk_options *options);

#endif
