/* The state that the calls of a sub-interpreter share, so that they end before it does. */
#ifndef GILKIT_INTERPRETER_END_H
#define GILKIT_INTERPRETER_END_H

#include <stdatomic.h>
#include <stdlib.h>

/* One for each sub-interpreter. Never freed, because a daemon thread that hangs may still read it. */
typedef struct {
    _Atomic int ending;
    _Atomic int calls; /* in progress */
} gk_interpreter;

/* A poll: the context is a gk_interpreter. */
static int gk_is_ending(void *interpreter)
{
    return atomic_load_explicit(&((gk_interpreter *)interpreter)->ending, memory_order_relaxed);
}

#endif
