/* The counters: exact sums, linearisability, and the ends of the range. */
#include "sync/counter.h"
#include "sync/contend.h"

#include "thread_group.h"

enum { EACH = 20000 };

/* Exact sums from many threads, which add and subtract to make cells wrap. */

static gk_counter *atomic_counter, *locked_counter;
static gk_sharded *sharded_counter;

static void add_and_take(int i, void *data)
{
    (void)data;
    int64_t sum;
    gk_cell *cell = i % 2 ? gk_sharded_take_cell(sharded_counter) : NULL;
    for (int64_t k = 0; k < EACH / 10; k++) {
        int64_t n = k % 2 ? -k : k + i;
        CHECK(gk_atomic_add(atomic_counter, n, &sum) == GK_OK);
        CHECK(gk_locked_add(locked_counter, n, &sum, NULL) == GK_OK);
        CHECK((cell ? gk_sharded_add_to_cell(sharded_counter, cell, n) : gk_sharded_add(sharded_counter, n)) ==
              GK_OK);
    }
    if (cell)
        gk_sharded_give_cell(sharded_counter, cell);
}

static void test_sums(void)
{
    static const int sizes[] = {1, 2, 3, 8, 64};
    for (int c = 0; c < 5; c++) {
        int64_t expected = 0;
        for (int64_t i = 0; i < sizes[c]; i++)
            for (int64_t k = 0; k < EACH / 10; k++)
                expected += k % 2 ? -k : k + i;
        thread_group(sizes[c], add_and_take, NULL);
        CHECK(gk_atomic_exchange(atomic_counter, 0) == expected);
        CHECK(gk_locked_value(locked_counter) == expected);
        CHECK(gk_locked_exchange(locked_counter, 0) == expected);
        CHECK(gk_sharded_value(sharded_counter) == expected);
        CHECK(gk_sharded_reset(sharded_counter) == expected);
        CHECK(gk_sharded_value(sharded_counter) == 0);
    }
}

/* Linearisability of fetch-and-add. Every addition of 1 returns its sum. The sums of all
 * threads must be 1..n, each once, and if one addition ended before another began, its
 * sum must be the smaller one. */

enum { WRITERS = 4, OPERATIONS = 5000 };

static struct {
    int64_t begin[WRITERS * OPERATIONS], end[WRITERS * OPERATIONS];
} history;

static void record(int i, void *data)
{
    int locked = data != NULL;
    (void)i;
    for (int k = 0; k < OPERATIONS; k++) {
        int64_t sum, begin = gk_now();
        if (locked)
            gk_locked_add(locked_counter, 1, &sum, NULL);
        else
            gk_atomic_add(atomic_counter, 1, &sum);
        int64_t end = gk_now();
        CHECK(sum >= 1 && sum <= WRITERS * OPERATIONS && history.end[sum - 1] == 0);
        history.begin[sum - 1] = begin;
        history.end[sum - 1] = end;
    }
}

static void check_history(void)
{
    int64_t latest_begin = 0;
    for (int k = 0; k < WRITERS * OPERATIONS; k++) {
        CHECK(history.end[k] != 0);
        /* No operation with a larger sum ended before this one began. Equivalently, none
         * with a smaller sum began after this one ended. */
        CHECK(latest_begin <= history.end[k]);
        latest_begin = history.begin[k] > latest_begin ? history.begin[k] : latest_begin;
    }
    memset(&history, 0, sizeof history);
}

static void test_linearisable(void)
{
    thread_group(WRITERS, record, NULL);
    check_history();
    CHECK(gk_atomic_exchange(atomic_counter, 0) == WRITERS * OPERATIONS);
    thread_group(WRITERS, record, &history);
    check_history();
    CHECK(gk_locked_exchange(locked_counter, 0) == WRITERS * OPERATIONS);
}

/* A sum that is read while others only add never falls and never exceeds the total. */

static _Atomic int adders;

