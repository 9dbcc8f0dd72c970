/* The one place that makes native threads. */
#ifndef GK_THREAD_H
#define GK_THREAD_H

#include <stdint.h>

typedef struct gk_thread gk_thread;

/* Starts a thread that runs main(arg), named `name` where the system shows
 * names (15 characters are kept), with all signals blocked: signals are for
 * the threads of Python. NULL when the system has no thread or memory left. */
gk_thread *gk_thread_start(void (*main)(void *), void *arg, const char *name);

/* Waits for the end of the thread and frees it. */
void gk_thread_join(gk_thread *thread);

/* Frees the handle of a thread that does not exist in this process (after
 * fork) or is never to be waited for. */
void gk_thread_forget(gk_thread *thread);

void gk_thread_yield(void);

/* Unique among living threads, never 0, stays the same over the thread's life. */
uint64_t gk_thread_id(void);

/* Tests only: the next `count` calls of gk_thread_start fail. */
void gk_thread_inject_failures(int count);

#endif
