/* Native threads. */
#ifndef GK_THREAD_H
#define GK_THREAD_H

#include <stddef.h>
#include <stdint.h>

typedef struct gk_thread gk_thread;

/* Starts a thread that runs main(arg). Its name is cut to 15 characters. It starts with
 * the signal mask of gilkit's own threads (base/signals.h) and the default
 * floating-point control. NULL: the system has no thread or memory left. */
gk_thread *gk_thread_start(void (*main)(void *), void *arg, const char *name);

/* The same with a stack of at least `stack_size` bytes; 0: the default. */
gk_thread *gk_thread_start_with_stack(void (*main)(void *), void *arg, const char *name, size_t stack_size);

/* The actual size of the stack of a thread started with `stack_size`. The default is
 * that of CPython's threads: the system's default with glibc ("ulimit -s") and on
 * Windows (the program's header), 16 MiB on macOS, and 8 MiB elsewhere, where the
 * system's default is too small for Python. The minimum is 256 KiB, which gilkit's
 * kernels need. */
size_t gk_thread_stack_size(size_t stack_size);

/* Waits for the end of the thread and frees it. */
void gk_thread_join(gk_thread *thread);

/* Frees the handle of a thread that does not exist in this process (after a fork) or
 * that will never be joined. */
void gk_thread_forget(gk_thread *thread);

void gk_thread_yield(void);

/* Lets other threads, such as an event loop, preempt this one as soon as they wake up, instead of
 * at the end of its slice of time. Its slices get longer in exchange, so its share of a core remains.
 * Linux >= 6.12 only. Threads and processes that this thread starts inherit it. */
void gk_thread_use_long_slices(void);

/* An identifier of this thread; never 0, and never used again. */
uint64_t gk_thread_id(void);

/* Tests only: the next `count` calls of gk_thread_start fail. */
void gk_thread_inject_failures(int count);

#endif
