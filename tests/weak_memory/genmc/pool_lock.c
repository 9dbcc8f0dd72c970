/* The lock of the pool. */
#include "pool_stubs.h"

static int plain;

static void *wait_for_it(void *argument)
{
    lock();
    plain++;
    unlock();
    return argument;
}

static void *try_it(void *argument)
{
    if (try_lock()) {
        plain++;
        unlock();
    }
    return argument;
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, wait_for_it, NULL);
    pthread_create(&other, NULL, try_it, NULL);
    return 0;
}
