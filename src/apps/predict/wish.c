#include "apps/predict/wish.h"

#include <math.h>
#include <stdlib.h>

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

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (tdl_str_is(value, kinds[i].name)) {
            ret->impute = kinds[i].impute;
            return ret->imputes = true;
        }
    return false;
}

static bool take_prepare(tdl_str key, tdl_str value, tdl_wish *ret)
{
    if (tdl_str_is(key, "impute"))
        return read_impute(value, ret);
    if (tdl_str_is(key, "select"))
        return read_count(value, &ret->select_max);
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
                why, TDL_E_INVALID, "impute=median|mean|mode|ridge, select=N, text=N, winsor=Q",
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

/* ---- granting ---- */

tdl_prepare_options tdl_wish_prepare(const tdl_wish *wish, const tdl_learner_ops *ops)
{
    tdl_prepare_options options = ops->prepare;

    if (wish->winsor > 0)
        options.winsor = wish->winsor;
    if (wish->imputes && options.impute != TDL_IMPUTE_NONE)
        options.impute = wish->impute;
    if (wish->select_max)
        options.select_max = wish->select_max;
    if (wish->text_buckets && options.text_buckets)
        options.text_buckets = wish->text_buckets;
    return options;
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
