/* gk_counter: the order of two atomic counters that are changed by comparing. */
#include "counter_stubs.h"

static gk_counter x, y = {.careful = 1};
static int64_t seen[2];

static void *set_x(void *argument)
{
    gk_atomic_compare_and_set(&x, 0, 1);
    seen[0] = gk_counter_value(&y);
    return argument;
}

static void *add_to_y(void *argument)
{
    int64_t sum;
    gk_atomic_add(&y, 1, &sum);
    seen[1] = gk_counter_value(&x);
    return argument;
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, set_x, NULL);
    pthread_create(&other, NULL, add_to_y, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(seen[0] == 1 || seen[1] == 1);
    return 0;
}
