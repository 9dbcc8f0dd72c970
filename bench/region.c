/* Empty regions of the pool, for bench_region.py: the benchmark compiles this file with the installed gilkit.h. */
#include <Python.h>

#include <stdatomic.h>

#include <gilkit/gilkit.h>

static void nothing(int64_t begin, int64_t end, void *data)
{
    (void)begin;
    (void)end;
    (void)data;
}

static void count(int64_t begin, int64_t end, void *data)
{
    atomic_fetch_add((_Atomic int64_t *)data, end - begin);
}

static gilkit_options on(int threads)
{
    gilkit_options options = gilkit_default_options();
    options.threads = threads;
    options.grain = 1;
    return options;
}

/* Call this first, with the GIL held. */
int region_import(void)
{
    return gilkit_import();
}

/* Returns the number of items that one region computes; `threads` if it works. */
int64_t region_items(int threads)
{
    _Atomic int64_t items = 0;
    gilkit_options options = on(threads);
    gilkit_parallel_for(threads, count, &items, &options);
    return items;
}

/* Runs regions in sequence, each after a pause of `pause` nanoseconds. Returns their total nanoseconds. */
int64_t region_run(int threads, int64_t regions, int64_t pause)
{
    gilkit_options options = on(threads);
    int64_t taken = 0;
    for (int64_t region = 0; region < regions; region++) {
        int64_t start = gilkit_now();
        if (pause > 0) {
            while (gilkit_now() < start + pause)
                ;
            start = gilkit_now();
        }
        gilkit_parallel_for(threads, nothing, NULL, &options);
        taken += gilkit_now() - start;
    }
    return taken;
}
