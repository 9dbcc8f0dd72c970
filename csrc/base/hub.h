/* Greenlets that sleep until a word changes, while their thread runs other greenlets.
 *
 * gk_wait() (park.h) blocks a thread. A greenlet of gevent or eventlet may not do that,
 * because its hub, the event loop of the thread, runs all greenlets of the thread. It
 * registers a sleeper for the word instead, and switches to the hub. gk_wake() moves the
 * sleeper to the list of woken sleepers of its hub, and notifies the hub, which switches
 * back to the greenlet. So one mechanism serves every wait, a greenlet keeps its place in
 * a lock's queue, and a sleeper costs nothing until it is woken.
 */
#ifndef GK_HUB_H
#define GK_HUB_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct gk_sleeper {
    struct gk_sleeper *next, *previous;
    struct gk_sleeper_list *list; /* the list that it is in; NULL: none */
    struct gk_hub *hub;
    _Atomic uint32_t *word;
    uint32_t forks; /* valid in this process only if current */
} gk_sleeper;

typedef struct gk_sleeper_list {
    gk_sleeper *first, *last;
} gk_sleeper_list;

typedef struct gk_hub {
    gk_sleeper_list woken; /* in order */
    int notified;          /* the hub's thread is about to call gk_hub_next() until it returns NULL */
    /* Called by any thread, with or without the GIL. Must not wait. */
    void (*notify)(struct gk_hub *hub);
} gk_hub;

/* Registers the sleeper, which must stay where it is: on the heap, since stacks of greenlets
 * move. Returns 0 if *word != expected. A change of the word followed by gk_wake() is never missed. */
int gk_hub_sleep(gk_hub *hub, gk_sleeper *sleeper, _Atomic uint32_t *word, uint32_t expected);

/* Ends the sleep, whether or not it was woken. The sleeper may be freed afterwards. */
void gk_hub_leave(gk_sleeper *sleeper);

/* Takes the sleeper that was woken first; NULL: there are no more. */
gk_sleeper *gk_hub_next(gk_hub *hub);

/* Called by gk_wake() after the word has changed: wakes all greenlets that sleep on it and
 * returns their number. */
int gk_hub_wake(_Atomic uint32_t *word);

/* In a forked child: forgets all sleepers. The greenlets of the forking thread, which exist
 * in the child too, must call gk_hub_leave(), and sleep again if they still wait. */
void gk_hub_after_fork_in_child(void);

#endif
