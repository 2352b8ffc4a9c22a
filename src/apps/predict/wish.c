#include "apps/predict/wish.h"

#include <math.h>
#include <stdlib.h>

#include "apps/predict/column_selection.h"

/* ---- reading ---- */

/* One "key=value" of a list; false at its end. */
static bool next_pair(const char **at, tdl_str *ret_key, tdl_str *ret_value)
{
    size_t len, key;

    if (!*at || !**at)
        return false;
    len = strcspn(*at, ",");
    key = strcspn(*at, "=,");
    *ret_key = (tdl_str){*at, key};
    *ret_value = key < len ? (tdl_str){*at + key + 1, len - key - 1} : (tdl_str){0};
    *at += len + ((*at)[len] == ',');
    return true;
}

static bool read_count(tdl_str value, size_t *ret)
{
    int64_t n;

    if (!tdl_str_int(value, &n) || n < 1 || n > 1 << 20)
        return false;
    *ret = (size_t)n;
    return true;
}

static bool read_share(tdl_str value, double low, double high, double *ret)
{
    return tdl_str_double(value, ret) && *ret >= low && *ret <= high;
}

static bool read_impute(tdl_str value, tdl_wish *ret)
{
    static const struct {
        const char *name;
        tdl_impute impute;
    } kinds[] = {{"median", TDL_IMPUTE_MEDIAN},
                 {"mean", TDL_IMPUTE_MEAN},
                 {"mode", TDL_IMPUTE_MODE},
                 {"ridge", TDL_IMPUTE_RIDGE}};

    const tdl_str group = TDL_STR("group:");

    if (tdl_str_starts(value, group) && value.len > group.len) {
        ret->group = (tdl_str){value.at + group.len, value.len - group.len};
        ret->impute = TDL_IMPUTE_GROUP;
        return ret->imputes = true;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (tdl_str_is(value, kinds[i].name)) {
            ret->impute = kinds[i].impute;
            return ret->imputes = true;
        }
    return false;
}

/* N: features of most mutual information. l1: columns that the lasso keeps. permutation,
 * permutation:N: columns whose shuffling hurts what a model has learnt. */
static bool read_select(tdl_str value, tdl_wish *ret)
{
    const tdl_str most = TDL_STR("permutation:");

    if (tdl_str_is(value, "l1"))
        return ret->lasso = true;
    if (tdl_str_is(value, "permutation"))
        return ret->permutes = true;
    if (!tdl_str_starts(value, most))
        return read_count(value, &ret->select_max);
    ret->permutes = true;
    return read_count((tdl_str){value.at + most.len, value.len - most.len}, &ret->columns_max);
}

static bool take_prepare(tdl_str key, tdl_str value, tdl_wish *ret)
{
    if (tdl_str_is(key, "impute"))
        return read_impute(value, ret);
    if (tdl_str_is(key, "select"))
        return read_select(value, ret);
    if (tdl_str_is(key, "correlated"))
        return read_share(value, 1e-3, 1, &ret->correlated);
    if (tdl_str_is(key, "text"))
        return read_count(value, &ret->text_buckets);
    return tdl_str_is(key, "winsor") && read_share(value, 0, 0.49, &ret->winsor);
}

static bool take_augment(tdl_str key, tdl_str value, tdl_wish *ret)
{
    tdl_augment_options *a = &ret->augment;

    if (tdl_str_is(key, "copies"))
        return read_count(value, &a->copies) && a->copies <= 20;
    if (tdl_str_is(key, "noise"))
        return read_share(value, 0, 10, &a->noise);
    if (tdl_str_is(key, "swap"))
        return read_share(value, 0, 1, &a->swap);
    if (tdl_str_is(key, "mixup"))
        return read_share(value, 0, 1, &a->mixup);
    return tdl_str_is(key, "smote") && read_share(value, 0, 1, &a->smote);
}

tdl_status tdl_wish_read(const char *prepare, const char *augment, tdl_wish *ret, tdl_report *why)
{
    tdl_wish wish = {0};
    tdl_str key, value;

    while (next_pair(&prepare, &key, &value))
        if (!take_prepare(key, value, &wish))
            return TDL_FAIL_HINT(
                why, TDL_E_INVALID,
                "impute=median|mean|mode|ridge|group:COLUMN, select=N|l1|permutation[:N], "
                "correlated=R, text=N, winsor=Q",
                "preparation: \"%.*s=%.*s\" cannot be", TDL_FMT(key), TDL_FMT(value));
    while (next_pair(&augment, &key, &value))
        if (!take_augment(key, value, &wish))
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "smote=SHARE, copies=N, noise=DEVIATIONS, swap=SHARE, mixup=SHARE",
                                 "augmenting: \"%.*s=%.*s\" cannot be", TDL_FMT(key),
                                 TDL_FMT(value));
    if ((wish.augment.noise > 0 || wish.augment.swap > 0 || wish.augment.mixup > 0) &&
        !wish.augment.copies)
        wish.augment.copies = 1;
    *ret = wish;
    return TDL_OK;
}

static bool has_date(const tdl_frame *frame, const bool *left_out)
{
    for (size_t i = 0; i < frame->columns_n; i++)
        if (frame->column[i].type == TDL_COLUMN_DATE && !left_out[i])
            return true;
    return false;
}

