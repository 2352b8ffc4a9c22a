#include "forecast/hierarchy_series.h"

#include <stdlib.h>
#include <string.h>

#include "table/levels.h"

static const char SEPARATOR = '\x1f'; /* between the parts of a path; '/' once there are nodes */
static const char path_column[] = "\x1fpath";

void tdl_hierarchy_release(tdl_hierarchy *h)
{
    tdl_series_set_release(&h->set);
    free(h->parent);
    *h = (tdl_hierarchy){0};
}

/* ---- leaves ---- */

static tdl_status find_columns(const tdl_frame *frame, tdl_str columns,
                               size_t ret[TDL_HIERARCHY_COLUMNS_MAX], size_t *ret_n,
                               tdl_report *why)
{
    *ret_n = 0;
    for (tdl_str rest = columns; rest.len;) {
        const char *comma = memchr(rest.at, ',', rest.len);
        size_t n = comma ? (size_t)(comma - rest.at) : rest.len;
        tdl_str one = tdl_str_trim((tdl_str){rest.at, n});

        if (*ret_n == TDL_HIERARCHY_COLUMNS_MAX)
            return TDL_FAIL(why, TDL_E_INVALID, "a hierarchy of more than %d columns",
                            TDL_HIERARCHY_COLUMNS_MAX);
        if (!tdl_frame_find(frame, one, &ret[*ret_n]))
            return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no column \"%.*s\"", TDL_FMT(one));
        ++*ret_n;
        n += comma ? 1 : 0;
        rest = (tdl_str){rest.at + n, rest.len - n};
    }
    return *ret_n ? TDL_OK : TDL_FAIL(why, TDL_E_INVALID, "a hierarchy of no columns");
}

/* The path of a row; false: a part of it is missing. */
static bool print_path(const tdl_frame *frame, const size_t *column, size_t n, size_t row,
                       tdl_buf *out)
{
    tdl_buf_clear(out);
    for (size_t i = 0; i < n; i++) {
        if (!tdl_column_has(&frame->column[column[i]], row))
            return false;
        if (i)
            tdl_buf_char(out, SEPARATOR);
        tdl_column_print(&frame->column[column[i]], row, out);
    }
    return true;
}

/* A column of paths. */
static tdl_status make_paths(const tdl_frame *frame, const size_t *column, size_t n,
                             tdl_column *ret, tdl_report *why)
{
    tdl_levels levels = {0};
    tdl_buf text = {0};
    int32_t *place = NULL;
    tdl_status st = TDL_OK;

    *ret = (tdl_column){.type = TDL_COLUMN_CATEGORY,
                        .name = strdup(path_column),
                        .level = malloc((frame->rows + 1) * sizeof *ret->level)};
    if (!ret->name || !ret->level) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", frame->rows);
        goto out;
    }
    for (size_t row = 0; row < frame->rows && !st; row++) {
        ret->level[row] = -1;
        if (!print_path(frame, column, n, row, &text))
            ret->missing++;
        else
            st = tdl_levels_add(&levels, tdl_buf_view(&text), &ret->level[row], why);
    }
    if (st || (st = tdl_levels_sorted(&levels, &ret->levels, &ret->levels_n, &ret->level_bytes,
                                      &place, why)))
        goto out;
    for (size_t row = 0; row < frame->rows; row++)
        if (ret->level[row] >= 0)
            ret->level[row] = place[ret->level[row]];
out:
    tdl_levels_release(&levels);
    tdl_buf_release(&text);
    free(place);
    return st;
}

/* The series of each path, ascending. */
static tdl_status read_leaves(const tdl_frame *frame, const size_t *column, size_t n,
                              const tdl_series_options *options, tdl_series_set *ret,
                              tdl_report *why)
{
    tdl_frame with = {.rows = frame->rows, .columns_n = frame->columns_n + 1};
    tdl_series_options o = *options;
    tdl_column path = {0};
    tdl_status st = make_paths(frame, column, n, &path, why);

    if (st)
        goto out;
    if (!(with.column = malloc(with.columns_n * sizeof *with.column))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", with.columns_n);
        goto out;
    }
    memcpy(with.column, frame->column, frame->columns_n * sizeof *with.column);
    with.column[frame->columns_n] = path;
    o.series = tdl_str_of(path_column);
    o.layout = TDL_LAYOUT_LONG;
    st = tdl_series_of(&with, &o, ret, why);
out:
    free(with.column); // the cells are the frame's
    tdl_column_release(&path);
    return st;
}

/* ---- nodes ---- */

/* Bytes of the first `parts` parts of a path; 0 parts: none. */
static size_t prefix(const char *path, size_t parts)
{
    const char *at = path;

    for (size_t i = 0; i < parts; i++) {
        at += i ? 1 : 0;
        at += strcspn(at, "\x1f");
    }
    return (size_t)(at - path);
}

/* Nodes as ranges of leaves, which stand in order of their paths: depth by depth. */
typedef struct node {
    size_t first, end; /* leaves */
    size_t depth;
    int32_t parent;
} node;

