/* gk_counter: the order of two atomic counters, and the end of one that two threads refer to. */
#include "counter_stubs.h"

static gk_counter x, y;
static int64_t seen[2];

static void *add_to_x(void *argument)
{
    int64_t sum;
    gk_atomic_add(&x, 1, &sum);
    seen[0] = gk_counter_value(&y);
    return argument;
}

static void *exchange_y(void *argument)
{
    gk_atomic_exchange(&y, 1);
    seen[1] = gk_counter_value(&x);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, add_to_x, NULL);
    pthread_create(&other, NULL, exchange_y, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(seen[0] == 1 || seen[1] == 1);
    return 0;
}
