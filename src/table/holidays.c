#include "table/holidays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "table/cell.h"
#include "table/read.h"

enum { DAY_S = 86400, DAY_MAX = 3652425 /* 10,000 years */ };

void tdl_holiday_table_release(tdl_holiday_table *t)
{
    for (size_t i = 0; i < t->names_n; i++)
        free(t->name[i]);
    free((void *)t->name);
    free(t->at);
    *t = (tdl_holiday_table){0};
}

/* ---- looking up ---- */

/* How many entries stand before (day, name). */
static size_t place_of(const tdl_holiday_table *t, int64_t day, size_t name)
{
    size_t low = 0, high = t->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const tdl_holiday *h = &t->at[middle];

        if (h->day < day || (h->day == day && h->name < name))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool tdl_holiday_table_is(const tdl_holiday_table *t, int64_t day, size_t name)
{
    size_t at = place_of(t, day, name);

    return at < t->n && t->at[at].day == day && t->at[at].name == name;
}

bool tdl_holiday_table_has(const tdl_holiday_table *t, int64_t day)
{
    size_t at = place_of(t, day, 0);

    return at < t->n && t->at[at].day == day;
}

int tdl_holiday_table_nearest(const tdl_holiday_table *t, int64_t day)
{
    for (int d = 0; d < TDL_HOLIDAY_NEAR; d++) {
        if (tdl_holiday_table_has(t, day + d))
            return d;
        if (tdl_holiday_table_has(t, day - d))
            return -d;
    }
    return TDL_HOLIDAY_NEAR;
}

/* ---- adding ---- */

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a table of holidays");
}

static tdl_status number_name(tdl_holiday_table *t, tdl_str name, uint32_t *ret, tdl_report *why)
{
    char **grown;

    for (*ret = 0; *ret < t->names_n; ++*ret)
        if (tdl_str_is(name, t->name[*ret]))
            return TDL_OK;
    if (!(grown = realloc((void *)t->name, (t->names_n + 1) * sizeof *grown)))
        return no_memory(why);
    t->name = grown;
    if (!(t->name[t->names_n] = strndup(name.len ? name.at : "", name.len)))
        return no_memory(why);
    t->names_n++;
    return TDL_OK;
}

tdl_status tdl_holiday_table_add(tdl_holiday_table *t, int64_t day, tdl_str name, tdl_report *why)
{
    uint32_t number;
    size_t at;
    tdl_status st;

    if (day < -DAY_MAX || day > DAY_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "a holiday more than 10,000 years away");
    if ((st = number_name(t, name, &number, why)) || tdl_holiday_table_is(t, day, number))
        return st;
    if (t->n == TDL_HOLIDAYS_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "more than %d holidays", TDL_HOLIDAYS_MAX);
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        tdl_holiday *grown = realloc(t->at, cap * sizeof *grown);

        if (!grown)
            return no_memory(why);
        t->at = grown;
        t->cap = cap;
    }
    at = place_of(t, day, number);
    memmove(t->at + at + 1, t->at + at, (t->n - at) * sizeof *t->at);
    t->at[at] = (tdl_holiday){(int32_t)day, number};
    t->n++;
    return TDL_OK;
}

tdl_status tdl_holiday_table_copy(const tdl_holiday_table *t, tdl_holiday_table *ret,
                                  tdl_report *why)
{
    tdl_holiday_table copy = {0};
    uint32_t number;
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < t->names_n && !st; i++)
        st = number_name(&copy, tdl_str_of(t->name[i]), &number, why);
    if (!st && !(copy.at = calloc(t->n + 1, sizeof *copy.at)))
        st = no_memory(why);
    if (st) {
        tdl_holiday_table_release(&copy);
        return st;
    }
    if (t->n)
        memcpy(copy.at, t->at, t->n * sizeof *copy.at);
    copy.n = copy.cap = t->n;
    *ret = copy;
    return TDL_OK;
}

/* ---- a file ---- */

/* The column of that name in any case, else the `otherwise`-th; NULL: there is none. */
static const tdl_column *find_column(const tdl_frame *frame, const char *name, size_t otherwise)
{
    for (size_t i = 0; i < frame->columns_n; i++)
        if (!strcasecmp(frame->column[i].name, name))
            return &frame->column[i];
    return otherwise < frame->columns_n ? &frame->column[otherwise] : NULL;
}

