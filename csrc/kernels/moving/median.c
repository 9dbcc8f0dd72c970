/* Moving medians (Suomela, "Median filtering is equivalent to sorting"): each block of `window` items is sorted once,
 * into a linked list. While the window moves over a block, the items of the previous block are removed from
 * their list in the order of their positions. The items of the block itself are first removed from last
 * to first, and then put back from first to last: the links of a removed item still name its neighbours. */
#include "kernels/moving/median.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "kernels/array/load.h"
#include "kernels/array/memory.h"

/* The items of a block that are in the window, in ascending order. The item `window` is a sentinel after the last
 * and before the first. The window's smaller half consists of the first `small` items of two lists. */
typedef struct {
    double *x;
    int32_t *next, *previous, *rank; /* rank: an item's position in the order of the whole block */
    int32_t head;                    /* the first item that is not in the smaller half */
    int64_t small;
    int64_t valid; /* items that are in the window */
} list;

typedef struct {
    const gk_moving *m;
    list lists[2];
    double *sorted;
    intptr_t *order;
    int32_t *position;
    void *memory;
} medians;

static int medians_init(medians *a, const gk_moving *m)
{
    int64_t size = m->window + 1;
    a->m = m;
    a->memory = gk_allocate(size, 4 * sizeof(double) + 7 * sizeof(int32_t));
    if (a->memory == NULL)
        return GK_NO_MEMORY;
    double *doubles = a->memory;
    a->lists[0].x = doubles;
    a->lists[1].x = doubles + size;
    a->sorted = doubles + 2 * size;
    a->order = (intptr_t *)(void *)(doubles + 3 * size);
    int32_t *integers = (int32_t *)(void *)(doubles + 4 * size);
    for (int i = 0; i < 2; i++, integers += 3 * size) {
        a->lists[i].next = integers;
        a->lists[i].previous = integers + size;
        a->lists[i].rank = integers + 2 * size;
    }
    a->position = integers;
    return GK_OK;
}

/* An empty list. */
static void clear(const medians *a, list *l)
{
    int32_t end = (int32_t)a->m->window;
    for (int32_t i = 0; i < end; i++)
        l->x[i] = NAN;
    l->next[end] = l->previous[end] = l->head = end;
    l->rank[end] = INT32_MAX;
    l->small = l->valid = 0;
}

/* The list of all items of block `number`. */
static int sort_block(medians *a, list *l, const void *src, int64_t number, int64_t n)
{
    const gk_moving *m = a->m;
    int64_t begin = number * m->window, length = n - begin < m->window ? n - begin : m->window;
    int64_t size = gk_itemsize(m->type);
    int32_t end = (int32_t)m->window, last = end;
    clear(a, l);
    gk_load_as_float64(m->type)(l->x, (const char *)src + begin * size, size, length);
    for (int32_t i = 0; i < length; i++)
        if (l->x[i] == l->x[i]) {
            a->position[l->valid] = i;
            a->order[l->valid] = (intptr_t)l->valid;
            a->sorted[l->valid++] = l->x[i] += 0.0; /* no -0.0: the order of equal zeros is not defined */
        }
    if (m->argsort(a->sorted, a->order, (intptr_t)l->valid, NULL) < 0)
        return GK_NO_MEMORY;
    for (int64_t r = 0; r < l->valid; r++) {
        int32_t i = a->position[a->order[r]];
        l->rank[i] = (int32_t)r;
        l->previous[i] = last;
        l->next[last] = i;
        last = i;
    }
    l->next[last] = end;
    l->previous[end] = last;
    l->head = l->next[end];
    return GK_OK;
}

static void remove_item(list *l, int32_t i)
{
    l->next[l->previous[i]] = l->next[i];
    l->previous[l->next[i]] = l->previous[i];
    l->valid--;
    if (l->rank[i] < l->rank[l->head])
        l->small--;
    else if (i == l->head)
        l->head = l->next[i];
}

static void put_back(list *l, int32_t i)
{
    l->next[l->previous[i]] = i;
    l->previous[l->next[i]] = i;
    l->valid++;
    if (l->rank[i] < l->rank[l->head])
        l->small++;
}

static void advance(list *l)
{
    l->head = l->next[l->head];
    l->small++;
}

static void retreat(list *l)
{
    l->head = l->previous[l->head];
    l->small--;
}

static double item(const list *l, int32_t i, int64_t window)
{
    return i == window ? INFINITY : l->x[i];
}

/* The largest item of the smaller half. */
static double last_small(const list *l)
{
    return l->small == 0 ? -INFINITY : l->x[l->previous[l->head]];
}

/* Whether the next item in ascending order is this list's head and not the other's. Heads are
 * compared with the end of the list first: an item may be infinite, as the end is in item(). */
static int is_first(const list *l, const list *other, int64_t window)
{
    return l->head != window && (other->head == window || l->x[l->head] <= other->x[other->head]);
}

