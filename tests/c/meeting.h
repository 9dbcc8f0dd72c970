/* together(n, body, data, options): a region in which n different threads run body(data) at once. */
#ifndef MEETING_H
#define MEETING_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "check.h"
#include "runtime/parallel.h"

typedef struct {
    _Atomic int arrived;
    int expected;
    void (*body)(void *data);
    void *data;
} meeting;

static void meeting_chunk(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    meeting *m = data;
    atomic_fetch_add(&m->arrived, 1);
    int64_t limit = gk_now() + 60 * GK_SECOND;
    while (atomic_load(&m->arrived) < m->expected) {
        gk_thread_yield();
        CHECK(gk_now() < limit);
    }
    m->body(m->data);
}

static inline void together(int n, void (*body)(void *), void *data, gk_options options)
{
    meeting m = {.expected = n, .body = body, .data = data};
    options.threads = n;
    options.grain = options.eager = 1;
    CHECK(gk_parallel_for(n, meeting_chunk, &m, &options) == GK_OK);
}

#endif
