/* parallel_reduce: reductions with the same bits for any number of threads. */
#ifndef GK_PARALLEL_REDUCE_H
#define GK_PARALLEL_REDUCE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/parallel.h"

/* Adds the items begin <= i < end to *partial. Called from several threads at once,
 * each time with a different chunk and partial. */
typedef void gk_fold(int64_t begin, int64_t end, void *data, void *partial);

/* Adds *from to *into; `from` covers the items that follow those of `into`. */
typedef void gk_combine(void *into, const void *from, void *data);

/* Folds 0 <= i < n into one partial of `size` bytes per chunk, then combines the
 * partials in the order of the chunks. On entry *result is the neutral value, and every
 * partial starts as a copy of it. How n is cut depends only on n and grain, and so does
 * the result, even if the operation is not associative.
 *
 * Keeps ceil(n / grain) partials until the end. Returns the status of gk_parallel_for;
 * unless it is GK_OK, *result is unchanged. */
int gk_parallel_reduce(int64_t n, size_t size, gk_fold *fold, gk_combine *combine, void *data,
                       void *result, const gk_options *options);

#endif
