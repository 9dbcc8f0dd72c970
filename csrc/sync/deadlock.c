#include "sync/deadlock.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "sync/fork.h"
#include "sync/lock.h"
#include "sync/watchers.h"

_Atomic int gk_orders_noted;

enum { BUCKETS = 256 };

typedef struct domain {
    struct domain *next;
    int64_t id;
    int mode;
} domain;

/* Orders by their first lock, in growing arrays. */
typedef struct {
    gk_order **items;
    int count, capacity;
} order_list;

static struct {
    gk_claim *held[BUCKETS]; /* by lock */
    gk_claim *waiting;       /* one per waiting thread, so the list is short */
    order_list orders[BUCKETS];
    domain *domains;
    uint64_t searches;
    uint32_t generation; /* how often everything was forgotten */
} graph;

static gk_lock mutex;

static void after_fork_in_child(void);

static void lock_graph(void)
{
    gk_fork_watch_with(after_fork_in_child);
    gk_lock_acquire(&mutex, NULL);
}

static void unlock_graph(void)
{
    gk_lock_release(&mutex);
}

static unsigned bucket_of(const void *lock)
{
    uint64_t bits = (uint64_t)(uintptr_t)lock >> 4;
    return (unsigned)((bits * 0x9E3779B97F4A7C15u) >> 56) % BUCKETS;
}

static uint64_t this_thread(void)
{
    static _Atomic uint64_t last;
    static GK_THREAD_LOCAL uint64_t id;
    if (id == 0)
        id = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
    return id;
}

/* ---- Claims */

static gk_claim **list_of(const gk_claim *c, int state)
{
    return state == GK_CLAIM_HELD ? &graph.held[bucket_of(c->lock)] : &graph.waiting;
}

static void insert(gk_claim *c, int state)
{
    gk_claim **head = list_of(c, state);
    c->previous = NULL;
    c->next = *head;
    if (c->next != NULL)
        c->next->previous = c;
    *head = c;
    c->state = state;
    c->generation = graph.generation;
}

static void unlink_claim(gk_claim *c)
{
    if (c->state == GK_CLAIM_FREE)
        return;
    if (c->generation == graph.generation) {
        *(c->previous ? &c->previous->next : list_of(c, c->state)) = c->next;
        if (c->next != NULL)
            c->next->previous = c->previous;
    }
    c->next = c->previous = NULL;
    c->state = GK_CLAIM_FREE;
}

gk_claim *gk_claim_new(int64_t of_domain, int mode, void *lock, void *place, uintptr_t ident)
{
    gk_claim *c = calloc(1, sizeof *c);
    if (c != NULL) {
        c->domain = of_domain;
        c->mode = mode;
        c->lock = lock;
        c->place = place;
        c->thread = this_thread();
        c->ident = ident;
    }
    return c;
}

void gk_claim_free(gk_claim *c)
{
    free(c);
}

static int same_lock(const gk_claim *c, const gk_claim *other)
{
    return c->lock == other->lock && c->domain == other->domain;
}

gk_claim *gk_claim_hold(gk_claim *c)
{
    gk_claim *outdated = NULL;
    lock_graph();
    unlink_claim(c); /* its wait is over */
    for (gk_claim *h = graph.held[bucket_of(c->lock)], *next; h != NULL; h = next) {
        next = h->next;
        /* Only readers share the lock, so any other holder's claim is outdated. */
        if (same_lock(h, c) && !(c->mode == GK_CLAIM_READ && h->mode == GK_CLAIM_READ)) {
            unlink_claim(h);
            h->next = outdated;
            outdated = h;
        }
    }
    insert(c, GK_CLAIM_HELD);
    unlock_graph();
    return outdated;
}

void gk_claim_withdraw(gk_claim *c)
{
    lock_graph();
    unlink_claim(c);
    unlock_graph();
}

gk_claim *gk_claim_release(int64_t of_domain, int mode, void *lock, uintptr_t ident)
{
    uint64_t me = this_thread();
    lock_graph();
    gk_claim *h = graph.held[bucket_of(lock)];
    while (h != NULL && !(h->lock == lock && h->domain == of_domain && h->mode == mode &&
                          (mode == GK_CLAIM_LOCK || (h->thread == me && h->ident == ident))))
        h = h->next;
    if (h != NULL)
        unlink_claim(h);
    unlock_graph();
    return h;
}

int gk_claims_of(int64_t of_domain, uintptr_t ident, void *other_than, gk_claim *copies, int capacity,
                 gk_retain retain)
{
    uint64_t me = this_thread();
    int count = 0;
    lock_graph();
    for (int pass = 0; pass < 2; pass++) { /* counts, then copies if there is room */
        if (pass == 1 && count > capacity)
            break;
        count = 0;
        for (int b = 0; b < BUCKETS; b++)
            for (gk_claim *h = graph.held[b]; h != NULL; h = h->next) {
                if (h->thread != me || h->ident != ident || h->domain != of_domain || h->lock == other_than)
                    continue;
                if (pass == 1) {
                    copies[count] = *h;
                    retain(h->lock);
                    retain(h->place);
                }
                count++;
            }
    }
    unlock_graph();
    return count;
}

