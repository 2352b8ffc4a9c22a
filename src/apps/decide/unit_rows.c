#include "apps/decide/unit_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "stats/quantile_arm.h"

enum { NO_ARM = 255, TWO_ARMS = 254 };

/* Rows, units and arms as numbers. */
typedef struct units {
    const tdl_frame *frame;
    uint32_t *of_row; /* [rows]: unit */
    uint8_t *row_arm; /* [rows]: arm or NO_ARM */
    uint8_t *arm;     /* [units_n]: arm, NO_ARM or TWO_ARMS */
    size_t units_n;
} units;

static void *take(tdl_arena *arena, size_t n, size_t size, tdl_report *why)
{
    void *at = tdl_arena_zalloc(arena, n + 1, size);

    if (!at)
        TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu units", n);
    return at;
}

/* ---- columns as numbers from 0 ---- */

/* The different values of a column and which one each row has; UINT32_MAX = missing. */
typedef struct coded {
    uint32_t *code;
    size_t n;
    const double *value; /* [n] ascending; NULL = levels of the column */
} coded;

static tdl_status code_numbers(const tdl_column *column, size_t rows, tdl_arena *arena, coded *ret,
                               tdl_report *why)
{
    double *value = take(arena, rows, sizeof *value, why);
    size_t n = 0, distinct = 0;

    if (!value)
        return TDL_E_NO_MEMORY;
    for (size_t i = 0; i < rows; i++)
        if (!isnan(column->number[i]))
            value[n++] = column->number[i];
    tdl_sort_numbers(value, n);
    for (size_t i = 0; i < n; i++)
        if (!distinct || value[i] != value[distinct - 1])
            value[distinct++] = value[i];
    for (size_t i = 0; i < rows; i++) {
        size_t low = 0, high = distinct;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (value[middle] < column->number[i])
                low = middle + 1;
            else
                high = middle;
        }
        ret->code[i] = isnan(column->number[i]) ? UINT32_MAX : (uint32_t)low;
    }
    ret->n = distinct;
    ret->value = value;
    return TDL_OK;
}

static tdl_status code_column(const tdl_column *column, size_t rows, tdl_arena *arena, coded *ret,
                              tdl_report *why)
{
    *ret = (coded){.code = take(arena, rows, sizeof *ret->code, why)};
    if (!ret->code)
        return TDL_E_NO_MEMORY;
    if (!column->level && !column->number)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s holds images", column->name);
    if (!column->level)
        return code_numbers(column, rows, arena, ret, why);
    for (size_t i = 0; i < rows; i++)
        ret->code[i] = column->level[i] < 0 ? UINT32_MAX : (uint32_t)column->level[i];
    ret->n = column->levels_n;
    return TDL_OK;
}

static tdl_status find(const tdl_frame *frame, tdl_str name, const tdl_column **ret,
                       tdl_report *why)
{
    size_t at;

    if (!tdl_frame_find(frame, name, &at))
        return TDL_FAIL(why, TDL_E_INVALID, "there is no column %.*s", (int)name.len, name.at);
    *ret = &frame->column[at];
    return TDL_OK;
}

/* ---- arms and units ---- */

static const char *name_of(const tdl_column *column, const coded *c, size_t i, tdl_arena *arena)
{
    if (!c->value)
        return tdl_arena_str(arena, column->levels[i]).at;
    if (column->levels && column->type == TDL_COLUMN_BOOLEAN && i < column->levels_n)
        return tdl_arena_str(arena, column->levels[(size_t)c->value[i]]).at;
    return tdl_arena_printf(arena, "%.15g", c->value[i]).at;
}

/* Where an arm stands: the control first, the others in their order. */
static size_t place_of(size_t arm, size_t control)
{
    return arm == control ? 0 : arm < control ? arm + 1 : arm;
}

