#include "stats/counterfactual.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sorted.h"
#include "stats/counterfactual_moves.h"

enum { AT_ONCE = 256, BEAM = 8, PAIRED_MAX = 720, HITS_MAX = 1024, COLUMNS_MAX = 1 << 16 };

/* Columns changed, ascending, and what to. */
typedef struct change {
    size_t n;
    size_t column[TDL_CF_CHANGED_MAX];
    double value[TDL_CF_CHANGED_MAX];
    double distance, score;
} change;

typedef struct search {
    const tdl_cf_column *column;
    size_t columns_n;
    const double *row;
    double low, high;
    size_t changed_max;
    tdl_cf_score *score;
    void *context;
    double deadline;
    tdl_cf_move *move;
    size_t moves_n;
    change *hit; /* [hits_n] the nearest of each set of columns */
    size_t hits_n;
    change *batch; /* [AT_ONCE] waiting to be scored */
    size_t batch_n;
    double *cells, *scores; /* [AT_ONCE][columns_n], [AT_ONCE] */
    change beam[BEAM];      /* the nearest to the answer of this round */
    size_t beam_n;
    size_t scored;
    bool timed_out;
} search;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_hit(const search *s, double score)
{
    return score >= s->low && score <= s->high;
}

static double gap_of(const search *s, double score)
{
    return score < s->low ? s->low - score : score > s->high ? score - s->high : 0;
}

/* ---- scoring ---- */

static bool same_columns(const change *a, const change *b)
{
    return a->n == b->n && memcmp(a->column, b->column, a->n * sizeof a->column[0]) == 0;
}

static void keep_hit(search *s, const change *c)
{
    size_t farthest = 0;

    for (size_t h = 0; h < s->hits_n; h++) {
        if (same_columns(s->hit + h, c)) {
            if (c->distance < s->hit[h].distance)
                s->hit[h] = *c;
            return;
        }
        if (s->hit[h].distance > s->hit[farthest].distance)
            farthest = h;
    }
    if (s->hits_n < HITS_MAX)
        s->hit[s->hits_n++] = *c;
    else if (c->distance < s->hit[farthest].distance)
        s->hit[farthest] = *c;
}

/* The beam keeps changes whose scores came nearest; of equals the nearer row, then the earlier. */
static void keep_promising(search *s, const change *c)
{
    double gap = gap_of(s, c->score);
    size_t at = s->beam_n;

    while (at > 0) {
        double other = gap_of(s, s->beam[at - 1].score);

        if (other < gap || (other == gap && s->beam[at - 1].distance <= c->distance))
            break;
        at--;
    }
    if (at == BEAM)
        return;
    if (s->beam_n < BEAM)
        s->beam_n++;
    memmove(s->beam + at + 1, s->beam + at, (s->beam_n - 1 - at) * sizeof *s->beam);
    s->beam[at] = *c;
}

