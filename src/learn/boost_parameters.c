#include "learn/boost_parameters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "learn/huber.h"

static const char known[] =
    "rounds rounds_max eta depth min_child subsample colsample lambda alpha "
    "gamma seeds pos_weight loss delta monotone interactions";

enum { ROUNDS_MAX = 10000, ROUNDS_DEFAULT = 800, DEPTH_MAX = 16, SEEDS_MAX = 20 };

void tdl_boost_setting_release(tdl_boost_setting *setting)
{
    tdl_buf_release(&setting->monotone);
    tdl_buf_release(&setting->interactions);
}

/* ---- names of features ---- */

/* Is it feature `at`, or one of those made of the column of that name? */
static bool names(tdl_str name, const tdl_matrix *x, size_t at)
{
    tdl_str feature = tdl_str_of(x->feature[at].name);

    return tdl_str_eq(name, feature) ||
           (tdl_str_starts(feature, name) && feature.len > name.len && feature.at[name.len] == '=');
}

/* The text up to `end`, which is passed over; trimmed. */
static tdl_str cut(tdl_str *rest, char end)
{
    const char *at = rest->len ? memchr(rest->at, end, rest->len) : NULL;
    size_t n = at ? (size_t)(at - rest->at) : rest->len;
    tdl_str piece = {rest->at, n};

    rest->at += at ? n + 1 : n;
    rest->len -= at ? n + 1 : n;
    return tdl_str_trim(piece);
}

static tdl_status unknown_feature(tdl_str name, const char *setting, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_INVALID, "setting %s: there is no feature \"%.*s\"", setting,
                    TDL_FMT(name));
}

