/* gk_memory_total and gk_memory_available: control groups of both versions, in prepared trees. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"

#if defined(__linux__)
#  include "prepared_tree.h"

static void begin(const char *group)
{
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s/proc %s/sys", root, root);
    CHECK(system(command) == 0);
    put("proc/meminfo", "MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:  600 kB\n");
    put("proc/self/cgroup", group);
}

int main(void)
{
    /* Without /proc, as in a bare root file system, the memory is unknown: 0. */
    int known = access("/proc/meminfo", R_OK) == 0;
    CHECK(!known || (gk_memory_total("") > (1 << 20) && gk_memory_available("") > 0));
    CHECK(gk_memory_available("") <= gk_memory_total(""));
    CHECK(mkdtemp(root) != NULL);
    CHECK(gk_memory_total(root) == 0 && gk_memory_available(root) == 0);

    begin("0::/\n"); /* no limit */
    CHECK(gk_memory_total(root) == 1024000 && gk_memory_available(root) == 614400);

    begin("0::/a/b\n"); /* the outer group's limit is the smaller one */
    put("sys/fs/cgroup/a/b/memory.max", "max\n");
    put("sys/fs/cgroup/a/memory.max", "500000\n");
    put("sys/fs/cgroup/a/memory.current", "450000\n");
    put("sys/fs/cgroup/a/memory.stat", "anon 1\nfile 300000\ninactive_file 100000\n");
    CHECK(gk_memory_total(root) == 500000 && gk_memory_available(root) == 150000);

    put("sys/fs/cgroup/a/memory.current", "900000\n"); /* nothing is left */
    CHECK(gk_memory_available(root) == 1);

    begin("0::/a\n"); /* more than the machine has */
    put("sys/fs/cgroup/a/memory.max", "9000000\n");
    CHECK(gk_memory_total(root) == 1024000 && gk_memory_available(root) == 614400);

    begin("5:cpu,memory:/c\n3:pids:/\n"); /* version 1 */
    put("sys/fs/cgroup/memory/c/memory.limit_in_bytes", "300000\n");
    put("sys/fs/cgroup/memory/c/memory.usage_in_bytes", "200000\n");
    put("sys/fs/cgroup/memory/c/memory.stat", "inactive_file 5\ntotal_inactive_file 50000\n");
    CHECK(gk_memory_total(root) == 300000 && gk_memory_available(root) == 150000);

    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", root);
    CHECK(system(command) == 0);
    return 0;
}
#else
int main(void)
{
    CHECK(gk_memory_total("") > 0);
    CHECK(gk_page_size() >= 4096);
    return 0;
}
#endif
