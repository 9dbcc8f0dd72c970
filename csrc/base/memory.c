#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/memory.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cgroup.h"

#ifdef _WIN32
#  define WIN32_LEAN_AND_MEAN
#  include <windows.h>
#  include <psapi.h> /* after windows.h, which it needs */
#else
#  include <unistd.h>
#endif

int64_t gk_page_size(void)
{
#ifdef _WIN32
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return (int64_t)info.dwPageSize;
#else
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? size : 4096;
#endif
}

#if defined(__linux__)

/* A number of the lines "key value" or "key: value kB" of a file, in the file's unit; 0: it has none. */
static double value_of(const char *path, const char *key)
{
    char line[256];
    double value = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    size_t length = strlen(key);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, key, length) == 0 && (line[length] == ' ' || line[length] == ':')) {
            if (sscanf(line + length + 1, "%lf", &value) != 1)
                value = 0;
            break;
        }
    }
    fclose(f);
    return value;
}

/* "max", which is not a number, means no limit. Version 1 writes the largest multiple of the page
 * size instead; the machine's memory is always less than that. */
static double limit_v2(const char *directory)
{
    return gk_cgroup_number(directory, "memory.max");
}

static double limit_v1(const char *directory)
{
    return gk_cgroup_number(directory, "memory.limit_in_bytes");
}

/* The memory left below a limit. The kernel can drop cached files that no program uses. At least
 * one byte, because 0 would mean no limit. */
static double rest(const char *directory, double limit, const char *usage, const char *inactive)
{
    char path[GK_CGROUP_PATH + 16];
    if (limit == 0)
        return 0;
    snprintf(path, sizeof path, "%s/memory.stat", directory);
    double left = limit - gk_cgroup_number(directory, usage) + value_of(path, inactive);
    return left > 1 ? left : 1;
}

static double rest_v2(const char *directory)
{
    return rest(directory, limit_v2(directory), "memory.current", "inactive_file");
}

static double rest_v1(const char *directory)
{
    return rest(directory, limit_v1(directory), "memory.usage_in_bytes", "total_inactive_file");
}

static int64_t smaller(const char *root, const char *key, gk_cgroup_reader *v2, gk_cgroup_reader *v1)
{
    char path[GK_CGROUP_PATH];
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    double machine = value_of(path, key) * 1024; /* kB */
    double group = gk_cgroup_limit(root, "memory", v2, v1);
    return (int64_t)(group > 0 && (group < machine || machine == 0) ? group : machine);
}

int64_t gk_memory_total(const char *root)
{
    return smaller(root, "MemTotal", limit_v2, limit_v1);
}

int64_t gk_memory_available(const char *root)
{
    return smaller(root, "MemAvailable", rest_v2, rest_v1);
}

#elif defined(_WIN32)

/* The memory that the job of this process allows; `machine` if it sets no limit. */
static int64_t job_limit(int64_t machine)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION job;
    if (!QueryInformationJobObject(NULL, JobObjectExtendedLimitInformation, &job, sizeof job, NULL))
        return machine;
    DWORD flags = job.BasicLimitInformation.LimitFlags;
    int64_t limit = machine;
    if ((flags & JOB_OBJECT_LIMIT_JOB_MEMORY) && job.JobMemoryLimit < (uint64_t)limit)
        limit = (int64_t)job.JobMemoryLimit;
    if ((flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) && job.ProcessMemoryLimit < (uint64_t)limit)
        limit = (int64_t)job.ProcessMemoryLimit;
    return limit;
}

int64_t gk_memory_total(const char *root)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    (void)root;
    return GlobalMemoryStatusEx(&status) ? job_limit((int64_t)status.ullTotalPhys) : 0;
}

/* Memory that this process has allocated counts against the job's limit. */
int64_t gk_memory_available(const char *root)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    PROCESS_MEMORY_COUNTERS used = {.cb = sizeof used};
    (void)root;
    if (!GlobalMemoryStatusEx(&status))
        return 0;
    int64_t available = (int64_t)status.ullAvailPhys, total = (int64_t)status.ullTotalPhys, limit = job_limit(total);
    if (limit < total && K32GetProcessMemoryInfo(GetCurrentProcess(), &used, sizeof used)) {
        int64_t left = limit - (int64_t)used.PagefileUsage;
        if (left < available)
            available = left > 1 ? left : 1;
    }
    return available;
}

#else

int64_t gk_memory_total(const char *root)
{
    (void)root;
#  ifdef _SC_PHYS_PAGES
    long pages = sysconf(_SC_PHYS_PAGES);
    return pages > 0 ? pages * gk_page_size() : 0;
#  else
    return 0;
#  endif
}

int64_t gk_memory_available(const char *root)
{
    (void)root;
    return 0;
}

#endif
