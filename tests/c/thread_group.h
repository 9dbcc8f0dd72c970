/* thread_group(n, main, data): runs main(i, data) in n threads at once. */
#ifndef THREAD_GROUP_H
#define THREAD_GROUP_H

#include <string.h>

#include "base/thread.h"
#include "check.h"

enum { THREAD_GROUP_MAX = 64 };

typedef struct {
    void (*main)(int i, void *data);
    void *data;
    int i;
    gk_thread *thread;
} thread_group_member;

static void thread_group_enter(void *argument)
{
    thread_group_member *member = argument;
    member->main(member->i, member->data);
}

static inline void thread_group_start(thread_group_member *members, int n, void (*body)(int, void *), void *data)
{
    CHECK(n <= THREAD_GROUP_MAX);
    for (int i = 0; i < n; i++) {
        members[i] = (thread_group_member){body, data, i, NULL};
        members[i].thread = gk_thread_start(thread_group_enter, &members[i], "thread_group");
        CHECK(members[i].thread != NULL);
    }
}

static inline void thread_group_join(thread_group_member *members, int n)
{
    for (int i = 0; i < n; i++)
        gk_thread_join(members[i].thread);
}

static inline void thread_group(int n, void (*body)(int, void *), void *data)
{
    thread_group_member members[THREAD_GROUP_MAX];
    thread_group_start(members, n, body, data);
    thread_group_join(members, n);
}

#endif
