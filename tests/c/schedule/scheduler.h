/* Threads as coroutines on one thread of the system. A seed decides after each step which one goes on, so a run can be
 * repeated. Time is counted in steps. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include <stdint.h>

/* Runs main() `rounds` times as the first thread, and exits: with 0, or with 1 after printing what went wrong. */
void schedule_run(uint64_t seed, void (*main)(void), int rounds, int trace);

/* 0 <= schedule_random(n) < n, from the same generator. */
uint32_t schedule_random(uint32_t n);

/* Ends the run as a failure. */
void schedule_fail(const char *why) __attribute__((noreturn));

/* Reports progress. A run without progress for very many steps is a failure. */
void schedule_progress(void);

#endif
