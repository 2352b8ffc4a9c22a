#include "apps/predict/target.h"

#include "base/sorted.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

typedef struct value { /* one of the different values of a column */
    char *name;
    double number; /* NaN where it is text */
    size_t n;
} value;

typedef struct values {
    value *at; /* [n] in order of number, else of text */
    size_t n, cap;
} values;

static void release_values(values *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->at[i].name);
    free(v->at);
    *v = (values){0};
}

static char *print_cell(const tdl_column *column, size_t row)
{
    tdl_buf text = {0};

    tdl_column_print(column, row, &text);
    if (!text.failed && text.at)
        return text.at;
    tdl_buf_release(&text);
    return NULL;
}

static tdl_status add_value(values *v, char *take_name, double number, size_t n, tdl_report *why)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? 2 * v->cap : 16;
        value *at = realloc(v->at, cap * sizeof *at);

        if (!at || !take_name) {
            v->at = at ? at : v->at;
            free(take_name);
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the values of the target");
        }
        v->at = at;
        v->cap = cap;
    }
    v->at[v->n++] = (value){take_name, number, n};
    return TDL_OK;
}

/* Up to limit + 1 different numbers. */
static tdl_status count_numbers(const tdl_column *column, size_t rows, size_t limit, values *ret,
                                tdl_report *why)
{
    double *sorted = malloc((rows + 1) * sizeof *sorted);
    size_t n = 0;
    tdl_status st = TDL_OK;

    if (!sorted)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu targets", rows);
    for (size_t r = 0; r < rows; r++)
        if (tdl_column_has(column, r))
            sorted[n++] = column->number[r];
    tdl_sort_numbers(sorted, n);
    for (size_t i = 0; i < n && ret->n <= limit && !st;) {
        size_t end = i;
        tdl_column one = *column;

        while (end < n && sorted[end] == sorted[i])
            end++;
        one.number = &sorted[i];
        st = add_value(ret, print_cell(&one, 0), sorted[i], end - i, why);
        i = end;
    }
    free(sorted);
    return st;
}

static tdl_status count_levels(const tdl_column *column, size_t rows, values *ret, tdl_report *why)
{
    size_t *n = calloc(column->levels_n + 1, sizeof *n);
    tdl_status st = TDL_OK;

    if (!n)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes", column->levels_n);
    for (size_t r = 0; r < rows; r++)
        if (column->level[r] >= 0)
            n[column->level[r]]++;
    for (size_t i = 0; i < column->levels_n && !st; i++)
        if (n[i]) {
            tdl_str level = column->levels[i];
            st = add_value(ret, strndup(level.at, level.len), NAN, n[i], why);
        }
    free(n);
    return st;
}

/* ---- the task ---- */

static tdl_status choose_task(const tdl_column *column, const values *v, const char *wanted,
                              tdl_task *ret, tdl_report *why)
{
    bool number = !column->level;

    if (!wanted) {
        *ret = v->n == 2 ? TDL_TASK_BINARY : number ? TDL_TASK_REGRESSION : TDL_TASK_CLASSES;
        return TDL_OK;
    }
    if (!tdl_task_find(tdl_str_of(wanted), ret))
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "binary, classes, ordinal, regression, count, quantile or ranking",
                             "there is no task \"%s\"", wanted);
    if (*ret == TDL_TASK_BINARY && v->n != 2)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "leave --task out, or use classes or regression",
                             "task binary: %s has %zu different values", column->name, v->n);
    if (!number && *ret != TDL_TASK_BINARY && *ret != TDL_TASK_CLASSES && *ret != TDL_TASK_ORDINAL)
        return TDL_FAIL(why, TDL_E_INVALID, "task %s: %s is not a column of numbers", wanted,
                        column->name);
    return TDL_OK;
}

/* ---- the loss ---- */

