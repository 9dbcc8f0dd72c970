/* The same as pool_park.c for a region that needs no worker if the only one is awake. */
#define REGION_THREADS 2
#include "pool_park.c"
