/* The deadlock detector's state: the wait-for graph, and the order in which locks are
 * acquired.
 *
 * Threads that report here hold locks, and run code that a finaliser or a signal handler
 * can interrupt at any point. That code may acquire locks and report as well, so the
 * detector must not hold anything it may need. The detector's mutex is held only for
 * plain memory operations: no function here calls Python, or waits for anything else,
 * while it holds the mutex. Objects are opaque pointers. The caller releases the
 * references it gets back after the function has returned, since a release can run
 * arbitrary code.
 *
 * A thread adds a claim after it has acquired a lock and removes it before it releases
 * the lock. It adds the claim of a wait and searches for a cycle in one step. Therefore
 * every cycle found is real, and the thread that closes a cycle finds it.
 *
 * fork: the child keeps the claims of the forking thread and forgets the waits of threads
 * it does not have. If another thread held the mutex at the time of the fork, the child
 * forgets everything, because a structure may be half changed.
 */
#ifndef GK_SYNC_DEADLOCK_H
#define GK_SYNC_DEADLOCK_H

#include <stdatomic.h>
#include <stdint.h>

enum { GK_CLAIM_LOCK, GK_CLAIM_READ, GK_CLAIM_WRITE };

/* A lock that an owner, a thread or one of its greenlets, holds or waits for. */
typedef struct gk_claim {
    struct gk_claim *next, *previous; /* in a list of the graph */
    int state;                        /* which list; GK_CLAIM_FREE: none */
    uint32_t generation;              /* of the graph that it is in; an older graph is forgotten */
    int mode;
    int64_t domain; /* the interpreter; each looks only at its own claims */
    void *lock;     /* references that belong to the claim */
    void *place;
    uint64_t thread; /* never reused, unlike an ident */
    uintptr_t ident; /* of the owner */
    int switches;    /* set by the caller for a wait during which the thread runs its other greenlets */
    /* While a search runs. */
    struct gk_claim *queued, *came_from, *blocker;
    uint64_t search;
} gk_claim;

enum { GK_CLAIM_FREE, GK_CLAIM_HELD, GK_CLAIM_WAITING };

/* A step of a cycle: a thread waits for a lock that another thread holds, or that another
 * thread waits to write. Its references belong to the caller. */
typedef struct {
    void *lock, *place, *holder_place;
    uintptr_t ident, holder_ident;
    int mode, holder_waits;
} gk_deadlock_link;

/* Adds a reference; runs no other code. */
typedef void (*gk_retain)(void *object);

/* Turns detection on or off for an interpreter. Earlier claims on held locks are returned
 * for disposal, linked by `next`; claims of waits remain. */
enum { GK_DETECT_NOTHING, GK_DETECT_DEADLOCKS, GK_DETECT_INVERSIONS };
int gk_deadlock_mode(int64_t domain);
/* GK_OK or GK_NO_MEMORY. */
int gk_deadlock_set_mode(int64_t domain, int mode, gk_claim **forgotten);

/* A claim of this thread, or of one of its greenlets, that is not in the graph yet; NULL: no
 * memory. `ident` names the owner: gk_thread_ident() unless there are greenlets. */
gk_claim *gk_claim_new(int64_t domain, int mode, void *lock, void *place, uintptr_t ident);
void gk_claim_free(gk_claim *claim); /* not in the graph; its references are not released */

/* Called after the lock was acquired. The graph owns the claim from now on. Returns the
 * claims that this shows to be outdated (code without the GIL released the lock). */
gk_claim *gk_claim_hold(gk_claim *claim);

/* Called before a wait without a timeout. If the wait would never end, the claim is not
 * added, and *cycle is an array of *count links that the caller frees. GK_OK or
 * GK_NO_MEMORY. */
int gk_claim_wait(gk_claim *claim, gk_retain retain, gk_deadlock_link **cycle, int *count);

/* Removes the claim of a wait that ended without the lock, if it is in the graph. */
void gk_claim_withdraw(gk_claim *claim);

/* Called before a release: removes and returns the claim of this owner, or of any owner
 * for GK_CLAIM_LOCK; NULL: none. */
gk_claim *gk_claim_release(int64_t domain, int mode, void *lock, uintptr_t ident);

/* Copies the claims that this owner holds on other locks, with references, and
 * returns their number, which may exceed `capacity`; then nothing is copied. */
int gk_claims_of(int64_t domain, uintptr_t ident, void *other_than, gk_claim *copies, int capacity,
                 gk_retain retain);

/* ---- The order of locks: `first` was held when `second` was acquired. */

typedef struct gk_order {
    struct gk_order *next; /* in the list that gk_orders_forget() returns */
    void *first, *second;  /* not references: gk_orders_forget() is called before a lock is freed */
    void *details;
    int64_t domain;
    /* While a search runs. */
    struct gk_order *queued, *root;
    uint64_t search;
} gk_order;

/* Records the order with a reference to `details`. If there is a path of orders from
 * `second` back to `first`, *opposite is the details of its first step, with a reference;
 * else NULL. Returns 1 if recorded, 0 if it was already known, or GK_NO_MEMORY. */
int gk_order_note(int64_t domain, void *first, void *second, void *details, gk_retain retain, void **opposite);

/* Removes and returns, for disposal, the orders of a lock that is about to be freed (NULL:
 * all orders of the domain). */
gk_order *gk_orders_forget(int64_t domain, void *lock);
void gk_order_free(gk_order *order);
/* The number of recorded orders, in all domains. */
extern _Atomic int gk_orders_noted;

#endif
