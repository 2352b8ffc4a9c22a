#include "base/slot.h"

#include <assert.h>
#include <stddef.h>

/* The upper 16 bits of the word count how often the value was taken since they were last moved to
 * its balance; addresses of user space have 48 bits. */
enum { COUNT_SHIFT = 48, COUNT_MANY = 1 << 14 };
static const uint64_t ONE = (uint64_t)1 << COUNT_SHIFT, ADDRESS = ((uint64_t)1 << COUNT_SHIFT) - 1;

/* While a value is in the slot its balance is far above zero, whatever is taken and dropped. */
static const int_fast64_t IN_SLOT = (int_fast64_t)1 << 60;

static tdl_held *value_of(uint64_t word)
{
    // NOLINTNEXTLINE(performance-no-int-to-ptr): address and count share one atomic word
    return (tdl_held *)(uintptr_t)(word & ADDRESS);
}

static int_fast64_t count_of(uint64_t word)
{
    return (int_fast64_t)(word >> COUNT_SHIFT);
}

/* Drops raise the balance, takes that have been moved out of the word lower it; at zero, and out of
 * the slot, nobody holds the value. */
static void add(tdl_held *value, int_fast64_t change)
{
    if (atomic_fetch_add(&value->balance, change) + change == 0)
        value->free(value);
}

/* Move the count of the word to the balance before 16 bits run over. The caller holds the value. */
static void move_count(tdl_slot *slot, uint64_t word)
{
    tdl_held *value = value_of(word);
    int_fast64_t count = count_of(word);

    atomic_fetch_sub(&value->balance, count);
    while (value_of(word) == value && count_of(word) >= count)
        if (atomic_compare_exchange_weak(&slot->word, &word, word - (uint64_t)count * ONE))
            return;
    atomic_fetch_add(&value->balance, count); // it left, or another thread has moved it
}

tdl_held *tdl_slot_take(tdl_slot *slot)
{
    uint64_t word = atomic_load(&slot->word);

    if (!value_of(word))
        return NULL;
    word = atomic_fetch_add(&slot->word, ONE) + ONE;
    if (!value_of(word)) { // emptied in between: the count means nothing
        return NULL;
    }
    if (count_of(word) >= COUNT_MANY)
        move_count(slot, word);
    return value_of(word);
}

void tdl_slot_drop(tdl_held *value)
{
    if (value)
        add(value, 1);
}

void tdl_slot_put(tdl_slot *slot, tdl_held *take_value, void (*free)(tdl_held *value))
{
    uint64_t word = (uint64_t)(uintptr_t)take_value;

    assert(!(word & ~ADDRESS));
    if (take_value) {
        atomic_init(&take_value->balance, IN_SLOT);
        take_value->free = free;
    }
    word = atomic_exchange(&slot->word, word);
    if (value_of(word))
        add(value_of(word), -IN_SLOT - count_of(word));
}

void tdl_slot_clear(tdl_slot *slot)
{
    tdl_slot_put(slot, NULL, NULL);
}
