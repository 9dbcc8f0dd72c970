/* gilkit for C: run your own functions on the process's one pool of threads.
 *
 *     #include <Python.h>
 *     #include <gilkit/gilkit.h>            // -I: gilkit.get_include()
 *
 *     // in the module's init function, so that a missing gilkit is an ImportError:
 *     if (gilkit_import() < 0)
 *         return NULL;
 *
 *     static void body(int64_t begin, int64_t end, void *data) { ... }
 *
 *     // holding the GIL; Ctrl-C, timeouts and errors become exceptions:
 *     if (gilkit_run(n, body, &data, NULL) < 0)
 *         return NULL;
 *
 * Nothing is linked. gilkit_import() fetches a table of functions, to which later
 * versions only add at the end, so a module works with the gilkit that it was built
 * with and with every later one. If a module does not call gilkit_import(), the
 * first function that needs the table imports gilkit, taking the GIL; if that
 * fails, the process ends with a message that says what to add.
 *
 * The pointer to the table is static: each file that includes this has its own. If
 * several files of a module use gilkit, define GILKIT_TABLE as a name of your own
 * before the include in all of them, and define that variable in one of them
 * (`const gilkit_api *NAME;`). Then one call of gilkit_import() serves all files. A
 * file that does not include Python.h cannot import gilkit and needs this.
 *
 * C11, and C++.
 */
#ifndef GILKIT_H
#define GILKIT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GILKIT_VERSION "0.1.0" /* of this header */
#define GILKIT_ABI 1           /* another number means another kind of table */

/* ---- Types ---- */

/* How a region ended. A body may also end it with any positive code. */
enum {
    GILKIT_OK = 0,
    GILKIT_CANCELLED = -1,
    GILKIT_TIMEOUT = -2,
    GILKIT_NO_MEMORY = -3,
    GILKIT_INTERRUPTED = -4, /* poll() returned nonzero */
    GILKIT_FORKED = -5,      /* this is the child of a fork inside the region */
    /* Of locks and counters. */
    GILKIT_NOT_HELD = -20,
    GILKIT_OVERFLOW = -21,
    /* Mistakes of the caller. */
    GILKIT_BAD_OPTIONS = -100, /* gilkit_options that do not come from gilkit_default_options() */
    GILKIT_NOT_IMPORTED = -101 /* gilkit_import() was not called, in a file without Python.h */
};

/* Computes the items begin <= i < end. Called for each chunk, from several threads at
 * once, without the GIL. */
typedef void gilkit_body(int64_t begin, int64_t end, void *data);

/* Adds the items begin <= i < end to *partial. */
typedef void gilkit_fold(int64_t begin, int64_t end, void *data, void *partial);

/* Adds *from to *into. `from` covers the items that follow those of `into`. */
typedef void gilkit_combine(void *into, const void *from, void *data);

/* Lets any thread cancel a region. All zero: not cancelled. */
typedef struct {
    int32_t reason;
} gilkit_token;

/* A mutex whose sleeping waiters acquire it in order. All zero: free. It must not be
 * moved or copied while it is in use. */
typedef struct {
    uint64_t state[8];
} gilkit_lock;

/* A counter with a cell for each of several threads. Adding is cheap, reading is expensive. */
typedef struct gilkit_counter gilkit_counter;

/* Options of a region. Start from gilkit_default_options(). */
typedef struct {
    size_t size;        /* of this struct in the version that the caller was built with */
    int threads;        /* maximum, including the caller; 0: gilkit_num_threads() */
    int eager;          /* wake sleeping workers at once, because the work is known to be long */
    int64_t grain;      /* items in a chunk; 0: chosen from n */
    int64_t deadline;   /* gilkit_now() time; 0: none */
    gilkit_token *token;
    int (*poll)(void *context); /* called by the calling thread every 2 to 50 ms; nonzero ends the region */
    void *poll_context;
    void *call; /* private; set between gilkit_begin() and gilkit_finish() */
} gilkit_options;

/* ---- The table ---- */

