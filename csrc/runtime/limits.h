/* What the environment says about the number of threads. docs/control.md gives the rules and the reasons. */
#ifndef GK_LIMITS_H
#define GK_LIMITS_H

/* GILKIT_NUM_THREADS, which may exceed the number of cores; 0: not set, or not a number. */
int gk_environment_threads(void);

/* Returns `cores`, or fewer (at least 1) if a variable of another program, such as
 * OMP_NUM_THREADS, limits them; then *source becomes its name. */
int gk_environment_limit(int cores, const char **source);

/* Sets the limit of PYTHON_CPU_COUNT; 0: none. Only Python knows it: `python -X cpu_count=n`
 * is the same, and `python -E` ignores the variable. */
void gk_set_python_cpu_count(int cores);

#endif
