/* gk_event: a thread that clears an event sees what was written before the event was set again. */
#include "queue_stubs.h"

#include "sync/event.c"

static gk_event event;
static _Atomic int work;

static void *set(void *argument)
{
    atomic_store_explicit(&work, 1, memory_order_relaxed);
    gk_event_set(&event);
    return argument;
}

int main(void)
{
    pthread_t setter;
    gk_event_set(&event);
    pthread_create(&setter, NULL, set, NULL);
    gk_event_clear(&event);
    int found = atomic_load_explicit(&work, memory_order_relaxed);
    pthread_join(setter, NULL);
    assert(found || gk_event_is_set(&event)); /* the work is found now, or at the next wait */
    return 0;
}