typedef struct {
    uint32_t abi;
    uint32_t size; /* of this struct in the version that is installed */
    const char *version;

    int (*parallel_for)(int64_t n, gilkit_body *body, void *data, const gilkit_options *options);
    int (*parallel_reduce)(int64_t n, size_t size, gilkit_fold *fold, gilkit_combine *combine, void *data,
                           void *result, const gilkit_options *options);
    int64_t (*default_grain)(int64_t n);
    void (*cancel)(int code);
    int (*cancelled)(void);
    void (*cancel_token)(gilkit_token *token);
    int (*participant)(void);
    int (*participants)(const gilkit_options *options);
    int (*num_threads)(void);
    int64_t (*now)(void);
    int (*begin)(gilkit_options *options);
    int (*finish)(gilkit_options *options, int status);

    int (*lock_acquire)(gilkit_lock *lock, int64_t timeout);
    int (*lock_release)(gilkit_lock *lock);
    gilkit_counter *(*counter_new)(void);
    void (*counter_free)(gilkit_counter *counter);
    int (*counter_add)(gilkit_counter *counter, int64_t n);
    int64_t (*counter_value)(gilkit_counter *counter);
} gilkit_api;

#ifdef GILKIT_TABLE
extern const gilkit_api *GILKIT_TABLE;
#else
#  define GILKIT_TABLE gilkit_table
static const gilkit_api *gilkit_table;
#endif

/* Several threads may import at the same time. They all store the same pointer. */
#if defined(__GNUC__) || defined(__clang__)
#  define GILKIT_LOAD(pointer) __atomic_load_n(&(pointer), __ATOMIC_ACQUIRE)
#  define GILKIT_STORE(pointer, value) __atomic_store_n(&(pointer), (value), __ATOMIC_RELEASE)
#else /* MSVC: a volatile pointer is read and written atomically */
#  define GILKIT_LOAD(pointer) (*(const gilkit_api *volatile *)&(pointer))
#  define GILKIT_STORE(pointer, value) (*(const gilkit_api *volatile *)&(pointer) = (value))
#endif

#define GILKIT_FORGOTTEN                                                                                      \
    "gilkit is not imported: add `if (gilkit_import() < 0) return NULL;` to the module's init function (in " \
    "Cython, `gilkit.import_gilkit()` at the module's top level)"

#ifdef Py_PYTHON_H

/* Call this first, holding the GIL. Returns -1 with ImportError set if gilkit is not
 * installed or is older than this header. */
static inline int gilkit_import(void)
{
    const gilkit_api *api;
    PyObject *capsule, *module = PyImport_ImportModule("gilkit._capi");
    if (module == NULL)
        return -1;
    capsule = PyObject_GetAttrString(module, "table");
    Py_DECREF(module);
    if (capsule == NULL)
        return -1;
    api = (const gilkit_api *)PyCapsule_GetPointer(capsule, "gilkit._capi.table");
    Py_DECREF(capsule);
    if (api == NULL)
        return -1;
    if (api->abi != GILKIT_ABI) {
        PyErr_Format(PyExc_ImportError,
                     "this module was built with gilkit %s (ABI %d), but gilkit %s (ABI %d) is installed: "
                     "build it again with that one",
                     GILKIT_VERSION, GILKIT_ABI, api->version, (int)api->abi);
        return -1;
    }
    if (api->size < sizeof(gilkit_api)) {
        PyErr_Format(PyExc_ImportError,
                     "this module was built with gilkit %s, but the older gilkit %s is installed, whose table has %d "
                     "bytes instead of %d: install gilkit %s or later",
                     GILKIT_VERSION, api->version, (int)api->size, (int)sizeof(gilkit_api), GILKIT_VERSION);
        return -1;
    }
    GILKIT_STORE(GILKIT_TABLE, api);
    return 0;
}

