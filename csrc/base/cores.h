/* How many cores this process may use. */
#ifndef GK_CORES_H
#define GK_CORES_H

/* Processors that are online in this machine; at least 1. */
int gk_cores_online(void);

/* Processors in this process's affinity mask; at least 1. */
int gk_cores_affinity(void);

/* Processors' worth of time that the control groups of this process allow, the
 * smallest along the path to the root (v2: cpu.max; v1: cpu.cfs_quota_us over
 * cpu.cfs_period_us). 0.0: no limit. `root` stands before /proc and /sys; ""
 * is this machine, tests give a prepared tree. */
double gk_cores_quota(const char *root);

/* The smaller of affinity and quota (a part of a core counts as one); at least 1. */
int gk_cores_usable(void);

/* The number of the processor this thread runs on, which may be another at once;
 * -1: the system does not say. Some nanoseconds. */
int gk_current_cpu(void);

#endif
