/* The busy loop of the CPU experiment. */
#ifndef GK_SPIN_H
#define GK_SPIN_H

#include <stdint.h>

#include "runtime/parallel.h"

/* Executes x ^= 1 `iterations` times in total, on all threads, starting from x = 0,
 * and writes the last value to *x. There is a scalar body only, because a vector
 * instruction that does several steps at once would execute fewer of them. */
int gk_spin(int64_t iterations, const gk_options *options, uint64_t *x);

#endif
