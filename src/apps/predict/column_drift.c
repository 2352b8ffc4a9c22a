#include "apps/predict/column_drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const json_t *columns_of(const json_t *schema)
{
    return json_object_get(schema, "columns");
}

/* ---- training ---- */

static bool takes_numbers(const tdl_column *column)
{
    return column->number && column->type != TDL_COLUMN_DATE;
}

/* Are the levels of the schema those of the column, and few enough? */
static bool takes_levels(const tdl_column *column, const json_t *saved)
{
    return column->level && column->levels_n <= TDL_DRIFT_LEVELS_MAX &&
           json_array_size(json_object_get(saved, "levels")) == column->levels_n;
}

/* As it will be read back from a file: counts are whole numbers there. NULL: no memory */
static json_t *save(const tdl_drift *drift)
{
    json_t *told = tdl_drift_save(drift), *read = NULL;
    tdl_buf text = {0};

    tdl_json_dump(&text, told);
    if (!told || text.failed ||
        tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &read, NULL))
        read = NULL;
    tdl_buf_release(&text);
    json_decref(told);
    return read;
}

static tdl_status add_column(json_t *saved, const tdl_column *column, const uint32_t *row,
                             size_t rows_n, tdl_report *why)
{
    double *number = malloc((rows_n + 1) * sizeof *number);
    int32_t *level = malloc((rows_n + 1) * sizeof *level);
    tdl_drift drift = {0};
    json_t *told;
    tdl_status st;

    if (!number || !level) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu values", rows_n);
        goto out;
    }
    for (size_t i = 0; i < rows_n; i++) {
        number[i] = column->number ? column->number[row[i]] : 0;
        level[i] = column->level ? column->level[row[i]] : -1;
    }
    st = column->level ? tdl_drift_of_levels(level, rows_n, column->levels_n, &drift, why)
                       : tdl_drift_of_numbers(number, rows_n, &drift, why);
    if (st)
        goto out;
    told = save(&drift);
    if (!told || json_object_set_new(saved, "drift", told))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the drift of %s", column->name);
out:
    tdl_drift_release(&drift);
    free(number);
    free(level);
    return st;
}

tdl_status tdl_schema_add_drift(json_t *schema, const tdl_frame *frame, const uint32_t *row,
                                size_t rows_n, tdl_report *why)
{
    size_t followed = 0, i, at;
    json_t *saved;
    tdl_status st = TDL_OK;

    json_array_foreach(columns_of(schema), i, saved)
    {
        tdl_str name = {0};

        if (st || followed == TDL_DRIFT_COLUMNS_MAX || !rows_n ||
            !tdl_json_get_str(saved, "name", &name) || !tdl_frame_find(frame, name, &at))
            continue;
        if (!takes_numbers(&frame->column[at]) && !takes_levels(&frame->column[at], saved))
            continue;
        st = add_column(saved, &frame->column[at], row, rows_n, why);
        followed++;
    }
    return st;
}

/* ---- loading ---- */

void tdl_column_drift_release(tdl_column_drift *d)
{
    for (size_t i = 0; d->of && i < d->n; i++)
        tdl_drift_release(&d->of[i]);
    free(d->of);
    *d = (tdl_column_drift){0};
}

