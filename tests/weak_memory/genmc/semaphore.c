/* gk_semaphore: one permit, which two threads take in turn. */
#include "queue_stubs.h"

#include "sync/semaphore.c"

static gk_semaphore semaphore = {.value = 1, .bound = INT64_MAX};
static int plain;

static void *add(void *argument)
{
    gk_semaphore_acquire(&semaphore, NULL);
    plain++;
    gk_semaphore_release(&semaphore, 1);
    return ended();
}

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, add, NULL);
    pthread_create(&other, NULL, add, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(plain == 2 && semaphore.value == 1 && semaphore.queue.count == 0);
    return 0;
}
