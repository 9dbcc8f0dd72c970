/* The fast paths of gk_lock and gk_rlock. */
#include "queue_stubs.h"

#include "sync/lock.c"

static gk_rlock lock;
static int plain;

static void *add(void *argument)
{
    uintptr_t self = argument == NULL ? 1 : 2;
    __VERIFIER_assume(gk_rlock_try(&lock, self));
    gk_rlock_try(&lock, self);
    plain++;
    gk_rlock_try_release(&lock, self);
    gk_rlock_try_release(&lock, self);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, add, NULL);
    pthread_create(&other, NULL, add, &lock);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(plain == 2 && lock.owner == 0 && lock.lock.state == 0);
    return 0;
}
