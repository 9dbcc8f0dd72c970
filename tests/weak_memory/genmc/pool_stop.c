/* The pool is stopped just as its worker goes to sleep. GenMC: --unroll=49 */
#include "pool_stubs.h"

static void *work(void *argument)
{
    int looking = 1;
    if (atomic_load(&pool.stop) == 0)
        park(0, &looking);
    return end_worker();
}

int main(void)
{
    pthread_t worker;
    one_worker_exists();
    pthread_create(&worker, NULL, work, NULL);
    gk_pool_stop();
    ended();
    return 0;
}
