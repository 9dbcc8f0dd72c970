/* gk_sharded: the same with a cell of one thread, in a block that is new. GenMC: --unroll=34 */
#define WORDS 1024
#include "counter_stubs.h"

static gk_sharded *counter;

static void *add(void *argument)
{
    gk_cell *cell = gk_sharded_take_cell(counter);
    plain = 1;
    gk_sharded_add_to_cell(counter, cell, 1);
    return argument;
}

int main(void)
{
    pthread_t adder;
    counter = gk_sharded_new(1);
    pthread_create(&adder, NULL, add, NULL);
    if (gk_sharded_value(counter) == 1)
        assert(plain == 1);
    return 0;
}
