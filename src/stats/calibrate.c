#include "stats/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "stats/classes.h"
#include "stats/classify.h"
#include "stats/isotonic.h"
#include "stats/numbers.h"
#include "stats/weight.h"

static const double SLOPE_MIN = 0.01, SLOPE_MAX = 100;
enum { KNOTS_MAX = 1 << 20, CLASSES_MAX = 1 << 20, FOLDS = 5 };

const char *tdl_calibration_name(tdl_calibration_method method)
{
    static const char *const names[] = {
#define CALIBRATION_NAME(name, text) text,
        TDL_CALIBRATION_MAP(CALIBRATION_NAME)
#undef CALIBRATION_NAME
            "auto"};

    return method <= TDL_CALIBRATION_AUTO ? names[method] : "unknown";
}

bool tdl_calibration_find(tdl_str name, tdl_calibration_method *ret)
{
    for (unsigned m = 0; m <= TDL_CALIBRATION_AUTO; m++)
        if (tdl_str_is(name, tdl_calibration_name((tdl_calibration_method)m))) {
            *ret = (tdl_calibration_method)m;
            return true;
        }
    return false;
}

void tdl_calibration_release(tdl_calibration *c)
{
    free(c->score);
    free(c->rate);
    *c = (tdl_calibration){0};
}

/* ---- applying ---- */

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static void softmax(const double *scores, double a, size_t k, double *ret)
{
    double greatest = scores[tdl_argmax(scores, k)], sum = 0;

    for (size_t c = 0; c < k; c++)
        sum += ret[c] = exp(a * (scores[c] - greatest));
    for (size_t c = 0; c < k; c++)
        ret[c] /= sum;
}

void tdl_calibration_apply(const tdl_calibration *c, const double *scores, size_t n, double *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (c->width > 1)
            softmax(scores + i * c->width, c->a, c->width, ret + i * c->width);
        else if (c->method == TDL_CALIBRATION_ISOTONIC)
            ret[i] = tdl_isotonic_at(c->score, c->rate, c->knots_n, scores[i]);
        else
            ret[i] = sigmoid(c->a * scores[i] + c->b);
    }
}

/* ---- fitting ---- */

typedef struct sample {
    const double *scores, *y, *weight;
    size_t n, width;
} sample;

/* First and second derivative by a of the log-loss. */
static void derivatives(const sample *s, double a, double *ret_first, double *ret_second)
{
    double first = 0, second = 0;

    for (size_t i = 0; i < s->n; i++) {
        const double *row = s->scores + i * s->width;
        double own = tdl_weight_of(s->weight, i), sum = 0, mean = 0, square = 0, greatest;

        if (s->width == 1) {
            double p = sigmoid(a * row[0]);

            first += own * (p - s->y[i]) * row[0];
            second += own * p * (1 - p) * row[0] * row[0];
            continue;
        }
        greatest = row[tdl_argmax(row, s->width)];
        for (size_t c = 0; c < s->width; c++) {
            double below = row[c] - greatest, e = exp(a * below);

            sum += e;
            mean += e * below;
            square += e * below * below;
        }
        mean /= sum;
        first += own * (mean - (row[(size_t)s->y[i]] - greatest));
        second += own * (square / sum - mean * mean);
    }
    *ret_first = first;
    *ret_second = second;
}

/* The loss is convex in a: where its derivative crosses 0. */
static double fit_temperature(const sample *s)
{
    double low = SLOPE_MIN, high = SLOPE_MAX, a = 1, first, second;

    derivatives(s, low, &first, &second);
    if (first >= 0)
        return low;
    derivatives(s, high, &first, &second);
    if (first <= 0)
        return high;
    for (int tries = 0; tries < 100; tries++) {
        double next;

        derivatives(s, a, &first, &second);
        *(first > 0 ? &high : &low) = a;
        next = second > 0 ? a - first / second : low;
        if (!(next > low && next < high))
            next = (low + high) / 2;
        if (fabs(next - a) <= 1e-13 * a)
            break;
        a = next;
    }
    return a;
}

