/* parallel_for on the process's one pool of threads: the interface that every
 * kernel, and through gilkit.h everybody's code, is written against.
 *
 * The protocol behind it is told in runtime/README.md.
 */
#ifndef GK_PARALLEL_H
#define GK_PARALLEL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Computes the items begin <= i < end. Called from several threads at once,
 * each time with another chunk. */
typedef void gk_body(int64_t begin, int64_t end, void *data);

/* Another thread cancels a region through its token. The first reason stays. */
typedef struct {
    _Atomic int32_t reason; /* GK_OK: not cancelled */
} gk_cancel_token;

void gk_cancel_token_set(gk_cancel_token *token, int reason);

/* The tokens of nested blocks: each of them ends what is inside. */
typedef struct gk_token_list {
    gk_cancel_token *token;
    const struct gk_token_list *outer; /* NULL: there are no more */
} gk_token_list;

/* What a caller may ask of a region. All zero is the default. */
typedef struct {
    int threads;   /* at most so many, the caller among them; 0: gk_num_threads() */
    int eager;     /* wake sleeping workers at once: the work is known to be long */
    int64_t grain; /* items a chunk; 0: chosen from n */
    int64_t deadline;           /* a time of gk_now(); GK_NO_DEADLINE: none */
    gk_cancel_token *token;     /* NULL: none */
    int (*poll)(void *context); /* called by the calling thread after 30 ms and then
                                   every 2 to 50 ms; nonzero: GK_INTERRUPTED */
    void *poll_context;
    /* What a thread does around its share of the region, both or neither: it
     * runs enter(data) before its first chunk and leave(data, what enter gave)
     * after its last, before anybody waits for it: so a body can attach to an
     * interpreter once. When enter gives NULL, the thread takes no chunk; when
     * it is the caller's thread, the region ends with GK_NO_MEMORY. */
    void *(*on_enter)(void *data);
    void (*on_exit)(void *data, void *entered);
    /* The body is not gilkit's own: it may start programs and threads, which
     * inherit its signal mask, or recurse. Helpers run it with the caller's
     * signal mask, on stacks of at least stack_size bytes (0: the default). */
    int foreign;
    size_t stack_size;
    const gk_token_list *outer_tokens; /* more of them, looked at only beside a token */
} gk_options;

/* Runs body over 0 <= i < n in chunks of `grain` items, on the calling thread
 * and on workers of the pool, which take over the caller's floating-point control. Returns when every chunk is done (GK_OK), or when
 * the region was cancelled and no thread is inside the body any more.
 *
 * How n is cut depends on n and grain alone, never on the number of threads:
 * a body that keeps a result for each chunk, combined afterwards in order,
 * gives the same bits on every machine.
 *
 * May be called from any thread, also from inside a body (nested), and after
 * fork. `options` may be NULL. */
int gk_parallel_for(int64_t n, gk_body *body, void *data, const gk_options *options);

/* The chunk size that a region of n items has when grain is 0. */
int64_t gk_default_grain(int64_t n);

/* From inside a body. */

/* Cancels the innermost region of this thread with `code` (not 0); the first
 * code stays and is what gk_parallel_for returns. */
void gk_cancel(int code);

/* True once the region, or one around it, is to end: a body whose chunks take
 * longer than some milliseconds looks from time to time and returns early.
 * On the calling thread this also runs poll() and looks at the deadline. */
int gk_cancelled(void);

/* This thread's place in the innermost region: 0 for the caller, and below the
 * region's number of threads: an index into scratch memory. */
int gk_participant(void);

/* Whether this thread is at work in any region: a wait for the end of another
 * thread's work may then be a wait for itself. */
int gk_inside(void);

/* How many participants a region with these options can have: the size of
 * such scratch. `options` may be NULL. */
int gk_participants(const gk_options *options);

/* The pool. */

/* The number of threads of a region that asks for none: the value set, else
 * GILKIT_NUM_THREADS, else gk_cores_usable(). */
int gk_num_threads(void);

/* Sets it; 0 returns to the default. */
void gk_set_num_threads(int threads);

/* Workers that exist now, and those of them that are asleep. */
int gk_pool_workers(void);
int gk_pool_sleepers(void);

/* How long a worker without work spins before it sleeps; nanoseconds. */
int64_t gk_pool_spin(void);
void gk_pool_set_spin(int64_t nanoseconds);

/* Ends and joins the workers if no region is running; the next region starts
 * new ones. Returns whether none is left. */
int gk_pool_stop(void);

/* Around fork(); registered with pthread_atfork by the first region that
 * starts a worker. An idle pool is stopped before the fork, so that it is
 * single-threaded; the child forgets workers and regions it does not have. */
void gk_pool_before_fork(void);
void gk_pool_after_fork_in_parent(void);
void gk_pool_after_fork_in_child(void);

enum { GK_MAX_THREADS = 1024 };

#endif
