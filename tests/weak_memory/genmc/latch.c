/* gk_latch_left() and gk_event_is_set(): a thread that finds a latch open sees what all threads wrote before. */
#include "queue_stubs.h"

#include "sync/event.c"

static gk_latch latch = {.left = 2};
static int counted[2];

static void *count_down(void *argument)
{
    counted[argument != NULL] = 1;
    gk_latch_count_down(&latch, 1);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, count_down, NULL);
    pthread_create(&other, NULL, count_down, &latch);
    if (gk_event_is_set(&latch.open) || gk_latch_left(&latch) == 0)
        assert(counted[0] == 1 && counted[1] == 1);
    return 0;
}
