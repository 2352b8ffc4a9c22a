#include "apps/predict/adjustment.h"

#include <math.h>
#include <stdlib.h>

static const char *const kind_names[] = {
    [TDL_EQUAL_SELECTION] = "selection", [TDL_EQUAL_TPR] = "tpr"};

const char *tdl_equal_name(tdl_equal kind)
{
    return kind_names[kind];
}

bool tdl_equal_find(tdl_str name, tdl_equal *ret)
{
    for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++)
        if (tdl_str_is(name, kind_names[i])) {
            *ret = (tdl_equal)i;
            return true;
        }
    return false;
}

void tdl_adjustment_release(tdl_adjustment *a)
{
    for (size_t i = 0; i < a->groups_n; i++)
        free(a->group[i].name);
    free(a->group);
    free(a->column);
    free(a->reason);
    *a = (tdl_adjustment){0};
}

/* ---- groups ---- */

static size_t find_group(const tdl_adjustment *a, const tdl_column *column, size_t row)
{
    size_t i = 0;

    if (column->pixel || !tdl_column_has(column, row))
        return a->groups_n;
    if (column->level) {
        tdl_str value = column->levels[column->level[row]];

        while (i < a->groups_n && !tdl_str_is(value, a->group[i].name))
            i++;
    } else {
        while (i < a->groups_n && !(column->number[row] == a->group[i].number))
            i++;
    }
    return i;
}

static char *value_text(const tdl_column *column, size_t row)
{
    tdl_buf text = {0};

    if (column->type == TDL_COLUMN_BOOLEAN)
        tdl_buf_text(&text, column->number[row] != 0 ? "true" : "false");
    else
        tdl_column_print(column, row, &text);
    if (text.failed)
        tdl_buf_release(&text);
    return text.at; // the caller's
}

static tdl_status add_group(tdl_adjustment *a, const tdl_column *column, size_t row,
                            tdl_report *why)
{
    tdl_adjustment_group *g = &a->group[a->groups_n];

    if (a->groups_n == TDL_ADJUSTMENT_GROUPS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s has more than %d values to group by",
                        column->name, TDL_ADJUSTMENT_GROUPS_MAX);
    *g = (tdl_adjustment_group){.name = value_text(column, row),
                                .number = column->level ? NAN : column->number[row]};
    if (!g->name)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a group of %s", column->name);
    a->groups_n++;
    return TDL_OK;
}

tdl_status tdl_adjustment_groups(const tdl_column *column, const uint32_t *row, size_t rows_n,
                                 tdl_adjustment *a, int32_t *ret_group, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (column->pixel)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s holds images: no groups", column->name);
    if (!(a->group = calloc(TDL_ADJUSTMENT_GROUPS_MAX, sizeof *a->group)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for groups of %s", column->name);
    for (size_t i = 0; i < rows_n && !st; i++) {
        size_t group = find_group(a, column, row[i]);

        ret_group[i] = -1;
        if (!tdl_column_has(column, row[i]))
            continue;
        if (group == a->groups_n)
            st = add_group(a, column, row[i], why);
        ret_group[i] = (int32_t)group;
    }
    if (!st && a->groups_n < 2)
        st = TDL_FAIL(why, TDL_E_INVALID, "column %s has one value: there is nothing to make equal",
                      column->name);
    return st;
}

const tdl_adjustment_group *tdl_adjustment_find(const tdl_adjustment *a, const tdl_frame *frame,
                                                size_t row)
{
    size_t column, group;

    if (!a->groups_n || !tdl_frame_find(frame, tdl_str_of(a->column), &column))
        return NULL;
    group = find_group(a, &frame->column[column], row);
    return group < a->groups_n ? &a->group[group] : NULL;
}

/* ---- as JSON ---- */

json_t *tdl_adjustment_save(const tdl_adjustment *a)
{
    json_t *groups = json_array(), *ret;

    for (size_t i = 0; groups && i < a->groups_n; i++) {
        const tdl_adjustment_group *g = &a->group[i];
        json_t *one = json_pack("{s:s, s:f}", "group", g->name, "threshold", g->threshold);

        if (one && !isnan(g->number) && json_object_set_new(one, "number", json_real(g->number))) {
            json_decref(one);
            one = NULL;
        }
        if (!one || json_array_append_new(groups, one)) {
            json_decref(groups);
            groups = NULL;
        }
    }
    ret = groups ? json_pack("{s:s, s:s, s:s, s:o}", "equal", tdl_equal_name(a->kind), "column",
                             a->column, "reason", a->reason, "groups", groups)
                 : NULL;
    return ret;
}

static tdl_status load_group(const json_t *saved, size_t i, tdl_adjustment *a, tdl_report *why)
{
    tdl_adjustment_group *g = &a->group[i];
    tdl_str name;

    if (!tdl_json_get_str(saved, "group", &name) ||
        !tdl_json_get_number(saved, "threshold", &g->threshold) || !(g->threshold >= 0) ||
        g->threshold > 2)
        return TDL_FAIL(why, TDL_E_CORRUPT, "adjustment: group %zu has no name, or no threshold",
                        i);
    if (!tdl_json_get_number(saved, "number", &g->number))
        g->number = NAN;
    if (!(g->name = strndup(name.at, name.len)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    a->groups_n++;
    for (size_t k = 0; k < i; k++)
        if (!strcmp(a->group[k].name, g->name) || a->group[k].number == g->number)
            return TDL_FAIL(why, TDL_E_CORRUPT, "adjustment: group \"%s\" is there twice", g->name);
    return TDL_OK;
}

tdl_status tdl_adjustment_load(const json_t *saved, tdl_adjustment *ret, tdl_report *why)
{
    tdl_adjustment a = {0};
    tdl_str kind, column, reason;
    const json_t *groups = json_object_get(saved, "groups");
    size_t n = json_array_size(groups);
    tdl_status st = TDL_OK;

    if (!tdl_json_get_str(saved, "equal", &kind) || !tdl_equal_find(kind, &a.kind) ||
        !tdl_json_get_str(saved, "column", &column) || !column.len ||
        !tdl_json_get_str(saved, "reason", &reason) || !reason.len ||
        reason.len > TDL_ADJUSTMENT_REASON_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "adjustment: what is made equal, its column or its reason is missing");
    if (n < 2 || n > TDL_ADJUSTMENT_GROUPS_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "adjustment: %zu groups", n);
    a.column = strndup(column.at, column.len);
    a.reason = strndup(reason.at, reason.len);
    a.group = calloc(n, sizeof *a.group);
    if (!a.column || !a.reason || !a.group)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n && !st; i++)
        st = load_group(json_array_get(groups, i), i, &a, why);
    if (st)
        tdl_adjustment_release(&a);
    else
        *ret = a;
    return st;
}
