/* A worker stops looking for offers just as a foreign region relies on it. GenMC: --unroll=49 */
#define REGION_THREADS 2 /* so that no second worker is started */
#include "pool_stubs.h"

static void *work(void *argument)
{
    int looking = 1;
    park(0, &looking);
    return ended();
}

int main(void)
{
    pthread_t worker;
    one_worker_exists();
    region.foreign = 1;
    pthread_create(&worker, NULL, work, NULL);
    gk_publish(&region);
    gk_pool_watch(&region);
    ended();
    return 0;
}
