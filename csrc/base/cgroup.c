#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/cgroup.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#if defined(__linux__)

static double smaller_limit(double a, double b)
{
    return a == 0.0 || (b != 0.0 && b < a) ? b : a;
}

double gk_cgroup_number(const char *directory, const char *name)
{
    char path[GK_CGROUP_PATH + 32];
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

/* The minimum limit of the group and all groups above it. A container may see a path that
 * belongs to the host: directories that do not exist set no limit, and the search ends at
 * the mount point, which is the container's own group. */
static double smallest_up_the_path(const char *mount, const char *group, gk_cgroup_reader *read)
{
    char directory[GK_CGROUP_PATH];
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

/* The controller as a whole word of the comma-separated list of controllers. */
static int names(const char *controllers, const char *controller)
{
    for (const char *p = controllers; p != NULL && *p != '\0';) {
        size_t length = strcspn(p, ",");
        if (length == strlen(controller) && memcmp(p, controller, length) == 0)
            return 1;
        p += length;
        if (*p == ',')
            p++;
    }
    return 0;
}

double gk_cgroup_limit(const char *root, const char *controller, gk_cgroup_reader *v2, gk_cgroup_reader *v1)
{
    char path[GK_CGROUP_PATH], mount[GK_CGROUP_PATH], line[GK_CGROUP_PATH];
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
            limit = smaller_limit(limit, smallest_up_the_path(mount, group, v2));
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/unified", root); /* hybrid set-ups */
            limit = smaller_limit(limit, smallest_up_the_path(mount, group, v2));
        } else if (names(controllers, controller)) {
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controllers);
            limit = smaller_limit(limit, smallest_up_the_path(mount, group, v1));
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controller);
            limit = smaller_limit(limit, smallest_up_the_path(mount, group, v1));
        }
    }
    fclose(f);
    return limit;
}

#else

double gk_cgroup_number(const char *directory, const char *name)
{
    (void)directory, (void)name;
    return 0.0;
}

double gk_cgroup_limit(const char *root, const char *controller, gk_cgroup_reader *v2, gk_cgroup_reader *v1)
{
    (void)root, (void)controller, (void)v2, (void)v1;
    return 0.0;
}

#endif
