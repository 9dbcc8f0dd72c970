/* gk_cores_quota: control groups of both versions, in prepared trees. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include <stdio.h>
#include <string.h>

#include "base/cores.h"
#include "check.h"

#if defined(__linux__)
#  include "prepared_tree.h"

static void begin(void)
{
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s/proc %s/sys", root, root);
    CHECK(system(command) == 0);
}

static void test_none(void)
{
    begin();
    CHECK(gk_cores_quota(root) == 0.0); /* no /proc at all */
    put("proc/self/cgroup", "0::/\n");
    CHECK(gk_cores_quota(root) == 0.0);
    put("sys/fs/cgroup/cpu.max", "max 100000\n");
    CHECK(gk_cores_quota(root) == 0.0);
    put("proc/self/cgroup", "nonsense\n:\n0:\n\n");
    CHECK(gk_cores_quota(root) == 0.0);
}

static void test_version_2(void)
{
    begin();
    put("proc/self/cgroup", "0::/user.slice/app\n");
    put("sys/fs/cgroup/user.slice/app/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/user.slice/cpu.max", "250000 100000\n");
    CHECK(gk_cores_quota(root) == 2.5); /* of a parent group */
    put("sys/fs/cgroup/user.slice/app/cpu.max", "150000 100000\n");
    CHECK(gk_cores_quota(root) == 1.5);
    put("sys/fs/cgroup/cpu.max", "20000 50000\n");
    CHECK(gk_cores_quota(root) == 0.4); /* the minimum */
    /* In a container that sees its own group as the root. */
    put("proc/self/cgroup", "0::/../../elsewhere\n");
    CHECK(gk_cores_quota(root) == 0.4);
    put("sys/fs/cgroup/cpu.max", "rubbish\n");
    CHECK(gk_cores_quota(root) == 0.0);
    put("sys/fs/cgroup/cpu.max", "100000 0\n");
    CHECK(gk_cores_quota(root) == 0.0);
    put("sys/fs/cgroup/cpu.max", "-5 100000\n");
    CHECK(gk_cores_quota(root) == 0.0);
}

static void test_version_1(void)
{
    begin();
    put("proc/self/cgroup", "5:memory:/docker/1\n4:cpuset:/\n3:cpu,cpuacct:/docker/1\n");
    put("sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000\n");
    CHECK(gk_cores_quota(root) == 0.0);
    put("sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "300000\n");
    CHECK(gk_cores_quota(root) == 3.0);
    /* "cpuset" is another controller. */
    put("sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "100000\n");
    put("sys/fs/cgroup/cpuset/cpu.cfs_period_us", "100000\n");
    CHECK(gk_cores_quota(root) == 3.0);
    /* Mounted as "cpu", and the container's group is at the mount point. */
    begin();
    put("proc/self/cgroup", "3:cpuacct,cpu:/docker/1\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "120000\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "80000\n");
    CHECK(gk_cores_quota(root) == 1.5);
}

static void test_both(void)
{
    begin();
    put("proc/self/cgroup", "3:cpu:/a\n0::/b\n");
    put("sys/fs/cgroup/unified/b/cpu.max", "400000 100000\n");
    CHECK(gk_cores_quota(root) == 4.0);
    put("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "200000\n");
    put("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
    CHECK(gk_cores_quota(root) == 2.0);
}

static void test_long_paths(void)
{
    begin();
    char line[6000];
    memset(line, 'x', sizeof line);
    memcpy(line, "0::/", 4);
    memcpy(line + sizeof line - 2, "\n", 2);
    put("proc/self/cgroup", line);
    put("sys/fs/cgroup/cpu.max", "100000 100000\n");
    CHECK(gk_cores_quota(root) >= 0.0); /* sanitizers check that it does not overflow */
}

int main(void)
{
    CHECK(gk_cores_online() >= 1);
    CHECK(gk_cores_affinity() >= 1 && gk_cores_usable() >= 1);
    CHECK(mkdtemp(root) != NULL);
    test_none();
    test_version_2();
    test_version_1();
    test_both();
    test_long_paths();
    begin();
    rmdir(root);
    puts("test_cores: 1 passed");
    return 0;
}

#else

#  ifdef _WIN32
#    define WIN32_LEAN_AND_MEAN
#    include <windows.h>

#    include "base/memory.h"

/* Half of all processors, and 512 MiB. Wine refuses the first limit, and forgets the second. */
static void test_job(void)
{
    HANDLE job = CreateJobObjectW(NULL, NULL);
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate = {
        .ControlFlags = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP};
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION memory = {.JobMemoryLimit = 512 << 20};
    rate.CpuRate = 5000;
    memory.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_JOB_MEMORY;
    int64_t before = gk_memory_total("");
    CHECK(before > 0 && gk_memory_available("") > 0 && gk_memory_available("") <= before);
    int has_rate = SetInformationJobObject(job, JobObjectCpuRateControlInformation, &rate, sizeof rate);
    int has_memory = SetInformationJobObject(job, JobObjectExtendedLimitInformation, &memory, sizeof memory) &&
                     QueryInformationJobObject(job, JobObjectExtendedLimitInformation, &memory, sizeof memory, NULL) &&
                     memory.JobMemoryLimit == 512 << 20;
    if (!AssignProcessToJobObject(job, GetCurrentProcess()))
        return;
    if (has_rate)
        CHECK(gk_cores_quota("") == gk_cores_online() / 2.0);
    if (has_memory)
        CHECK(gk_memory_total("") == 512 << 20 && gk_memory_available("") <= 512 << 20);
}
#  endif

int main(void)
{
    CHECK(gk_cores_online() >= 1 && gk_cores_quota("") >= 0.0);
    CHECK(gk_cores_affinity() >= 1 && gk_cores_affinity() <= gk_cores_online() && gk_cores_usable() >= 1);
    CHECK(gk_current_cpu() >= -1);
#  ifdef _WIN32
    test_job();
#  endif
    puts("test_cores: 1 passed");
    return 0;
}

#endif
