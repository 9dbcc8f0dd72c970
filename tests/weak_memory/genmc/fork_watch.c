/* gk_fork_watch(): the handlers are registered when it returns, in whichever thread. */
#define OWN_FORKS
#include "stubs.h"
#include "once_stubs.h"

static int registered;
#define pthread_atfork(before, in_parent, in_child) ((void)(in_child), registered++)

void gk_park_after_fork_in_child(void) {}

#include "sync/fork.c"

static void *watch(void *argument)
{
    gk_fork_watch();
    assert(registered == 1);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, watch, NULL);
    pthread_create(&other, NULL, watch, NULL);
    return 0;
}