static double platt_loss(const sample *s, double positive, double negative, double a, double b)
{
    double sum = 0;

    for (size_t i = 0; i < s->n; i++) {
        double x = a * s->scores[i] + b, target = s->y[i] != 0 ? positive : negative;

        sum += tdl_weight_of(s->weight, i) *
               (x >= 0 ? (1 - target) * x + log1p(exp(-x)) : -target * x + log1p(exp(x)));
    }
    return sum;
}

/* Newton's method in two dimensions with halved steps. */
static void fit_platt(const sample *s, double *ret_a, double *ret_b)
{
    double ones = 0, zeros = 0, positive, negative, a = 0, b, loss;

    for (size_t i = 0; i < s->n; i++)
        *(s->y[i] != 0 ? &ones : &zeros) += tdl_weight_of(s->weight, i);
    positive = (ones + 1) / (ones + 2);
    negative = 1 / (zeros + 2);
    b = log((ones + 1) / (zeros + 1));
    loss = platt_loss(s, positive, negative, a, b);
    for (int tries = 0; tries < 100; tries++) {
        double aa = 1e-12, ab = 0, bb = 1e-12, ga = 0, gb = 0, da, db, det, size = 1;
        bool better = false;

        for (size_t i = 0; i < s->n; i++) {
            double x = s->scores[i], p = sigmoid(a * x + b), own = tdl_weight_of(s->weight, i);
            double error = own * (p - (s->y[i] != 0 ? positive : negative));
            double curve = own * p * (1 - p);

            ga += error * x;
            gb += error;
            aa += curve * x * x;
            ab += curve * x;
            bb += curve;
        }
        if (fabs(ga) < 1e-10 * (ones + zeros) && fabs(gb) < 1e-10 * (ones + zeros))
            break;
        det = aa * bb - ab * ab;
        da = -(bb * ga - ab * gb) / det;
        db = -(aa * gb - ab * ga) / det;
        for (int halved = 0; halved < 34 && !better; halved++) {
            double next = platt_loss(s, positive, negative, a + size * da, b + size * db);

            better = next < loss + 1e-4 * size * (ga * da + gb * db);
            if (better)
                loss = next;
            else
                size /= 2;
        }
        if (!better)
            break;
        a += size * da;
        b += size * db;
    }
    *ret_a = a;
    *ret_b = b;
}

static tdl_status fit_isotonic(const sample *s, tdl_calibration *ret, tdl_report *why)
{
    double all = 0, edge;
    tdl_status st;

    if ((st = tdl_isotonic_fit(s->scores, s->y, s->weight, s->n, &ret->score, &ret->rate,
                               &ret->knots_n, why)))
        return st;
    for (size_t i = 0; i < s->n; i++)
        all += tdl_weight_of(s->weight, i);
    edge = 1 / (all + 2);
    for (size_t k = 0; k < ret->knots_n; k++)
        ret->rate[k] = fmin(fmax(ret->rate[k], edge), 1 - edge);
    return TDL_OK;
}

static tdl_status fit_one(tdl_calibration_method method, const sample *s, tdl_calibration *ret,
                          tdl_report *why)
{
    *ret = (tdl_calibration){.method = method, .width = s->width, .a = 1};
    if (method == TDL_CALIBRATION_TEMPERATURE)
        ret->a = fit_temperature(s);
    else if (method == TDL_CALIBRATION_PLATT)
        fit_platt(s, &ret->a, &ret->b);
    else if (method == TDL_CALIBRATION_ISOTONIC)
        return fit_isotonic(s, ret, why);
    return TDL_OK;
}

/* ---- choosing ---- */

/* Stratified folds: rows in a shuffled order, each class dealt out in turn. False: a class is too
 * small. */
static bool deal_folds(const sample *s, uint32_t *row, size_t *dealt, unsigned char *ret_fold)
{
    size_t classes = s->width == 1 ? 2 : s->width;
    tdl_rng rng = tdl_rng_make(0, 0);

    memset(dealt, 0, classes * sizeof *dealt);
    for (size_t i = 0; i < s->n; i++)
        row[i] = (uint32_t)i;
    tdl_rng_shuffle(&rng, row, s->n);
    for (size_t i = 0; i < s->n; i++)
        ret_fold[row[i]] = (unsigned char)(dealt[(size_t)s->y[row[i]]]++ % FOLDS);
    for (size_t c = 0; c < classes; c++)
        if (dealt[c] < FOLDS)
            return false;
    return true;
}