static tdl_status add_row(tdl_holiday_table *t, const tdl_column *date, const tdl_column *name,
                          size_t row, tdl_buf *room, tdl_report *why)
{
    double seconds;

    tdl_buf_clear(room);
    tdl_column_print(date, row, room);
    if (date->type == TDL_COLUMN_DATE && tdl_column_has(date, row))
        seconds = date->number[row];
    else if (!tdl_cell_date_wished(tdl_buf_view(room), &seconds))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "a CSV of two columns: date,name",
                             "row %zu: '%.*s' is no date such as 2026-12-25", row + 1,
                             TDL_FMT(tdl_buf_view(room)));
    tdl_buf_clear(room);
    if (name)
        tdl_column_print(name, row, room);
    return tdl_holiday_table_add(t, (int64_t)floor(seconds / DAY_S), tdl_buf_view(room), why);
}

tdl_status tdl_holiday_table_read(const char *source, tdl_holiday_table *ret, tdl_report *why)
{
    const tdl_read_options options = {.rows_max = TDL_HOLIDAYS_MAX + 1};
    tdl_holiday_table table = {0};
    tdl_frame frame = {0};
    tdl_buf room = {0};
    const tdl_column *date, *name;
    tdl_status st = tdl_frame_read(source, &options, &frame, NULL, why);

    if (st)
        return st;
    date = find_column(&frame, "date", 0);
    name = find_column(&frame, "name", 1);
    if (!date || !frame.rows || date->pixel)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "a CSV of two columns: date,name",
                           "there is no holiday in it");
    for (size_t i = 0; i < frame.rows && !st; i++)
        st = add_row(&table, date, name == date || (name && name->pixel) ? NULL : name, i, &room,
                     why);
    if (st) {
        tdl_report_prefix(why, "%s", source);
        tdl_holiday_table_release(&table);
    } else {
        *ret = table;
    }
    tdl_buf_release(&room);
    tdl_frame_release(&frame);
    return st;
}

/* ---- JSON ---- */

json_t *tdl_holiday_table_save(const tdl_holiday_table *t)
{
    json_t *days = json_array(), *of = json_array(), *names = json_array();
    bool well = true;

    for (size_t i = 0; i < t->n; i++)
        well &= !json_array_append_new(days, json_integer(t->at[i].day)) &&
                !json_array_append_new(of, json_integer((json_int_t)t->at[i].name));
    for (size_t i = 0; i < t->names_n; i++)
        well &= !json_array_append_new(names, json_string(t->name[i]));
    if (well)
        return json_pack("{s:o, s:o, s:o}", "days", days, "of", of, "names", names);
    json_decref(days);
    json_decref(of);
    json_decref(names);
    return NULL;
}

static tdl_status bad(const char *what, size_t i, tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "train the model again", "holidays: %s %zu cannot be",
                         what, i);
}

static tdl_status load_days(const json_t *days, const json_t *of, tdl_holiday_table *t,
                            tdl_report *why)
{
    for (size_t i = 0; i < json_array_size(days); i++) {
        const json_t *day = json_array_get(days, i), *name = json_array_get(of, i);
        json_int_t d = json_integer_value(day), k = json_integer_value(name);

        if (!json_is_integer(day) || !json_is_integer(name) || d < -DAY_MAX || d > DAY_MAX ||
            k < 0 || (uint64_t)k >= t->names_n)
            return bad("day", i, why);
        t->at[t->n] = (tdl_holiday){(int32_t)d, (uint32_t)k};
        if (i && (t->at[i - 1].day > d || (t->at[i - 1].day == d && t->at[i - 1].name >= k)))
            return bad("day", i, why);
        t->n++;
    }
    return TDL_OK;
}

tdl_status tdl_holiday_table_load(const json_t *saved, tdl_holiday_table *ret, tdl_report *why)
{
    const json_t *days = json_object_get(saved, "days"), *of = json_object_get(saved, "of");
    const json_t *names = json_object_get(saved, "names"), *name;
    size_t n = json_array_size(days), i;
    tdl_holiday_table table = {0};
    uint32_t number;
    tdl_status st = TDL_OK;

    if (!json_is_array(days) || !json_is_array(of) || !json_is_array(names) || n == 0 ||
        n > TDL_HOLIDAYS_MAX || json_array_size(of) != n || json_array_size(names) > n)
        return bad("list", 0, why);
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);

        st = !text ? bad("name", i, why) : number_name(&table, tdl_str_of(text), &number, why);
        if (!st && number != i)
            st = bad("name", i, why);
        if (st)
            goto out;
    }
    if (!(table.at = calloc(n, sizeof *table.at))) {
        st = no_memory(why);
        goto out;
    }
    table.cap = n;
    if ((st = load_days(days, of, &table, why)))
        goto out;
    *ret = table;
    table = (tdl_holiday_table){0};
out:
    tdl_holiday_table_release(&table);
    return st;
}
