/* A hub that other threads notify through a pipe. Only _hub.pyx includes this file.
 *
 * A program may close all descriptors and get the same numbers for files of its own. So before
 * each use, a descriptor is shown to be an end of the pipe.
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
    int readable, writable; /* ends of the pipe; -1: none, the hub looks by itself */
#ifndef _WIN32
    dev_t device;
    ino_t inode;
#endif
} gk_bell;

#ifdef _WIN32

static void gk_bell_init(gk_bell *bell, int readable, int writable)
{
    *bell = (gk_bell){{.notify = NULL}, -1, -1};
    (void)readable;
    (void)writable;
}

static int gk_bell_is_ours(const gk_bell *bell)
{
    (void)bell;
    return 0;
}

static void gk_bell_silence(gk_bell *bell)
{
    (void)bell;
}

static void gk_bell_close(gk_bell *bell)
{
    (void)bell;
}

#else

static int gk_is_end(const gk_bell *bell, int descriptor)
{
    struct stat status;
    return descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode) &&
           status.st_dev == bell->device && status.st_ino == bell->inode;
}

static void gk_bell_ring(gk_hub *hub)
{
    gk_bell *bell = (gk_bell *)hub;
    if (gk_is_end(bell, bell->writable)) {
        ssize_t written = write(bell->writable, "", 1);
        (void)written; /* if it is full, it is readable */
    }
}

static void gk_bell_init(gk_bell *bell, int readable, int writable)
{
    struct stat status;
    *bell = (gk_bell){.hub = {.notify = gk_bell_ring}, .readable = readable, .writable = writable};
    if (readable >= 0 && fstat(readable, &status) == 0) {
        bell->device = status.st_dev;
        bell->inode = status.st_ino;
    }
}

static int gk_bell_is_ours(const gk_bell *bell)
{
    return gk_is_end(bell, bell->readable) && gk_is_end(bell, bell->writable);
}

static void gk_bell_silence(gk_bell *bell)
{
    char rings[64];
    if (gk_is_end(bell, bell->readable)) {
        ssize_t got = read(bell->readable, rings, sizeof rings);
        (void)got; /* what is left makes it readable again */
    }
}

static void gk_bell_close(gk_bell *bell)
{
    if (gk_is_end(bell, bell->readable))
        close(bell->readable);
    if (gk_is_end(bell, bell->writable))
        close(bell->writable);
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
