#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/cores.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32

#  define WIN32_LEAN_AND_MEAN
#  include <windows.h>

int gk_cores_online(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 0 ? (int)info.dwNumberOfProcessors : 1;
}

int gk_cores_affinity(void)
{
    DWORD_PTR process = 0, system = 0;
    int count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system))
        for (; process != 0; process &= process - 1)
            count++;
    return count > 0 ? count : gk_cores_online();
}

int gk_current_cpu(void)
{
    return (int)GetCurrentProcessorNumber();
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

#if defined(__linux__)

enum { PATH_SIZE = 4096 };

static double smaller_limit(double a, double b)
{
    return a == 0.0 || (b != 0.0 && b < a) ? b : a;
}

/* cpu.max: "max 100000" or "150000 100000". */
static double read_v2(const char *directory)
{
    char path[PATH_SIZE + 16], quota[32];
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

static double read_number(const char *directory, const char *name)
{
    char path[PATH_SIZE + 32];
    double value = 0;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0.0;
    if (fscanf(f, "%lf", &value) != 1)
        value = 0;
    fclose(f);
    return value;
}

static double read_v1(const char *directory)
{
    double quota = read_number(directory, "cpu.cfs_quota_us");
    double period = read_number(directory, "cpu.cfs_period_us");
    return quota > 0 && period > 0 ? quota / period : 0.0; /* -1: no limit */
}

/* The minimum limit of the group and all groups above it. A container may see a path that
 * belongs to the host: directories that do not exist set no limit, and the search ends at
 * the mount point, which is the container's own group. */
static double smallest_up_the_path(const char *mount, const char *group, double (*read)(const char *))
{
    char directory[PATH_SIZE];
    int length = snprintf(directory, sizeof directory, "%s%s", mount, group);
    if (length < 0 || length >= (int)sizeof directory)
        return 0.0;
    double limit = 0.0;
    for (;;) {
        limit = smaller_limit(limit, read(directory));
        char *slash = strrchr(directory, '/');
        if (slash == NULL || strlen(directory) <= strlen(mount))
            return limit;
        *slash = '\0';
    }
}

/* "cpu" as a whole word of the comma-separated list of controllers. */
static int names_cpu(const char *controllers)
{
    for (const char *p = controllers; p != NULL && *p != '\0';) {
        size_t length = strcspn(p, ",");
        if (length == 3 && memcmp(p, "cpu", 3) == 0)
            return 1;
        p += length;
        if (*p == ',')
            p++;
    }
    return 0;
}

double gk_cores_quota(const char *root)
{
    char path[PATH_SIZE], mount[PATH_SIZE], line[PATH_SIZE];
    double limit = 0.0;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0.0;
    /* Lines are "hierarchy:controllers:path"; v2 is "0::path". */
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (group == NULL)
            continue;
        controllers++;
        *group++ = '\0';
        if (strcmp(group, "/") == 0)
            group = "";
        if (*controllers == '\0') {
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
            limit = smaller_limit(limit, smallest_up_the_path(mount, group, read_v2));
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/unified", root); /* hybrid set-ups */
            limit = smaller_limit(limit, smallest_up_the_path(mount, group, read_v2));
        } else if (names_cpu(controllers)) {
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controllers);
            limit = smaller_limit(limit, smallest_up_the_path(mount, group, read_v1));
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/cpu", root);
            limit = smaller_limit(limit, smallest_up_the_path(mount, group, read_v1));
        }
    }
    fclose(f);
    return limit;
}

#else

double gk_cores_quota(const char *root)
{
    (void)root;
    return 0.0;
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
