#include "table/leak.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "table/duplicates.h"
#include "table/encode.h"
#include "table/split.h"

enum { ROWS_MIN = 10, BIN_ROWS = 10, FOLDS = 5 };
static const double AUC = 0.995, CORRELATION = 0.999;
static const double ID_LEVELS = 0.95, ID_NUMBERS = 0.9; /* share of rows that differ */
static const double SMOOTHING = 1; /* of target means: a level of few rows may leak too */

static const char *const kind_names[] = {
#define KIND_NAME(name, text) [TDL_LEAK_##name] = (text),
    TDL_LEAK_MAP(KIND_NAME)
#undef KIND_NAME
};

const char *tdl_leak_kind_name(tdl_leak_kind kind)
{
    return kind_names[kind];
}

typedef struct place {
    double x;
    uint32_t at;
} place;

typedef struct search {
    const tdl_frame *frame;
    const tdl_leak_options *options;
    size_t classes;
    size_t rows;    /* those with a target */
    uint32_t *row;  /* [rows] of the frame */
    double *y;      /* [rows] class or value */
    double *y_rank; /* [rows] of a value */
    uint32_t *fold; /* [rows] */

    double *x;        /* [rows] scratch: the column */
    double *rank;     /* [rows] scratch */
    double *is_class; /* [rows] scratch */
    int32_t *level;   /* [rows] scratch */
    place *places;    /* [rows] scratch */

    tdl_leak *leak; /* [leaks_n] of [2 * columns_n] */
    size_t leaks_n;
} search;

/* ---- ranks ---- */

static int by_x(const void *a, const void *b)
{
    const place *p = a, *q = b;

    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->at > q->at) - (p->at < q->at);
}

/* Ranks from 1, ties their middle; NaN: rank NaN. Returns how many have one; `places` is sorted. */
static size_t rank_of(const double *x, size_t rows, place *places, double *rank)
{
    size_t n = 0;

    for (size_t i = 0; i < rows; i++) {
        rank[i] = NAN;
        if (!isnan(x[i]))
            places[n++] = (place){x[i], (uint32_t)i};
    }
    qsort(places, n, sizeof *places, by_x);
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && places[end].x == places[begin].x;)
            end++;
        for (size_t i = begin; i < end; i++)
            rank[places[i].at] = (double)(begin + end + 1) / 2;
    }
    return n;
}

/* Area under the ROC curve of class c against the rest, among rows that have a rank; ties count
 * half. 1/2 where one of both is absent. */
static double auc_of(const search *s, double c)
{
    double sum = 0, positive = 0, negative = 0;

    for (size_t i = 0; i < s->rows; i++) {
        if (isnan(s->rank[i]))
            continue;
        if (s->y[i] == c) {
            positive++;
            sum += s->rank[i];
        } else {
            negative++;
        }
    }
    if (!(positive > 0 && negative > 0))
        return 0.5;
    return (sum - positive * (positive + 1) / 2) / (positive * negative);
}

/* ---- how much a column tells ---- */

static size_t first_class(const search *s)
{
    return s->classes == 2; // of two classes one says all
}

static double best_auc(search *s, bool either_way)
{
    double best = 0;

    rank_of(s->x, s->rows, s->places, s->rank);
    for (size_t c = first_class(s); c < s->classes; c++) {
        double auc = auc_of(s, (double)c);

        best = fmax(best, either_way ? fmax(auc, 1 - auc) : auc);
    }
    return best;
}

