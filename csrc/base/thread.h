/* The one place that makes native threads. */
#ifndef GK_THREAD_H
#define GK_THREAD_H

#include <stddef.h>
#include <stdint.h>

typedef struct gk_thread gk_thread;

/* Starts a thread that runs main(arg), named `name` where the system shows
 * names (15 characters are kept). It begins with the signal mask of gilkit's own
 * threads (base/signals.h) and the default floating-point control. NULL when the
 * system has no thread or memory left. */
gk_thread *gk_thread_start(void (*main)(void *), void *arg, const char *name);

/* The same with a stack of at least `stack_size` bytes; 0: the default. */
gk_thread *gk_thread_start_with_stack(void (*main)(void *), void *arg, const char *name, size_t stack_size);

/* The stack that a thread gets for which `stack_size` is asked. The default is
 * what CPython gives its threads: the system's own with glibc and on Windows
 * (there "ulimit -s" and the program's header decide), 16 MiB on macOS and 8 MiB
 * elsewhere, where the system's own is too small for Python. No stack is below
 * 256 KiB, which gilkit's kernels need. */
size_t gk_thread_stack_size(size_t stack_size);

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
