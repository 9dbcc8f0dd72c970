/* gk_rwlock: a reader and a writer, which find it free, queue up for it, or are admitted. */
#include "rwlock_stubs.h"

int main(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, read_it, NULL);
    pthread_create(&other, NULL, write_it, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    assert(plain == 1 && lock.state == 0 && lock.queue.first == NULL);
    return 0;
}
