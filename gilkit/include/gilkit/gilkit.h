/* gilkit for C: your own functions on the process's one pool of threads.
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
 * Nothing is linked: gilkit_import() fetches a table of functions, which only
 * ever grows at its end. A module runs with the gilkit it was built with and
 * every later one. Where it was forgotten, the first function that needs the
 * table imports gilkit, taking the GIL; if that fails, the process ends with a
 * sentence that says what to add.
 *
 * The table's pointer is static, one for each file that includes this. Where
 * several files of a module use it, define GILKIT_TABLE to a name of your own
 * before the include in all of them, and that variable in one of them
 * (`const gilkit_api *NAME;`): then one gilkit_import() serves all. A file that
 * does not include Python.h cannot import: it needs that call in another file.
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
#define GILKIT_ABI 1           /* another number: not this table at all */

/* ---- Types ---- */

/* How a region ended. A body may end it with any positive code of its own. */
enum {
    GILKIT_OK = 0,
    GILKIT_CANCELLED = -1,
    GILKIT_TIMEOUT = -2,
    GILKIT_NO_MEMORY = -3,
    GILKIT_INTERRUPTED = -4, /* poll() asked for the end */
    GILKIT_FORKED = -5,      /* forked inside the region, and this is the child */
    /* Of locks and counters. */
    GILKIT_NOT_HELD = -20,
    GILKIT_OVERFLOW = -21,
    /* Mistakes of the caller. */
    GILKIT_BAD_OPTIONS = -100, /* gilkit_options that do not come from gilkit_default_options() */
    GILKIT_NOT_IMPORTED = -101 /* gilkit_import() was not called, in a file without Python.h */
};

/* Computes the items begin <= i < end. Called from several threads at once,
 * each time with another chunk, without the GIL. */
typedef void gilkit_body(int64_t begin, int64_t end, void *data);

/* Adds the items begin <= i < end to *partial. */
typedef void gilkit_fold(int64_t begin, int64_t end, void *data, void *partial);

/* Adds *from to *into; `from` covers the items that follow those of `into`. */
typedef void gilkit_combine(void *into, const void *from, void *data);

/* Lets any thread cancel a region. All zero: not cancelled. */
typedef struct {
    int32_t reason;
} gilkit_token;

/* A mutex that sleeping threads wait for in order. All zero: free. Must not be
 * moved or copied while it is in use. */
typedef struct {
    uint64_t state[8];
} gilkit_lock;

/* A counter with a cell for each of several threads: cheap to add to, dear to read. */
typedef struct gilkit_counter gilkit_counter;

/* What a caller may ask of a region: gilkit_default_options(), then changed. */
typedef struct {
    size_t size;        /* of this struct, as the caller knows it */
    int threads;        /* at most so many, the caller among them; 0: gilkit_num_threads() */
    int eager;          /* wake sleeping workers at once: the work is known to be long */
    int64_t grain;      /* items a chunk; 0: chosen from n */
    int64_t deadline;   /* gilkit_now() time; 0: none */
    gilkit_token *token;
    int (*poll)(void *context); /* called by the calling thread every 2 to 50 ms; nonzero: the end */
    void *poll_context;
    void *call; /* gilkit's own, between gilkit_begin() and gilkit_finish() */
} gilkit_options;

/* ---- The table ---- */

