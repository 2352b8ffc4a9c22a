#include "apps/predict/until.h"

#include <math.h>

static bool find_class(const tdl_predict_target *t, tdl_str name, size_t *ret)
{
    for (size_t k = 0; k < t->classes_n; k++)
        if (tdl_str_is(name, t->class_name[k])) {
            *ret = k;
            return true;
        }
    return false;
}

/* The decision itself. */
static void want_class(const tdl_predict_target *t, double threshold, size_t class, tdl_until *ret)
{
    if (t->task == TDL_TASK_BINARY) {
        ret->low = class ? threshold : -INFINITY;
        ret->high = class ? INFINITY : nextafter(threshold, -INFINITY);
        return;
    }
    ret->class_of = class;
    ret->margin = true;
    ret->low = nextafter(0, 1); // of a tie the lower number is chosen
    ret->high = INFINITY;
}

/* ">=X", "<=X", "X..Y", "X": false when it is none. */
static bool read_range(tdl_str text, double now, tdl_until *ret)
{
    const char *dots = memmem(text.at, text.len, "..", 2);
    double x;

    ret->low = -INFINITY;
    ret->high = INFINITY;
    if (tdl_str_starts(text, TDL_STR(">=")))
        return tdl_str_double((tdl_str){text.at + 2, text.len - 2}, &ret->low);
    if (tdl_str_starts(text, TDL_STR("<=")))
        return tdl_str_double((tdl_str){text.at + 2, text.len - 2}, &ret->high);
    if (dots) {
        size_t at = (size_t)(dots - text.at);
        return tdl_str_double((tdl_str){text.at, at}, &ret->low) &&
               tdl_str_double((tdl_str){dots + 2, text.len - at - 2}, &ret->high) &&
               ret->low <= ret->high;
    }
    if (!tdl_str_double(text, &x))
        return false;
    *(now > x ? &ret->high : &ret->low) = x;
    return true;
}

static tdl_status refuse(const tdl_predict_target *t, const char *until, tdl_report *why)
{
    if (t->classes_n)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "a class, or a probability: yes, \">=0.7\"",
                             "\"%s\" is no class of %s, and no probability", until, t->column);
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "a number or a range: 12, \">=12\", 10..15",
                         "\"%s\" is no value of %s", until, t->column);
}

static bool may_be_probability(double bound)
{
    return isinf(bound) || (bound >= 0 && bound <= 1);
}

/* "yes>=0.7": the class stands before the sign. */
static tdl_status want_probability(const tdl_predict_target *t, const char *until, tdl_until *ret,
                                   tdl_report *why)
{
    size_t at = strcspn(until, "<>"), class = 1;
    bool binary = t->task == TDL_TASK_BINARY, bare = !until[at];
    tdl_str name = tdl_str_trim((tdl_str){until, bare ? 0 : at});
    tdl_str range = tdl_str_trim(tdl_str_of(bare ? until : until + at));

    if (name.len ? !find_class(t, name, &class) : !binary)
        return refuse(t, until, why);
    if (!read_range(range, -INFINITY, ret) || !may_be_probability(ret->low) ||
        !may_be_probability(ret->high))
        return refuse(t, until, why);
    if (binary && class == 0) { // its probability is what the other leaves
        double low = ret->low;
        ret->low = 1 - ret->high;
        ret->high = 1 - low;
    } else if (!binary) {
        ret->class_of = class;
    }
    return TDL_OK;
}

tdl_status tdl_until_read(const char *text, const tdl_predict_target *t, double threshold,
                          double now, tdl_until *ret, tdl_report *why)
{
    tdl_until until = {.low = -INFINITY, .high = INFINITY};
    size_t class;
    tdl_status st = TDL_OK;

    if (!text || !text[0])
        return TDL_FAIL(why, TDL_E_INVALID, "until which answer?");
    if (t->task == TDL_TASK_QUANTILE || t->task == TDL_TASK_RANKING)
        return TDL_FAIL(why, TDL_E_INVALID, "of task %s no other answer can be asked for",
                        tdl_task_name(t->task));
    if (find_class(t, tdl_str_of(text), &class))
        want_class(t, threshold, class, &until);
    else if (t->classes_n)
        st = want_probability(t, text, &until, why);
    else if (!read_range(tdl_str_trim(tdl_str_of(text)), now, &until))
        st = refuse(t, text, why);
    if (!st)
        *ret = until;
    return st;
}

double tdl_until_score(const tdl_until *until, const double *output, size_t n)
{
    double best = -INFINITY;

    for (size_t k = 0; k < n && until->margin; k++)
        if (k != until->class_of)
            best = fmax(best, output[k]);
    return until->margin ? output[until->class_of] - best : output[until->class_of];
}