static tdl_status read_monotone(tdl_str text, const tdl_matrix *x, tdl_buf *ret, tdl_report *why)
{
    int8_t *sign;
    tdl_status st = TDL_OK;

    if (!text.len)
        return TDL_OK;
    if (!(sign = calloc(x->cols + 1, 1)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for constraints");
    while (!st && text.len) {
        tdl_str piece = cut(&text, ',');
        char last = piece.len ? piece.at[piece.len - 1] : '\0';
        bool any = false;

        if (piece.len < 3 || piece.at[piece.len - 2] != ':' || (last != '+' && last != '-')) {
            st = TDL_FAIL(why, TDL_E_INVALID, "setting monotone: \"%.*s\" is not NAME:+ or NAME:-",
                          TDL_FMT(piece));
            break;
        }
        piece.len -= 2;
        for (size_t i = 0; i < x->cols; i++)
            if (names(piece, x, i)) {
                sign[i] = last == '+' ? 1 : -1;
                any = true;
            }
        if (!any)
            st = unknown_feature(piece, "monotone", why);
    }
    for (size_t i = 0; !st && i < x->cols; i++)
        tdl_buf_printf(ret, "%s%d", i ? "," : "(", sign[i]);
    tdl_buf_char(ret, ')');
    free(sign);
    return st;
}

static tdl_status read_group(tdl_str group, const tdl_matrix *x, tdl_buf *ret, tdl_report *why)
{
    bool first = true;

    tdl_buf_char(ret, '[');
    while (group.len) {
        tdl_str name = cut(&group, ',');
        bool any = false;

        for (size_t i = 0; i < x->cols; i++)
            if (names(name, x, i)) {
                tdl_buf_printf(ret, "%s%zu", first ? "" : ",", i);
                any = true;
                first = false;
            }
        if (!any)
            return unknown_feature(name, "interactions", why);
    }
    tdl_buf_char(ret, ']');
    return TDL_OK;
}

static tdl_status read_interactions(tdl_str text, const tdl_matrix *x, tdl_buf *ret,
                                    tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (!text.len)
        return TDL_OK;
    tdl_buf_char(ret, '[');
    for (size_t n = 0; !st && text.len; n++) {
        if (n)
            tdl_buf_char(ret, ',');
        st = read_group(cut(&text, ';'), x, ret, why);
    }
    tdl_buf_char(ret, ']');
    return st;
}

/* ---- read ---- */

static tdl_status read_text(const json_t *setting, const char *key, tdl_str *ret, tdl_report *why)
{
    const json_t *value = json_object_get(setting, key);

    if (!value || tdl_json_get_str(setting, key, ret))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_INVALID, "setting %s: a text is needed, not %s", key,
                    tdl_json_type_name(value));
}

static tdl_status read_loss(tdl_str loss, const tdl_problem *p, tdl_boost_setting *ret,
                            tdl_report *why)
{
    bool right = !loss.len;

    ret->aim = p->aim;
    if (p->task == TDL_TASK_RANKING) {
        ret->pairwise = tdl_str_is(loss, "pairwise");
        right |= ret->pairwise || tdl_str_is(loss, "ndcg");
    }
    if (p->task == TDL_TASK_REGRESSION && loss.len) {
        ret->aim = tdl_str_is(loss, "absolute") ? TDL_AIM_ABSOLUTE
                   : tdl_str_is(loss, "huber")  ? TDL_AIM_HUBER
                                                : TDL_AIM_USUAL;
        right = ret->aim != TDL_AIM_USUAL || tdl_str_is(loss, "squared");
    }
    return right ? TDL_OK
                 : TDL_FAIL(why, TDL_E_INVALID,
                            "setting loss: squared, absolute or huber of a regression, ndcg or "
                            "pairwise of a ranking; not \"%.*s\" of task %s",
                            TDL_FMT(loss), tdl_task_name(p->task));
}

static tdl_status read_texts(const json_t *setting, const tdl_problem *p, tdl_boost_setting *ret,
                             tdl_report *why)
{
    tdl_str loss = {0}, monotone = {0}, interactions = {0};
    tdl_status st;

    if ((st = read_text(setting, "loss", &loss, why)) ||
        (st = read_text(setting, "monotone", &monotone, why)) ||
        (st = read_text(setting, "interactions", &interactions, why)))
        return st;
    if ((st = read_loss(loss, p, ret, why)))
        return st;
    if (monotone.len && tdl_problem_scores(p) > 1)
        return TDL_FAIL(why, TDL_E_INVALID, "setting monotone: only where a row has one score");
    if ((st = read_monotone(monotone, p->x, &ret->monotone, why)))
        return st;
    return read_interactions(interactions, p->x, &ret->interactions, why);
}

tdl_status tdl_boost_setting_read(const json_t *setting, const tdl_problem *problem,
                                  tdl_boost_setting *s, tdl_report *why)
{
    const struct {
        const char *key;
        double fallback, low, high;
        double *to;
        bool whole;
    } numbers[] = {
        {"rounds", 0, 0, ROUNDS_MAX, &s->rounds, true},
        {"rounds_max", ROUNDS_DEFAULT, 1, ROUNDS_MAX, &s->rounds_max, true},
        {"eta", .05, 1e-4, 1, &s->eta, false},
        {"depth", 4, 1, DEPTH_MAX, &s->depth, true},
        {"min_child", 1, 0, 1e9, &s->min_child, false},
        {"subsample", .8, .01, 1, &s->subsample, false},
        {"colsample", .8, .01, 1, &s->colsample, false},
        {"lambda", 1, 0, 1e9, &s->lambda, false},
        {"alpha", 0, 0, 1e9, &s->alpha, false},
        {"gamma", 0, 0, 1e9, &s->gamma, false},
        {"seeds", 1, 1, SEEDS_MAX, &s->seeds, true},
        {"pos_weight", 1, 1e-6, 1e6, &s->pos_weight, false},
        {"delta", 1, 1e-6, 1e6, &s->delta, false},
    };
    tdl_status st;

    *s = (tdl_boost_setting){0};
    if ((st = tdl_setting_check(setting, known, why)))
        return st;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!tdl_setting_number(setting, numbers[i].key, numbers[i].fallback, numbers[i].low,
                                numbers[i].high, numbers[i].to, why))
            return TDL_E_INVALID;
        if (numbers[i].whole && *numbers[i].to != floor(*numbers[i].to))
            return TDL_FAIL(why, TDL_E_INVALID, "setting %s: not a whole number", numbers[i].key);
    }
    if (s->pos_weight != 1 && problem->task != TDL_TASK_BINARY)
        return TDL_FAIL(why, TDL_E_INVALID, "setting pos_weight: only of a binary target");
    for (size_t i = 0; problem->task == TDL_TASK_COUNT && i < problem->x->rows; i++)
        if (problem->y[i] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: a count of %g", i, (double)problem->y[i]);
    return read_texts(setting, problem, s, why);
}

/* ---- tell ---- */

