/* gk_hub: a greenlet goes to sleep just as another thread changes the word and wakes it. */
#include "stubs.h"

#include "base/hub.c"

static _Atomic uint32_t word;
static _Atomic int notified;

static void notify(gk_hub *hub)
{
    (void)hub;
    atomic_store_explicit(&notified, 1, memory_order_relaxed);
}

static gk_hub hub = {.notify = notify};
static gk_sleeper sleeper;

static void *sleep_in_hub(void *argument)
{
    if (gk_hub_sleep(&hub, &sleeper, &word, 0)) {
        if (!atomic_load_explicit(&notified, memory_order_relaxed)) {
            __VERIFIER_assume(atomic_load_explicit(&idle, memory_order_acquire) == 1);
            assert(atomic_load_explicit(&notified, memory_order_relaxed));
        }
        assert(gk_hub_next(&hub) == &sleeper);
        assert(gk_hub_next(&hub) == NULL);
    }
    gk_hub_leave(&sleeper);
    assert(atomic_load_explicit(&word, memory_order_relaxed) == 1);
    return argument;
}

static void *change(void *argument)
{
    atomic_store_explicit(&word, 1, memory_order_relaxed);
    gk_hub_wake(&word);
    return ended();
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, sleep_in_hub, NULL);
    pthread_create(&other, NULL, change, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(sleepers == 0);
    return 0;
}
