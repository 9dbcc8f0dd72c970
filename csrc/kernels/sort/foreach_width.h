/* Includes the file FOREACH_WIDTH for keys of 32 and of 64 bits, and defines
 *   BITS         the width
 *   SIZED(name)  name with the suffixes of the width and the instruction set
 * Included by base/foreach_isa.h for each instruction set. */

#define BITS 32
#define SIZED(name) NAME(name##32)
#include FOREACH_WIDTH
#undef BITS
#undef SIZED

#define BITS 64
#define SIZED(name) NAME(name##64)
#include FOREACH_WIDTH
#undef BITS
#undef SIZED
