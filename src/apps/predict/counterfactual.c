#include "apps/predict/counterfactual.h"

#include <math.h>
#include <stdlib.h>

#include "apps/predict/until.h"
#include "table/levels.h"

enum { AT_ONCE = 256, SECONDS = 5 };

/* A column of the frame that may change. */
typedef struct field {
    size_t column; /* of the frame */
    double *candidate;
} field;

typedef struct search {
    const tdl_predictor *predictor;
    tdl_pool *pool;
    tdl_frame frame;       /* of AT_ONCE rows, each the one that is asked about */
    field *field;          /* [fields_n] */
    tdl_cf_column *column; /* [fields_n] */
    size_t fields_n;
    double *cells;  /* [fields_n] of the row */
    double *output; /* [AT_ONCE][outputs] */
    tdl_until until;
} search;

static void release(search *s)
{
    tdl_frame_release(&s->frame);
    for (size_t i = 0; i < s->fields_n; i++)
        free(s->field[i].candidate);
    free(s->field);
    free(s->column);
    free(s->cells);
    free(s->output);
}

void tdl_counterfactuals_release(tdl_counterfactuals *found)
{
    tdl_frame_release(&found->rows);
    free(found->output);
    *found = (tdl_counterfactuals){0};
}

/* ---- cells ---- */

static bool is_choice(const tdl_column *column)
{
    return column->level || column->type == TDL_COLUMN_BOOLEAN;
}

static double get_cell(const tdl_column *column, size_t row)
{
    if (column->level)
        return column->level[row];
    return column->type == TDL_COLUMN_BOOLEAN && isnan(column->number[row]) ? -1
                                                                            : column->number[row];
}

static void set_cell(tdl_column *column, size_t row, double value)
{
    if (column->level)
        column->level[row] = (int32_t)value;
    else
        column->number[row] = column->type == TDL_COLUMN_BOOLEAN && value < 0 ? NAN : value;
}

static void fill_rows(search *s, const double *cells, size_t n)
{
    s->frame.rows = n;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < s->fields_n; i++)
            set_cell(&s->frame.column[s->field[i].column], r, cells[r * s->fields_n + i]);
}

/* ---- what may change ---- */

/* Levels of the schema, and the row's own among them: the column's from now on. */
static tdl_status use_levels(const json_t *levels, tdl_column *column, tdl_report *why)
{
    tdl_levels all = {0};
    int32_t number = -1, own = -1, *place = NULL;
    tdl_str *text;
    char *bytes;
    size_t n;
    const json_t *level;
    tdl_status st = TDL_OK;

    json_array_foreach(levels, n, level)
    {
        tdl_str of = {json_string_value(level), json_string_length(level)};
        if (of.at && (st = tdl_levels_add(&all, of, &number, why)))
            break;
    }
    if (!st && column->level[0] >= 0)
        st = tdl_levels_add(&all, column->levels[column->level[0]], &own, why);
    if (!st)
        st = tdl_levels_sorted(&all, &text, &n, &bytes, &place, why);
    if (!st) {
        free(column->levels);
        free(column->level_bytes);
        column->levels = text;
        column->levels_n = n;
        column->level_bytes = bytes;
        for (size_t r = 0; r < AT_ONCE; r++)
            column->level[r] = own >= 0 ? place[own] : -1;
    }
    free(place);
    tdl_levels_release(&all);
    return st;
}

static bool find_level(const tdl_column *column, const char *text, double *ret)
{
    for (size_t i = 0; text && i < column->levels_n; i++)
        if (tdl_str_is(column->levels[i], text)) {
            *ret = (double)i;
            return true;
        }
    return false;
}

/* ret [candidates]: what the schema lists. A schema is from a file: any of it may be wrong. */
static size_t take_candidates(const json_t *saved, const tdl_column *column, double *ret)
{
    const json_t *list = json_object_get(saved, column->level ? "levels" : "values");
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (column->level ? find_level(column, json_string_value(one), &ret[n])
                          : json_is_number(one) && isfinite(ret[n] = json_number_value(one)))
            n++;
    }
    return n;
}

static bool may_change(const tdl_predictor *p, const tdl_column *column, const json_t *saved)
{
    switch (column->type) {
    case TDL_COLUMN_NUMERIC:
    case TDL_COLUMN_INTEGER:
    case TDL_COLUMN_BOOLEAN:
    case TDL_COLUMN_CATEGORY:
        break;
    default:
        return false;
    }
    if (!strcmp(column->name, p->target.column))
        return false;
    return column->type == TDL_COLUMN_BOOLEAN ||
           json_array_size(json_object_get(saved, column->level ? "levels" : "values")) > 0;
}

