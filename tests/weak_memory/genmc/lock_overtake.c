/* gk_lock: a third thread takes it just as it is released to a waiter that gives up. */
#include "queue_stubs.h"

#include "sync/lock.c"

static gk_lock lock = {.state = GK_LOCK_HELD};
static int plain;

static void *give_up(void *argument)
{
    gk_wait_options options = {.deadline = 1000};
    if (gk_lock_acquire(&lock, &options) == GK_OK) {
        plain++;
        gk_lock_release(&lock);
    }
    return argument;
}

static void *overtake(void *argument)
{
    if (try_keeping_waiters(&lock))
        plain++; /* and keeps it */
    return argument;
}

int main(void)
{
    pthread_t waiter, other;
    pthread_create(&waiter, NULL, give_up, NULL);
    pthread_create(&other, NULL, overtake, NULL);
    plain++;
    gk_lock_release(&lock);
    return 0;
}
