/* The number of forks, and what to reset in a forked child. */
#ifndef GK_SYNC_FORK_H
#define GK_SYNC_FORK_H

#include <stdint.h>

/* The fork depth of this process, as far as forks have been counted. */
uint32_t gk_fork_generation(void);

/* Counts forks from the first call on. */
void gk_fork_watch(void);

typedef void gk_fork_hook(void);

/* The same, and runs the hook in every forked child before its fork is counted.
 * Adding a hook again has no effect. */
void gk_fork_watch_with(gk_fork_hook *hook);

#endif
