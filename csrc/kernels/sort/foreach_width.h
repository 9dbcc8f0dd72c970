/* Includes the file FOREACH_WIDTH for keys of 32 and of 64 bits, with
 *   BITS         the width
 *   SIZED(name)  name with the suffixes of the width and the instruction set
 * This file itself is for base/foreach_isa.h. */

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
