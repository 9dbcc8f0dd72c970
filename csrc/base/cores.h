/* How many cores this process may use. */
#ifndef GK_CORES_H
#define GK_CORES_H

/* The number of processors online in this machine; at least 1. */
int gk_cores_online(void);

/* The number of processors in this process's affinity mask; at least 1. Where there are
 * none, as on macOS, all of them. */
int gk_cores_affinity(void);

/* The CPU time, in processors, that the control groups of this process allow: the
 * minimum along the path to the root (v2: cpu.max; v1: cpu.cfs_quota_us divided by
 * cpu.cfs_period_us). On Windows, that of its job object. 0.0: no limit. `root` is prepended to /proc and /sys: "" for
 * this machine, a prepared directory in tests. */
double gk_cores_quota(const char *root);

/* The smaller of affinity and quota, where a part of a core counts as one; at least 1. */
int gk_cores_usable(void);

/* The number of the processor this thread runs on, which may change at any time; -1:
 * unknown. Takes a few nanoseconds. */
int gk_current_cpu(void);

#endif