/* Rows of `from` whose fold is `fold`, or is not. */
static void pick(const sample *from, const unsigned char *fold, unsigned which, bool is,
                 double *scores, double *y, double *weight, sample *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < from->n; i++)
        if ((fold[i] == which) == is) {
            memcpy(scores + n * from->width, from->scores + i * from->width,
                   from->width * sizeof *scores);
            y[n] = from->y[i];
            weight[n++] = tdl_weight_of(from->weight, i);
        }
    *ret = (sample){scores, y, weight, n, from->width};
}

static double loss_of(const tdl_calibration *c, const sample *s, double *p)
{
    tdl_calibration_apply(c, s->scores, s->n, p);
    return s->width == 1 ? tdl_log_loss(s->y, p, s->weight, s->n)
                         : tdl_classes_log_loss(s->y, p, s->weight, s->n, s->width);
}

static tdl_status choose(const sample *s, double *ret_loss, tdl_calibration_method *ret,
                         tdl_report *why)
{
    size_t methods = s->width == 1 ? TDL_CALIBRATION_METHODS : TDL_CALIBRATION_PLATT;
    uint32_t *row = calloc(s->n, sizeof *row);
    size_t *dealt = calloc(s->width + 1, sizeof *dealt);
    unsigned char *fold = calloc(s->n, 1);
    double *values = calloc(2 * s->n, (s->width + 2) * sizeof *values); /* both parts */
    double *p = calloc(s->n, s->width * sizeof *p);
    tdl_status st = TDL_OK;

    for (size_t m = 0; m < TDL_CALIBRATION_METHODS; m++)
        ret_loss[m] = (double)NAN;
    *ret = TDL_CALIBRATION_IDENTITY;
    if (!row || !dealt || !fold || !values || !p) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to calibrate %zu rows", s->n);
        goto out;
    }
    if (!deal_folds(s, row, dealt, fold))
        goto out;
    for (size_t m = 0; m < methods; m++)
        ret_loss[m] = 0;
    for (unsigned f = 0; f < FOLDS; f++) {
        double *at = values + s->n * (s->width + 2);
        sample train, test;

        pick(s, fold, f, false, values, values + s->n * s->width, values + s->n * (s->width + 1),
             &train);
        pick(s, fold, f, true, at, at + s->n * s->width, at + s->n * (s->width + 1), &test);
        for (size_t m = 0; m < methods; m++) {
            tdl_calibration c = {0};

            if ((st = fit_one((tdl_calibration_method)m, &train, &c, why)))
                goto out;
            ret_loss[m] += loss_of(&c, &test, p) / FOLDS;
            tdl_calibration_release(&c);
        }
    }
    for (size_t m = 1; m < methods; m++)
        if (ret_loss[m] < ret_loss[*ret])
            *ret = (tdl_calibration_method)m;
out:
    free(row);
    free(dealt);
    free(fold);
    free(values);
    free(p);
    return st;
}

static tdl_status check(const sample *s, tdl_report *why)
{
    double all = 0;

    if (!s->n || !s->width || s->width > CLASSES_MAX || s->n > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu rows of %zu scores cannot be calibrated", s->n,
                        s->width);
    for (size_t i = 0; i < s->n; i++) {
        double own = tdl_weight_of(s->weight, i), y = s->y[i];

        all += own;
        if (!(own >= 0 && isfinite(own)))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: weight %g is below 0 or not finite", i,
                            own);
        if (!(y >= 0 && y < (double)(s->width == 1 ? 2 : s->width) && y == floor(y)))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: %g is not the number of a class", i, y);
        for (size_t c = 0; c < s->width; c++)
            if (!isfinite(s->scores[i * s->width + c]))
                return TDL_FAIL(why, TDL_E_INVALID, "row %zu: its score is not a finite number", i);
    }
    if (!(all > 0))
        return TDL_FAIL(why, TDL_E_INVALID, "all weights are 0");
    return TDL_OK;
}

