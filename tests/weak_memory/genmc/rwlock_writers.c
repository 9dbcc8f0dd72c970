/* gk_rwlock: two writers. */
#include "rwlock_stubs.h"

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, write_it, NULL);
    pthread_create(&other, NULL, write_it, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(plain == 2 && lock.state == 0 && lock.queue.first == NULL);
    return 0;
}