static double correlation(const double *a, const double *b, size_t n)
{
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0, m = 0;

    for (size_t i = 0; i < n; i++)
        if (!isnan(a[i])) {
            mean_a += a[i];
            mean_b += b[i];
            m++;
        }
    for (size_t i = 0; i < n; i++)
        if (!isnan(a[i])) {
            double da = a[i] - mean_a / m, db = b[i] - mean_b / m;
            aa += da * da;
            bb += db * db;
            ab += da * db;
        }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* Share of the variance of y that means of y in bins of the sorted column leave unexplained, taken
 * from 1. places [n], sorted. */
static double binned_r2(const search *s, size_t n)
{
    double mean = 0, total = 0, within = 0;

    for (size_t i = 0; i < n; i++)
        mean += s->y[s->places[i].at] / (double)n;
    for (size_t begin = 0, end; begin < n; begin = end) {
        double sum = 0;

        for (end = begin; end < n && (end - begin < BIN_ROWS || n - end < BIN_ROWS ||
                                      s->places[end].x == s->places[end - 1].x);
             end++)
            sum += s->y[s->places[end].at];
        sum /= (double)(end - begin);
        for (size_t i = begin; i < end; i++) {
            double y = s->y[s->places[i].at];

            within += (y - sum) * (y - sum);
            total += (y - mean) * (y - mean);
        }
    }
    return total > 0 ? 1 - within / total : 0;
}

static double number_score(search *s)
{
    double score, missing;
    size_t n;

    if (!s->classes) {
        n = rank_of(s->x, s->rows, s->places, s->rank);
        if (n < ROWS_MIN)
            return 0;
        return fmax(fabs(correlation(s->rank, s->y_rank, s->rows)), binned_r2(s, n));
    }
    score = best_auc(s, true);
    for (size_t i = 0; i < s->rows; i++)
        s->x[i] = isnan(s->x[i]);
    missing = best_auc(s, true);
    return fmax(score, missing);
}

/* Levels, as the mean of `y` in other folds, in s->x. */
static tdl_status mean_targets(search *s, const double *y, size_t levels_n, tdl_report *why)
{
    const tdl_encode_rows rows = {s->rows, s->level, levels_n, y, NULL, SMOOTHING};

    return tdl_encode_target_out_of_fold(&rows, s->fold, FOLDS, s->x, why);
}

static tdl_status level_score(search *s, const tdl_column *column, double *ret, tdl_report *why)
{
    double squares = 0, total = 0, mean = 0;
    tdl_status st;

    *ret = 0;
    for (size_t i = 0; i < s->rows; i++) {
        int32_t level = column->level[s->row[i]];

        s->level[i] = level >= 0 ? level : (int32_t)column->levels_n;
        mean += s->y[i] / (double)s->rows;
    }
    for (size_t c = first_class(s); c < s->classes; c++) {
        for (size_t i = 0; i < s->rows; i++)
            s->is_class[i] = s->y[i] == (double)c;
        if ((st = mean_targets(s, s->is_class, column->levels_n + 1, why)))
            return st;
        rank_of(s->x, s->rows, s->places, s->rank);
        *ret = fmax(*ret, auc_of(s, (double)c));
    }
    if (s->classes)
        return TDL_OK;
    if ((st = mean_targets(s, s->y, column->levels_n + 1, why)))
        return st;
    for (size_t i = 0; i < s->rows; i++) {
        squares += (s->y[i] - s->x[i]) * (s->y[i] - s->x[i]);
        total += (s->y[i] - mean) * (s->y[i] - mean);
    }
    *ret = total > 0 ? fmax(0, 1 - squares / total) : 0;
    return TDL_OK;
}

/* ---- other oddities ---- */

static bool is_constant(const tdl_column *c, size_t rows)
{
    for (size_t i = 1; i < rows; i++) {
        if (tdl_column_has(c, i) != tdl_column_has(c, 0))
            return false;
        if (tdl_column_has(c, 0) &&
            (c->level ? c->level[i] != c->level[0] : c->number[i] != c->number[0]))
            return false;
    }
    return true;
}

static bool ends_with_id(const char *name)
{
    size_t n = strlen(name);
    const char *at = n >= 2 ? name + n - 2 : name;

    if (n < 2 || strcasecmp(at, "id") != 0)
        return false;
    // "Id", "user_id", "user id", "userId", but not "paid"
    return n == 2 || at[-1] == '_' || at[-1] == ' ' || at[-1] == '.' || at[0] == 'I';
}

/* Share of rows with a value that differ from all before; and do values rise or fall throughout? */
static double distinct_share(search *s, const tdl_column *c, bool *ret_monotone)
{
    size_t n = 0, different = 0, up = 0, down = 0;

    for (size_t i = 0; i < s->rows; i++) {
        size_t row = s->row[i];

        if (!tdl_column_has(c, row))
            continue;
        s->places[n] = (place){c->level ? c->level[row] : c->number[row], (uint32_t)i};
        up += n > 0 && s->places[n].x > s->places[n - 1].x;
        down += n > 0 && s->places[n].x < s->places[n - 1].x;
        n++;
    }
    *ret_monotone = n > 1 && (up == n - 1 || down == n - 1);
    qsort(s->places, n, sizeof *s->places, by_x);
    for (size_t i = 0; i < n; i++)
        different += i == 0 || s->places[i].x != s->places[i - 1].x;
    return n ? (double)different / (double)n : 0;
}

static bool is_id(search *s, const tdl_column *c, double *ret_share)
{
    bool monotone;

    if (c->pixel || c->type == TDL_COLUMN_TEXT || c->type == TDL_COLUMN_NUMERIC ||
        c->type == TDL_COLUMN_DATE || c->type == TDL_COLUMN_BOOLEAN)
        return false;
    *ret_share = distinct_share(s, c, &monotone);
    if (c->type == TDL_COLUMN_ID)
        return true;
    if (c->type == TDL_COLUMN_CATEGORY)
        return *ret_share >= ID_LEVELS;
    return *ret_share >= ID_NUMBERS && (monotone || ends_with_id(c->name));
}

static double future_share(const tdl_frame *frame, const tdl_column *c, const tdl_column *time)
{
    double later = 0, both = 0;

    for (size_t i = 0; i < frame->rows; i++)
        if (tdl_column_has(c, i) && tdl_column_has(time, i)) {
            both++;
            later += c->number[i] > time->number[i];
        }
    return both > 0 ? later / both : 0;
}

/* ---- all columns ---- */

static void report(search *s, size_t column, tdl_leak_kind kind, double score, size_t other)
{
    s->leak[s->leaks_n++] = (tdl_leak){column, kind, score, other};
}

static tdl_status check_target(search *s, size_t j, tdl_report *why)
{
    const tdl_column *c = &s->frame->column[j];
    double limit = s->classes ? AUC : CORRELATION, score;
    tdl_status st = TDL_OK;

    if (s->classes && s->options->auc > 0)
        limit = s->options->auc;
    if (!s->classes && s->options->correlation > 0)
        limit = s->options->correlation;
    if (c->level) {
        st = level_score(s, c, &score, why);
    } else {
        for (size_t i = 0; i < s->rows; i++)
            s->x[i] = c->number[s->row[i]];
        score = number_score(s);
    }
    if (!st && score > limit)
        report(s, j, TDL_LEAK_TARGET, score, 0);
    return st;
}

static bool find_duplicate(const search *s, const uint64_t *hash, size_t j, size_t *ret)
{
    for (*ret = 0; *ret < j; ++*ret)
        if (hash[*ret] == hash[j] && !(s->options->left_out && s->options->left_out[*ret]) &&
            tdl_columns_equal(&s->frame->column[*ret], &s->frame->column[j], s->frame->rows))
            return true;
    return false;
}

static tdl_status check_columns(search *s, uint64_t *hash, tdl_report *why)
{
    const tdl_leak_options *o = s->options;
    tdl_status st = TDL_OK;

    for (size_t j = 0; j < s->frame->columns_n && !st; j++) {
        const tdl_column *c = &s->frame->column[j];
        double share = 0;
        size_t other;

        hash[j] = c->pixel ? 0 : tdl_column_hash(c, s->frame->rows);
        if ((o->left_out && o->left_out[j]) || c->pixel)
            continue;
        if (is_constant(c, s->frame->rows)) {
            report(s, j, TDL_LEAK_CONSTANT, 1, 0);
        } else if (find_duplicate(s, hash, j, &other)) {
            report(s, j, TDL_LEAK_DUPLICATE, 1, other);
        } else if (is_id(s, c, &share)) {
            report(s, j, TDL_LEAK_ID, share, 0);
        } else {
            share = 0;
            if (c->type == TDL_COLUMN_DATE && o->target_time < s->frame->columns_n &&
                o->target_time != j)
                share = future_share(s->frame, c, &s->frame->column[o->target_time]);
            if (share > 0)
                report(s, j, TDL_LEAK_FUTURE, share, 0);
            st = check_target(s, j, why);
        }
    }
    return st;
}

static void read_target(search *s, const tdl_target *target)
{
    for (size_t i = 0; i < s->frame->rows; i++)
        if (isfinite(target->y[i])) {
            s->row[s->rows] = (uint32_t)i;
            s->y[s->rows++] = (double)target->y[i];
        }
}

static tdl_status make_folds(search *s, tdl_report *why)
{
    tdl_status st = TDL_E_INVALID;

    for (size_t i = 0; i < s->rows; i++)
        s->level[i] = (int32_t)(s->classes ? s->y[i] : 0);
    if (s->classes)
        st = tdl_split_folds(s->rows, s->level, NULL, s->options->seed, FOLDS, s->fold, NULL);
    if (st == TDL_E_INVALID) // a class too small to be spread
        st = tdl_split_folds(s->rows, NULL, NULL, s->options->seed, FOLDS, s->fold, why);
    return st;
}

static tdl_status allocate(search *s, size_t rows, size_t columns, tdl_report *why)
{
    s->row = calloc(rows + 1, sizeof *s->row);
    s->y = calloc(rows + 1, sizeof *s->y);
    s->y_rank = calloc(rows + 1, sizeof *s->y_rank);
    s->fold = calloc(rows + 1, sizeof *s->fold);
    s->x = calloc(rows + 1, sizeof *s->x);
    s->rank = calloc(rows + 1, sizeof *s->rank);
    s->is_class = calloc(rows + 1, sizeof *s->is_class);
    s->level = calloc(rows + 1, sizeof *s->level);
    s->places = calloc(rows + 1, sizeof *s->places);
    s->leak = calloc(columns + 1, 2 * sizeof *s->leak);
    if (!s->row || !s->y || !s->y_rank || !s->fold || !s->x || !s->rank || !s->is_class ||
        !s->level || !s->places || !s->leak)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to look for leaks in %zu rows", rows);
    return TDL_OK;
}

static void release(search *s)
{
    free(s->row);
    free(s->y);
    free(s->y_rank);
    free(s->fold);
    free(s->x);
    free(s->rank);
    free(s->is_class);
    free(s->level);
    free(s->places);
    free(s->leak);
}

tdl_status tdl_leak_find(const tdl_frame *frame, const tdl_target *target,
                         const tdl_leak_options *options, tdl_leak **ret, size_t *ret_n,
                         tdl_report *why)
{
    const tdl_leak_options none = {.target_time = SIZE_MAX};
    search s = {.frame = frame, .options = options ? options : &none, .classes = target->classes_n};
    uint64_t *hash = calloc(frame->columns_n + 1, sizeof *hash);
    tdl_status st;

    if ((st = allocate(&s, frame->rows, frame->columns_n, why)))
        goto out;
    if (!hash || frame->rows > UINT32_MAX) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", frame->columns_n);
        goto out;
    }
    read_target(&s, target);
    if (s.rows < ROWS_MIN) {
        st = TDL_FAIL(why, TDL_E_INVALID, "%zu rows have a target: too few to learn from", s.rows);
        goto out;
    }
    if (!s.classes)
        rank_of(s.y, s.rows, s.places, s.y_rank);
    if ((st = make_folds(&s, why)) || (st = check_columns(&s, hash, why)))
        goto out;
    *ret = s.leak;
    *ret_n = s.leaks_n;
    s.leak = NULL;
out:
    free(hash);
    release(&s);
    return st;
}
