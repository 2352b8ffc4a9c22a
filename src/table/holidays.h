/* Holidays as a list of days: what a pipeline keeps of a calendar, so that a model needs none when
 * it answers. Days are counted from 1970-01-01, UTC.
 *
 * Life cycle   zeroed -> tdl_holiday_table_add ... | _read | _load | _copy -> _release
 */
#ifndef TDL_TABLE_HOLIDAYS_H
#define TDL_TABLE_HOLIDAYS_H

#include "base/json.h"

enum {
    TDL_HOLIDAYS_MAX = 100000,
    TDL_HOLIDAY_NAMES_TOLD = 32, /* of more names each by itself teaches nothing */
    TDL_HOLIDAY_NEAR = 4         /* days */
};

typedef struct tdl_holiday {
    int32_t day;
    uint32_t name;
} tdl_holiday;

typedef struct tdl_holiday_table {
    tdl_holiday *at; /* [n] by day, then name, each once */
    size_t n, cap;
    char **name; /* [names_n] in the order in which they were added, each once */
    size_t names_n;
} tdl_holiday_table;

void tdl_holiday_table_release(tdl_holiday_table *table); /* accepts a zeroed struct */
/* A second time the same is as once. TDL_E_INVALID: more than 10,000 years away | TDL_E_TOO_LARGE |
 * TDL_E_NO_MEMORY */
tdl_status tdl_holiday_table_add(tdl_holiday_table *table, int64_t day, tdl_str name,
                                 tdl_report *why);
tdl_status tdl_holiday_table_copy(const tdl_holiday_table *table, tdl_holiday_table *ret,
                                  tdl_report *why);

/* A table of rows (read.h): the columns "date" and "name", or else the first and the second;
 * without names all are one. TDL_E_INVALID: no rows, or names the row whose date is none */
tdl_status tdl_holiday_table_read(const char *source, tdl_holiday_table *ret, tdl_report *why);

/* {"days": [...], "of": [...], "names": [...]} and back; hostile until loaded. */
json_t *tdl_holiday_table_save(const tdl_holiday_table *table); /* NULL: no memory */
tdl_status tdl_holiday_table_load(const json_t *saved, tdl_holiday_table *ret, tdl_report *why);

bool tdl_holiday_table_has(const tdl_holiday_table *table, int64_t day);
bool tdl_holiday_table_is(const tdl_holiday_table *table, int64_t day, size_t name);
/* Days to the nearest holiday, negative when it is past, of two the coming one; TDL_HOLIDAY_NEAR
 * when none is nearer. */
int tdl_holiday_table_nearest(const tdl_holiday_table *table, int64_t day);

#endif