/* ---- Cycles */

/* Whether the owner of a claim cannot go on until a wait ends. A wait that blocks its thread
 * stops all greenlets of the thread. */
static int stopped_by(const gk_claim *c, const gk_claim *wait)
{
    return c->thread == wait->thread && (c->ident == wait->ident || !wait->switches);
}

/* Whether a claim on the same lock blocks a wait. */
static int blocks(const gk_claim *c, const gk_claim *wait)
{
    if (!same_lock(c, wait))
        return 0;
    if (c->state == GK_CLAIM_HELD)
        return wait->mode != GK_CLAIM_READ || c->mode == GK_CLAIM_WRITE;
    /* Readers let a waiting writer go first. An owner's own wait does not count: a signal
     * handler has interrupted it, and it is not in the queue meanwhile. */
    return wait->mode == GK_CLAIM_READ && c->mode == GK_CLAIM_WRITE && !stopped_by(wait, c);
}

/* Searches breadth-first from the wait `first`. Returns the last wait of a cycle that
 * leads back to its thread, linked by came_from; NULL: none. */
static gk_claim *find_cycle(gk_claim *first)
{
    uint64_t search = ++graph.searches;
    gk_claim *last = first;
    first->search = search;
    first->queued = first->came_from = NULL;
    for (gk_claim *wait = first; wait != NULL; wait = wait->queued)
        for (int waiting = 0; waiting < 2; waiting++)
            for (gk_claim *c = waiting ? graph.waiting : graph.held[bucket_of(wait->lock)]; c != NULL;
                 c = c->next) {
                if (!blocks(c, wait))
                    continue;
                wait->blocker = c;
                if (stopped_by(c, first))
                    return wait;
                for (gk_claim *w = graph.waiting; w != NULL; w = w->next)
                    if (stopped_by(c, w) && w->search != search) {
                        w->search = search;
                        w->came_from = wait;
                        w->queued = NULL;
                        last = last->queued = w;
                    }
            }
    return NULL;
}

/* wait->blocker is the last blocker visited. This finds the one that belongs to the
 * thread of `next`. */
static gk_claim *blocker_towards(const gk_claim *wait, const gk_claim *next)
{
    if (next == NULL)
        return wait->blocker;
    for (int waiting = 0; waiting < 2; waiting++)
        for (gk_claim *c = waiting ? graph.waiting : graph.held[bucket_of(wait->lock)]; c != NULL; c = c->next)
            if (stopped_by(c, next) && blocks(c, wait))
                return c;
    return wait->blocker;
}

int gk_claim_wait(gk_claim *c, gk_retain retain, gk_deadlock_link **cycle, int *count)
{
    int status = GK_OK, n = 0;
    gk_deadlock_link *links = NULL;
    lock_graph();
    gk_claim *last = find_cycle(c);
    if (last == NULL) {
        insert(c, GK_CLAIM_WAITING);
    } else {
        for (gk_claim *w = last; w != NULL; w = w->came_from)
            n++;
        links = malloc((size_t)n * sizeof *links);
        if (links == NULL)
            status = GK_NO_MEMORY;
        gk_claim *next = NULL;
        int i = n;
        for (gk_claim *w = last; links != NULL && w != NULL; next = w, w = w->came_from) {
            gk_claim *holder = blocker_towards(w, next);
            retain(w->lock);
            retain(w->place);
            retain(holder->place);
            links[--i] = (gk_deadlock_link){
                w->lock,  w->place, holder->place, w->ident, holder->ident,
                w->mode, holder->state == GK_CLAIM_WAITING,
            };
        }
    }
    unlock_graph();
    *cycle = links;
    *count = n;
    return status;
}

/* ---- Orders */

static gk_order **first_of(void *lock, int *count)
{
    order_list *list = &graph.orders[bucket_of(lock)];
    *count = list->count;
    return list->items;
}

/* The first step of a path of orders from one lock to another; NULL: none. */
static gk_order *find_way(int64_t of_domain, void *from, void *to)
{
    uint64_t search = ++graph.searches;
    gk_order *head = NULL, *last = NULL, *at = NULL;
    do {
        void *lock = at ? at->second : from;
        int count;
        gk_order **items = first_of(lock, &count);
        for (int i = 0; i < count; i++) {
            gk_order *o = items[i];
            if (o->first != lock || o->domain != of_domain || o->search == search)
                continue;
            o->search = search;
            o->root = at ? at->root : o;
            o->queued = NULL;
            if (o->second == to)
                return o->root;
            if (last != NULL)
                last->queued = o;
            else
                head = o;
            last = o;
        }
        at = at ? at->queued : head;
    } while (at != NULL);
    return NULL;
}