static tdl_status read_arms(const tdl_frame *frame, const tdl_unit_ask *ask, tdl_arena *arena,
                            units *u, tdl_experiment *ret, tdl_report *why)
{
    const tdl_column *column;
    const char *name[TDL_EXPERIMENT_ARMS_MAX];
    coded c;
    tdl_status st;
    size_t control = 0;

    if ((st = find(frame, tdl_str_of(ask->arm), &column, why)) ||
        (st = code_column(column, frame->rows, arena, &c, why)))
        return st;
    if (c.n < 2 || c.n > TDL_EXPERIMENT_ARMS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s has %zu different values: 2 to %d are arms",
                        column->name, c.n, TDL_EXPERIMENT_ARMS_MAX);
    for (size_t i = 0; i < c.n; i++)
        if (!(name[i] = name_of(column, &c, i, arena)))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu arms", c.n);
    while (ask->control && control < c.n && strcmp(name[control], ask->control) != 0)
        control++;
    if (control == c.n)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s never has the value %s", column->name,
                        ask->control);
    ret->arms_n = c.n;
    for (size_t i = 0; i < c.n; i++)
        ret->arm_name[place_of(i, control)] = name[i];
    for (size_t row = 0; row < frame->rows; row++) {
        bool missing = c.code[row] == UINT32_MAX;
        u->row_arm[row] = missing ? NO_ARM : (uint8_t)place_of(c.code[row], control);
        ret->no_arm += missing;
    }
    return TDL_OK;
}

static tdl_status read_units(const tdl_frame *frame, const tdl_unit_ask *ask, tdl_arena *arena,
                             units *u, tdl_experiment *ret, tdl_report *why)
{
    const tdl_column *column;
    coded c = {0};
    tdl_status st;

    u->frame = frame;
    u->of_row = take(arena, frame->rows, sizeof *u->of_row, why);
    u->row_arm = take(arena, frame->rows, 1, why);
    if (!u->of_row || !u->row_arm)
        return TDL_E_NO_MEMORY;
    if ((st = read_arms(frame, ask, arena, u, ret, why)))
        return st;
    u->units_n = frame->rows;
    if (ask->unit) {
        if ((st = find(frame, tdl_str_of(ask->unit), &column, why)) ||
            (st = code_column(column, frame->rows, arena, &c, why)))
            return st;
        u->units_n = c.n;
    }
    if (!(u->arm = take(arena, u->units_n, 1, why)))
        return TDL_E_NO_MEMORY;
    memset(u->arm, NO_ARM, u->units_n);
    for (size_t row = 0; row < frame->rows; row++) {
        if (c.code && c.code[row] == UINT32_MAX)
            u->row_arm[row] = NO_ARM; // nobody's
        if (u->row_arm[row] == NO_ARM)
            continue;
        uint32_t unit = c.code ? c.code[row] : (uint32_t)row;
        u->of_row[row] = unit;
        u->arm[unit] =
            u->arm[unit] == NO_ARM || u->arm[unit] == u->row_arm[row] ? u->row_arm[row] : TWO_ARMS;
    }
    for (size_t i = 0; i < u->units_n; i++) {
        ret->in_two += u->arm[i] == TWO_ARMS;
        if (u->arm[i] < ret->arms_n) {
            ret->arm_units[u->arm[i]]++;
            ret->units++;
        }
    }
    return TDL_OK;
}

static bool counts(const units *u, size_t row)
{
    return u->row_arm[row] != NO_ARM && u->arm[u->of_row[row]] != TWO_ARMS;
}

/* ---- outcomes ---- */

typedef struct named {
    tdl_str of, under, before; /* under: of a ratio; empty = none */
    double quantile;           /* 0 = none */
} named;

static tdl_status read_name(tdl_str text, named *ret, tdl_report *why)
{
    const char *tilde = memchr(text.at, '~', text.len);
    tdl_str left = {text.at, tilde ? (size_t)(tilde - text.at) : text.len};
    const char *slash = memchr(left.at, '/', left.len), *at = memchr(left.at, '@', left.len);

    *ret = (named){.of = left};
    if (tilde)
        ret->before = (tdl_str){tilde + 1, text.len - left.len - 1};
    if (at) {
        ret->of.len = (size_t)(at - left.at);
        tdl_str q = {at + 1, left.len - ret->of.len - 1};
        if (!tdl_str_double(q, &ret->quantile) || !(ret->quantile > 0 && ret->quantile < 1))
            return TDL_FAIL(why, TDL_E_INVALID, "%.*s: a quantile is between 0 and 1, as in ms@0.9",
                            (int)text.len, text.at);
    } else if (slash) {
        ret->of.len = (size_t)(slash - left.at);
        ret->under = (tdl_str){slash + 1, left.len - ret->of.len - 1};
    }
    return TDL_OK;
}