static tdl_status add_field(search *s, size_t at, const json_t *saved, tdl_report *why)
{
    tdl_column *column = &s->frame.column[at];
    size_t n = json_array_size(json_object_get(saved, column->level ? "levels" : "values"));
    field *f = &s->field[s->fields_n];
    tdl_cf_column *c = &s->column[s->fields_n];
    double scale;
    tdl_status st = TDL_OK;

    if (column->level && (st = use_levels(json_object_get(saved, "levels"), column, why)))
        return st;
    f->column = at;
    if (!(f->candidate = malloc((n + 2) * sizeof *f->candidate)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu values", n);
    s->fields_n++;
    *c = (tdl_cf_column){
        .name = column->name, .category = is_choice(column), .candidate = f->candidate, .scale = 1};
    if (column->type == TDL_COLUMN_BOOLEAN) {
        f->candidate[0] = 0;
        f->candidate[1] = 1;
        c->candidates_n = 2;
        return TDL_OK;
    }
    c->candidates_n = take_candidates(saved, column, f->candidate);
    if (!column->level && tdl_json_get_number(saved, "scale", &scale) && scale > 0 &&
        isfinite(scale))
        c->scale = scale;
    if (column->type == TDL_COLUMN_INTEGER)
        c->step = 1;
    return TDL_OK;
}

static const json_t *find_saved(const tdl_predictor *p, const char *name)
{
    const json_t *columns = json_object_get(p->schema, "columns"), *saved;
    size_t i;

    json_array_foreach(columns, i, saved)
    {
        const char *of = json_string_value(json_object_get(saved, "name"));
        if (of && !strcmp(of, name))
            return saved;
    }
    return NULL;
}

static tdl_status open_search(search *s, const tdl_frame *frame, size_t row, tdl_report *why)
{
    uint32_t same[AT_ONCE];
    tdl_status st;

    for (size_t i = 0; i < AT_ONCE; i++)
        same[i] = (uint32_t)row;
    if (row >= frame->rows)
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu of %zu", row + 1, frame->rows);
    if ((st = tdl_frame_take(frame, same, AT_ONCE, &s->frame, why)))
        return st;
    s->field = calloc(frame->columns_n + 1, sizeof *s->field);
    s->column = calloc(frame->columns_n + 1, sizeof *s->column);
    s->cells = calloc(frame->columns_n + 1, sizeof *s->cells);
    s->output = calloc(AT_ONCE * s->predictor->scores_n + 1, sizeof *s->output);
    if (!s->field || !s->column || !s->cells || !s->output)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", frame->columns_n);
    for (size_t i = 0; i < frame->columns_n && !st; i++) {
        const json_t *saved = find_saved(s->predictor, frame->column[i].name);

        if (saved && may_change(s->predictor, &s->frame.column[i], saved))
            st = add_field(s, i, saved, why);
    }
    if (!st && !s->fields_n)
        st = TDL_FAIL(why, TDL_E_INVALID, "the row has no column that may change");
    for (size_t i = 0; i < s->fields_n; i++)
        s->cells[i] = get_cell(&s->frame.column[s->field[i].column], 0);
    return st;
}

/* ---- limits ---- */

/* The column called `name`; NULL where it is one that never changes, or that the model does not ask
 * for. */
static tdl_status find_field(const search *s, tdl_str name, tdl_cf_column **ret, tdl_report *why)
{
    size_t at;

    *ret = NULL;
    for (size_t i = 0; i < s->fields_n; i++)
        if (tdl_str_is(name, s->column[i].name))
            *ret = &s->column[i];
    for (size_t i = 0; i < s->predictor->columns_n && !*ret; i++)
        if (tdl_str_is(name, s->predictor->column[i]))
            return TDL_OK;
    return *ret || tdl_frame_find(&s->frame, name, &at)
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "there is no column \"%.*s\"", TDL_FMT(name));
}

typedef enum limit { KEEP, UP, DOWN } limit;

static tdl_status set_limits(search *s, const char *names, limit kind, tdl_report *why)
{
    tdl_cf_column *c;
    tdl_status st;

    for (const char *at = names; at && *at;) {
        tdl_str name = tdl_str_trim((tdl_str){at, strcspn(at, ",")});

        if ((st = find_field(s, name, &c, why)))
            return st;
        if (c && kind == KEEP)
            c->immutable = true;
        if (c && kind != KEEP) {
            if (c->category)
                return TDL_FAIL(why, TDL_E_INVALID,
                                "column %s: only numbers rise or fall, this has levels", c->name);
            if (c->direction)
                return TDL_FAIL(why, TDL_E_INVALID,
                                "column %s: only up and only down contradict each other", c->name);
            c->direction = kind == UP ? TDL_CF_RISES : TDL_CF_FALLS;
        }
        at += strcspn(at, ",");
        at += *at == ',';
    }
    return TDL_OK;
}

/* "age:18:70": names may hold colons, the last two are meant. */
static tdl_status set_range(search *s, tdl_str one, tdl_report *why)
{
    size_t last = one.len, middle;
    double low, high;
    tdl_cf_column *c;
    tdl_status st;

    while (last > 0 && one.at[last - 1] != ':')
        last--;
    for (middle = last ? last - 1 : 0; middle > 0 && one.at[middle - 1] != ':';)
        middle--;
    if (!middle || !tdl_str_double((tdl_str){one.at + middle, last - 1 - middle}, &low) ||
        !tdl_str_double((tdl_str){one.at + last, one.len - last}, &high))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "COLUMN:LOW:HIGH", "\"%.*s\" is no range",
                             TDL_FMT(one));
    if ((st = find_field(s, tdl_str_trim((tdl_str){one.at, middle - 1}), &c, why)))
        return st;
    if (c) {
        c->bounded = true;
        c->low = low;
        c->high = high;
    }
    return TDL_OK;
}