tdl_xgboost_loss tdl_boost_loss(const tdl_boost_setting *setting, const tdl_problem *problem)
{
    static const tdl_xgboost_loss of_aim[] = {
        [TDL_AIM_USUAL] = TDL_XGBOOST_SQUARED,
        [TDL_AIM_ABSOLUTE] = TDL_XGBOOST_ABSOLUTE,
        [TDL_AIM_HUBER] = TDL_XGBOOST_HUBER,
    };

    switch (problem->task) {
    case TDL_TASK_BINARY:
        return TDL_XGBOOST_LOGISTIC;
    case TDL_TASK_CLASSES:
    case TDL_TASK_ORDINAL:
        return TDL_XGBOOST_SOFTMAX;
    case TDL_TASK_COUNT:
        return setting->aim == TDL_AIM_TWEEDIE ? TDL_XGBOOST_TWEEDIE : TDL_XGBOOST_POISSON;
    case TDL_TASK_RANKING:
        return TDL_XGBOOST_NDCG;
    case TDL_TASK_REGRESSION:
    case TDL_TASK_QUANTILE: // grown by squares, then refitted (forest_refit.h)
        break;
    }
    return of_aim[setting->aim];
}

tdl_status tdl_boost_loss_parameter(const tdl_boost_setting *setting, const tdl_problem *problem,
                                    double *ret, tdl_report *why)
{
    tdl_status st = TDL_OK;

    *ret = 0;
    if (setting->aim == TDL_AIM_TWEEDIE)
        *ret = problem->power;
    if (setting->aim == TDL_AIM_HUBER && !(st = tdl_huber_delta(problem, ret, why)))
        *ret *= setting->delta;
    return st;
}

static void tell(tdl_buf *out, const char *name, const char *value)
{
    tdl_buf_add(out, name, strlen(name) + 1);
    tdl_buf_add(out, value, strlen(value) + 1);
}

static void tell_number(tdl_buf *out, const char *name, double value)
{
    char text[32];

    snprintf(text, sizeof text, "%.9g", value);
    tell(out, name, text);
}

/* The first round starts from the mean: boosting from the library's .5 would spend rounds on
 * getting there. */
static double weighted_mean(const tdl_problem *p)
{
    double sum = 0, weight = 0;

    for (size_t i = 0; i < p->x->rows; i++) {
        double w = p->weight ? (double)p->weight[i] : 1;
        sum += w * (double)p->y[i];
        weight += w;
    }
    return weight > 0 ? sum / weight : 0;
}

void tdl_boost_parameters(const tdl_boost_setting *s, const tdl_problem *p, double loss_parameter,
                          uint64_t seed, tdl_buf *out)
{
    static const char *const objectives[] = {
        [TDL_XGBOOST_LOGISTIC] = "binary:logistic", [TDL_XGBOOST_SOFTMAX] = "multi:softprob",
        [TDL_XGBOOST_SQUARED] = "reg:squarederror", [TDL_XGBOOST_ABSOLUTE] = "reg:absoluteerror",
        [TDL_XGBOOST_POISSON] = "count:poisson",    [TDL_XGBOOST_HUBER] = "reg:pseudohubererror",
        [TDL_XGBOOST_TWEEDIE] = "reg:tweedie",      [TDL_XGBOOST_NDCG] = "rank:ndcg"};
    tdl_xgboost_loss loss = tdl_boost_loss(s, p);

    tell(out, "objective", s->pairwise ? "rank:pairwise" : objectives[loss]);
    tell(out, "tree_method", "hist");
    tell(out, "verbosity", "0");
    tell(out, "nthread", "1");
    tell_number(out, "seed", (double)(seed & 0x7fffffff));
    if (loss == TDL_XGBOOST_SOFTMAX)
        tell_number(out, "num_class", (double)p->classes_n);
    if (loss == TDL_XGBOOST_SQUARED || loss == TDL_XGBOOST_HUBER)
        tell_number(out, "base_score", weighted_mean(p));
    if (loss == TDL_XGBOOST_POISSON || loss == TDL_XGBOOST_TWEEDIE)
        tell_number(out, "base_score", fmax(weighted_mean(p), 1e-6));
    if (loss == TDL_XGBOOST_HUBER)
        tell_number(out, "huber_slope", loss_parameter);
    if (loss == TDL_XGBOOST_TWEEDIE)
        tell_number(out, "tweedie_variance_power", loss_parameter);
    tell_number(out, "eta", s->eta);
    tell_number(out, "max_depth", s->depth);
    tell_number(out, "min_child_weight", s->min_child);
    tell_number(out, "subsample", s->subsample);
    tell_number(out, "colsample_bytree", s->colsample);
    tell_number(out, "lambda", s->lambda);
    tell_number(out, "alpha", s->alpha);
    tell_number(out, "gamma", s->gamma);
    if (p->task == TDL_TASK_BINARY)
        tell_number(out, "scale_pos_weight", s->pos_weight);
    if (s->monotone.len)
        tell(out, "monotone_constraints", s->monotone.at);
    if (s->interactions.len)
        tell(out, "interaction_constraints", s->interactions.at);
}
