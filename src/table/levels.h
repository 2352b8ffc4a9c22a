/* Levels: the different texts of a column, each with a number; and that column of numbers.
 *
 * Life cycle   zeroed struct -> tdl_levels_add ... -> tdl_levels_sorted -> tdl_levels_release
 * Memory       of a text: its bytes, 8 of an offset, about 8 of the hash table
 */
#ifndef TDL_TABLE_LEVELS_H
#define TDL_TABLE_LEVELS_H

#include "base/str.h"

typedef struct tdl_levels {
    char *bytes;    /* [bytes_cap], texts one after the other */
    size_t *begin;  /* [cap + 1], of which n + 1 are set */
    uint32_t *slot; /* [slots_n], a power of two: number + 1 of a text, or 0; none of a few texts */
    size_t n, cap, bytes_cap, slots_n;
} tdl_levels;

void tdl_levels_release(tdl_levels *levels); /* accepts a zeroed struct */

/* The number of `text`, a new one if it is new. */
tdl_status tdl_levels_add(tdl_levels *levels, tdl_str text, int32_t *ret, tdl_report *why);

static inline tdl_str tdl_levels_text(const tdl_levels *levels, size_t i)
{
    return (tdl_str){levels->bytes + levels->begin[i], levels->begin[i + 1] - levels->begin[i]};
}

/* The texts in ascending order by bytes, and the place of each there. Takes the bytes out: `levels`
 * is empty afterwards.
 *   ret_text   [n] into ret_bytes
 *   ret_place  [n] of the number that _add gave */
tdl_status tdl_levels_sorted(tdl_levels *levels, tdl_str **ret_text, size_t *ret_n,
                             char **ret_bytes, int32_t **ret_place, tdl_report *why);

#endif
