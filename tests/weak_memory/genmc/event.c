/* gk_event and gk_latch: what was written before is visible after the wait. */
#define THREADS 3
#include "queue_stubs.h"

#include "sync/event.c"

static gk_event event;
static gk_latch latch = {.left = 2};
static int plain, counted[2];

static void *set(void *argument)
{
    plain = 1;
    counted[0] = 1;
    gk_latch_count_down(&latch, 1);
    gk_event_set(&event);
    return ended();
}

static void *wait_for_event(void *argument)
{
    gk_event_wait(&event, NULL);
    assert(plain == 1);
    counted[1] = 1;
    gk_latch_count_down(&latch, 1);
    return ended();
}

int main(void)
{
    pthread_t setter, waiter;
    pthread_create(&setter, NULL, set, NULL);
    pthread_create(&waiter, NULL, wait_for_event, NULL);
    gk_latch_wait(&latch, NULL);
    assert(counted[0] == 1 && counted[1] == 1);
    ended();
    return 0;
}
