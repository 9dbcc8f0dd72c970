/* The pool is stopped just as its worker enters a region: one of the two gives way. GenMC: --unroll=49 */
#include "pool_stubs.h"

static void *work(void *argument)
{
    int slot;
    if (find_region(0, -1, &slot) != NULL) {
        assert(stopped >= 0); /* a race if the pool is stopped now */
        gk_leave(slot);
    }
    return end_worker();
}

int main(void)
{
    pthread_t worker;
    one_worker_exists();
    region.counted = 0; /* a region inside another one, whose caller is not this thread */
    gk_publish(&region);
    pthread_create(&worker, NULL, work, NULL);
    gk_pool_stop();
    ended();
    return 0;
}
