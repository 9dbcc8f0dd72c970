/* The only worker that looks for offers enters a region just as a foreign region relies on it.
 * The other worker sleeps. */
#define THREADS 3
#define REGION_THREADS 2 /* so that no third worker is started */
#include "pool_stubs.h"

static void *work(void *argument)
{
    look_away();
    return ended();
}

static void *sleep_until_woken(void *argument)
{
    gk_wait(&pool.epoch, 0, GK_FOREVER);
    return ended();
}

int main(void)
{
    pthread_t worker, sleeper;
    one_worker_exists();
    region.foreign = 1;
    pool.workers = 2;
    pool.sleepers = 1;
    pthread_create(&worker, NULL, work, NULL);
    pthread_create(&sleeper, NULL, sleep_until_woken, NULL);
    gk_publish(&region);
    gk_pool_watch(&region);
    ended();
    return 0;
}
