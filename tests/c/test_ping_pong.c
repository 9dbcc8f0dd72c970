/* The ring runs every lap, and leaves no thread running when it is stopped or cannot
 * begin. */
#include "sync/ping_pong.h"

#include "base/thread.h"
#include "check.h"

static int stop_at_once(void *context)
{
    (void)context;
    return 1;
}

int main(void)
{
    static const int rings[] = {2, 3, 8, 64};
    for (int i = 0; i < 4; i++) {
        gk_ping_pong r = {.threads = rings[i], .laps = 50};
        CHECK(gk_ping_pong_run(&r, NULL) == GK_OK);
        CHECK(r.done == 50 && r.nanoseconds > 0);
    }
    gk_ping_pong none = {.threads = 2, .laps = 0};
    CHECK(gk_ping_pong_run(&none, NULL) == GK_OK && none.done == 0);

    gk_ping_pong endless = {.threads = 3, .laps = INT64_MAX};
    gk_wait_options p = {.poll = stop_at_once};
    CHECK(gk_ping_pong_run(&endless, &p) == GK_INTERRUPTED && endless.done < INT64_MAX);
    p = (gk_wait_options){.deadline = gk_now() + 20 * GK_MILLISECOND};
    CHECK(gk_ping_pong_run(&endless, &p) == GK_TIMEOUT && endless.done < INT64_MAX);
    p = (gk_wait_options){.deadline = GK_DO_NOT_WAIT};
    CHECK(gk_ping_pong_run(&endless, &p) == GK_TIMEOUT);

    gk_thread_inject_failures(1);
    CHECK(gk_ping_pong_run(&none, NULL) == GK_NO_MEMORY);
    CHECK(gk_ping_pong_run(&none, NULL) == GK_OK);
    return 0;
}
