/* parallel_for on the process's one pool of threads. Every kernel uses this
 * interface, and other packages use it through gilkit.h.
 *
 * runtime/README.md describes the protocol behind it.
 */
#ifndef GK_PARALLEL_H
#define GK_PARALLEL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Computes the items begin <= i < end. Called from several threads at once, each
 * time with a different chunk. */
typedef void gk_body(int64_t begin, int64_t end, void *data);

/* Another thread cancels a region through its token. The first reason stays. */
typedef struct {
    _Atomic int32_t reason; /* GK_OK: not cancelled */
} gk_cancel_token;

void gk_cancel_token_set(gk_cancel_token *token, int reason);

/* The tokens of nested blocks. Each one ends the regions inside its block. */
typedef struct gk_token_list {
    gk_cancel_token *token;
    const struct gk_token_list *outer; /* NULL: the last one */
} gk_token_list;

/* Options of a region. All zero is the default. */
typedef struct {
    int threads;   /* maximum, including the caller; 0: gk_num_threads() */
    int eager;     /* wake a worker at once, because the work is known to be long */
    int64_t grain; /* items per chunk; 0: chosen from n */
    int64_t deadline;           /* a time of gk_now(); GK_NO_DEADLINE: none */
    gk_cancel_token *token;     /* NULL: none */
    int (*poll)(void *context); /* called by the calling thread after 30 ms and then
                                   every 2 to 50 ms; nonzero: GK_INTERRUPTED */
    void *poll_context;
    /* Hooks around a thread's share of the region; set both or neither. The thread
     * calls on_enter(data) before its first chunk, and passes the result to on_exit()
     * after its last, before another thread waits for it. A body can thus attach to an
     * interpreter once. If on_enter() returns NULL, the thread runs no chunk; on the
     * calling thread this ends the region with GK_NO_MEMORY. */
    void *(*on_enter)(void *data);
    void (*on_exit)(void *data, void *entered);
    /* The body is not gilkit's own, and may recurse or start programs and threads,
     * which inherit its signal mask. Helpers run it with the caller's signal mask,
     * on stacks of at least stack_size bytes (0: the default). */
    int foreign;
    size_t stack_size;
    const gk_token_list *outer_tokens; /* further tokens; ignored if `token` is NULL */
    int uninterruptible; /* the end of a region around this one does not end it, and it runs no poll of theirs */
} gk_options;

/* Runs the body over 0 <= i < n in chunks of `grain` items, on the calling thread
 * and on workers of the pool, which take over the caller's floating-point control.
 * Returns GK_OK when every chunk is done. If the region is cancelled, returns the
 * reason once no thread is inside the body any more.
 *
 * How n is cut depends only on n and grain, never on the number of threads. A body
 * that keeps one result per chunk, to be combined in order afterwards, gives the
 * same bits on every machine.
 *
 * May be called from any thread, from inside a body (nested), and after fork.
 * `options` may be NULL. */
int gk_parallel_for(int64_t n, gk_body *body, void *data, const gk_options *options);

/* Calls the body for all n items on this thread, without a region where that is possible: for
 * work so short that a region would cost too much. Returns what gk_parallel_for would return. */
int gk_run_here(int64_t n, gk_body *body, void *data, const gk_options *options);

/* The chunk size that a region of n items has when grain is 0. */
int64_t gk_default_grain(int64_t n);

/* From inside a body. */

/* Cancels the innermost region of this thread with `code` (not 0). The first code
 * stays, and gk_parallel_for returns it. */
void gk_cancel(int code);

/* True once the region, or one around it, has been ended. A body whose chunks take
 * more than a few milliseconds calls this from time to time and returns early.
 * On the calling thread it also runs poll() and checks the deadline. */
int gk_cancelled(void);

/* This thread's number in the innermost region, from 0 (the caller) up to the
 * region's number of threads less one. Usable as an index into scratch memory. */
int gk_participant(void);

/* Whether this thread works in any region. If so, a wait for the end of another
 * thread's work may be a wait for itself. */
int gk_inside(void);

/* The maximum number of participants of a region with these options, for sizing
 * that scratch memory. `options` may be NULL. */
int gk_participants(const gk_options *options);

/* The pool. */

/* The default number of threads of a region: the value set below, else
 * GILKIT_NUM_THREADS, else what the environment leaves of gk_cores_usable()
 * (runtime/limits.h). */
int gk_num_threads(void);

/* The setting that decides the number: "set_num_threads", the name of a variable, "quota" or "affinity". */
const char *gk_num_threads_source(void);

/* Sets it; 0 returns to the default. */
void gk_set_num_threads(int threads);

/* The number of workers, and how many of them are asleep. */
int gk_pool_workers(void);
int gk_pool_sleepers(void);

/* How long an idle worker spins before it sleeps, in nanoseconds. */
int64_t gk_pool_spin(void);
void gk_pool_set_spin(int64_t nanoseconds);

/* Ends and joins the workers if no region is running. The next region starts new
 * ones. Returns whether the workers were stopped. */
int gk_pool_stop(void);

/* From now on, workers use long slices (base/thread.h). */
void gk_pool_use_long_slices(void);

/* Handlers around fork(), which the first region that starts a worker registers with
 * pthread_atfork. An idle pool is stopped before the fork, so the process has a single
 * thread; the child forgets the workers and regions it does not have. */
void gk_pool_before_fork(void);
void gk_pool_after_fork_in_parent(void);
void gk_pool_after_fork_in_child(void);

enum { GK_MAX_THREADS = 1024 };

#endif