typedef struct {
    uint32_t abi;
    uint32_t size; /* of this struct, as the gilkit that runs knows it */
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

/* Several threads may import at the same time; all of them store the same. */
#if defined(__GNUC__) || defined(__clang__)
#  define GILKIT_LOAD(pointer) __atomic_load_n(&(pointer), __ATOMIC_ACQUIRE)
#  define GILKIT_STORE(pointer, value) __atomic_store_n(&(pointer), (value), __ATOMIC_RELEASE)
#else /* MSVC: a pointer is read and written at once */
#  define GILKIT_LOAD(pointer) (*(const gilkit_api *volatile *)&(pointer))
#  define GILKIT_STORE(pointer, value) (*(const gilkit_api *volatile *)&(pointer) = (value))
#endif

#define GILKIT_FORGOTTEN                                                                                      \
    "gilkit is not imported: add `if (gilkit_import() < 0) return NULL;` to the module's init function (in " \
    "Cython, `gilkit.import_gilkit()` at the module's top level)"

#ifdef Py_PYTHON_H

/* Before all else, holding the GIL. Returns -1 with ImportError set when there is
 * no gilkit, or one that is older than this header. */
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

/* The GIL may be held by this thread or not, but not by one that waits for it. */
static inline void gilkit_import_late(void)
{
    PyGILState_STATE state = PyGILState_UNLOCKED;
    PyObject *kind, *value, *trace;
    int holds_gil = 0;
#  if !defined(Py_LIMITED_API) && PY_VERSION_HEX >= 0x030C0000
    /* PyGILState does not know the thread states of sub-interpreters. (Before 3.12,
     * this function tells of the thread that holds the GIL, whichever it is.) */
#    if PY_VERSION_HEX >= 0x030D0000
    holds_gil = PyThreadState_GetUnchecked() != NULL;
#    else
    holds_gil = _PyThreadState_UncheckedGet() != NULL;
#    endif
#  endif
    if (!holds_gil)
        state = PyGILState_Ensure();
    PyErr_Fetch(&kind, &value, &trace); /* one may be on its way */
    if (gilkit_import() < 0) {
        PyErr_Print();
        Py_FatalError(GILKIT_FORGOTTEN ", which raises such an error as an exception");
    }
    PyErr_Restore(kind, value, trace);
    if (!holds_gil)
        PyGILState_Release(state);
}

#endif /* Py_PYTHON_H */

/* The table, which is imported now if it was not before. */
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
#  define GILKIT_IS_MISSING 0 /* or becomes so in gilkit_get_table() */
#else
/* Says so, for callers that do not read the status. */
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

/* Runs body over 0 <= i < n in chunks, on the calling thread and on workers of
 * the pool; returns when every chunk is done (GILKIT_OK) or the region was
 * cancelled and no thread is inside the body any more. How n is cut depends on
 * n and grain alone. From any thread, with or without the GIL (a body that
 * takes the GIL needs a caller who does not hold it), also from inside of a
 * body. `options` may be NULL. */
static inline int gilkit_parallel_for(int64_t n, gilkit_body *body, void *data, const gilkit_options *options)
{
    return GILKIT_IS_MISSING ? GILKIT_NOT_IMPORTED : gilkit_get_table()->parallel_for(n, body, data, options);
}

/* Folds 0 <= i < n, a partial of `size` bytes for each chunk, and combines them
 * in order: the same bits for any number of threads. *result is the neutral
 * value at first, a copy of which every partial begins with; it stays so unless
 * GILKIT_OK is returned. */
static inline int gilkit_parallel_reduce(int64_t n, size_t size, gilkit_fold *fold, gilkit_combine *combine,
                                         void *data, void *result, const gilkit_options *options)
{
    return GILKIT_IS_MISSING
               ? GILKIT_NOT_IMPORTED
               : gilkit_get_table()->parallel_reduce(n, size, fold, combine, data, result, options);
}

/* Items in a chunk of a region of n items, where grain is 0. */
static inline int64_t gilkit_default_grain(int64_t n)
{
    return gilkit_get_table()->default_grain(n);
}

/* ---- From inside of a body ---- */

/* Ends the innermost region with `code` (positive); the first code stays, and
 * is what gilkit_parallel_for returns. */
static inline void gilkit_cancel(int code)
{
    gilkit_get_table()->cancel(code);
}

/* Whether the region, or one around it, is to end: a chunk that takes longer
 * than some milliseconds looks from time to time, and returns early. */
static inline int gilkit_cancelled(void)
{
    return gilkit_get_table()->cancelled();
}

/* This thread's place in the innermost region, from 0 (the caller) to
 * gilkit_participants() - 1: an index into scratch memory. */
static inline int gilkit_participant(void)
{
    return gilkit_get_table()->participant();
}

/* ---- From anywhere ---- */

/* How many threads can take part in a region with these options. */
static inline int gilkit_participants(const gilkit_options *options)
{
    return gilkit_get_table()->participants(options);
}

/* How many a region has whose options do not say. */
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

/* Waits at most `timeout` nanoseconds: below 0 for ever, 0 not at all. GILKIT_OK
 * or GILKIT_TIMEOUT. While a body waits for ever, its region cannot be cancelled. */
static inline int gilkit_lock_acquire(gilkit_lock *lock, int64_t timeout)
{
    return gilkit_get_table()->lock_acquire(lock, timeout);
}

/* GILKIT_OK, or GILKIT_NOT_HELD if the lock is free. */
static inline int gilkit_lock_release(gilkit_lock *lock)
{
    return gilkit_get_table()->lock_release(lock);
}

/* NULL: no memory. */
static inline gilkit_counter *gilkit_counter_new(void)
{
    return gilkit_get_table()->counter_new();
}

/* When no thread uses it any more. */
static inline void gilkit_counter_free(gilkit_counter *counter)
{
    gilkit_get_table()->counter_free(counter);
}

/* GILKIT_OK, or GILKIT_OVERFLOW, and nothing added. */
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

/* Puts into the options what Python code has set for its calls: the number of
 * threads (unless options->threads says it), timeouts, cancel tokens, and
 * signals on the main thread. Then, with or without the GIL, any number of
 * regions; then gilkit_finish(), exactly once. Returns -1 with an exception. */
static inline int gilkit_begin(gilkit_options *options)
{
    if (GILKIT_LOAD(GILKIT_TABLE) == NULL && gilkit_import() < 0)
        return -1;
    return gilkit_get_table()->begin(options);
}

/* Returns 0 for GILKIT_OK, else -1 with the exception that the status stands
 * for. `options`: those of gilkit_begin(), or NULL if it was not called. */
static inline int gilkit_finish(gilkit_options *options, int status)
{
    if (GILKIT_LOAD(GILKIT_TABLE) == NULL && gilkit_import() < 0)
        return -1;
    return gilkit_get_table()->finish(options, status);
}

/* gilkit_parallel_for() between the two, without the GIL. */
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

/* gilkit_parallel_reduce() likewise. */
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