static tdl_status find_number(const tdl_frame *frame, tdl_str name, const tdl_column **ret,
                              tdl_report *why)
{
    tdl_status st = find(frame, name, ret, why);

    if (!st && !(*ret)->number)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "--types COLUMN=numeric reads it as one",
                             "column %s is of type %s, not a number", (*ret)->name,
                             tdl_column_type_name((*ret)->type));
    return st;
}

/* Values of a column added up per unit; NaN where a unit has none. `most`: the largest instead. */
static double *per_unit(const units *u, const tdl_column *column, bool most, tdl_arena *arena,
                        tdl_report *why)
{
    double *ret = take(arena, u->units_n, sizeof *ret, why);

    for (size_t i = 0; ret && i < u->units_n; i++)
        ret[i] = NAN;
    for (size_t row = 0; ret && row < u->frame->rows; row++) {
        double x = column->number[row], *sum;
        if (!counts(u, row) || isnan(x))
            continue;
        sum = &ret[u->of_row[row]];
        *sum = isnan(*sum) ? x : most ? fmax(*sum, x) : *sum + x;
    }
    return ret;
}

static bool is_zero_or_one(const tdl_column *column, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        if (!isnan(column->number[i]) && column->number[i] != 0 && column->number[i] != 1)
            return false;
    return true;
}

/* Units without a covariate get the value at which the line through the others passes through
 * their own mean: the same fit as with a column that marks them. */
static void fill_missing(const double *y, double *x, size_t n)
{
    tdl_sums known = {0};
    double sum = 0, count = 0;

    for (size_t i = 0; i < n; i++)
        if (isnan(y[i]))
            continue;
        else if (isnan(x[i])) {
            sum += y[i];
            count++;
        } else {
            tdl_sums_add(&known, y[i], x[i]);
        }
    double xx = tdl_sum_about(known.xx, known.x, known.x, known.n);
    double xy = tdl_sum_about(known.xy, known.x, known.y, known.n);
    double mean = known.n > 0 ? known.x / known.n : 0;
    double fill = count > 0 && xx > 0 && xy != 0
                      ? mean + (sum / count - known.y / known.n) / (xy / xx)
                      : mean;
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            x[i] = fill;
}

static tdl_status winsorise(double *y, size_t n, double at, tdl_arena *arena, tdl_report *why)
{
    double *sorted = take(arena, n, sizeof *sorted, why);
    size_t known = 0;

    if (!sorted)
        return TDL_E_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (!isnan(y[i]))
            sorted[known++] = y[i];
    if (!known)
        return TDL_OK;
    tdl_sort_numbers(sorted, known);
    double cap = tdl_quantile(sorted, known, at);
    for (size_t i = 0; i < n; i++)
        if (y[i] > cap)
            y[i] = cap;
    return TDL_OK;
}

/* Units' values into their arms' sums; d: what y is divided by, x: known before. Both may be NULL.
 */
static void add_up(const units *u, const double *y, const double *d, const double *x,
                   tdl_experiment *ret, size_t k)
{
    for (size_t i = 0; i < u->units_n; i++) {
        if (u->arm[i] >= ret->arms_n)
            continue;
        tdl_measured *m = &ret->measured[k * ret->arms_n + u->arm[i]];
        m->has_before = x;
        if (isnan(y[i]) || (d && isnan(d[i])))
            ret->missing[k]++;
        else if (d)
            tdl_ratio_sums_add(&m->ratio, y[i], d[i], x ? x[i] : 0);
        else
            tdl_sums_add(&m->sums, y[i], x ? x[i] : 0);
    }
}

static tdl_status measure_sums(const units *u, const named *name, double cap, tdl_arena *arena,
                               tdl_experiment *ret, size_t k, tdl_report *why)
{
    const tdl_column *of, *under = NULL, *before = NULL;
    double *y, *d = NULL, *x = NULL;
    tdl_status st;

    if ((st = find_number(u->frame, name->of, &of, why)) ||
        (name->under.len && (st = find_number(u->frame, name->under, &under, why))) ||
        (name->before.len && (st = find_number(u->frame, name->before, &before, why))))
        return st;
    bool proportion = !under && is_zero_or_one(of, u->frame->rows);
    tdl_outcome_kind kind = under        ? TDL_OUTCOME_RATIO
                            : proportion ? TDL_OUTCOME_PROPORTION
                                         : TDL_OUTCOME_MEAN;
    ret->outcome[k].kind = kind;
    if (!(y = per_unit(u, of, proportion, arena, why)) ||
        (under && !(d = per_unit(u, under, false, arena, why))) ||
        (before && !(x = per_unit(u, before, false, arena, why))))
        return TDL_E_NO_MEMORY;
    if (kind == TDL_OUTCOME_MEAN && cap > 0 && (st = winsorise(y, u->units_n, cap, arena, why)))
        return st;
    if (x)
        fill_missing(y, x, u->units_n);
    add_up(u, y, d, x, ret, k);
    return TDL_OK;
}