static tdl_status score_rows(search *s, size_t n, tdl_report *why)
{
    tdl_status st = s->score(s->context, s->cells, n, s->scores, why);

    if (st)
        return st;
    s->scored += n;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(s->scores[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "the score of a changed row is not finite");
    if (now() > s->deadline)
        s->timed_out = true;
    return TDL_OK;
}

static void fill(const search *s, const change *c, double *cells)
{
    memcpy(cells, s->row, s->columns_n * sizeof *cells);
    for (size_t k = 0; k < c->n; k++)
        cells[c->column[k]] = c->value[k];
}

static tdl_status flush(search *s, tdl_report *why)
{
    tdl_status st;

    if (!s->batch_n)
        return TDL_OK;
    for (size_t i = 0; i < s->batch_n; i++)
        fill(s, s->batch + i, s->cells + i * s->columns_n);
    if ((st = score_rows(s, s->batch_n, why)))
        return st;
    for (size_t i = 0; i < s->batch_n; i++) {
        change *c = s->batch + i;

        c->score = s->scores[i];
        if (is_hit(s, c->score))
            keep_hit(s, c);
        else
            keep_promising(s, c);
    }
    s->batch_n = 0;
    return TDL_OK;
}

/* `from` and one more move, its columns ascending. */
static change plus(const change *from, const tdl_cf_move *m)
{
    change c = *from;
    size_t at = c.n++;

    for (; at > 0 && c.column[at - 1] > m->column; at--) {
        c.column[at] = c.column[at - 1];
        c.value[at] = c.value[at - 1];
    }
    c.column[at] = m->column;
    c.value[at] = m->value;
    c.distance += m->cost;
    return c;
}

static bool changes(const change *c, size_t column)
{
    for (size_t k = 0; k < c->n; k++)
        if (c->column[k] == column)
            return true;
    return false;
}

static tdl_status propose(search *s, const change *c, tdl_report *why)
{
    s->batch[s->batch_n++] = *c;
    return s->batch_n == AT_ONCE ? flush(s, why) : TDL_OK;
}

/* ---- the search ---- */

/* What single moves reach by themselves is read off the batch before it is used again. */
static tdl_status try_singles(search *s, tdl_report *why)
{
    static const change none = {0};
    tdl_status st;

    for (size_t first = 0; first < s->moves_n && !s->timed_out; first += AT_ONCE) {
        size_t n = s->moves_n - first < AT_ONCE ? s->moves_n - first : AT_ONCE;

        for (size_t i = 0; i < n; i++)
            s->batch[i] = plus(&none, s->move + first + i);
        s->batch_n = n;
        if ((st = flush(s, why)))
            return st;
        for (size_t i = 0; i < n; i++)
            s->move[first + i].gap = gap_of(s, s->batch[i].score);
    }
    return TDL_OK;
}

/* The gap of the last move that is worth pairing: past a quarter of a million pairs only the moves
 * that come nearest by themselves are. */
static tdl_status gap_to_pair(const search *s, double *ret, tdl_report *why)
{
    double *gaps;

    *ret = INFINITY;
    if (s->moves_n <= PAIRED_MAX)
        return TDL_OK;
    if (!(gaps = calloc(s->moves_n, sizeof *gaps)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu candidates", s->moves_n);
    for (size_t m = 0; m < s->moves_n; m++)
        gaps[m] = s->move[m].gap;
    tdl_sort_numbers(gaps, s->moves_n);
    *ret = gaps[PAIRED_MAX - 1];
    free(gaps);
    return TDL_OK;
}

static tdl_status try_pairs(search *s, tdl_report *why)
{
    static const change none = {0};
    double most;
    tdl_status st;

    if ((st = gap_to_pair(s, &most, why)))
        return st;
    for (size_t a = 0; a < s->moves_n && !s->timed_out; a++) {
        change one = plus(&none, s->move + a);

        if (s->move[a].gap == 0 || s->move[a].gap > most)
            continue;
        for (size_t b = a + 1; b < s->moves_n && !s->timed_out; b++) {
            change both;

            if (s->move[b].gap == 0 || s->move[b].gap > most ||
                s->move[b].column == s->move[a].column)
                continue;
            both = plus(&one, s->move + b);
            if ((st = propose(s, &both, why)))
                return st;
        }
    }
    return flush(s, why);
}

/* One more column from each of the beam; the beam becomes that of the new changes. */
static tdl_status widen(search *s, tdl_report *why)
{
    change from[BEAM];
    size_t from_n = s->beam_n;
    tdl_status st;

    memcpy(from, s->beam, sizeof from);
    s->beam_n = 0;
    for (size_t f = 0; f < from_n && !s->timed_out; f++)
        for (size_t m = 0; m < s->moves_n && !s->timed_out; m++) {
            change more;

            if (s->move[m].gap == 0 || changes(from + f, s->move[m].column))
                continue;
            more = plus(from + f, s->move + m);
            if ((st = propose(s, &more, why)))
                return st;
        }
    return flush(s, why);
}

static tdl_status look(search *s, tdl_report *why)
{
    tdl_status st;

    if ((st = try_singles(s, why)))
        return st;
    if (s->changed_max >= 2 && !s->timed_out) {
        s->beam_n = 0;
        if ((st = try_pairs(s, why)))
            return st;
    }
    /* Farther changes only while nothing is found: fewer columns are easier to act on. */
    for (size_t n = 3; n <= s->changed_max && !s->hits_n && !s->timed_out; n++)
        if ((st = widen(s, why)))
            return st;
    return TDL_OK;
}

/* ---- shrinking ---- */

/* Does the answer hold with column k of the change at `value`? Then it is taken over. */
static tdl_status try_value(search *s, change *c, size_t k, double value, bool *ret_held,
                            tdl_report *why)
{
    change other = *c;
    tdl_status st;

    other.value[k] = value;
    fill(s, &other, s->cells);
    if ((st = score_rows(s, 1, why)))
        return st;
    *ret_held = is_hit(s, s->scores[0]);
    if (*ret_held) {
        c->value[k] = value;
        c->score = s->scores[0];
    }
    return TDL_OK;
}

static void measure(const search *s, change *c)
{
    size_t kept = 0;

    c->distance = 0;
    for (size_t k = 0; k < c->n; k++) {
        size_t column = c->column[k];

        if (c->value[k] == s->row[column]) /* back where it was */
            continue;
        c->column[kept] = column;
        c->value[kept++] = c->value[k];
        c->distance += tdl_cf_cost(s->column + column, s->row[column], c->value[kept - 1]);
    }
    c->n = kept;
}

/* Column by column towards the row: all the way, or by halving what is between the last value that
 * does not do and the last that does. */
static tdl_status shrink(search *s, change *c, tdl_report *why)
{
    tdl_status st;

    for (size_t k = 0; k < c->n && !s->timed_out; k++) {
        const tdl_cf_column *column = s->column + c->column[k];
        double from = s->row[c->column[k]], fails = from;
        bool held;

        if (tdl_cf_is_missing(column, from))
            continue;
        if ((st = try_value(s, c, k, from, &held, why)))
            return st;
        for (int tries = 0; !held && !column->category && tries < 24 && !s->timed_out; tries++) {
            double holds = c->value[k],
                   middle = tdl_cf_on_step(column, from, fails + (holds - fails) / 2);
            bool now_held;

            if (middle == fails || middle == holds || !tdl_cf_is_allowed(column, from, middle))
                break;
            if ((st = try_value(s, c, k, middle, &now_held, why)))
                return st;
            if (!now_held)
                fails = middle;
        }
    }
    measure(s, c);
    return TDL_OK;
}

static int by_distance(const void *a, const void *b)
{
    const change *x = a, *y = b;

    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    for (size_t k = 0; k < x->n; k++)
        if (x->column[k] != y->column[k])
            return x->column[k] < y->column[k] ? -1 : 1;
    return 0;
}

static tdl_status hand_over(const search *s, const change *c, tdl_cf_set *ret, tdl_report *why)
{
    tdl_cf *to = ret->item + ret->n;

    if (!(to->cells = calloc(s->columns_n, sizeof *to->cells)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row of %zu cells", s->columns_n);
    fill(s, c, to->cells);
    to->changed_n = c->n;
    to->distance = c->distance;
    to->score = c->score;
    ret->n++;
    return TDL_OK;
}

/* The nearest, then the nearest of other columns. */
static tdl_status choose(search *s, size_t set_max, tdl_cf_set *ret, tdl_report *why)
{
    size_t shrunk;
    tdl_status st;

    qsort(s->hit, s->hits_n, sizeof *s->hit, by_distance);
    shrunk = s->hits_n < 4 * set_max ? s->hits_n : 4 * set_max;
    for (size_t h = 0; h < shrunk; h++)
        if ((st = shrink(s, s->hit + h, why)))
            return st;
    qsort(s->hit, shrunk, sizeof *s->hit, by_distance);
    for (size_t h = 0; h < shrunk && ret->n < set_max; h++) {
        bool other = true;

        for (size_t before = 0; before < h && other; before++)
            other = !same_columns(s->hit + before, s->hit + h);
        if (other && (st = hand_over(s, s->hit + h, ret, why)))
            return st;
    }
    return TDL_OK;
}

tdl_status tdl_cf_search(const tdl_cf_column *column, size_t columns_n, const double *row,
                         const tdl_cf_options *options, tdl_cf_score *score, void *context,
                         tdl_cf_set *ret, tdl_report *why)
{
    size_t set_max = options->set_max ? options->set_max : TDL_CF_SET_MAX;
    search s = {.column = column,
                .columns_n = columns_n,
                .row = row,
                .low = options->wanted_low,
                .high = options->wanted_high,
                .changed_max = options->changed_max ? options->changed_max : 3,
                .score = score,
                .context = context};
    tdl_cf_set set = {0};
    tdl_status st;

    if (!(s.low <= s.high) || s.changed_max > TDL_CF_CHANGED_MAX || set_max > TDL_CF_SET_MAX ||
        !columns_n || columns_n > COLUMNS_MAX || !(options->seconds >= 0))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "scores from %g to %g, %zu of %zu columns, %zu answers: out of range",
                        s.low, s.high, s.changed_max, columns_n, set_max);
    s.deadline = now() + (options->seconds > 0 ? options->seconds : 1);
    s.hit = calloc(HITS_MAX, sizeof *s.hit);
    s.batch = calloc(AT_ONCE, sizeof *s.batch);
    s.cells = calloc(AT_ONCE, columns_n * sizeof *s.cells);
    s.scores = calloc(AT_ONCE, sizeof *s.scores);
    if (!s.hit || !s.batch || !s.cells || !s.scores) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to search %zu columns", columns_n);
        goto out;
    }
    if ((st = tdl_cf_moves(column, columns_n, row, &s.move, &s.moves_n, why)))
        goto out;
    fill(&s, &(change){0}, s.cells);
    if ((st = score_rows(&s, 1, why)))
        goto out;
    set.score = s.scores[0];
    if (is_hit(&s, set.score))
        st = hand_over(&s, &(change){.score = set.score}, &set, why);
    else if (!(st = look(&s, why)))
        st = choose(&s, set_max, &set, why);
    if (st)
        goto out;
    set.scored = s.scored;
    set.timed_out = s.timed_out;
    *ret = set;
    set = (tdl_cf_set){0};
out:
    tdl_cf_set_release(&set);
    free(s.move);
    free(s.hit);
    free(s.batch);
    free(s.cells);
    free(s.scores);
    return st;
}

void tdl_cf_set_release(tdl_cf_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        free(set->item[i].cells);
    *set = (tdl_cf_set){0};
}