static void add_or_read(int i, void *data)
{
    (void)data;
    if (i > 0) {
        for (int k = 0; k < EACH; k++)
            gk_sharded_add(sharded_counter, 1);
        atomic_fetch_sub(&adders, 1);
        return;
    }
    for (int64_t last = 0; atomic_load(&adders) > 0;) {
        int64_t now = gk_sharded_value(sharded_counter);
        CHECK(now >= last && now <= 3 * EACH);
        last = now;
    }
}

static void test_sum_while_running(void)
{
    atomic_store(&adders, 3);
    thread_group(4, add_or_read, NULL);
    CHECK(gk_sharded_reset(sharded_counter) == 3 * EACH);
}

/* The ends of the range, including when many threads reach them at once. */

static void push_over(int i, void *data)
{
    int64_t sum, step = i % 2 ? 1 : 3, *accepted = data;
    for (int k = 0; k < 1000; k++) {
        if (gk_atomic_add(atomic_counter, step, &sum) == GK_OK)
            accepted[i] += step;
        CHECK(atomic_load(&atomic_counter->value) > 0);
        if (gk_sharded_add(sharded_counter, step) == GK_OK)
            accepted[i + 8] += step;
        CHECK(gk_sharded_value(sharded_counter) > 0);
    }
}

static void test_overflow(void)
{
    int64_t sum;
    CHECK(gk_atomic_add(atomic_counter, INT64_MAX, &sum) == GK_OK && sum == INT64_MAX);
    CHECK(gk_atomic_add(atomic_counter, 1, &sum) == GK_OVERFLOW);
    CHECK(gk_atomic_add(atomic_counter, INT64_MIN, &sum) == GK_OK && sum == -1);
    CHECK(gk_atomic_add(atomic_counter, INT64_MIN, &sum) == GK_OVERFLOW);
    CHECK(gk_atomic_exchange(atomic_counter, INT64_MAX - 2000) == -1);
    CHECK(gk_sharded_add(sharded_counter, INT64_MAX - 2000) == GK_OK);
    int64_t accepted[16] = {0}, total[2] = {0};
    thread_group(8, push_over, accepted);
    for (int i = 0; i < 16; i++)
        total[i / 8] += accepted[i];
    CHECK(total[0] == 2000 && gk_atomic_exchange(atomic_counter, 0) == INT64_MAX);
    CHECK(total[1] == 2000 && gk_sharded_value(sharded_counter) == INT64_MAX);

    /* Cells that have wrapped still give the right sum. */
    gk_cell *cell = gk_sharded_take_cell(sharded_counter);
    CHECK(gk_sharded_add_to_cell(sharded_counter, cell, INT64_MIN) == GK_OK);
    CHECK(gk_sharded_add_to_cell(sharded_counter, cell, INT64_MIN) == GK_OVERFLOW);
    CHECK(gk_sharded_value(sharded_counter) == -1);
    CHECK(gk_sharded_add(sharded_counter, 43) == GK_OK);
    CHECK(gk_sharded_reset(sharded_counter) == 42);
    gk_sharded_give_cell(sharded_counter, cell);
    gk_counter *racy = gk_counter_new(INT64_MAX);
    CHECK(gk_racy_add(racy, 1) == GK_OVERFLOW && gk_racy_add(racy, -1) == GK_OK);
    CHECK(gk_locked_add(racy, 2, &sum, NULL) == GK_OVERFLOW);
    CHECK(gk_locked_value(racy) == INT64_MAX - 1);
    gk_counter_release(racy);
}

/* Contention. */

static int stop_at_once(void *context)
{
    (void)context;
    return 1;
}

