/* gk_lock: two threads, which find it free, queue up for it, or have it handed over. */
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

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, add, NULL);
    pthread_create(&other, NULL, add, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(plain == 2 && lock.state == 0);
    return 0;
}
