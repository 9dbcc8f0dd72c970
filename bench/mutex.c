/* The peer of LockedCounter: threads add 1 to a number under a pthread mutex.
 * Returns the nanoseconds from the first addition to the last, or -1 if threads cannot start. */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t gate;
static int64_t total, each;
static int64_t begins[64], ends[64];

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *work(void *argument)
{
    intptr_t i = (intptr_t)argument;
    pthread_barrier_wait(&gate);
    begins[i] = now();
    for (int64_t k = 0; k < each; k++) {
        pthread_mutex_lock(&mutex);
        *(volatile int64_t *)&total += 1;
        pthread_mutex_unlock(&mutex);
    }
    ends[i] = now();
    return NULL;
}

int64_t mutex_total(void)
{
    return total;
}

int64_t mutex_run(int threads, int64_t n)
{
    pthread_t handles[64];
    int64_t begin = INT64_MAX, end = 0;
    total = 0;
    each = n;
    pthread_barrier_init(&gate, NULL, (unsigned)threads);
    for (intptr_t i = 0; i < threads; i++)
        if (pthread_create(&handles[i], NULL, work, (void *)i) != 0)
            return -1;
    for (int i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        begin = begins[i] < begin ? begins[i] : begin;
        end = ends[i] > end ? ends[i] : end;
    }
    pthread_barrier_destroy(&gate);
    return end - begin;
}
