/* For the tests of the pool: random numbers, time, and the delays that a build with
 * -DGK_STRESS injects at the steps of the protocol. */
#ifndef STRESS_H
#define STRESS_H

#include <stdint.h>

/* count * GK_TEST_PERCENT / 100, at least 1; for slow checkers such as valgrind. */
int rounds(int count);

/* 0 <= random_below(n) < n, from a generator per thread. */
uint32_t random_below(uint32_t n);

/* Keeps this thread busy. */
void burn(int64_t nanoseconds);

/* Ends the program with an error if it still runs by then, since a hang is a failure. */
void time_limit(unsigned seconds);

#endif