tdl_status tdl_wish_check(const tdl_wish *wish, tdl_task task, const tdl_frame *frame,
                          const bool *left_out, tdl_report *why)
{
    size_t at;

    if (wish->permutes && task == TDL_TASK_RANKING)
        return TDL_FAIL(why, TDL_E_INVALID, "select=permutation: not of a ranking");
    if (wish->lasso && task != TDL_TASK_BINARY && task != TDL_TASK_REGRESSION)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "select=permutation or select=N",
                             "select=l1: of two classes or of a number, not of %s",
                             tdl_task_name(task));
    if (wish->holidays && !has_date(frame, left_out))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "--types COLUMN=date where dates are numbers",
                             "holidays are for dates, and no feature is a date");
    if (!wish->group.len)
        return TDL_OK;
    if (!tdl_frame_find(frame, wish->group, &at))
        return TDL_FAIL(why, TDL_E_INVALID, "impute=group:%.*s: there is no such column",
                        TDL_FMT(wish->group));
    if (left_out[at] || !(frame->column[at].level || frame->column[at].type == TDL_COLUMN_BOOLEAN))
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "of numbers that are codes: --types COLUMN=category",
                             "impute=group:%.*s: the column must be a feature, and one of "
                             "categories",
                             TDL_FMT(wish->group));
    return TDL_OK;
}

/* ---- granting ---- */

tdl_prepare_options tdl_wish_prepare(const tdl_wish *wish, const tdl_learner_ops *ops)
{
    tdl_prepare_options options = ops->prepare;

    options.holidays = wish->holidays;
    if (wish->winsor > 0)
        options.winsor = wish->winsor;
    if (wish->imputes && options.impute != TDL_IMPUTE_NONE)
        options.impute = wish->impute;
    options.impute_group = wish->group;
    if (wish->select_max)
        options.select_max = wish->select_max;
    if (wish->correlated > 0)
        options.correlated = wish->correlated;
    if (wish->text_buckets && options.text_buckets)
        options.text_buckets = wish->text_buckets;
    return options;
}

/* A floor stays what it is: it is there to be compared with. */
tdl_status tdl_wish_prepare_fit(const tdl_wish *wish, const tdl_learner_ops *ops,
                                const tdl_problem *problem, const tdl_frame *frame,
                                const bool *left_out, const uint32_t *row, size_t rows_n,
                                const tdl_target *target, uint64_t seed, tdl_prepare **ret,
                                tdl_matrix *ret_train, tdl_report *why)
{
    const tdl_prepare_options options = tdl_wish_prepare(wish, ops);
    const tdl_column_selection selection = {.frame = frame,
                                            .left_out = left_out,
                                            .row = row,
                                            .rows_n = rows_n,
                                            .target = target,
                                            .options = &options,
                                            .ops = ops,
                                            .problem = problem,
                                            .seed = seed};
    bool *rest;
    tdl_status st;

    if ((!wish->permutes && !wish->lasso) || ops->simple)
        return tdl_prepare_fit(frame, left_out, row, rows_n, target, &options, seed, ret, ret_train,
                               why);
    if (!(rest = calloc(frame->columns_n + 1, sizeof *rest)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", frame->columns_n);
    st = wish->lasso
             ? tdl_lasso_select(&selection, wish->group, rest, why)
             : tdl_permutation_select(&selection, wish->columns_max, wish->group, rest, why);
    if (!st)
        st = tdl_prepare_fit(frame, rest, row, rows_n, target, &options, seed, ret, ret_train, why);
    free(rest);
    return st;
}

tdl_status tdl_wish_fit(const tdl_wish *wish, const tdl_learner_ops *ops,
                        const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                        json_t **ret_note, tdl_report *why)
{
    tdl_problem more = *problem;
    tdl_matrix x = {0};
    float *y = NULL, *weight = NULL;
    uint32_t *of = NULL;
    tdl_status st;

    if ((!wish->augment.copies && wish->augment.smote <= 0) || problem->group)
        return tdl_learner_fit(ops, problem, setting, ret, ret_note, why);
    st = tdl_augment_rows(problem->x, problem->y, problem->classes_n, &wish->augment, problem->seed,
                          &x, &y, &of, why);
    if (!st && problem->weight) {
        if (!(weight = malloc((x.rows + 1) * sizeof *weight)))
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu weights", x.rows);
        for (size_t i = 0; i < x.rows && !st; i++)
            weight[i] = problem->weight[of[i]];
    }
    more.x = &x;
    more.y = y;
    more.weight = weight;
    if (!st)
        st = tdl_learner_fit(ops, &more, setting, ret, ret_note, why);
    tdl_matrix_release(&x);
    free(y);
    free(of);
    free(weight);
    return st;
}

/* A number where it is one, whole where it is whole; else text. NULL: it is no UTF-8. */
static json_t *setting_of(tdl_str text)
{
    double number;

    if (!tdl_str_double(text, &number))
        return json_stringn(text.at, text.len);
    return fabs(number) < 1e15 && number == rint(number) ? json_integer((json_int_t)number)
                                                         : json_real(number);
}

tdl_status tdl_wish_read_set(const char *text, json_t **ret, tdl_report *why)
{
    json_t *set = text ? json_object() : NULL;
    tdl_str key = {0}, value = {0};

    while (next_pair(&text, &key, &value))
        if (!key.len || !value.len ||
            json_object_setn_new(set, key.at, key.len, setting_of(value))) {
            json_decref(set);
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "--set KEY=VALUE,...",
                                 "setting \"%.*s\": no key and value", TDL_FMT(key));
        }
    *ret = set;
    return TDL_OK;
}