static void test_contend(void)
{
    for (int kind = GK_CONTEND_RACY; kind <= GK_CONTEND_SHARDED; kind++) {
        for (int threads = 1; threads <= 64; threads *= 4) {
            gk_counter *c = gk_counter_new(7);
            gk_contend h = {.kind = (gk_contend_kind)kind, .counter = c, .sharded = sharded_counter,
                           .increments = EACH / threads, .threads = threads, .inside = kind, .outside = 2};
            CHECK(gk_contend_run(&h, NULL) == GK_OK);
            int64_t all = (int64_t)(EACH / threads) * threads;
            int64_t counted = kind == GK_CONTEND_SHARDED ? gk_sharded_reset(sharded_counter)
                                                        : atomic_load(&c->value) - 7;
            CHECK(h.done == all && h.nanoseconds > 0);
            CHECK(kind == GK_CONTEND_RACY ? counted >= 1 && counted <= all : counted == all);
            CHECK(kind == GK_CONTEND_OPTIMISTIC || h.retries == 0);
            gk_counter_release(c);
        }
    }
    gk_counter *c = gk_counter_new(INT64_MAX - 10);
    gk_contend h = {.kind = GK_CONTEND_ATOMIC, .counter = c, .increments = 100, .threads = 3};
    CHECK(gk_contend_run(&h, NULL) == GK_OVERFLOW && h.done == 10);
    gk_atomic_exchange(c, 0);
    gk_thread_inject_failures(1);
    CHECK(gk_contend_run(&h, NULL) == GK_NO_MEMORY && atomic_load(&c->value) == 0);
    h.increments = INT64_MAX / 2;
    gk_wait_options p = {.poll = stop_at_once};
    CHECK(gk_contend_run(&h, &p) == GK_INTERRUPTED);
    CHECK(h.done == atomic_load(&c->value) && h.done < h.increments);
    p = (gk_wait_options){.deadline = gk_now() + 20 * GK_MILLISECOND};
    CHECK(gk_contend_run(&h, &p) == GK_TIMEOUT);
    gk_counter_release(c);
}

static void test_compare_and_set(void)
{
    gk_counter *c = gk_counter_new(5);
    CHECK(!gk_atomic_compare_and_set(c, 4, 6) && gk_atomic_compare_and_set(c, 5, 6));
    CHECK(!gk_locked_compare_and_set(c, 5, 7) && gk_locked_compare_and_set(c, 6, 7));
    CHECK(gk_locked_value(c) == 7);
    gk_counter_release(c);
}

static uintptr_t line_of(const void *address)
{
    return (uintptr_t)address / GK_CACHE_LINE;
}

/* Counters allocated one after another do not share the cache lines that additions write,
 * nor do the cells of a sharded counter. */
static void test_no_false_sharing(void)
{
    enum { MANY = 100 };
    gk_counter *counters[MANY];
    gk_cell *cells[MANY];
    for (int i = 0; i < MANY; i++) {
        counters[i] = gk_counter_new(0);
        cells[i] = gk_sharded_take_cell(sharded_counter);
        CHECK(counters[i] != NULL && cells[i] != NULL);
        CHECK(line_of(&counters[i]->lock) == line_of(&counters[i]->value));
        CHECK(line_of(&counters[i]->value) != line_of(&counters[i]->careful));
        for (int k = 0; k < i; k++) {
            CHECK(line_of(&counters[i]->value) != line_of(&counters[k]->value));
            CHECK(line_of(&counters[i]->value) != line_of(&counters[k]->careful));
            CHECK(line_of(&counters[k]->value) != line_of(&counters[i]->careful));
            CHECK(line_of(cells[i]) != line_of(cells[k]));
        }
    }
    for (int i = 0; i < MANY; i++) {
        gk_sharded_give_cell(sharded_counter, cells[i]);
        gk_counter_release(counters[i]);
    }
}

int main(void)
{
    atomic_counter = gk_counter_new(0);
    locked_counter = gk_counter_new(0);
    sharded_counter = gk_sharded_new(1);
    test_sums();
    test_linearisable();
    test_sum_while_running();
    test_overflow();
    test_contend();
    test_compare_and_set();
    test_no_false_sharing();
    gk_counter_release(atomic_counter);
    gk_counter_release(locked_counter);
    gk_sharded_release(sharded_counter);
    return 0;
}