static const struct {
    const char *name;
    tdl_task task;
    tdl_aim aim;
} losses[] = {
    {"squared", TDL_TASK_REGRESSION, TDL_AIM_USUAL},
    {"absolute", TDL_TASK_REGRESSION, TDL_AIM_ABSOLUTE},
    {"huber", TDL_TASK_REGRESSION, TDL_AIM_HUBER},
    {"poisson", TDL_TASK_COUNT, TDL_AIM_USUAL},
    {"tweedie", TDL_TASK_COUNT, TDL_AIM_TWEEDIE},
};
enum { LOSSES = sizeof losses / sizeof losses[0] };

static bool is_power(double power)
{
    return power > 1 && power < 2;
}

/* A loss says which task it is of, where the task is not said. */
static tdl_status choose_loss(const tdl_target_wish *wish, const char *column, bool number,
                              tdl_predict_target *ret, tdl_report *why)
{
    static const char hint[] = "squared, absolute, huber, poisson, tweedie or tweedie:POWER";
    size_t len, i = 0;

    if (!wish->loss)
        return TDL_OK;
    len = strcspn(wish->loss, ":");
    while (i < LOSSES && !tdl_str_is((tdl_str){wish->loss, len}, losses[i].name))
        i++;
    if (i == LOSSES || (wish->loss[len] && losses[i].aim != TDL_AIM_TWEEDIE))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, hint, "there is no loss \"%s\"", wish->loss);
    if (!number)
        return TDL_FAIL(why, TDL_E_INVALID, "loss %s: %s is not a column of numbers", wish->loss,
                        column);
    if (wish->task && ret->task != losses[i].task)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "leave --task out", "loss %s is of task %s",
                             wish->loss, tdl_task_name(losses[i].task));
    ret->task = losses[i].task;
    ret->aim = losses[i].aim;
    ret->power = ret->aim == TDL_AIM_TWEEDIE ? 1.5 : 0;
    if (wish->loss[len] &&
        !(tdl_str_double(tdl_str_of(wish->loss + len + 1), &ret->power) && is_power(ret->power)))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "a number between 1 (counts) and 2 (amounts): 1.5",
                             "loss %s", wish->loss);
    return TDL_OK;
}

static bool has_classes(tdl_task task)
{
    return task == TDL_TASK_BINARY || task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL;
}

/* ---- order of classes ---- */

/* 0 or 1: which of two values is the positive one. */
static tdl_status find_positive(const values *v, tdl_str wanted, size_t *ret, tdl_report *why)
{
    static const char *const positive[] = {
        "yes", "true", "1", "y", "t", "positive", "bad", "churn", "yes.", "malignant", "default"};

    if (wanted.len) {
        for (size_t i = 0; i < 2; i++)
            if (tdl_str_is(wanted, v->at[i].name)) {
                *ret = i;
                return TDL_OK;
            }
        return TDL_FAIL(why, TDL_E_INVALID, "the target is \"%s\" or \"%s\", never \"%.*s\"",
                        v->at[0].name, v->at[1].name, TDL_FMT(wanted));
    }
    for (size_t i = 0; i < sizeof positive / sizeof positive[0]; i++)
        for (size_t k = 0; k < 2; k++)
            if (!strcasecmp(v->at[k].name, positive[i])) {
                *ret = k;
                return TDL_OK;
            }
    *ret = v->at[0].n < v->at[1].n ? 0 : 1;
    return TDL_OK;
}

static void swap_values(value *a, value *b)
{
    value was = *a;

    *a = *b;
    *b = was;
}

/* "low,middle,high" names every value once. */
static tdl_status order_classes(values *v, const char *order, tdl_report *why)
{
    size_t at = 0;

    for (const char *name = order; name; at++) {
        size_t len = strcspn(name, ",");
        size_t i = at;

        while (i < v->n && !tdl_str_is((tdl_str){name, len}, v->at[i].name))
            i++;
        if (i >= v->n)
            return TDL_FAIL(why, TDL_E_INVALID, "--classes: \"%.*s\" is no value of the target",
                            (int)len, name);
        value found = v->at[i];
        memmove(&v->at[at + 1], &v->at[at], (i - at) * sizeof found);
        v->at[at] = found;
        name = name[len] ? name + len + 1 : NULL;
    }
    return at == v->n
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "--classes: \"%s\" is missing", v->at[at].name);
}

