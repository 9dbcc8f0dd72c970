#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/cores.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cgroup.h"

#ifdef _WIN32

#  define WIN32_LEAN_AND_MEAN
#  include <windows.h>

/* Of Windows 10, which older headers lack. */
#  ifndef JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE
#    define JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE 0x10
#  endif

/* Windows divides the processors into groups of up to 64. */
enum { GROUP = 64, MAX_GROUPS = 64 };

int gk_cores_online(void)
{
    DWORD count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return count > 0 ? (int)count : 1;
}

int gk_cores_affinity(void)
{
    USHORT groups[MAX_GROUPS], number = MAX_GROUPS;
    int count = 0;
    if (GetProcessGroupAffinity(GetCurrentProcess(), &number, groups) && number > 1) {
        for (int i = 0; i < number; i++)
            count += (int)GetActiveProcessorCount(groups[i]);
    } else {
        /* The mask describes one group. */
        DWORD_PTR process = 0, system = 0;
        if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system))
            for (; process != 0; process &= process - 1)
                count++;
    }
    return count > 0 ? count : gk_cores_online();
}

int gk_current_cpu(void)
{
    PROCESSOR_NUMBER number;
    GetCurrentProcessorNumberEx(&number);
    return number.Group * GROUP + number.Number;
}

/* The CPU rate limit of this process's job object, which containers set, in 1/100 per cent of all
 * processors. Limits of enclosing jobs cannot be queried. */
static double job_quota(void)
{
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION control;
    if (!QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation, &control, sizeof control, NULL) ||
        !(control.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_ENABLE))
        return 0.0;
    DWORD rate = 0;
    if (control.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE)
        rate = control.CpuRate >> 16; /* the minimum is in the lower half */
    else if (control.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP)
        rate = control.CpuRate;
    return rate < 10000 ? gk_cores_online() * rate / 10000.0 : 0.0;
}

#else

#  include <unistd.h>
#  if defined(__linux__)
#    include <errno.h>
#    include <sched.h>
#  endif

int gk_cores_online(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

int gk_cores_affinity(void)
{
#  if defined(__linux__)
    /* The kernel rejects a mask shorter than its own with EINVAL. */
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (set == NULL)
            break;
        size_t size = CPU_ALLOC_SIZE(cpus);
        int failed = sched_getaffinity(0, size, set);
        int count = failed ? 0 : CPU_COUNT_S(size, set);
        int too_short = failed && errno == EINVAL;
        CPU_FREE(set);
        if (count > 0)
            return count;
        if (!too_short)
            break;
    }
#  endif
    return gk_cores_online();
}

int gk_current_cpu(void)
{
#  if defined(__linux__)
    return sched_getcpu();
#  else
    return -1;
#  endif
}

#endif

#if defined(_WIN32)

double gk_cores_quota(const char *root)
{
    (void)root;
    return job_quota();
}

#else

/* cpu.max: "max 100000" or "150000 100000". */
static double read_v2(const char *directory)
{
    char path[GK_CGROUP_PATH + 16], quota[32];
    double period = 0, limit = 0;
    snprintf(path, sizeof path, "%s/cpu.max", directory);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0.0;
    if (fscanf(f, "%31s %lf", quota, &period) == 2 && strcmp(quota, "max") != 0 && period > 0)
        limit = strtod(quota, NULL) / period;
    fclose(f);
    return limit > 0 ? limit : 0.0;
}

static double read_v1(const char *directory)
{
    double quota = gk_cgroup_number(directory, "cpu.cfs_quota_us");
    double period = gk_cgroup_number(directory, "cpu.cfs_period_us");
    return quota > 0 && period > 0 ? quota / period : 0.0; /* -1: no limit */
}

double gk_cores_quota(const char *root)
{
    return gk_cgroup_limit(root, "cpu", read_v2, read_v1);
}

#endif

int gk_cores_usable(void)
{
    int cores = gk_cores_affinity();
    double quota = gk_cores_quota("");
    if (quota > 0.0 && quota < cores)
        cores = (int)ceil(quota);
    return cores > 0 ? cores : 1;
}
