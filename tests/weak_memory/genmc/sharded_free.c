/* gk_sharded: the last of two references frees it. */
#include "counter_stubs.h"

static gk_sharded *counter;

static void *drop(void *argument)
{
    assert(plain >= 0); /* uses the counter */
    gk_sharded_release(counter);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    counter = gk_sharded_new(1);
    gk_sharded_retain(counter);
    pthread_create(&one, NULL, drop, NULL);
    pthread_create(&other, NULL, drop, NULL);
    return 0;
}
