/* gk_counter: the last of two references frees it. */
#include "counter_stubs.h"

static gk_counter counter = {.references = 2};

static void *drop(void *argument)
{
    assert(plain >= 0); /* uses the counter */
    gk_counter_release(&counter);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, drop, NULL);
    pthread_create(&other, NULL, drop, NULL);
    return 0;
}
