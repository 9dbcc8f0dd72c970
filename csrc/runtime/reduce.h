/* parallel_reduce: a result that has the same bits for any number of threads. */
#ifndef GK_PARALLEL_REDUCE_H
#define GK_PARALLEL_REDUCE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/parallel.h"

/* Adds the items begin <= i < end to *partial. Called from several threads at
 * once, each time with another chunk and another partial. */
typedef void gk_fold(int64_t begin, int64_t end, void *data, void *partial);

/* Adds *from to *into; `from` covers the items that follow those of `into`. */
typedef void gk_combine(void *into, const void *from, void *data);

/* Folds 0 <= i < n, a partial of `size` bytes for each chunk, and combines the
 * partials in the order of the chunks. *result is the neutral value at first:
 * every partial begins as a copy of it. How n is cut depends on n and grain
 * alone, and so does the result, also where adding is not associative.
 *
 * Keeps ceil(n / grain) partials until the end. Returns the status of
 * gk_parallel_for; if it is not GK_OK, *result is as it was. */
int gk_parallel_reduce(int64_t n, size_t size, gk_fold *fold, gk_combine *combine, void *data,
                       void *result, const gk_options *options);

#endif