static size_t list_nodes(const tdl_series_set *leaves, size_t depths, node *ret)
{
    size_t n = 1;

    ret[0] = (node){.end = leaves->series_n, .parent = -1};
    for (size_t depth = 1, above = 0; depth <= depths; depth++) {
        size_t until = n;

        for (; above < until; above++)
            for (size_t i = ret[above].first; i < ret[above].end;) {
                const char *path = leaves->series[i].name;
                size_t same = prefix(path, depth), j = i + 1;

                while (j < ret[above].end && prefix(leaves->series[j].name, depth) == same &&
                       !memcmp(leaves->series[j].name, path, same))
                    j++;
                ret[n++] = (node){i, j, depth, (int32_t)above};
                i = j;
            }
    }
    return n;
}

/* Where each leaf begins, in steps from the earliest; all must end at once. */
static tdl_status place_leaves(const tdl_series_set *leaves, size_t *ret_first, tdl_report *why)
{
    double start = leaves->series[0].start;
    size_t end = 0;

    for (size_t i = 1; i < leaves->series_n; i++)
        start = leaves->series[i].start < start ? leaves->series[i].start : start;
    for (size_t i = 0; i < leaves->series_n; i++) {
        const tdl_series *s = &leaves->series[i];

        if (!tdl_step_place(leaves->step, start, s->start, &ret_first[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "series %s stands between the steps of others",
                            s->name);
        if (i && ret_first[i] + s->n != end)
            return TDL_FAIL_HINT(
                why, TDL_E_INVALID, "fill in what is missing at the end, with 0 where nothing was",
                "series %s and %s do not end at the same step", leaves->series[0].name, s->name);
        end = ret_first[i] + s->n;
    }
    return TDL_OK;
}

static char *name_of(const tdl_series_set *leaves, const node *of)
{
    const char *path = leaves->series[of->first].name;
    char *name = of->depth ? strndup(path, prefix(path, of->depth)) : strdup("total");

    for (char *at = name; at && *at; at++)
        if (*at == SEPARATOR)
            *at = '/';
    return name;
}

static tdl_status sum_leaves(const tdl_series_set *leaves, const size_t *first, const node *of,
                             tdl_series *ret, tdl_report *why)
{
    size_t begin = 0, end = first[of->first] + leaves->series[of->first].n, origin = 0;

    for (size_t i = of->first; i < of->end; i++)
        if (first[i] >= begin) {
            begin = first[i];
            origin = i;
        }
    *ret = (tdl_series){.name = name_of(leaves, of),
                        .n = end - begin,
                        .start = leaves->series[origin].start,
                        .y = calloc(end - begin, sizeof *ret->y)};
    if (!ret->name || !ret->y)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu points", ret->n);
    for (size_t i = of->first; i < of->end; i++) {
        const double *y = leaves->series[i].y + (begin - first[i]);

        for (size_t t = 0; t < ret->n; t++)
            ret->y[t] += y[t];
    }
    if (of->end - of->first == 1)
        ret->filled = leaves->series[of->first].filled;
    return TDL_OK;
}

static tdl_status make_nodes(const tdl_series_set *leaves, size_t depths, tdl_hierarchy *ret,
                             tdl_report *why)
{
    size_t most = leaves->series_n * depths + 1, n = 0;
    node *nodes = calloc(most, sizeof *nodes);
    size_t *first = calloc(leaves->series_n + 1, sizeof *first);
    tdl_status st = TDL_OK;

    if (!nodes || !first) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu nodes", most);
        goto out;
    }
    if ((st = place_leaves(leaves, first, why)))
        goto out;
    n = list_nodes(leaves, depths, nodes);
    ret->set = *leaves;
    ret->parent = calloc(n, sizeof *ret->parent);
    ret->set.series_n = 0;
    if (!(ret->set.series = calloc(n, sizeof *ret->set.series)) || !ret->parent) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu nodes", n);
        goto out;
    }
    for (size_t i = 0; i < n && !st; i++) {
        ret->parent[i] = nodes[i].parent;
        ret->set.series_n = i + 1;
        st = sum_leaves(leaves, first, &nodes[i], &ret->set.series[i], why);
    }
out:
    free(nodes);
    free(first);
    return st;
}

tdl_status tdl_hierarchy_of(const tdl_frame *frame, tdl_str columns,
                            const tdl_series_options *options, tdl_hierarchy *ret, tdl_report *why)
{
    size_t column[TDL_HIERARCHY_COLUMNS_MAX], n;
    tdl_series_set leaves = {0};
    tdl_hierarchy made = {0};
    tdl_status st;

    if ((st = find_columns(frame, columns, column, &n, why)) ||
        (st = read_leaves(frame, column, n, options, &leaves, why)))
        return st;
    if (!(st = make_nodes(&leaves, n, &made, why))) {
        *ret = made;
        made = (tdl_hierarchy){0};
    }
    tdl_series_set_release(&leaves);
    tdl_hierarchy_release(&made);
    return st;
}