static double median_of(list *a, list *b, int64_t window)
{
    int64_t valid = a->valid + b->valid, small = (valid - 1) / 2;
    for (;;) {
        if (a->small + b->small > small)
            retreat(b->small == 0 || (a->small > 0 && last_small(a) >= last_small(b)) ? a : b);
        else if (a->small + b->small < small)
            advance(is_first(a, b, window) ? a : b);
        else if (last_small(a) > item(b, b->head, window))
            retreat(a), advance(b);
        else if (last_small(b) > item(a, a->head, window))
            retreat(b), advance(a);
        else
            break;
    }
    list *first = is_first(a, b, window) ? a : b, *other = first == a ? b : a;
    double lower = first->x[first->head];
    if (valid % 2 == 1)
        return lower;
    double x = item(first, first->next[first->head], window), y = item(other, other->head, window);
    return (lower + (x < y ? x : y)) / 2;
}

static void store(const gk_moving *m, double x, int64_t i, void *dst)
{
    if (m->type == GK_FLOAT32)
        ((float *)dst)[i] = (float)x;
    else
        ((double *)dst)[i] = x;
}

int gk_move_medians(const gk_moving *m, const void *src, void *dst, int64_t n, int64_t begin, int64_t end)
{
    enum { POLL_EVERY = 1 << 14 };
    medians a;
    int64_t window = m->window;
    if (medians_init(&a, m) != GK_OK)
        return GK_NO_MEMORY;
    int status = GK_OK;
    list *leaving = &a.lists[0], *entering = &a.lists[1];
    if (begin == 0)
        clear(&a, leaving);
    else
        status = sort_block(&a, leaving, src, begin - 1, n);
    for (int64_t number = begin; number < end && status == GK_OK; number++) {
        int64_t at = number * window, length = n - at < window ? n - at : window;
        status = sort_block(&a, entering, src, number, n);
        for (int32_t i = (int32_t)length - 1; i >= 0; i--)
            if (entering->x[i] == entering->x[i])
                remove_item(entering, i);
        for (int32_t i = 0; i < length && status == GK_OK; i++) {
            if (leaving->x[i] == leaving->x[i])
                remove_item(leaving, i);
            if (entering->x[i] == entering->x[i])
                put_back(entering, i);
            int enough = leaving->valid + entering->valid >= m->min_count;
            store(m, enough ? median_of(leaving, entering, window) : NAN, at + i, dst);
            if (i % POLL_EVERY == POLL_EVERY - 1 && gk_cancelled())
                break;
        }
        if (gk_cancelled())
            break;
        list *swapped = leaving;
        leaving = entering;
        entering = swapped;
    }
    free(a.memory);
    return status;
}

/* The items of a short window, in ascending order. */
typedef struct {
    double x[GK_MOVE_SHORT];
    int n;
} sorted_items;

/* Stores x at the position `hole` and moves it to where it belongs. */
static void settle(sorted_items *s, int hole, double x)
{
    for (; hole > 0 && s->x[hole - 1] > x; hole--)
        s->x[hole] = s->x[hole - 1];
    for (; hole + 1 < s->n && s->x[hole + 1] < x; hole++)
        s->x[hole] = s->x[hole + 1];
    s->x[hole] = x;
}

static int place_of(const sorted_items *s, double x)
{
    int place = 0;
    for (int i = 0; i < s->n; i++)
        place += s->x[i] < x;
    return place;
}

static void insert(sorted_items *s, double x)
{
    s->n++;
    settle(s, s->n - 1, x);
}

/* Either of the two may be NaN. */
static void replace(sorted_items *s, double old, double x)
{
    if (old == old && x == x) {
        settle(s, place_of(s, old), x);
    } else if (old == old) {
        s->n--;
        for (int i = place_of(s, old); i < s->n; i++)
            s->x[i] = s->x[i + 1];
    } else if (x == x) {
        insert(s, x);
    }
}

void gk_move_short_medians(const gk_moving *m, const void *src, void *dst, int64_t begin, int64_t end)
{
    enum { BLOCK = 512 };
    double x[BLOCK + GK_MOVE_SHORT];
    sorted_items s = {.n = 0};
    int64_t size = gk_itemsize(m->type), window = m->window;
    for (int64_t at = begin; at < end; at += BLOCK) {
        int64_t from = at >= window ? at - window : 0, to = end - at < BLOCK ? end : at + BLOCK;
        gk_load_as_float64(m->type)(x, (const char *)src + from * size, size, to - from);
        for (int64_t k = 0; k < to - from; k++)
            x[k] += 0.0; /* no -0.0: the order of equal zeros is not defined */
        for (int64_t i = at == begin ? from : at; i < to; i++) {
            if (i < at) {
                replace(&s, NAN, x[i - from]);
                continue;
            }
            replace(&s, i >= window ? x[i - window - from] : NAN, x[i - from]);
            double middle = s.n > 0 ? (s.n % 2 == 1 ? s.x[s.n / 2] : (s.x[s.n / 2 - 1] + s.x[s.n / 2]) / 2) : NAN;
            store(m, s.n >= m->min_count ? middle : NAN, i, dst);
        }
    }
}
