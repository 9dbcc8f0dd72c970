/* gk_ping_pong: the token passes on what was written before, and no thread sleeps through it. */
#include "queue_stubs.h"

#include "sync/event.c"
#include "sync/ping_pong.c"

static runner one;
static int done;

static void *pass(void *argument)
{
    done = 1;
    hand_to(&one);
    return ended();
}

static void *receive(void *argument)
{
    await(&one);
    assert(done == 1);
    return ended();
}

int main(void)
{
    pthread_t passing, receiving;
    pthread_create(&passing, NULL, pass, NULL);
    pthread_create(&receiving, NULL, receive, NULL);
    return 0;
}
