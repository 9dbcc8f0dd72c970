/* The hazard: a child inherits the cache's lock held, or shares a block's content with its parent. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#ifdef _WIN32
int main(void)
{
    return 0; /* no fork here */
}
#else

#  include <stdatomic.h>
#  include <string.h>
#  include <sys/wait.h>
#  include <unistd.h>

#  include "memory_source.h"
#  include "runtime/parallel.h"
#  include "stress.h"
#  include "thread_group.h"

enum { SIZE = 5 << 20 };

static void use(unsigned char value)
{
    unsigned char *block = gk_blocks_allocate(SIZE, value % 2);
    CHECK(block != NULL);
    memset(block, value, SIZE);
    for (int i = 0; i < SIZE; i += 1000)
        CHECK(block[i] == value);
    gk_blocks_release(block, SIZE);
}

static void fork_once(void)
{
    unsigned char *mine = gk_blocks_allocate(SIZE, 0);
    memset(mine, 1, SIZE);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        for (int i = 2; i < 6; i++)
            use((unsigned char)i);
        CHECK(mine[0] == 1 && mine[SIZE - 1] == 1);
        memset(mine, 7, SIZE);
        gk_blocks_release(mine, SIZE);
        CHECK(gk_blocks_get_statistics().blocks > 0 && gk_blocks_trim() > 0);
        gk_blocks_close();
        _exit(0);
    }
    use(8);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < SIZE; i += 1000)
        CHECK(mine[i] == 1);
    gk_blocks_release(mine, SIZE);
}

static _Atomic int forking;

static void beside(int me, void *unused)
{
    (void)unused;
    if (me == 0) {
        for (int i = 0; i < rounds(50); i++)
            fork_once();
        atomic_store(&forking, 0);
    }
    while (atomic_load(&forking))
        use((unsigned char)(10 + me));
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(2);
    gk_blocks_open(&SOURCE, &(gk_block_options){.limit = 100 << 20});
    for (int i = 0; i < rounds(20); i++)
        fork_once();
#  ifndef SANITIZED
    atomic_store(&forking, 1);
    thread_group(3, beside, NULL);
#  else
    (void)beside;
#  endif
    gk_blocks_close();
    CHECK(atomic_load(&source_blocks) == 0);
    CHECK(gk_pool_stop());
    return 0;
}
#endif
