/* The deadlock detector's state: the wait-for graph, and the order in which
 * locks are taken.
 *
 * The threads that report here hold locks, and run code that can be interrupted
 * anywhere by a finaliser or a signal handler, which takes locks and reports as
 * well. So the detector must hold nothing that such code may need. Its mutex is
 * held over plain memory operations only: no function in here calls back into
 * Python, or waits for anything else while it holds the mutex. Objects are
 * opaque pointers. The caller releases the references it gets back after the
 * function has returned, since a release can run any code.
 *
 * A thread adds a claim after it took a lock and removes it before it releases
 * the lock. It adds the claim of a wait and searches for a cycle in one step.
 * So every cycle found is real, and the last thread that closes one finds it.
 *
 * fork: the child keeps what the forking thread holds and forgets the waits of
 * threads it does not have. If another thread held the mutex at that moment,
 * the child forgets everything, for a structure may be half changed.
 */
#ifndef GK_SYNC_DEADLOCK_H
#define GK_SYNC_DEADLOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* Whether acquire and release have to take the long way, in any interpreter of
 * the process: GK_SYNC_GREENLETS if greenlets may switch within a thread, and
 * one GK_SYNC_DETECTION for each interpreter that detects deadlocks. */
enum { GK_SYNC_GREENLETS = 1, GK_SYNC_DETECTION = 2 };
extern _Atomic int gk_sync_watchers;

enum { GK_CLAIM_LOCK, GK_CLAIM_READ, GK_CLAIM_WRITE };

/* A lock that a thread holds or waits for. */
typedef struct gk_claim {
    struct gk_claim *next, *previous; /* in a list of the graph */
    int state;                        /* which of the lists; GK_CLAIM_FREE: none */
    int mode;
    int64_t domain; /* the interpreter; nobody else's claims are looked at */
    void *lock;     /* references that belong to the claim */
    void *place;
    uint64_t thread; /* unlike an ident, never used again */
    uintptr_t ident;
    /* While a search runs. */
    struct gk_claim *queued, *came_from, *blocker;
    uint64_t search;
} gk_claim;

enum { GK_CLAIM_FREE, GK_CLAIM_HELD, GK_CLAIM_WAITING };

/* A step of a cycle: a thread waits for a lock that another holds, or before
 * which another waits to write. Its references belong to the caller. */
typedef struct {
    void *lock, *place, *holder_place;
    uintptr_t ident, holder_ident;
    int mode, holder_waits;
} gk_deadlock_link;

/* Adds a reference; runs no other code. */
typedef void (*gk_retain)(void *object);

/* Turns detection on or off for an interpreter. Held claims noted before are
 * returned for disposal, linked by `next`; claims of waits remain. */
enum { GK_DETECT_NOTHING, GK_DETECT_DEADLOCKS, GK_DETECT_INVERSIONS };
int gk_deadlock_mode(int64_t domain);
/* GK_OK or GK_NO_MEMORY. */
int gk_deadlock_set_mode(int64_t domain, int mode, gk_claim **forgotten);

/* A claim of this thread that is not in the graph yet; NULL: no memory. */
gk_claim *gk_claim_new(int64_t domain, int mode, void *lock, void *place);
void gk_claim_free(gk_claim *claim); /* not in the graph; its references are not released */

/* After the lock was taken. The graph owns the claim from now on. Returns the
 * claims that this proves outdated (code without the GIL released the lock). */
gk_claim *gk_claim_hold(gk_claim *claim);

/* Before a wait without a timeout. If the wait would never end, the claim is not
 * added and the cycle is returned in an array that the caller frees, *count
 * links long. GK_OK or GK_NO_MEMORY. */
int gk_claim_wait(gk_claim *claim, gk_retain retain, gk_deadlock_link **cycle, int *count);

/* Removes the claim of a wait that ended otherwise, if it is in the graph. */
void gk_claim_withdraw(gk_claim *claim);

/* Before a release: removes and returns the claim of this thread, or for
 * GK_CLAIM_LOCK of any thread; NULL: there is none. */
gk_claim *gk_claim_release(int64_t domain, int mode, void *lock);

/* Copies the claims that this thread holds on other locks, with references, and
 * returns their number, which may exceed `capacity`; then nothing is copied. */
int gk_claims_of_mine(int64_t domain, void *other_than, gk_claim *copies, int capacity, gk_retain retain);

/* ---- The order of locks: `first` was held when `second` was taken. */

typedef struct gk_order {
    struct gk_order *next; /* of those forgotten */
    void *first, *second;  /* no references: gk_orders_forget() comes before the lock's end */
    void *details;
    int64_t domain;
    /* While a search runs. */
    struct gk_order *queued, *root;
    uint64_t search;
} gk_order;

/* Notes the order with a reference to `details`; *opposite is the details of the
 * first step of a way from `second` back to `first`, with a reference, or NULL.
 * 1: noted; 0: known already, and nothing done; GK_NO_MEMORY. */
int gk_order_note(int64_t domain, void *first, void *second, void *details, gk_retain retain, void **opposite);

/* The orders of a lock that is about to be freed (NULL: all of the domain), for
 * disposal. */
gk_order *gk_orders_forget(int64_t domain, void *lock);
void gk_order_free(gk_order *order);
/* How many there are, in all domains. */
extern _Atomic int gk_orders_noted;

#endif