static tdl_status name_classes(values *v, const tdl_target_wish *wish, tdl_predict_target *ret,
                               tdl_report *why)
{
    tdl_status st = TDL_OK;
    size_t positive = 0;

    if (ret->task == TDL_TASK_BINARY && !(st = find_positive(v, wish->positive, &positive, why)) &&
        positive == 0)
        swap_values(&v->at[0], &v->at[1]);
    if (ret->task == TDL_TASK_ORDINAL && wish->classes)
        st = order_classes(v, wish->classes, why);
    if (st)
        return st;
    if (!(ret->class_name = calloc(v->n, sizeof *ret->class_name)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes", v->n);
    ret->classes_n = v->n;
    for (size_t i = 0; i < v->n; i++) {
        ret->class_name[i] = v->at[i].name;
        v->at[i].name = NULL; /* the target's now */
    }
    return TDL_OK;
}

/* ---- y ---- */

static size_t find_class(const tdl_predict_target *target, tdl_str name)
{
    size_t i = 0;

    while (i < target->classes_n && !tdl_str_is(name, target->class_name[i]))
        i++;
    return i;
}

static float class_number(const tdl_predict_target *target, tdl_str name)
{
    size_t i = find_class(target, name);

    return i < target->classes_n ? (float)i : NAN;
}

static void read_levels(const tdl_predict_target *target, const tdl_column *column, size_t rows,
                        float *ret)
{
    float *of = malloc((column->levels_n + 1) * sizeof *of); // each level is looked up once

    for (size_t i = 0; of && i < column->levels_n; i++)
        of[i] = class_number(target, column->levels[i]);
    for (size_t r = 0; r < rows; r++)
        ret[r] = column->level[r] < 0 ? NAN
                 : of                 ? of[column->level[r]]
                                      : class_number(target, column->levels[column->level[r]]);
    free(of);
}

static void read_number_classes(const tdl_predict_target *target, const tdl_column *column,
                                size_t rows, float *ret)
{
    tdl_buf text = {0};

    for (size_t r = 0; r < rows; r++) {
        tdl_buf_clear(&text);
        tdl_column_print(column, r, &text);
        ret[r] = tdl_column_has(column, r) ? class_number(target, tdl_buf_view(&text)) : NAN;
    }
    tdl_buf_release(&text);
}

static void read_y(const tdl_predict_target *target, const tdl_column *column, size_t rows,
                   float *ret)
{
    double number;

    if (column->level && target->classes_n)
        read_levels(target, column, rows, ret);
    else if (target->classes_n)
        read_number_classes(target, column, rows, ret);
    else if (!column->level)
        for (size_t r = 0; r < rows; r++)
            ret[r] = (float)column->number[r];
    else
        for (size_t r = 0; r < rows; r++) {
            tdl_str cell = column->level[r] < 0 ? (tdl_str){0} : column->levels[column->level[r]];
            ret[r] = tdl_str_double(cell, &number) ? (float)number : NAN;
        }
}

static tdl_status make_y(const tdl_frame *frame, tdl_predict_target *ret, tdl_report *why)
{
    if (!(ret->y = malloc((frame->rows + 1) * sizeof *ret->y)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu targets", frame->rows);
    read_y(ret, &frame->column[ret->column_index], frame->rows, ret->y);
    for (size_t r = 0; r < frame->rows; r++) {
        ret->unknown += isnan(ret->y[r]) ? 1 : 0;
        if (isinf(ret->y[r])) // learners count in float; infinite cells are missing long before
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "divide the column by a large number",
                                 "column %s: row %zu has %g, beyond %g", ret->column, r + 1,
                                 frame->column[ret->column_index].number[r], (double)FLT_MAX);
        if ((ret->task == TDL_TASK_COUNT || ret->task == TDL_TASK_RANKING) && ret->y[r] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "task %s: row %zu has %g", tdl_task_name(ret->task),
                            r + 1, (double)ret->y[r]);
    }
    return TDL_OK;
}

/* ---- */

static tdl_status check_values(const tdl_column *column, const values *v, tdl_report *why)
{
    if (v->n == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s: every cell is missing", column->name);
    if (v->n == 1 && column->level)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "there is nothing to tell apart",
                             "column %s is \"%s\" in every row", column->name, v->at[0].name);
    return TDL_OK;
}

static tdl_status make(const tdl_column *column, size_t rows, const tdl_target_wish *wish,
                       values *v, tdl_predict_target *ret, tdl_report *why)
{
    tdl_status st = column->level ? count_levels(column, rows, v, why)
                                  : count_numbers(column, rows, TDL_PREDICT_CLASSES_MAX, v, why);

    if (st || (st = check_values(column, v, why)) ||
        (st = choose_task(column, v, wish->task, &ret->task, why)) ||
        (st = choose_loss(wish, column->name, !column->level, ret, why)))
        return st;
    if (!(ret->column = strdup(column->name)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (ret->task == TDL_TASK_QUANTILE) {
        static const double usual[] = {0.1, 0.5, 0.9};
        ret->quantiles_n = wish->quantiles_n ? wish->quantiles_n : 3;
        memcpy(ret->quantile, wish->quantiles_n ? wish->quantile : usual,
               ret->quantiles_n * sizeof *ret->quantile);
    }
    if (!has_classes(ret->task))
        return TDL_OK;
    if (v->n > TDL_PREDICT_CLASSES_MAX)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "is this the column you meant?",
                             "column %s: more than %d classes", column->name,
                             TDL_PREDICT_CLASSES_MAX);
    if (v->n < 2)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s has one value only", column->name);
    return name_classes(v, wish, ret, why);
}

tdl_status tdl_predict_target_make(const tdl_frame *frame, const tdl_target_wish *wish,
                                   tdl_predict_target *ret, tdl_report *why)
{
    tdl_predict_target target = {0};
    values v = {0};
    tdl_status st;

    if (!tdl_frame_find(frame, wish->column, &target.column_index))
        return TDL_FAIL(why, TDL_E_INVALID, "there is no column \"%.*s\" to predict",
                        TDL_FMT(wish->column));
    if (!frame->rows)
        return TDL_FAIL(why, TDL_E_INVALID, "there are no rows to learn from");
    if (frame->column[target.column_index].pixel)
        return TDL_FAIL(why, TDL_E_INVALID, "column %.*s holds images, which cannot be predicted",
                        TDL_FMT(wish->column));
    st = make(&frame->column[target.column_index], frame->rows, wish, &v, &target, why);
    if (!st)
        st = make_y(frame, &target, why);
    release_values(&v);
    if (st)
        tdl_predict_target_release(&target);
    else
        *ret = target;
    return st;
}

void tdl_predict_target_release(tdl_predict_target *target)
{
    for (size_t i = 0; i < target->classes_n; i++)
        free(target->class_name[i]);
    free(target->class_name);
    free(target->column);
    free(target->y);
    *target = (tdl_predict_target){0};
}

bool tdl_predict_target_read(const tdl_predict_target *target, const tdl_frame *frame, float *ret)
{
    size_t column;

    if (!tdl_frame_find(frame, tdl_str_of(target->column), &column) || frame->column[column].pixel)
        return false;
    read_y(target, &frame->column[column], frame->rows, ret);
    return true;
}

/* ---- saved ---- */

json_t *tdl_predict_target_save(const tdl_predict_target *target)
{
    json_t *classes = json_array(), *quantiles = json_array();

    for (size_t i = 0; i < target->classes_n; i++)
        json_array_append_new(classes, json_string(target->class_name[i]));
    for (size_t i = 0; i < target->quantiles_n; i++)
        json_array_append_new(quantiles, json_real(target->quantile[i]));
    json_t *saved =
        json_pack("{s:s, s:s, s:o, s:o}", "column", target->column, "task",
                  tdl_task_name(target->task), "classes", classes, "quantiles", quantiles);

    if (target->aim != TDL_AIM_USUAL && saved)
        json_object_set_new(saved, "loss", json_string(tdl_aim_name(target->aim)));
    if (target->aim == TDL_AIM_TWEEDIE && saved)
        json_object_set_new(saved, "power", json_real(target->power));
    return saved;
}

static tdl_status load_classes(const json_t *classes, tdl_predict_target *ret, tdl_report *why)
{
    size_t n = json_array_size(classes);

    if (ret->task == TDL_TASK_BINARY ? n != 2
        : has_classes(ret->task)     ? n < 2 || n > TDL_PREDICT_CLASSES_MAX
                                     : n > 0)
        return TDL_FAIL(why, TDL_E_CORRUPT, "target: %zu classes for task %s", n,
                        tdl_task_name(ret->task));
    if (!(ret->class_name = calloc(n + 1, sizeof *ret->class_name)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes", n);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(classes, i));

        if (!name || !(ret->class_name[i] = strdup(name)))
            return TDL_FAIL(why, TDL_E_CORRUPT, "target: class %zu has no name", i);
        ret->classes_n++;
    }
    return TDL_OK;
}

static tdl_status load_quantiles(const json_t *quantiles, tdl_predict_target *ret, tdl_report *why)
{
    size_t n = json_array_size(quantiles);

    if (n > TDL_QUANTILES_MAX || (n > 0) != (ret->task == TDL_TASK_QUANTILE))
        return TDL_FAIL(why, TDL_E_CORRUPT, "target: %zu quantiles", n);
    for (size_t i = 0; i < n; i++) {
        double q = json_number_value(json_array_get(quantiles, i));

        if (!(q > 0 && q < 1) || (i && q <= ret->quantile[i - 1]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "target: quantile %zu is %g", i, q);
        ret->quantile[ret->quantiles_n++] = q;
    }
    return TDL_OK;
}

static tdl_status load_loss(const json_t *saved, tdl_predict_target *ret, tdl_report *why)
{
    tdl_str name = {0};
    size_t i = 0;

    if (!json_object_get(saved, "loss"))
        return TDL_OK;
    tdl_json_get_str(saved, "loss", &name);
    while (i < LOSSES && !tdl_str_is(name, losses[i].name))
        i++;
    if (i == LOSSES || losses[i].task != ret->task || losses[i].aim == TDL_AIM_USUAL)
        return TDL_FAIL(why, TDL_E_CORRUPT, "target: a loss \"%.*s\" of task %s", TDL_FMT(name),
                        tdl_task_name(ret->task));
    ret->aim = losses[i].aim;
    if (ret->aim == TDL_AIM_TWEEDIE)
        ret->power = json_number_value(json_object_get(saved, "power"));
    if (ret->aim == TDL_AIM_TWEEDIE && !is_power(ret->power))
        return TDL_FAIL(why, TDL_E_CORRUPT, "target: a Tweedie power of %g", ret->power);
    return TDL_OK;
}

tdl_status tdl_predict_target_load(const json_t *saved, tdl_predict_target *ret, tdl_report *why)
{
    tdl_predict_target target = {0};
    tdl_str column = {0}, task = {0};
    tdl_status st;

    if (!tdl_json_get_str(saved, "column", &column) || !column.len ||
        !tdl_json_get_str(saved, "task", &task) || !tdl_task_find(task, &target.task))
        return TDL_FAIL(why, TDL_E_CORRUPT, "target: column or task is missing");
    if (!(target.column = strndup(column.at, column.len)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!(st = load_classes(json_object_get(saved, "classes"), &target, why)) &&
        !(st = load_loss(saved, &target, why)))
        st = load_quantiles(json_object_get(saved, "quantiles"), &target, why);
    if (st)
        tdl_predict_target_release(&target);
    else
        *ret = target;
    return st;
}
