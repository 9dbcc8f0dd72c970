/* The hazard: a helper's signal mask differs from the caller's, so programs and threads
 * started in a body ignore signals; or a worker blocks signals that it causes itself, or
 * receives signals meant for other threads. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#ifdef _WIN32
int main(void)
{
    return 0; /* no signal masks here */
}
#else

#  include <pthread.h>
#  include <signal.h>
#  include <unistd.h>

#  include "meeting.h"
#  include "stress.h"

static const int synchronous[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
static const int asynchronous[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM};
enum { SYNCHRONOUS = sizeof synchronous / sizeof *synchronous, ASYNCHRONOUS = sizeof asynchronous / sizeof *asynchronous };

static void *blocks_what_its_creator_does(void *mask)
{
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    for (int i = 0; i < ASYNCHRONOUS; i++)
        CHECK(sigismember(&mine, asynchronous[i]) == sigismember(mask, asynchronous[i]));
    return NULL;
}

static void has_mask_of_caller(void *mask)
{
    pthread_t thread;
    blocks_what_its_creator_does(mask);
    CHECK(pthread_create(&thread, NULL, blocks_what_its_creator_does, mask) == 0);
    pthread_join(thread, NULL);
}

static void leaves_a_mask_behind(void *unused)
{
    (void)unused;
    if (gk_participant() != 0) {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, NULL);
    }
}

static void blocks_no_synchronous_signal(void *unused)
{
    (void)unused;
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    for (int i = 0; i < SYNCHRONOUS; i++)
        CHECK(!sigismember(&mine, synchronous[i]));
}

static void blocks_asynchronous_signals(void *unused)
{
    (void)unused;
    if (gk_participant() == 0)
        return;
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    for (int i = 0; i < ASYNCHRONOUS; i++)
        CHECK(sigismember(&mine, asynchronous[i]));
}

static _Atomic int handled;

static void handle(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
}

int main(void)
{
    time_limit(300);
    sigset_t none, some;
    sigemptyset(&none);
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigaddset(&some, SIGTERM);

    /* gilkit's own bodies, on new workers. */
    together(3, blocks_asynchronous_signals, NULL, (gk_options){0});
    together(3, blocks_no_synchronous_signal, NULL, (gk_options){0});
    for (int i = 0; i < rounds(50); i++) {
        /* Foreign bodies, whatever mask the last one has left behind. */
        sigset_t *mask = i % 2 ? &some : &none;
        pthread_sigmask(SIG_SETMASK, mask, NULL);
        together(3, has_mask_of_caller, mask, (gk_options){.foreign = 1});
        together(3, blocks_no_synchronous_signal, NULL, (gk_options){.foreign = 1});
        together(3, leaves_a_mask_behind, NULL, (gk_options){.foreign = 1});
        together(3, has_mask_of_caller, mask, (gk_options){.foreign = 1});
    }

    /* A sleeping worker does not receive a signal meant for another thread. */
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    together(3, has_mask_of_caller, &none, (gk_options){.foreign = 1});
    int64_t limit = gk_now() + 60 * GK_SECOND;
    while (gk_pool_sleepers() < gk_pool_workers()) {
        gk_thread_yield();
        CHECK(gk_now() < limit);
    }
    signal(SIGUSR1, handle);
    pthread_sigmask(SIG_SETMASK, &some, NULL);
    kill(getpid(), SIGUSR1);
    usleep(20000);
    CHECK(atomic_load(&handled) == 0);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    CHECK(atomic_load(&handled) == 1);
    CHECK(gk_pool_stop());
    return 0;
}

#endif
