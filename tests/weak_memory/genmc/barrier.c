/* gk_barrier: two threads see what the other wrote before they met. */
#include "queue_stubs.h"

#include "sync/barrier.c"

static gk_barrier barrier = {.parties = 2};
static int written[2];

static void *meet(void *argument)
{
    int me = argument != NULL;
    gk_arrival arrival;
    written[me] = 1;
    gk_barrier_wait(&barrier, NULL, &arrival);
    if (arrival.index == 1)
        gk_barrier_open(&barrier, &arrival);
    assert(written[!me] == 1);
    return ended();
}

int main(void)
{
    pthread_t other;
    pthread_create(&other, NULL, meet, NULL);
    meet(&barrier);
    return 0;
}
