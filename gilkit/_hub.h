/* A hub that other threads notify through a file descriptor. Only _hub.pyx includes this file. */
#ifndef GILKIT_HUB_H
#define GILKIT_HUB_H

#include "gilkit/_import_core.h"

#ifndef _WIN32
#  include <unistd.h>
#endif

typedef struct {
    gk_hub hub;
    int readable, writable; /* ends of a pipe, or an eventfd twice; -1: none, the hub looks by itself */
} gk_bell;

#ifdef _WIN32

static void gk_bell_ring(gk_hub *hub)
{
    (void)hub;
}

static void gk_bell_silence(gk_bell *bell)
{
    (void)bell;
}

static void gk_bell_close(int readable, int writable)
{
    (void)readable;
    (void)writable;
}

#else

static void gk_bell_ring(gk_hub *hub)
{
    gk_bell *bell = (gk_bell *)hub;
    uint64_t one = 1;
    if (bell->writable >= 0) {
        ssize_t written = write(bell->writable, &one, sizeof one);
        (void)written; /* if it is full, it is readable */
    }
}

static void gk_bell_silence(gk_bell *bell)
{
    uint64_t rings;
    ssize_t got = read(bell->readable, &rings, sizeof rings);
    (void)got;
}

static void gk_bell_close(int readable, int writable)
{
    if (readable >= 0)
        close(readable);
    if (writable >= 0 && writable != readable)
        close(writable);
}

#endif

static void gk_bell_init(gk_bell *bell, int readable, int writable)
{
    *bell = (gk_bell){{.notify = gk_bell_ring}, readable, writable};
}

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