tdl_status tdl_calibration_fit(tdl_calibration_method method, const double *scores, size_t width,
                               const double *y, const double *weight, size_t n,
                               tdl_calibration *ret, double *ret_loss, tdl_report *why)
{
    sample s = {scores, y, weight, n, width};
    double loss[TDL_CALIBRATION_METHODS];
    tdl_calibration fitted = {0};
    tdl_status st;

    if ((st = check(&s, why)))
        return st;
    for (size_t m = 0; m < TDL_CALIBRATION_METHODS; m++)
        loss[m] = (double)NAN;
    if (method >= TDL_CALIBRATION_AUTO && (st = choose(&s, loss, &method, why)))
        return st;
    if (width > 1 && method > TDL_CALIBRATION_TEMPERATURE)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "use temperature",
                             "%s calibrates two classes, not %zu", tdl_calibration_name(method),
                             width);
    if ((st = fit_one(method, &s, &fitted, why)))
        return st;
    if (ret_loss)
        memcpy(ret_loss, loss, sizeof loss);
    *ret = fitted;
    return TDL_OK;
}

/* ---- as JSON ---- */

json_t *tdl_calibration_save(const tdl_calibration *c)
{
    json_t *ret = json_pack("{s:s, s:I, s:f, s:f}", "method", tdl_calibration_name(c->method),
                            "width", (json_int_t)c->width, "a", c->a, "b", c->b);

    if (ret && c->knots_n &&
        (json_object_set_new(ret, "score", tdl_numbers_save(c->score, c->knots_n)) ||
         json_object_set_new(ret, "rate", tdl_numbers_save(c->rate, c->knots_n)))) {
        json_decref(ret);
        return NULL;
    }
    return ret;
}

static tdl_status load_knots(const json_t *saved, tdl_calibration *c, tdl_report *why)
{
    const json_t *score = json_object_get(saved, "score"), *rate = json_object_get(saved, "rate");
    size_t n = json_array_size(score);

    if (n == 0 || n > KNOTS_MAX || json_array_size(rate) != n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "calibration: %zu scores and %zu rates are no steps", n,
                        json_array_size(rate));
    c->score = calloc(n, sizeof *c->score);
    c->rate = calloc(n, sizeof *c->rate);
    if (!c->score || !c->rate)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", n);
    c->knots_n = n;
    if (!tdl_numbers_load(score, c->score, n) || !tdl_numbers_load(rate, c->rate, n))
        return TDL_FAIL(why, TDL_E_CORRUPT, "calibration: its steps are not numbers");
    for (size_t k = 0; k < n; k++)
        if (!(fabs(c->score[k]) <= 1e150) || !(c->rate[k] >= 0 && c->rate[k] <= 1) ||
            (k && !(c->score[k] >= c->score[k - 1] && c->rate[k] >= c->rate[k - 1])))
            return TDL_FAIL(why, TDL_E_CORRUPT, "calibration: step %zu falls", k);
    return TDL_OK;
}

tdl_status tdl_calibration_load(const json_t *saved, tdl_calibration *ret, tdl_report *why)
{
    tdl_calibration c = {0};
    int64_t width;
    tdl_str name;
    tdl_status st;

    if (!tdl_json_get_str(saved, "method", &name) || !tdl_calibration_find(name, &c.method) ||
        c.method == TDL_CALIBRATION_AUTO)
        return TDL_FAIL(why, TDL_E_CORRUPT, "calibration: its method is missing or unknown");
    if (!tdl_json_get_int(saved, "width", &width) || width < 1 || width > CLASSES_MAX ||
        (width > 1 && c.method > TDL_CALIBRATION_TEMPERATURE))
        return TDL_FAIL(why, TDL_E_CORRUPT, "calibration: its width is missing or wrong");
    c.width = (size_t)width;
    if (!tdl_json_get_number(saved, "a", &c.a) || !tdl_json_get_number(saved, "b", &c.b) ||
        !isfinite(c.a) || !isfinite(c.b) || fabs(c.a) > 1e6 || fabs(c.b) > 1e6)
        return TDL_FAIL(why, TDL_E_CORRUPT, "calibration: a or b is missing or out of range");
    if (c.method == TDL_CALIBRATION_ISOTONIC && (st = load_knots(saved, &c, why))) {
        tdl_calibration_release(&c);
        return st;
    }
    *ret = c;
    return TDL_OK;
}
