#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cores.h"
#include "base/thread.h"
#include "sync/counter.h"

/* Cells wrap around. The sum of all cells modulo 2^64 is the value, as long as the value
 * itself is within range. Before the counter is marked careful, this holds because each
 * of at most 2^14 cells is within CELL_FAR; afterwards, because every addition checks the
 * sum first, under the lock. */

struct gk_cell {
    _Atomic uint64_t count;
};

enum { MAX_SHARED = 64, CELLS_OF_A_BLOCK = 32 };
#define CELL_FAR (INT64_C(1) << 46)

/* Cells for single threads, in blocks that are freed with the counter. */
typedef struct block {
    struct block *_Atomic next;
    void *memory;
    unsigned char *cells;
    _Atomic uint64_t taken; /* a bit for each cell; changes under the lock */
} block;

struct gk_sharded {
    gk_lock lock;
    _Atomic uint64_t base; /* the negated sum of the cells at the last reset */
    _Atomic uint32_t references;
    _Atomic uint32_t careful;
    uint32_t shared; /* a power of two */
    size_t stride;
    void *memory;
    unsigned char *cells;
    block *_Atomic blocks;
};

static gk_cell *cell_at(unsigned char *cells, size_t stride, uint32_t i)
{
    return (gk_cell *)(void *)(cells + stride * i);
}

/* Zeroed, and sharing no cache line with other memory. */
static unsigned char *allocate_cells(size_t stride, uint32_t n, void **memory)
{
    *memory = calloc(1, stride * n + 2 * GK_CACHE_LINE);
    if (*memory == NULL)
        return NULL;
    uintptr_t address = ((uintptr_t)*memory + GK_CACHE_LINE - 1) / GK_CACHE_LINE * GK_CACHE_LINE;
    return (unsigned char *)address;
}

gk_sharded *gk_sharded_new(int padded)
{
    gk_sharded *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    /* Twice the cores, so two threads rarely share a cell. */
    s->shared = 1;
    while (s->shared < MAX_SHARED && s->shared < 2 * (uint32_t)gk_cores_online())
        s->shared *= 2;
    s->stride = padded ? GK_CACHE_LINE : sizeof(gk_cell);
    atomic_init(&s->references, 1);
    s->cells = allocate_cells(s->stride, s->shared, &s->memory);
    if (s->cells == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

void gk_sharded_retain(gk_sharded *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
}

void gk_sharded_release(gk_sharded *s)
{
    if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    for (block *b = atomic_load(&s->blocks), *next; b != NULL; b = next) {
        next = atomic_load(&b->next);
        free(b->memory);
        free(b);
    }
    free(s->memory);
    free(s);
}

static uint64_t sum_of(unsigned char *cells, size_t stride, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += atomic_load_explicit(&cell_at(cells, stride, i)->count, memory_order_acquire);
    return sum;
}

static uint64_t sum_of_cells(gk_sharded *s)
{
    uint64_t sum = sum_of(s->cells, s->stride, s->shared);
    for (block *b = atomic_load_explicit(&s->blocks, memory_order_acquire); b != NULL;
         b = atomic_load_explicit(&b->next, memory_order_acquire))
        sum += sum_of(b->cells, s->stride, CELLS_OF_A_BLOCK);
    return sum;
}

int64_t gk_sharded_value(gk_sharded *s)
{
    return (int64_t)(atomic_load_explicit(&s->base, memory_order_acquire) + sum_of_cells(s));
}

int64_t gk_sharded_reset(gk_sharded *s)
{
    gk_lock_acquire(&s->lock, NULL);
    uint64_t sum = sum_of_cells(s);
    uint64_t base = atomic_exchange_explicit(&s->base, 0 - sum, memory_order_acq_rel);
    gk_lock_release(&s->lock);
    return (int64_t)(base + sum);
}

static GK_NOINLINE int add_carefully(gk_sharded *s, gk_cell *cell, int64_t n)
{
    gk_lock_acquire(&s->lock, NULL);
    atomic_store(&s->careful, 1);
    int overflows = gk_add_overflows(gk_sharded_value(s), n);
    if (!overflows)
        atomic_fetch_add(&cell->count, (uint64_t)n);
    gk_lock_release(&s->lock);
    return overflows ? GK_OVERFLOW : GK_OK;
}

static int quick(gk_sharded *s, int64_t n)
{
    return GK_LIKELY(!gk_is_beyond(n, GK_COUNTER_STEP) &&
                     !atomic_load_explicit(&s->careful, memory_order_relaxed));
}

static void mark_if_far(gk_sharded *s, uint64_t count)
{
    if (GK_UNLIKELY(gk_is_beyond((int64_t)count, CELL_FAR)))
        atomic_store(&s->careful, 1);
}

int gk_sharded_add(gk_sharded *s, int64_t n)
{
    gk_cell *cell = cell_at(s->cells, s->stride, (uint32_t)gk_thread_id() & (s->shared - 1));
    if (!quick(s, n))
        return add_carefully(s, cell, n);
    mark_if_far(s, atomic_fetch_add_explicit(&cell->count, (uint64_t)n, memory_order_release) + (uint64_t)n);
    return GK_OK;
}

int gk_sharded_add_to_cell(gk_sharded *s, gk_cell *cell, int64_t n)
{
    if (!quick(s, n))
        return add_carefully(s, cell, n);
    uint64_t count = atomic_load_explicit(&cell->count, memory_order_relaxed) + (uint64_t)n;
    atomic_store_explicit(&cell->count, count, memory_order_release);
    mark_if_far(s, count);
    return GK_OK;
}

static block *new_block(gk_sharded *s)
{
    block *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->cells = allocate_cells(s->stride, CELLS_OF_A_BLOCK, &b->memory);
    if (b->cells == NULL) {
        free(b);
        return NULL;
    }
    return b;
}

static gk_cell *take_from(gk_sharded *s, block *b)
{
    uint64_t taken = atomic_load_explicit(&b->taken, memory_order_relaxed);
    for (uint32_t i = 0; i < CELLS_OF_A_BLOCK; i++) {
        if (!(taken >> i & 1)) {
            atomic_store_explicit(&b->taken, taken | UINT64_C(1) << i, memory_order_relaxed);
            return cell_at(b->cells, s->stride, i);
        }
    }
    return NULL;
}

gk_cell *gk_sharded_take_cell(gk_sharded *s)
{
    gk_cell *cell = NULL;
    gk_lock_acquire(&s->lock, NULL);
    for (block *b = atomic_load(&s->blocks); b != NULL && cell == NULL; b = atomic_load(&b->next))
        cell = take_from(s, b);
    if (cell == NULL) {
        block *b = new_block(s);
        if (b != NULL) {
            cell = take_from(s, b);
            atomic_store(&b->next, atomic_load(&s->blocks));
            atomic_store(&s->blocks, b);
        }
    }
    gk_lock_release(&s->lock);
    return cell;
}

void gk_sharded_give_cell(gk_sharded *s, gk_cell *cell)
{
    uintptr_t address = (uintptr_t)cell;
    gk_lock_acquire(&s->lock, NULL);
    for (block *b = atomic_load(&s->blocks); b != NULL; b = atomic_load(&b->next)) {
        uintptr_t first = (uintptr_t)b->cells;
        if (address >= first && address < first + s->stride * CELLS_OF_A_BLOCK) {
            uint64_t bit = UINT64_C(1) << (address - first) / s->stride;
            atomic_store_explicit(&b->taken, atomic_load_explicit(&b->taken, memory_order_relaxed) & ~bit,
                                  memory_order_relaxed);
        }
    }
    gk_lock_release(&s->lock);
}
