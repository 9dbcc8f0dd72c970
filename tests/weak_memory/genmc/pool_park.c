/* A worker goes to sleep just as a region is offered. */
#include "pool_stubs.h"

static void *work(void *argument)
{
    int looking = 1, slot;
    park(0, &looking);
    if (find_region(0, -1, &slot) == NULL)
        park(0, &looking); /* a worker that sees no offer yet is not lost */
    return ended();
}

int main(void)
{
    pthread_t worker;
    one_worker_exists();
    pthread_create(&worker, NULL, work, NULL);
    gk_publish(&region);
    gk_pool_wake(1, &region);
    ended();
    return 0;
}