static tdl_status apply_limits(search *s, const tdl_counterfactual_limits *limits, tdl_report *why)
{
    tdl_status st;

    if ((st = set_limits(s, limits->keep, KEEP, why)) ||
        (st = set_limits(s, s->predictor->adjustment.column, KEEP, why)) ||
        (st = set_limits(s, limits->only_up, UP, why)) ||
        (st = set_limits(s, limits->only_down, DOWN, why)))
        return st;
    for (const char *at = limits->between; at && *at;) {
        tdl_str one = tdl_str_trim((tdl_str){at, strcspn(at, ",")});

        if ((st = set_range(s, one, why)))
            return st;
        at += strcspn(at, ",");
        at += *at == ',';
    }
    return TDL_OK;
}

/* ---- searching ---- */

static tdl_status want(search *s, const char *text, tdl_cf_options *ret, tdl_report *why)
{
    double now = NAN, threshold = tdl_predictor_threshold(s->predictor, &s->frame, 0);
    tdl_status st = TDL_OK;

    s->frame.rows = 1;
    if (s->predictor->scores_n == 1 &&
        !(st = tdl_predictor_predict(s->predictor, &s->frame, s->pool, s->output, NULL, why)))
        now = s->output[0];
    if (!st)
        st = tdl_until_read(text, &s->predictor->target, threshold, now, &s->until, why);
    ret->wanted_low = s->until.low;
    ret->wanted_high = s->until.high;
    return st;
}

static tdl_status score_rows(void *context, const double *cells, size_t n, double *ret,
                             tdl_report *why)
{
    search *s = context;
    size_t width = s->predictor->scores_n;
    tdl_status st;

    for (size_t begin = 0; begin < n; begin += AT_ONCE) {
        size_t here = n - begin < AT_ONCE ? n - begin : AT_ONCE;

        fill_rows(s, cells + begin * s->fields_n, here);
        if ((st = tdl_predictor_predict(s->predictor, &s->frame, s->pool, s->output, NULL, why)))
            return st;
        for (size_t i = 0; i < here; i++)
            ret[begin + i] = tdl_until_score(&s->until, s->output + i * width, width);
    }
    return TDL_OK;
}

static tdl_status hand_over(search *s, const tdl_cf_set *set, tdl_counterfactuals *ret,
                            tdl_report *why)
{
    size_t width = s->predictor->scores_n;
    tdl_status st;

    ret->already = set->n > 0 && set->item[0].changed_n == 0;
    ret->n = ret->already ? 0 : set->n;
    ret->outputs_n = width;
    ret->scored = set->scored;
    ret->timed_out = set->timed_out;
    fill_rows(s, s->cells, 1);
    for (size_t k = 0; k < ret->n; k++) {
        ret->distance[k] = set->item[k].distance;
        for (size_t i = 0; i < s->fields_n; i++)
            set_cell(&s->frame.column[s->field[i].column], 1 + k, set->item[k].cells[i]);
    }
    s->frame.rows = 1 + ret->n;
    if (!(ret->output = malloc((1 + ret->n) * width * sizeof *ret->output)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu answers", ret->n);
    if ((st = tdl_predictor_predict(s->predictor, &s->frame, s->pool, ret->output, NULL, why)))
        return st;
    ret->rows = s->frame;
    s->frame = (tdl_frame){0}; /* theirs now */
    return TDL_OK;
}

tdl_status tdl_predictor_counterfactual(const tdl_predictor *p, const tdl_frame *frame, size_t row,
                                        const char *until, const tdl_counterfactual_limits *limits,
                                        tdl_pool *pool, tdl_counterfactuals *ret, tdl_report *why)
{
    search s = {.predictor = p, .pool = pool};
    tdl_cf_options options = {.changed_max = limits->changed_max,
                              .set_max = limits->answers_max,
                              .seconds = limits->seconds > 0 ? limits->seconds : SECONDS};
    tdl_counterfactuals found = {0};
    tdl_cf_set set = {0};
    tdl_status st;

    if ((st = open_search(&s, frame, row, why)) || (st = apply_limits(&s, limits, why)) ||
        (st = want(&s, until, &options, why)) ||
        (st = tdl_cf_search(s.column, s.fields_n, s.cells, &options, score_rows, &s, &set, why)) ||
        (st = hand_over(&s, &set, &found, why)))
        goto out;
    *ret = found;
    found = (tdl_counterfactuals){0};
out:
    tdl_counterfactuals_release(&found);
    tdl_cf_set_release(&set);
    release(&s);
    return st;
}
