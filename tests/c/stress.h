/* For the tests of the pool: chance, time, and the delays that a build with
 * -DGK_STRESS injects at the steps of the protocol. */
#ifndef STRESS_H
#define STRESS_H

#include <stdint.h>

/* `count`, times GK_TEST_PERCENT / 100: for slow checkers such as valgrind. At least 1. */
int rounds(int count);

/* 0 <= random_below(n) < n, from a generator of this thread's own. */
uint32_t random_below(uint32_t n);

/* Keeps this thread busy. */
void burn(int64_t nanoseconds);

/* Ends the program loudly if it is still running by then; a hang is a failure. */
void time_limit(unsigned seconds);

#endif