/* With or without the GIL; but the GIL holder must not be waiting for this thread. */
static inline void gilkit_import_late(void)
{
    PyGILState_STATE state = PyGILState_UNLOCKED;
    PyObject *kind, *value, *trace;
    int holds_gil = 0;
#  if !defined(Py_LIMITED_API) && PY_VERSION_HEX >= 0x030C0000
    /* PyGILState does not know the thread states of sub-interpreters. (Before 3.12, this
     * function returns the thread state of whichever thread holds the GIL.) */
#    if PY_VERSION_HEX >= 0x030D0000
    holds_gil = PyThreadState_GetUnchecked() != NULL;
#    else
    holds_gil = _PyThreadState_UncheckedGet() != NULL;
#    endif
#  endif
    if (!holds_gil)
        state = PyGILState_Ensure();
    PyErr_Fetch(&kind, &value, &trace); /* an exception may be set */
    if (gilkit_import() < 0) {
        PyErr_Print();
        Py_FatalError(GILKIT_FORGOTTEN ", which raises such an error as an exception");
    }
    PyErr_Restore(kind, value, trace);
    if (!holds_gil)
        PyGILState_Release(state);
}

#endif /* Py_PYTHON_H */

/* Returns the table; imports gilkit if that has not been done. */
static inline const gilkit_api *gilkit_get_table(void)
{
    const gilkit_api *table = GILKIT_LOAD(GILKIT_TABLE);
    if (table != NULL)
        return table;
#ifdef Py_PYTHON_H
    gilkit_import_late();
    return GILKIT_LOAD(GILKIT_TABLE);
#else
    fprintf(stderr, "%s\n", GILKIT_FORGOTTEN);
    abort();
#endif
}

#ifdef Py_PYTHON_H
#  define GILKIT_IS_MISSING 0 /* gilkit_get_table() imports it */
#else
/* Prints a message, for callers that ignore the status. */
static inline int gilkit_is_missing(void)
{
    if (GILKIT_LOAD(GILKIT_TABLE) != NULL)
        return 0;
    fprintf(stderr, "%s\n", GILKIT_FORGOTTEN);
    return 1;
}
#  define GILKIT_IS_MISSING gilkit_is_missing()
#endif

/* ---- Regions ---- */

static inline gilkit_options gilkit_default_options(void)
{
    gilkit_options options = {sizeof(gilkit_options), 0, 0, 0, 0, NULL, NULL, NULL, NULL};
    return options;
}

/* Runs body over 0 <= i < n in chunks, on the calling thread and on workers of the
 * pool. Returns when every chunk is done (GILKIT_OK), or the region was cancelled and
 * no thread is inside the body. The chunks depend on n and grain alone. May be called
 * from any thread, including inside a body, with or without the GIL; if the body
 * takes the GIL, the caller must not hold it. `options` may be NULL. */
static inline int gilkit_parallel_for(int64_t n, gilkit_body *body, void *data, const gilkit_options *options)
{
    return GILKIT_IS_MISSING ? GILKIT_NOT_IMPORTED : gilkit_get_table()->parallel_for(n, body, data, options);
}

/* Folds 0 <= i < n into a partial result of `size` bytes for each chunk, and combines
 * the partial results in order, so any number of threads gives the same bits. The
 * caller sets *result to the neutral value, with which every partial result starts.
 * It changes only if GILKIT_OK is returned. */
static inline int gilkit_parallel_reduce(int64_t n, size_t size, gilkit_fold *fold, gilkit_combine *combine,
                                         void *data, void *result, const gilkit_options *options)
{
    return GILKIT_IS_MISSING
               ? GILKIT_NOT_IMPORTED
               : gilkit_get_table()->parallel_reduce(n, size, fold, combine, data, result, options);
}

/* Returns the number of items in a chunk of a region of n items whose grain is 0. */
static inline int64_t gilkit_default_grain(int64_t n)
{
    return gilkit_get_table()->default_grain(n);
}

/* ---- From inside a body ---- */

/* Ends the innermost region with `code`, which must be positive.
 * gilkit_parallel_for() returns the first code given. */
static inline void gilkit_cancel(int code)
{
    gilkit_get_table()->cancel(code);
}

/* Returns whether the region, or one around it, was cancelled. A chunk that takes more
 * than a few milliseconds should check from time to time and return early. */
static inline int gilkit_cancelled(void)
{
    return gilkit_get_table()->cancelled();
}

/* Returns this thread's number in the innermost region, from 0 (the caller) to
 * gilkit_participants() - 1. Use it as an index into scratch memory. */
static inline int gilkit_participant(void)
{
    return gilkit_get_table()->participant();
}

/* ---- From anywhere ---- */

