/* The last helper leaves just as the caller, which has spun in vain, goes to sleep. GenMC: --unroll=66 */
#define TICK 100000
#include "slots_stubs.h"

static gk_region region;
static int result;

static void *help(void *argument)
{
    if (gk_join(0) != NULL) {
        result = 1;
        gk_leave(0);
    }
    return ended();
}

int main(void)
{
    pthread_t helper;
    gk_self.preferred_slot = 1;
    region.threads = 3;
    gk_publish(&region);
    pthread_create(&helper, NULL, help, NULL);
    gk_retire(&region);
    result = 2;
    ended();
    return 0;
}
