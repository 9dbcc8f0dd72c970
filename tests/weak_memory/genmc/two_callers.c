/* Two callers use one slot after the other, and a helper joins either of them. */
#define THREADS 3
#include "slots_stubs.h"

static gk_region regions[2];

static void *help(void *argument)
{
    gk_region *r = gk_join(0);
    if (r != NULL) {
        assert(r->n == 1);
        gk_leave(0);
    }
    return ended();
}

static void *call(void *argument)
{
    gk_region *r = argument;
    r->threads = 3;
    r->n = 1;
    gk_publish(r);
    gk_retire(r);
    r->n = 2;
    return ended();
}

int main(void)
{
    pthread_t helper, other;
    gk_self.preferred_slot = 1;
    pthread_create(&helper, NULL, help, NULL);
    pthread_create(&other, NULL, call, &regions[1]);
    call(&regions[0]);
    return 0;
}
