/* Limits of the control groups of this process. */
#ifndef GK_CGROUP_H
#define GK_CGROUP_H

/* Returns a limit that a group's directory states; 0.0: none. */
typedef double gk_cgroup_reader(const char *directory);

/* The minimum of a controller's limits ("cpu", "memory") along the path to the root, in
 * both versions of control groups; 0.0: no limit. `root` is prepended to /proc and /sys:
 * "" for this machine, a prepared directory in tests. */
double gk_cgroup_limit(const char *root, const char *controller, gk_cgroup_reader *v2, gk_cgroup_reader *v1);

/* The number in the file `name` of the directory; 0.0 if there is none. */
double gk_cgroup_number(const char *directory, const char *name);

enum { GK_CGROUP_PATH = 4096 };

#endif
