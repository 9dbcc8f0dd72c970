/* What the environment says about the number of threads. docs/control.md gives the rules and the reasons. */
#ifndef GK_LIMITS_H
#define GK_LIMITS_H

/* GILKIT_NUM_THREADS; 0: not set, or not a number. It decides, also above the number of cores. */
int gk_environment_threads(void);

/* Returns what the variables of other programs leave of `cores`; at least 1. If one of them
 * lowers the number, *source becomes its name. */
int gk_environment_limit(int cores, const char **source);

/* PYTHON_CPU_COUNT, which only Python can tell: `python -X cpu_count=n` is the same, and
 * `python -E` ignores the variable. 0: no limit. */
void gk_set_python_cpu_count(int cores);

#endif