/* Returns the maximum number of threads in a region with these options. */
static inline int gilkit_participants(const gilkit_options *options)
{
    return gilkit_get_table()->participants(options);
}

/* Returns the number of threads of a region whose options.threads is 0. */
static inline int gilkit_num_threads(void)
{
    return gilkit_get_table()->num_threads();
}

/* Ends the regions that have this token. */
static inline void gilkit_cancel_token(gilkit_token *token)
{
    gilkit_get_table()->cancel_token(token);
}

/* Monotonic time in nanoseconds, the clock of time.monotonic_ns(). */
static inline int64_t gilkit_now(void)
{
    return gilkit_get_table()->now();
}

/* ---- Locks and counters, between any threads, without the GIL ---- */

/* Waits at most `timeout` nanoseconds; negative: without limit; 0: does not wait.
 * Returns GILKIT_OK or GILKIT_TIMEOUT. While a body waits without limit, its region
 * cannot be cancelled. */
static inline int gilkit_lock_acquire(gilkit_lock *lock, int64_t timeout)
{
    return gilkit_get_table()->lock_acquire(lock, timeout);
}

/* Returns GILKIT_OK, or GILKIT_NOT_HELD if the lock is free. */
static inline int gilkit_lock_release(gilkit_lock *lock)
{
    return gilkit_get_table()->lock_release(lock);
}

/* Returns NULL if memory is exhausted. */
static inline gilkit_counter *gilkit_counter_new(void)
{
    return gilkit_get_table()->counter_new();
}

/* Call this when no thread uses the counter. */
static inline void gilkit_counter_free(gilkit_counter *counter)
{
    gilkit_get_table()->counter_free(counter);
}

/* Returns GILKIT_OK, or GILKIT_OVERFLOW without adding. */
static inline int gilkit_counter_add(gilkit_counter *counter, int64_t n)
{
    return gilkit_get_table()->counter_add(counter, n);
}

static inline int64_t gilkit_counter_value(gilkit_counter *counter)
{
    return gilkit_get_table()->counter_value(counter);
}

/* ---- With Python, holding the GIL ---- */

#ifdef Py_PYTHON_H

/* Fills in the options with what Python code has set for its calls: the number of
 * threads (if options->threads is 0), timeouts, cancel tokens, and, on the main
 * thread, the poll for signals. Afterwards run any number of regions, with or without
 * the GIL, then call gilkit_finish() exactly once. Returns 0, or -1 with an exception. */
static inline int gilkit_begin(gilkit_options *options)
{
    if (GILKIT_LOAD(GILKIT_TABLE) == NULL && gilkit_import() < 0)
        return -1;
    return gilkit_get_table()->begin(options);
}

/* Returns 0 for GILKIT_OK, else -1 with the exception that the status stands for.
 * `options` are those of gilkit_begin(), or NULL if it was not called. */
static inline int gilkit_finish(gilkit_options *options, int status)
{
    if (GILKIT_LOAD(GILKIT_TABLE) == NULL && gilkit_import() < 0)
        return -1;
    return gilkit_get_table()->finish(options, status);
}

/* Calls gilkit_parallel_for() between gilkit_begin() and gilkit_finish(), and releases the
 * GIL meanwhile. */
static inline int gilkit_run(int64_t n, gilkit_body *body, void *data, const gilkit_options *options)
{
    int status;
    gilkit_options own = options == NULL ? gilkit_default_options() : *options;
    if (gilkit_begin(&own) < 0)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    status = gilkit_parallel_for(n, body, data, &own);
    Py_END_ALLOW_THREADS
    return gilkit_finish(&own, status);
}

/* The same for gilkit_parallel_reduce(). */
static inline int gilkit_run_reduce(int64_t n, size_t size, gilkit_fold *fold, gilkit_combine *combine, void *data,
                                    void *result, const gilkit_options *options)
{
    int status;
    gilkit_options own = options == NULL ? gilkit_default_options() : *options;
    if (gilkit_begin(&own) < 0)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    status = gilkit_parallel_reduce(n, size, fold, combine, data, result, &own);
    Py_END_ALLOW_THREADS
    return gilkit_finish(&own, status);
}

#endif /* Py_PYTHON_H */

#ifdef __cplusplus
}
#endif
#endif
