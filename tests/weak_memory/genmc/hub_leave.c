/* gk_hub: a greenlet ends its sleep and frees the sleeper just as another thread wakes it. */
#include "stubs.h"

#include "base/hub.c"

static _Atomic uint32_t word;

static void notify(gk_hub *hub)
{
    (void)hub;
}

static gk_hub hub = {.notify = notify};
static gk_sleeper sleeper;

static void *sleep_and_leave(void *argument)
{
    gk_hub_sleep(&hub, &sleeper, &word, 0);
    gk_hub_leave(&sleeper);
    sleeper.word = NULL; /* nobody reads it any more, so it may be freed */
    return argument;
}

static void *change(void *argument)
{
    atomic_store_explicit(&word, 1, memory_order_relaxed);
    gk_hub_wake(&word);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, sleep_and_leave, NULL);
    pthread_create(&other, NULL, change, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(sleepers == 0 && hub.woken.first == NULL);
    return 0;
}
