/* Time slices: how long a thread may compute before one that has work of its own gets the core.
 *
 * Linux lets a thread ask for a slice of its own (6.12 and later). A thread that asked for a
 * shorter one than the thread that runs is let in at once when it wakes, instead of after
 * milliseconds. It gets no more of the core by that. Elsewhere asking changes nothing.
 */
#ifndef TDL_BASE_SLICE_H
#define TDL_BASE_SLICE_H

#include <stdint.h>

/* For the calling thread, and the threads it makes from here on. 0 = the system's own. */
void tdl_slice_ask(uint64_t slice_ns);

#endif
