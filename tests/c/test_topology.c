/* The hazard: on a machine of many cores and several memories, the pool starts too many workers or never wakes some, counts
 * cores that it may not use, or memory is not on the node of the thread that wrote it first.
 *
 *   usage: test_topology [CORES NODES]
 *
 * The number of cores that this process may use, and of the nodes that its threads are spread over; by default whatever
 * the system says. tests/topology runs this in a virtual machine of 32 cores and 2 nodes. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cores.h"
#include "base/park.h"
#include "check.h"
#include "runtime/parallel.h"
#include "stress.h"

#if defined(__linux__)
#  include <errno.h>
#  include <sched.h>
#  include <sys/mman.h>
#  include <sys/syscall.h>
#  include <unistd.h>
#endif

/* A region in which each thread waits for all others before it runs body(data). It sleeps, since emulated cores that are
 * busy would slow down the others. */
typedef struct {
    _Atomic uint32_t arrived;
    uint32_t expected;
    void (*body)(void *data);
    void *data;
} meeting;

static const int64_t LIMIT = 100 * GK_SECOND;

static void meeting_chunk(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    meeting *m = data;
    int64_t limit = gk_now() + LIMIT;
    if (atomic_fetch_add(&m->arrived, 1) + 1 == m->expected)
        gk_wake(&m->arrived, GK_WAKE_ALL);
    for (uint32_t seen; (seen = atomic_load(&m->arrived)) < m->expected;) {
        CHECK(gk_now() < limit);
        gk_wait(&m->arrived, seen, limit);
    }
    if (m->body != NULL)
        m->body(m->data);
}

static void together(int threads, void (*body)(void *), void *data)
{
    meeting m = {.expected = (uint32_t)threads, .body = body, .data = data};
    gk_options options = {.threads = threads, .grain = 1, .eager = 1};
    CHECK(gk_parallel_for(threads, meeting_chunk, &m, &options) == GK_OK);
}

/* Sleeps a moment. Fails after LIMIT, which begins with the first of several calls. */
static void wait_a_moment(int64_t *limit)
{
    static _Atomic uint32_t never;
    if (*limit == 0)
        *limit = gk_now() + LIMIT;
    CHECK(gk_now() < *limit);
    gk_wait(&never, 0, gk_now() + 5 * GK_MILLISECOND);
}

static void until_all_sleep(int workers)
{
    for (int64_t limit = 0; gk_pool_sleepers() < workers;)
        wait_a_moment(&limit);
}

/* No chunk ends before every thread has one, so the calls return only if all workers are started, and later if the one
 * wake-up of the caller reaches all of them from worker to worker. In every second call, some spin or are about to sleep. */
static void test_all_are_woken(int cores)
{
    CHECK(gk_num_threads() == cores);
    for (int i = 0; i < rounds(20); i++) {
        together(cores, NULL, NULL);
        CHECK(gk_pool_workers() == cores - 1);
        if (i % 2)
            until_all_sleep(cores - 1);
    }
}

#if defined(__linux__)

static void until_threads_are(int threads)
{
    for (int64_t limit = 0; gk_num_threads() != threads;)
        wait_a_moment(&limit);
}

static int node_here(void)
{
    unsigned cpu, node;
    return syscall(SYS_getcpu, &cpu, &node, NULL) == 0 ? (int)node : -1;
}

enum { PAGES = 16, MAX_NODES = 64 };

typedef struct {
    char *memory;
    int node[GK_MAX_THREADS]; /* of the thread that wrote the pages; -1: it moved meanwhile */
} pages_written;

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void write_pages(void *data)
{
    pages_written *w = data;
    int me = gk_participant(), before = node_here();
    memset(w->memory + (size_t)me * PAGES * page_size(), 1, PAGES * page_size());
    w->node[me] = node_here() == before ? before : -1;
}

/* Returns the number of nodes that have pages now; 0 if the system does not tell. */
static int nodes_written(int threads)
{
    static pages_written w;
    size_t size = (size_t)threads * PAGES * page_size();
    w.memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(w.memory != MAP_FAILED);
    madvise(w.memory, size, MADV_NOHUGEPAGE); /* a huge page would be shared by several threads */
    together(threads, write_pages, &w);
    int seen[MAX_NODES] = {0}, nodes = 0;
    for (int i = 0; i < threads * PAGES; i++) {
        void *page = w.memory + (size_t)i * page_size();
        int status = -1, wrote = w.node[i / PAGES];
        if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &status, 0) != 0) {
            CHECK(errno == ENOSYS || errno == EPERM);
            break;
        }
        CHECK(status >= 0 && status < MAX_NODES);
        CHECK(wrote < 0 || status == wrote);
        nodes += seen[status]++ == 0;
    }
    CHECK(munmap(w.memory, size) == 0);
    return nodes;
}

static void test_first_touch(int threads, int nodes)
{
    for (int i = 0, found = 0; i < 10; i++) {
        int now = nodes_written(threads);
        found = now > found ? now : found;
        if (nodes <= 0 || found == nodes || now == 0)
            return;
        CHECK(found < nodes && i < 9);
    }
}

/* The calling thread is confined to half of its processors. The pool looks again after a second. */
static void test_half(void)
{
    cpu_set_t all, half;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    int count = CPU_COUNT(&all), cores = gk_cores_usable();
    CHECK(gk_cores_affinity() == count);
    if (count < 2)
        return;
    CPU_ZERO(&half);
    for (int cpu = 0; CPU_COUNT(&half) < count / 2; cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &half);
    CHECK(sched_setaffinity(0, sizeof half, &half) == 0);
    int wanted = count / 2 < cores ? count / 2 : cores;
    CHECK(gk_cores_affinity() == count / 2 && gk_cores_usable() == wanted);
    until_threads_are(wanted);
    together(wanted, NULL, NULL);
    CHECK(gk_pool_workers() == cores - 1); /* none was added */
    CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
    until_threads_are(cores);
}

#else

static void test_first_touch(int threads, int nodes)
{
    (void)threads, (void)nodes;
}

static void test_half(void)
{
}

#endif

int main(int argc, char **argv)
{
    time_limit(300);
    int cores = gk_cores_usable(), nodes = argc > 2 ? atoi(argv[2]) : 0;
    if (argc > 1)
        CHECK(cores == atoi(argv[1]));
    const char *source = gk_num_threads_source();
    if (strcmp(source, "affinity") == 0 || strcmp(source, "quota") == 0) { /* no variable of the environment decides */
        test_all_are_woken(cores);
        test_first_touch(cores, nodes);
        test_half();
    }
    CHECK(gk_pool_stop());
    CHECK(gk_pool_workers() == 0);
    printf("test_topology: %d cores, passed\n", cores);
    return 0;
}
