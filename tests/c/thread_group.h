/* thread_group(n, main, data): runs main(i, data) in n threads at once. */
#ifndef CROWD_H
#define CROWD_H

#include <string.h>

#include "base/thread.h"
#include "check.h"

enum { CROWD_MAX = 64 };

typedef struct {
    void (*main)(int i, void *data);
    void *data;
    int i;
    gk_thread *thread;
} crowd_member;

static void thread_group_enter(void *argument)
{
    crowd_member *member = argument;
    member->main(member->i, member->data);
}

static inline void crowd_start(crowd_member *members, int n, void (*body)(int, void *), void *data)
{
    CHECK(n <= CROWD_MAX);
    for (int i = 0; i < n; i++) {
        members[i] = (crowd_member){body, data, i, NULL};
        members[i].thread = gk_thread_start(thread_group_enter, &members[i], "thread_group");
        CHECK(members[i].thread != NULL);
    }
}

static inline void crowd_join(crowd_member *members, int n)
{
    for (int i = 0; i < n; i++)
        gk_thread_join(members[i].thread);
}

static inline void thread_group(int n, void (*body)(int, void *), void *data)
{
    crowd_member members[CROWD_MAX];
    crowd_start(members, n, body, data);
    crowd_join(members, n);
}

#endif