static int append(gk_order *o)
{
    order_list *list = &graph.orders[bucket_of(o->first)];
    if (list->count == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 4;
        gk_order **items = realloc(list->items, (size_t)capacity * sizeof(gk_order *));
        if (items == NULL)
            return GK_NO_MEMORY;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = o;
    atomic_fetch_add_explicit(&gk_orders_noted, 1, memory_order_relaxed);
    return 1;
}

int gk_order_note(int64_t of_domain, void *first, void *second, void *details, gk_retain retain,
                  void **opposite)
{
    *opposite = NULL;
    gk_order *new = calloc(1, sizeof *new);
    if (new == NULL)
        return GK_NO_MEMORY;
    *new = (gk_order){.first = first, .second = second, .details = details, .domain = of_domain};
    int noted = 1, count;
    lock_graph();
    gk_order **items = first_of(first, &count);
    for (int i = 0; i < count; i++)
        if (items[i]->first == first && items[i]->second == second && items[i]->domain == of_domain)
            noted = 0;
    if (noted == 1)
        noted = append(new);
    if (noted == 1) {
        retain(details);
        gk_order *way = find_way(of_domain, second, first);
        if (way != NULL)
            retain(*opposite = way->details);
    }
    unlock_graph();
    if (noted != 1)
        free(new);
    return noted;
}

gk_order *gk_orders_forget(int64_t of_domain, void *lock)
{
    gk_order *forgotten = NULL;
    lock_graph();
    for (int b = 0; b < BUCKETS; b++) {
        order_list *list = &graph.orders[b];
        int left = 0;
        for (int i = 0; i < list->count; i++) {
            gk_order *o = list->items[i];
            if (o->domain == of_domain && (lock == NULL || o->first == lock || o->second == lock)) {
                o->next = forgotten;
                forgotten = o;
                atomic_fetch_sub_explicit(&gk_orders_noted, 1, memory_order_relaxed);
            } else {
                list->items[left++] = o;
            }
        }
        list->count = left;
    }
    unlock_graph();
    return forgotten;
}

void gk_order_free(gk_order *o)
{
    free(o);
}

/* ---- Interpreters and forks */

static domain *find_domain(int64_t id)
{
    domain *d = graph.domains;
    while (d != NULL && d->id != id)
        d = d->next;
    return d;
}

int gk_deadlock_mode(int64_t id)
{
    lock_graph();
    domain *d = find_domain(id);
    int mode = d ? d->mode : GK_DETECT_NOTHING;
    unlock_graph();
    return mode;
}

int gk_deadlock_set_mode(int64_t id, int mode, gk_claim **forgotten)
{
    *forgotten = NULL;
    domain *new = calloc(1, sizeof *new);
    if (new == NULL)
        return GK_NO_MEMORY;
    lock_graph();
    domain *d = find_domain(id);
    if (d == NULL) {
        *new = (domain){graph.domains, id, GK_DETECT_NOTHING};
        d = graph.domains = new;
        new = NULL;
    }
    /* Claims from before the switch are dropped: nothing is recorded while detection is off. */
    for (int b = 0; b < BUCKETS && (d->mode == GK_DETECT_NOTHING || mode == GK_DETECT_NOTHING); b++)
        for (gk_claim *h = graph.held[b], *next; h != NULL; h = next) {
            next = h->next;
            if (h->domain == id) {
                unlink_claim(h);
                h->next = *forgotten;
                *forgotten = h;
            }
        }
    int change = (mode != GK_DETECT_NOTHING) - (d->mode != GK_DETECT_NOTHING);
    atomic_fetch_add_explicit(&gk_sync_watchers, change * GK_SYNC_DETECTION, memory_order_relaxed);
    d->mode = mode;
    unlock_graph();
    free(new);
    return GK_OK;
}

static void after_fork_in_child(void)
{
    if (gk_lock_is_held(&mutex)) {
        /* Leaked, because the structures may be inconsistent. The modes remain, since each
         * changes in a single store. */
        memset(graph.held, 0, sizeof graph.held);
        memset(graph.orders, 0, sizeof graph.orders);
        graph.waiting = NULL;
        graph.generation++; /* sleeping greenlets still have claims */
        atomic_store_explicit(&gk_orders_noted, 0, memory_order_relaxed);
    }
    memset(&mutex, 0, sizeof mutex);
    for (gk_claim *w = graph.waiting, *next; w != NULL; w = next) {
        next = w->next;
        if (w->thread != this_thread())
            unlink_claim(w); /* its thread does not exist here */
    }
}
