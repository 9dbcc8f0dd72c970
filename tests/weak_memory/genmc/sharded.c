/* gk_sharded: a thread that sees an addition to a shared cell sees what was written before, and
 * never a reset without the additions that it has counted. */
#include "counter_stubs.h"

static gk_sharded *counter;

static void *add(void *argument)
{
    plain = 1;
    gk_sharded_add(counter, 1);
    return argument;
}

static void *reset(void *argument)
{
    if (gk_sharded_reset(counter) == 1)
        assert(plain == 1);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    counter = gk_sharded_new(1);
    pthread_create(&one, NULL, add, NULL);
    pthread_create(&other, NULL, reset, NULL);
    int64_t value = gk_sharded_value(counter);
    assert(value == 0 || value == 1);
    if (value == 1)
        assert(plain == 1);
    return 0;
}