tdl_status tdl_column_drift_load(const json_t *schema, tdl_column_drift *ret, tdl_report *why)
{
    tdl_column_drift d = {.schema = schema, .n = json_array_size(columns_of(schema))};
    tdl_status st = TDL_OK;

    if (!(d.of = calloc(d.n + 1, sizeof *d.of)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", d.n);
    for (size_t i = 0; i < d.n && !st; i++) {
        const json_t *saved = json_array_get(columns_of(schema), i);
        const json_t *drift = json_object_get(saved, "drift");

        if (!drift || d.followed == TDL_DRIFT_COLUMNS_MAX)
            continue;
        if ((st = tdl_drift_load(drift, &d.of[i], why)))
            tdl_report_prefix(why, "drift of column %zu", i);
        else if (d.of[i].levels_n != json_array_size(json_object_get(saved, "levels")) &&
                 d.of[i].levels_n)
            st = TDL_FAIL(why, TDL_E_CORRUPT, "drift of column %zu: levels of another column", i);
        d.followed++;
    }
    if (st) {
        tdl_column_drift_release(&d);
        return st;
    }
    *ret = d;
    return TDL_OK;
}

/* ---- rows ---- */

static int32_t level_of(const tdl_column *column, size_t row, const json_t *levels)
{
    tdl_str text;

    if (column->level[row] < 0)
        return -1;
    text = column->levels[column->level[row]];
    for (size_t k = 0; k < json_array_size(levels); k++) {
        const json_t *level = json_array_get(levels, k);

        if (json_string_length(level) == text.len &&
            (!text.len || !memcmp(json_string_value(level), text.at, text.len)))
            return (int32_t)k;
    }
    return INT32_MAX; // a new one
}

static size_t part_of(const tdl_column_drift *d, size_t i, const tdl_column *column, size_t row)
{
    const tdl_drift *drift = &d->of[i];

    if (drift->levels_n && column->level)
        return tdl_drift_part_of_level(
            drift, level_of(column, row,
                            json_object_get(json_array_get(columns_of(d->schema), i), "levels")));
    if (!drift->levels_n && column->number)
        return tdl_drift_part_of_number(drift, column->number[row]);
    return drift->parts_n - 1; // of another type: as good as missing
}

void tdl_column_drift_write_parts(const tdl_column_drift *d, const tdl_frame *frame, size_t row,
                                  tdl_jw *out)
{
    if (!d->followed)
        return;
    tdl_jw_key(out, "parts");
    tdl_jw_array(out);
    for (size_t i = 0; i < d->n && i < frame->columns_n; i++)
        if (d->of[i].parts_n)
            tdl_jw_int(out, (int64_t)part_of(d, i, &frame->column[i], row));
    tdl_jw_end_array(out);
}

bool tdl_column_drift_count(const tdl_column_drift *d, const json_t *parts, double *now)
{
    size_t k = 0;

    if (!d->followed || json_array_size(parts) != d->followed)
        return false;
    for (size_t i = 0; i < d->n; i++) {
        if (!d->of[i].parts_n)
            continue;
        const json_t *said = json_array_get(parts, k++);
        json_int_t part = json_integer_value(said);

        if (!json_is_integer(said) || part < 0 || (size_t)part >= d->of[i].parts_n)
            return false;
    }
    for (k = 0; k < d->followed; k++)
        now[k * TDL_DRIFT_PARTS_MAX + (size_t)json_integer_value(json_array_get(parts, k))]++;
    return true;
}

/* ---- told ---- */

/* What the index of rows like those of training exceeds in one case of twenty. The quantile of
 * chi-squared is that of Wilson and Hilferty (1931). */
static double by_chance(const tdl_drift *drift, size_t rows)
{
    double trained = 0, parts = 0, spread, root;

    for (size_t k = 0; k < drift->parts_n; k++) {
        trained += drift->count[k];
        parts += drift->count[k] > 0;
    }
    if (!(trained > 0) || parts < 2 || !rows)
        return 0;
    spread = 2 / (9 * (parts - 1));
    root = 1 - spread + 1.6448536 * sqrt(spread);
    return (1 / (double)rows + 1 / trained) * (parts - 1) * root * root * root;
}

static const char *state_of(double index, double chance)
{
    if (index < TDL_DRIFT_ALARM / 2 || index <= chance)
        return "calm";
    return index < TDL_DRIFT_ALARM ? "change" : "alarm";
}

typedef struct told {
    size_t column;
    double index, chance;
} told;

static int by_index(const void *left, const void *right)
{
    const told *a = left, *b = right;

    if (a->index != b->index)
        return a->index > b->index ? -1 : 1;
    return a->column < b->column ? -1 : a->column > b->column;
}

void tdl_column_drift_write(const tdl_column_drift *d, const double *now, size_t rows, tdl_jw *out)
{
    told all[TDL_DRIFT_COLUMNS_MAX];
    size_t n = 0, alarms = 0;

    for (size_t i = 0; i < d->n && n < TDL_DRIFT_COLUMNS_MAX && rows; i++)
        if (d->of[i].parts_n) {
            all[n] = (told){.column = i,
                            .index = tdl_drift_index(&d->of[i], now + n * TDL_DRIFT_PARTS_MAX),
                            .chance = by_chance(&d->of[i], rows)};
            n++;
        }
    if (n)
        qsort(all, n, sizeof *all, by_index);
    tdl_jw_key(out, "columns");
    tdl_jw_array(out);
    for (size_t k = 0; k < n; k++) {
        const json_t *column = json_array_get(columns_of(d->schema), all[k].column);
        const char *state = state_of(all[k].index, all[k].chance);

        tdl_jw_object(out);
        tdl_jw_ktext(out, "column", json_string_value(json_object_get(column, "name")));
        tdl_jw_knumber(out, "stability_index", all[k].index);
        tdl_jw_knumber(out, "by_chance", all[k].chance);
        tdl_jw_ktext(out, "state", state);
        tdl_jw_end_object(out);
        alarms += !strcmp(state, "alarm") ? 1 : 0;
    }
    tdl_jw_end_array(out);
    tdl_jw_kint(out, "alarms", (int64_t)alarms);
}
