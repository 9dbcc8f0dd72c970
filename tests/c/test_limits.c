/* Variables of the environment that limit the number of threads. They are read once, so each case has its process. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif

#include "runtime/limits.h"

#include <string.h>

#include "check.h"
#include "runtime/parallel.h"

#if !defined(_WIN32)

#  include <sys/wait.h>
#  include <unistd.h>

typedef struct {
    const char *settings[3]; /* NAME=value */
    int expected;            /* of 16 cores */
    const char *source;      /* the name that decides; NULL: none */
} setting_case;

static const setting_case CASES[] = {
    {{NULL}, 16, NULL},
    {{"OMP_NUM_THREADS=4"}, 4, "OMP_NUM_THREADS"},
    {{"OMP_NUM_THREADS=4,2"}, 4, "OMP_NUM_THREADS"},
    {{"OMP_NUM_THREADS= 3 , 2,1 "}, 3, "OMP_NUM_THREADS"},
    {{"LOKY_MAX_CPU_COUNT=5"}, 5, "LOKY_MAX_CPU_COUNT"},
    {{"PYTEST_XDIST_WORKER_COUNT=5"}, 3, "PYTEST_XDIST_WORKER_COUNT"},
    {{"PYTEST_XDIST_WORKER_COUNT=1"}, 16, NULL},
    {{"PYTEST_XDIST_WORKER_COUNT=99"}, 1, "PYTEST_XDIST_WORKER_COUNT"},
    /* The smallest limit decides, and none raises the number above the cores. */
    {{"OMP_NUM_THREADS=4", "LOKY_MAX_CPU_COUNT=8"}, 4, "OMP_NUM_THREADS"},
    {{"OMP_NUM_THREADS=8", "LOKY_MAX_CPU_COUNT=4"}, 4, "LOKY_MAX_CPU_COUNT"},
    {{"OMP_NUM_THREADS=4", "LOKY_MAX_CPU_COUNT=4"}, 4, "LOKY_MAX_CPU_COUNT"},
    {{"OMP_NUM_THREADS=16"}, 16, NULL},
    {{"OMP_NUM_THREADS=1000", "LOKY_MAX_CPU_COUNT=2147483647"}, 16, NULL},
    /* Workers share the cores that the other variables leave, but OMP_NUM_THREADS is for one process. */
    {{"LOKY_MAX_CPU_COUNT=8", "PYTEST_XDIST_WORKER_COUNT=4"}, 2, "PYTEST_XDIST_WORKER_COUNT"},
    {{"OMP_NUM_THREADS=4", "PYTEST_XDIST_WORKER_COUNT=4"}, 4, "PYTEST_XDIST_WORKER_COUNT"},
    {{"OMP_NUM_THREADS=3", "PYTEST_XDIST_WORKER_COUNT=4"}, 3, "OMP_NUM_THREADS"},
    /* Anything but a positive number is ignored. */
    {{"OMP_NUM_THREADS=", "LOKY_MAX_CPU_COUNT=", "PYTEST_XDIST_WORKER_COUNT="}, 16, NULL},
    {{"OMP_NUM_THREADS=0", "LOKY_MAX_CPU_COUNT=0", "PYTEST_XDIST_WORKER_COUNT=0"}, 16, NULL},
    {{"OMP_NUM_THREADS=-1", "LOKY_MAX_CPU_COUNT=-1", "PYTEST_XDIST_WORKER_COUNT=-4"}, 16, NULL},
    {{"OMP_NUM_THREADS=two", "LOKY_MAX_CPU_COUNT=2.5", "PYTEST_XDIST_WORKER_COUNT=4x"}, 16, NULL},
    {{"OMP_NUM_THREADS=4,", "LOKY_MAX_CPU_COUNT=4,2"}, 16, NULL},
    {{"OMP_NUM_THREADS=4,0"}, 16, NULL},
    {{"OMP_NUM_THREADS=,4"}, 16, NULL},
    {{"OMP_NUM_THREADS=4;2"}, 16, NULL},
    {{"OMP_NUM_THREADS=2147483648", "LOKY_MAX_CPU_COUNT=99999999999999999999"}, 16, NULL},
};

static const char *const NAMES[] = {"GILKIT_NUM_THREADS", "OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT", "PYTEST_XDIST_WORKER_COUNT"};

/* Returns the exit status of check(argument) in a child with these variables. */
static int in_child(const char *const *settings, int count, void (*check)(const void *argument), const void *argument)
{
    int status = -1;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < count && settings[i] != NULL; i++)
            CHECK(putenv((char *)settings[i]) == 0);
        check(argument);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static void check_case(const void *argument)
{
    const setting_case *each = argument;
    for (int repeated = 0; repeated < 2; repeated++) {
        const char *source = NULL;
        CHECK(gk_environment_limit(16, &source) == each->expected);
        CHECK(source == NULL ? each->source == NULL : each->source != NULL && strcmp(source, each->source) == 0);
    }
    const char *source = NULL;
    CHECK(gk_environment_limit(1, &source) == 1 && source == NULL);
    CHECK(gk_environment_threads() == 0);
}

static void check_order(const void *argument)
{
    (void)argument;
    const char *source = NULL;
    CHECK(gk_num_threads() == 5 && strcmp(gk_num_threads_source(), "GILKIT_NUM_THREADS") == 0);
    gk_set_num_threads(7);
    CHECK(gk_num_threads() == 7 && strcmp(gk_num_threads_source(), "set_num_threads") == 0);
    gk_set_num_threads(0);
    CHECK(gk_num_threads() == 5);
    gk_set_python_cpu_count(2);
    CHECK(gk_num_threads() == 5);
    CHECK(gk_environment_limit(16, &source) == 1 && strcmp(source, "OMP_NUM_THREADS") == 0);
}

static void check_python(const void *argument)
{
    (void)argument;
    const char *source = NULL;
    CHECK(strcmp(gk_num_threads_source(), "affinity") == 0 || strcmp(gk_num_threads_source(), "quota") == 0);
    gk_set_python_cpu_count(3);
    CHECK(gk_environment_limit(16, &source) == 3 && strcmp(source, "PYTHON_CPU_COUNT") == 0);
    gk_set_python_cpu_count(1);
    CHECK(gk_num_threads() == 1);
    gk_set_python_cpu_count(0);
    source = NULL;
    CHECK(gk_environment_limit(16, &source) == 16 && source == NULL);
}

int main(void)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        unsetenv(NAMES[i]);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        if (in_child(CASES[i].settings, 3, check_case, &CASES[i]) != 0) {
            fprintf(stderr, "case %zu failed: %s\n", i, i > 0 ? CASES[i].settings[0] : "no variable");
            return 1;
        }
    const char *const both[] = {"GILKIT_NUM_THREADS=5", "OMP_NUM_THREADS=1"};
    CHECK(in_child(both, 2, check_order, NULL) == 0);
    CHECK(in_child(NULL, 0, check_python, NULL) == 0);
    puts("test_limits: 1 passed");
    return 0;
}

#else

int main(void)
{
    CHECK(gk_num_threads() >= 1 && gk_num_threads_source() != NULL);
    puts("test_limits: 1 passed");
    return 0;
}

#endif
