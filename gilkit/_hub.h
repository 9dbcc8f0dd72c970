/* A hub that other threads notify through a pipe. Only _hub.pyx includes this file.
 *
 * A program may close all descriptors and get the same numbers for files of its own. So gilkit
 * checks before each use that a descriptor is still an end of the pipe.
 */
#ifndef GILKIT_HUB_H
#define GILKIT_HUB_H

#include "gilkit/_import_core.h"

#ifndef _WIN32
#  include <sys/stat.h>
#  include <unistd.h>
#endif

typedef struct {
    gk_hub hub;
    int readable, writable; /* ends of the pipe; -1: none, the hub polls */
#ifndef _WIN32
    dev_t device;
    ino_t inode;
#endif
} gk_notifier;

#ifdef _WIN32

/* There is no pipe: the hub polls. */

static void gk_notify_hub(gk_hub *hub)
{
    (void)hub;
}

static void gk_notifier_init(gk_notifier *notifier, int readable, int writable)
{
    *notifier = (gk_notifier){.hub = {.notify = gk_notify_hub}, .readable = readable, .writable = writable};
}

static int gk_notifier_is_ours(const gk_notifier *notifier)
{
    (void)notifier;
    return 0;
}

static void gk_notifier_drain(gk_notifier *notifier)
{
    (void)notifier;
}

static void gk_notifier_close(gk_notifier *notifier)
{
    (void)notifier;
}

#else

static int gk_is_end(const gk_notifier *notifier, int descriptor)
{
    struct stat status;
    return descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode) &&
           status.st_dev == notifier->device && status.st_ino == notifier->inode;
}

static void gk_notify_hub(gk_hub *hub)
{
    gk_notifier *notifier = (gk_notifier *)hub;
    if (gk_is_end(notifier, notifier->writable)) {
        ssize_t written = write(notifier->writable, "", 1);
        (void)written; /* if it is full, it is readable */
    }
}

static void gk_notifier_init(gk_notifier *notifier, int readable, int writable)
{
    struct stat status;
    *notifier = (gk_notifier){.hub = {.notify = gk_notify_hub}, .readable = readable, .writable = writable};
    if (readable >= 0 && fstat(readable, &status) == 0) {
        notifier->device = status.st_dev;
        notifier->inode = status.st_ino;
    }
}

static int gk_notifier_is_ours(const gk_notifier *notifier)
{
    return gk_is_end(notifier, notifier->readable) && gk_is_end(notifier, notifier->writable);
}

static void gk_notifier_drain(gk_notifier *notifier)
{
    char bytes[64];
    if (gk_is_end(notifier, notifier->readable)) {
        ssize_t got = read(notifier->readable, bytes, sizeof bytes);
        (void)got; /* what is left makes it readable again */
    }
}

static void gk_notifier_close(gk_notifier *notifier)
{
    if (gk_is_end(notifier, notifier->readable))
        close(notifier->readable);
    if (gk_is_end(notifier, notifier->writable))
        close(notifier->writable);
}

#endif

/* Waits call gk_sleep_in_hub() with or without the GIL, and only in the main interpreter. */
static gk_sleep_function gk_sleep_with_gil;

static int gk_sleep_in_hub(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    PyGILState_STATE state = PyGILState_Ensure();
    int result = gk_sleep_with_gil(word, expected, deadline);
    PyGILState_Release(state);
    return result;
}

#endif
