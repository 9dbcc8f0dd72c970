/* The functions behind gilkit/gilkit.h that differ from those of csrc, and the table of all. */
#ifndef GILKIT_CAPI_H
#define GILKIT_CAPI_H

#include "gilkit/_import_core.h"
#include "gilkit/gilkit.h"

/* gilkit_options only ever grows. A smaller size means that the options do not come
 * from gilkit_default_options(). */
enum { GILKIT_MIN_OPTIONS = sizeof(gilkit_options) };

/* The stack size of threads is a setting of the interpreter. gilkit_begin() reads it;
 * without gilkit_begin(), it is read here if the caller is attached. */
static size_t wanted_stack_size(const gilkit_options *from)
{
#if PY_VERSION_HEX >= 0x030D0000
    int attached = PyThreadState_GetUnchecked() != NULL;
#else
    int attached = _PyThreadState_UncheckedGet() != NULL;
#endif
    if (from != NULL && from->size >= GILKIT_MIN_OPTIONS && from->call != NULL)
        return ((const gk_options *)from->call)->stack_size;
    return attached ? PyThread_get_stacksize() : 0;
}

/* Converts the options. `link` is memory that must live as long as `to`. */
static int to_options(const gilkit_options *from, gk_options *to, gk_token_list *link)
{
    memset(to, 0, sizeof *to);
    to->foreign = 1;
    to->stack_size = wanted_stack_size(from);
    if (from == NULL)
        return 0;
    if (from->size < GILKIT_MIN_OPTIONS)
        return GILKIT_BAD_OPTIONS;
    to->threads = from->threads;
    to->eager = from->eager;
    to->grain = from->grain;
    to->deadline = from->deadline;
    to->token = (gk_cancel_token *)from->token;
    to->poll = from->poll;
    to->poll_context = from->poll_context;
    const gk_options *call = (const gk_options *)from->call; /* a Call begins with its options */
    if (call != NULL && call->token != NULL) {
        if (to->token == NULL || to->token == call->token) {
            to->token = call->token;
            to->outer_tokens = call->outer_tokens;
        } else { /* the caller's own token, and those of the `with` blocks around it */
            link->token = call->token;
            link->outer = call->outer_tokens;
            to->outer_tokens = link;
        }
    }
    return 0;
}

/* Fills in from `call` what the caller has not set. The tokens stay in `call`, where
 * to_options() finds them. */
static void from_options(const gk_options *call, gilkit_options *to)
{
    to->threads = call->threads;
    if (call->deadline != GK_NO_DEADLINE && (to->deadline == GK_NO_DEADLINE || call->deadline < to->deadline))
        to->deadline = call->deadline;
    if (to->poll == NULL) {
        to->poll = call->poll;
        to->poll_context = call->poll_context;
    }
}

static int api_parallel_for(int64_t n, gilkit_body *body, void *data, const gilkit_options *options)
{
    gk_options o;
    gk_token_list link;
    int status = to_options(options, &o, &link);
    return status != 0 ? status : GK(gk_parallel_for)(n, body, data, &o);
}

static int api_parallel_reduce(int64_t n, size_t size, gilkit_fold *fold, gilkit_combine *combine, void *data,
                               void *result, const gilkit_options *options)
{
    gk_options o;
    gk_token_list link;
    int status = to_options(options, &o, &link);
    return status != 0 ? status : GK(gk_parallel_reduce)(n, size, fold, combine, data, result, &o);
}

static int api_participants(const gilkit_options *options)
{
    gk_options o;
    gk_token_list link;
    return to_options(options, &o, &link) != 0 ? 1 : GK(gk_participants)(&o);
}

static void api_cancel_token(gilkit_token *token)
{
    GK(gk_cancel_token_set)((gk_cancel_token *)token, GK_CANCELLED);
}

static int api_lock_acquire(gilkit_lock *lock, int64_t timeout)
{
    gk_lock *l = (gk_lock *)lock;
    if (gk_lock_try(l))
        return GILKIT_OK;
    gk_wait_options wait_options = {
        timeout < 0 ? GK_NO_DEADLINE : timeout == 0 ? GK_DO_NOT_WAIT : GK(gk_now)() + timeout, NULL, NULL};
    return GK(gk_lock_acquire)(l, &wait_options);
}

static int api_lock_release(gilkit_lock *lock)
{
    gk_lock *l = (gk_lock *)lock;
    return gk_lock_try_release(l) || GK(gk_lock_release)(l) == GK_OK ? GILKIT_OK : GILKIT_NOT_HELD;
}

static gilkit_counter *api_counter_new(void)
{
    return (gilkit_counter *)GK(gk_sharded_new)(1);
}

static void api_counter_free(gilkit_counter *counter)
{
    GK(gk_sharded_release)((gk_sharded *)counter);
}

static int api_counter_add(gilkit_counter *counter, int64_t n)
{
    return GK(gk_sharded_add)((gk_sharded *)counter, n) == GK_OK ? GILKIT_OK : GILKIT_OVERFLOW;
}

static int64_t api_counter_value(gilkit_counter *counter)
{
    return GK(gk_sharded_value)((gk_sharded *)counter);
}

_Static_assert(sizeof(gk_lock) <= sizeof(gilkit_lock), "gk_lock must fit into gilkit_lock");
_Static_assert(sizeof(gilkit_token) == sizeof(gk_cancel_token), "gilkit_token must equal gk_cancel_token");
_Static_assert(GILKIT_OK == GK_OK && GILKIT_CANCELLED == GK_CANCELLED && GILKIT_TIMEOUT == GK_TIMEOUT &&
               GILKIT_NO_MEMORY == GK_NO_MEMORY && GILKIT_INTERRUPTED == GK_INTERRUPTED &&
               GILKIT_FORKED == GK_FORKED && GILKIT_NOT_HELD == GK_NOT_HELD && GILKIT_OVERFLOW == GK_OVERFLOW,
               "the public codes must equal those of csrc");

/* Written once, before any module can read it. */
static gilkit_api api_table;

static void fill_table(int (*begin)(gilkit_options *), int (*finish)(gilkit_options *, int))
{
    gilkit_api table = {
        .abi = GILKIT_ABI,
        .size = sizeof(gilkit_api),
        .version = GILKIT_VERSION,
        .parallel_for = api_parallel_for,
        .parallel_reduce = api_parallel_reduce,
        .default_grain = GK(gk_default_grain),
        .cancel = GK(gk_cancel),
        .cancelled = GK(gk_cancelled),
        .cancel_token = api_cancel_token,
        .participant = GK(gk_participant),
        .participants = api_participants,
        .num_threads = GK(gk_num_threads),
        .now = GK(gk_now),
        .begin = begin,
        .finish = finish,
        .lock_acquire = api_lock_acquire,
        .lock_release = api_lock_release,
        .counter_new = api_counter_new,
        .counter_free = api_counter_free,
        .counter_add = api_counter_add,
        .counter_value = api_counter_value,
    };
    api_table = table;
}

#endif
