/* gk_lock: a waiter gives up, perhaps just as it is signalled. */
#include "queue_stubs.h"

#include "sync/lock.c"

static gk_lock lock;
static int plain;

static void *add(void *argument)
{
    gk_lock_acquire(&lock, NULL);
    plain++;
    gk_lock_release(&lock);
    return ended();
}

static void *give_up(void *argument)
{
    gk_wait_options options = {.deadline = 1000};
    if (gk_lock_acquire(&lock, &options) == GK_OK) {
        plain++;
        gk_lock_release(&lock);
    }
    return ended();
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, add, NULL);
    pthread_create(&other, NULL, give_up, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(lock.state == 0 && lock.queue.first == NULL && plain > 0);
    return 0;
}
