/* The busy loop of the CPU experiment. */
#ifndef GK_SPIN_H
#define GK_SPIN_H

#include <stdint.h>

#include "runtime/parallel.h"

/* Executes x ^= 1, `iterations` times in all, on all threads, starting from
 * x = 0; *x is the last value. There is a scalar body only: doing several steps
 * in one vector instruction would be doing fewer of them. */
int gk_spin(int64_t iterations, const gk_options *options, uint64_t *x);

#endif
