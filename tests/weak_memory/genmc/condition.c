/* gk_condition: a thread waits for what another writes under the lock, and is notified. */
#include "queue_stubs.h"

#include "sync/lock.c"
#include "sync/condition.c"

static gk_lock lock;
static gk_condition condition;
static int ready;

static void *notify(void *argument)
{
    __VERIFIER_assume(gk_lock_try(&lock));
    ready = 1;
    gk_condition_notify(&condition, 1);
    gk_lock_release(&lock);
    return ended();
}

int main(void)
{
    pthread_t other;
    gk_waiter waiter;
    gk_lock_acquire(&lock, NULL);
    pthread_create(&other, NULL, notify, NULL);
    /* The steps of gk_condition_wait(), without the last: lock.c has programs of its own. */
    gk_condition_enter(&condition, &waiter);
    gk_lock_release(&lock);
    gk_condition_sleep(&condition, &waiter, NULL);
    assert(ready); /* there are no other wake-ups */
    ended();
    pthread_join(other, NULL);
    assert(lock.state == 0 && condition.queue.count == 0);
    return 0;
}
