/* How much memory this process may use. */
#ifndef GK_MEMORY_H
#define GK_MEMORY_H

#include <stdint.h>

/* The memory of this machine, or the limit of a control group or job object if that is less, in bytes;
 * 0: unknown. `root` is prepended to /proc and /sys, as in base/cgroup.h. */
int64_t gk_memory_total(const char *root);

/* The memory that a process can still allocate without swapping or reaching a limit, in bytes; 0:
 * none, or unknown. Reads several files, which takes about ten microseconds. */
int64_t gk_memory_available(const char *root);

/* The bytes of a page. */
int64_t gk_page_size(void);

#endif
