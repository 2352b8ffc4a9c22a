#include "apps/recommend/names.h"

#include <stdlib.h>

#include "base/arena.h"

enum { FIRST_SLOTS = 64 };

/* Open addressing with linear probing; at most half of the slots are taken. */
struct tdl_names {
    tdl_arena *bytes; /* the names themselves */
    tdl_str *name;    /* [room], of which count are in use */
    uint32_t *hash;   /* [room], so that growing touches no name */
    int32_t count, room;
    int32_t *slot;  /* [slots_n] number or -1 */
    size_t slots_n; /* a power of two */
};

tdl_names *tdl_names_new(void)
{
    tdl_names *names = calloc(1, sizeof *names);

    if (!names)
        return NULL;
    names->bytes = tdl_arena_new(SIZE_MAX / 2);
    names->slot = malloc(FIRST_SLOTS * sizeof *names->slot);
    if (!names->bytes || !names->slot) {
        tdl_names_free(names);
        return NULL;
    }
    names->slots_n = FIRST_SLOTS;
    for (size_t i = 0; i < FIRST_SLOTS; i++)
        names->slot[i] = -1;
    return names;
}

void tdl_names_free(tdl_names *names)
{
    if (!names)
        return;
    tdl_arena_free(names->bytes);
    free(names->name);
    free(names->hash);
    free(names->slot);
    free(names);
}

int32_t tdl_names_count(const tdl_names *names)
{
    return names->count;
}

tdl_str tdl_names_at(const tdl_names *names, int32_t number)
{
    return names->name[number];
}

/* The slot that holds `name`, or the free one where it belongs. */
static size_t find_slot(const tdl_names *names, tdl_str name, uint32_t hash)
{
    size_t at = hash & (names->slots_n - 1);

    for (;; at = (at + 1) & (names->slots_n - 1)) {
        int32_t number = names->slot[at];
        if (number < 0 || (names->hash[number] == hash && tdl_str_eq(names->name[number], name)))
            return at;
    }
}

int32_t tdl_names_find(const tdl_names *names, tdl_str name)
{
    return names->slot[find_slot(names, name, (uint32_t)tdl_str_hash(name))];
}

static bool grow_slots(tdl_names *names)
{
    size_t slots_n = names->slots_n * 2;
    int32_t *slot = malloc((slots_n + 1) * sizeof *slot);

    if (!slot)
        return false;
    for (size_t i = 0; i < slots_n; i++)
        slot[i] = -1;
    for (int32_t number = 0; number < names->count; number++) {
        size_t at = names->hash[number] & (slots_n - 1);
        while (slot[at] >= 0)
            at = (at + 1) & (slots_n - 1);
        slot[at] = number;
    }
    free(names->slot);
    names->slot = slot;
    names->slots_n = slots_n;
    return true;
}

static bool grow_room(tdl_names *names)
{
    if (names->room > INT32_MAX / 2)
        return false;
    int32_t room = names->room ? names->room * 2 : 32;
    tdl_str *name = realloc(names->name, (size_t)room * sizeof *name);
    if (name)
        names->name = name;
    uint32_t *hash = realloc(names->hash, (size_t)room * sizeof *hash);
    if (hash)
        names->hash = hash;
    if (!name || !hash)
        return false;
    names->room = room;
    return true;
}

int32_t tdl_names_add(tdl_names *names, tdl_str name)
{
    uint32_t hash = (uint32_t)tdl_str_hash(name);
    size_t at = find_slot(names, name, hash);

    if (names->slot[at] >= 0)
        return names->slot[at];
    if (names->count == names->room && !grow_room(names))
        return -1;
    if ((size_t)names->count * 2 >= names->slots_n) {
        if (!grow_slots(names))
            return -1;
        at = find_slot(names, name, hash);
    }
    tdl_str copy = tdl_arena_str(names->bytes, name);
    if (!copy.at)
        return -1;
    names->name[names->count] = copy;
    names->hash[names->count] = hash;
    names->slot[at] = names->count;
    return names->count++;
}
