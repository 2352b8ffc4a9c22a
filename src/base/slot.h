/* A slot: one value that many threads read while now and then another takes its place.
 *
 * Life cycle   zeroed struct -> tdl_slot_put ... -> tdl_slot_clear
 * Ownership    a value is freed by its own function when it has left the slot and nobody holds it
 * Threads      tdl_slot_take, _drop and _put from any thread; none of them waits. _clear when
 *              nobody else uses the slot any more
 *
 * Taking is one atomic addition: the word in the slot holds the value's address and how often it
 * was taken from there; the value counts how often it was dropped. When it leaves the slot the two
 * are put together (differential reference counting).
 */
#ifndef TDL_BASE_SLOT_H
#define TDL_BASE_SLOT_H

#include <stdatomic.h>
#include <stdint.h>

/* The first member of a value. */
typedef struct tdl_held {
    atomic_int_fast64_t balance;
    void (*free)(struct tdl_held *value);
} tdl_held;

typedef struct tdl_slot {
    _Atomic uint64_t word;
} tdl_slot;

/* Put a value there, in place of the one before; NULL empties the slot. The value belongs to the
 * slot from here on, and is not put into another. */
void tdl_slot_put(tdl_slot *slot, tdl_held *take_value, void (*free)(tdl_held *value));

/* What is there now; NULL when nothing is. Drop it after use. */
tdl_held *tdl_slot_take(tdl_slot *slot);
void tdl_slot_drop(tdl_held *value); /* accepts NULL */

void tdl_slot_clear(tdl_slot *slot);

#endif