/* One arm's values, and how many each of its units has; room for all of them in each array. */
typedef struct quantile_room {
    double *sorted;            /* [rows] */
    uint32_t *values, *within; /* [units_n], zeroed */
} quantile_room;

static void measure_arm_quantile(const units *u, const tdl_column *of, double q, uint8_t arm,
                                 quantile_room *room, tdl_measured *ret)
{
    size_t n = 0, with = 0, rows = u->frame->rows;

    memset(room->values, 0, u->units_n * sizeof *room->values);
    memset(room->within, 0, u->units_n * sizeof *room->within);
    for (size_t row = 0; row < rows; row++)
        if (counts(u, row) && u->row_arm[row] == arm && !isnan(of->number[row])) {
            room->sorted[n++] = of->number[row];
            room->values[u->of_row[row]]++;
        }
    if (!n)
        return;
    tdl_sort_numbers(room->sorted, n);
    double at = tdl_quantile_value(room->sorted, n, q);
    for (size_t row = 0; row < rows; row++)
        if (counts(u, row) && u->row_arm[row] == arm && of->number[row] <= at)
            room->within[u->of_row[row]]++;
    for (size_t i = 0; i < u->units_n; i++) // those that have some to the front
        if (room->values[i]) {
            room->values[with] = room->values[i];
            room->within[with++] = room->within[i];
        }
    ret->sums.n = (double)with;
    ret->quantile = with == n ? tdl_arm_quantile(room->sorted, n, q)
                              : tdl_arm_quantile_clustered(room->sorted, n, q, room->values,
                                                           room->within, with);
}

static tdl_status measure_quantile(const units *u, const named *name, tdl_arena *arena,
                                   tdl_experiment *ret, size_t k, tdl_report *why)
{
    const tdl_column *of;
    quantile_room room = {take(arena, u->frame->rows, sizeof *room.sorted, why),
                          take(arena, u->units_n, sizeof *room.values, why),
                          take(arena, u->units_n, sizeof *room.within, why)};
    tdl_status st = find_number(u->frame, name->of, &of, why);

    if (st || !room.sorted || !room.values || !room.within)
        return st ? st : TDL_E_NO_MEMORY;
    ret->outcome[k].kind = TDL_OUTCOME_QUANTILE;
    ret->outcome[k].quantile = name->quantile;
    for (size_t arm = 0; arm < ret->arms_n; arm++) {
        tdl_measured *m = &ret->measured[k * ret->arms_n + arm];
        measure_arm_quantile(u, of, name->quantile, (uint8_t)arm, &room, m);
        ret->missing[k] += ret->arm_units[arm] - m->sums.n;
    }
    return TDL_OK;
}

tdl_status tdl_unit_rows_read(const tdl_frame *frame, const tdl_unit_ask *ask, tdl_arena *arena,
                              tdl_experiment *ret, tdl_report *why)
{
    units u = {0};
    tdl_status st;

    *ret = (tdl_experiment){.outcomes_n = ask->outcomes_n};
    if (!ask->outcomes_n || ask->outcomes_n > TDL_EXPERIMENT_OUTCOMES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu outcomes: 1 to %d are possible", ask->outcomes_n,
                        TDL_EXPERIMENT_OUTCOMES_MAX);
    if ((st = read_units(frame, ask, arena, &u, ret, why)))
        return st;
    if (!(ret->measured = take(arena, ask->outcomes_n * ret->arms_n, sizeof *ret->measured, why)))
        return TDL_E_NO_MEMORY;
    for (size_t k = 0; k < ask->outcomes_n; k++) {
        named name;
        if (!(ret->outcome[k].name = tdl_arena_str(arena, ask->outcome[k]).at))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the outcomes");
        if ((st = read_name(ask->outcome[k], &name, why)) ||
            (st = name.quantile > 0 ? measure_quantile(&u, &name, arena, ret, k, why)
                                    : measure_sums(&u, &name, ask->cap, arena, ret, k, why)))
            return st;
    }
    return TDL_OK;
}
