/* The pipeline of gilkit.imap gives each item's outcome once, in the order that was asked for, whatever its threads do:
 * also when items are given up, fail, or are in progress when it is closed. No object is lost or freed twice.
 */
#include "gilkit/_pipeline.c"

#include "base/thread.h"
#include "check.h"
#include "thread_hub.h"

#include <string.h>

static const gk_exports table = {
#define GK_MEMBER(name) &name,
    GK_EXPORTS(GK_MEMBER)
#undef GK_MEMBER
};

/* ---- In place of _mapping.c ---- */

static _Thread_local PyObject *raised;

PyObject *mapping_take_exception(void)
{
    PyObject *error = raised;
    raised = NULL;
    return error;
}

enum { MAX_ITEMS = 20000, SLOW = 7, FAILING = 5 };

typedef struct {
    int64_t nanoseconds; /* that every SLOW-th item takes */
    int fails;           /* every FAILING-th item does */
    _Atomic int calls[MAX_ITEMS];
} function;

static function called;

PyObject *mapping_call(const mapping *m, PyObject *item)
{
    (void)m;
    int64_t i = item->value, until = gk_now() + (i % SLOW == 0 ? called.nanoseconds : 0);
    atomic_fetch_add(&called.calls[i], 1);
    while (gk_now() < until)
        gk_thread_yield();
    if (!called.fails || i % FAILING != 0)
        return stub_new(NULL, i);
    raised = stub_new(PyExc_Exception, i);
    return NULL;
}

int mapping_region(mapping *m, int64_t n, gk_body *body, gk_options *options)
{
    return gk_parallel_for(n, body, m, options);
}

/* ---- The runner and the consumer ---- */

typedef struct {
    int threads, in_order, keep_going;
    int64_t capacity, ahead, items, time_limit;
    int64_t closed_after; /* results; -1: never */
} scenario;

typedef struct {
    imap_stream s;
    int threads;
} stream;

static void run(void *argument)
{
    stream *this = argument;
    while (imap_await_work(&this->s) && imap_hold(&this->s)) {
        gk_options options = {.threads = this->threads};
        int status = imap_run(&this->s, &options);
        CHECK(status == GK_OK || status == GK_CANCELLED);
        imap_let_go(&this->s);
    }
    imap_end(&this->s);
}

static char given[MAX_ITEMS];

/* Returns the number of results that were given before the end. */
static int64_t consume(const scenario *c, imap_stream *s)
{
    int64_t read = 0, results = 0, timeouts = 0;
    begin(1, 20);
    while (results < c->items && results != c->closed_after) {
        while (read < c->items && read - s->head < c->ahead) {
            imap_push(s, stub_new(NULL, read++));
            if (read % 3 == 0)
                imap_kick(s);
        }
        imap_kick(s);
        int failed = 0;
        PyObject *outcome = imap_take(s, &failed);
        if (outcome == NULL) {
            imap_wait(s, s->head, c->time_limit > 0 ? 200 : -1, results % 2 == 0 ? NULL : sleep_in_hub);
            if (c->time_limit > 0)
                imap_give_up(s);
            continue;
        }
        int64_t i = outcome->value;
        int too_late = failed && outcome->type == PyExc_TimeoutError;
        CHECK(failed == (outcome->type != NULL));
        Py_DECREF(outcome);
        results++;
        if (too_late) {
            timeouts++;
            continue;
        }
        CHECK(!c->in_order || i == results - 1);
        CHECK(!given[i]);
        given[i] = 1;
        if (failed && !c->keep_going)
            break;
    }
    CHECK(timeouts == 0 || c->time_limit > 0);
    return results;
}

static void test(const scenario *c)
{
    static stream this;
    int64_t before = atomic_load(&stub_objects);
    memset(&this, 0, sizeof this);
    memset(given, 0, sizeof given);
    for (int64_t i = 0; i < c->items; i++)
        atomic_store(&called.calls[i], 0);
    CHECK(imap_init(&this.s, c->capacity, c->time_limit) == 0);
    this.threads = c->threads;
    this.s.in_order = c->in_order;
    this.s.keep_going = c->keep_going;
    this.s.m.fn = stub_new(NULL, 0);
    this.s.m.context = stub_new(NULL, 0);
    gk_thread *runner = gk_thread_start(run, &this, "runner");
    CHECK(runner != NULL);
    int64_t results = consume(c, &this.s);
    int whole = results == c->items;
    imap_stop(&this.s);
    while (!atomic_load(&this.s.over))
        imap_wait(&this.s, IMAP_END, -1, sleep_in_hub);
    gk_thread_join(runner);
    CHECK(atomic_load(&this.s.given_up) == 0 && atomic_load(&this.s.working) <= 0);
    for (int64_t i = 0; i < c->items; i++)
        CHECK(atomic_load(&called.calls[i]) <= 1 && (!whole || atomic_load(&called.calls[i]) == 1));
    if (called.fails && !c->keep_going)
        CHECK(results < c->items);
    Py_DECREF(this.s.m.fn);
    Py_DECREF(this.s.m.context);
    imap_free(&this.s);
    CHECK(atomic_load(&stub_objects) == before);
}

int main(void)
{
    stub_capsule = &table;
    CHECK(imap_import_core() == 0);
    static const int threads[] = {1, 2, 3, 8, 64};
    for (int t = 0; t < 5; t++) {
        for (int in_order = 0; in_order < 2; in_order++) {
            for (int64_t capacity = 1; capacity <= 64; capacity *= 4) {
                scenario c = {.threads = threads[t], .in_order = in_order, .capacity = capacity, .ahead = capacity,
                              .closed_after = -1};
                called = (function){.nanoseconds = 2 * GK_MICROSECOND};
                c.items = t < 3 ? 3000 : 500;
                test(&c);
                c.ahead = (capacity + 2) / 2;
                test(&c);
                c.closed_after = 100;
                test(&c);
                c.closed_after = -1;
                called.fails = 1;
                test(&c);
                c.keep_going = 1;
                test(&c);
                /* Some items are given up, and some end just in time. */
                c.items = 60;
                c.time_limit = 500 * GK_MICROSECOND;
                called.nanoseconds = 500 * GK_MICROSECOND;
                test(&c);
                called.nanoseconds = 2 * GK_MILLISECOND;
                test(&c);
                called.fails = 0;
                c.closed_after = 9;
                test(&c);
            }
        }
    }
    return 0;
}
