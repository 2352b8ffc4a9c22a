#include "apps/recommend/cold_items.h"

#include <math.h>
#include <stdlib.h>
#include <zlib.h>

#include "apps/recommend/content.h"
#include "apps/recommend/content_map.h"
#include "apps/recommend/top.h"
#include "tensor/gemm.h"
#include "tensor/scratch.h"

enum { FIRST = 10, TARGETS_MAX = 20, SCRATCH_BYTES = 64 << 20 };
static const double STANDARD_ERRORS = 1; // of a rate of a few hundred people that is chosen by

const char *const tdl_cold_way_name[TDL_COLD_WAYS_N] = {"map", "taste", "map + taste"};
const double tdl_cold_boost[TDL_COLD_BOOSTS] = {-INFINITY, -.5, -.2, -.1, 0,  .03, .06,
                                                .09,       .12, .16, .2,  .3, .5};

/* What became of a person's targets: sums over the rounds. */
typedef struct tally {
    double warm[TDL_COLD_WAYS_N][TDL_COLD_BOOSTS], cold[TDL_COLD_WAYS_N][TDL_COLD_BOOSTS];
    double slots[TDL_COLD_WAYS_N][TDL_COLD_BOOSTS];
    double warm_n, cold_n, rounds_n;
} tally;

typedef struct cold_round { /* of ten */
    const tdl_content_code *code;
    const tdl_interactions *all;
    const size_t *last;    /* [users_n] where a person's last group begins; its end: not asked */
    const int32_t *person; /* [people_n] who is asked */
    tally *tally;          /* [people_n] */
    const bool *cold;      /* [items_n] */
    const void *model;     /* iALS++ */
    const float *vector, *mapped; /* [items_n][d] */
    const tdl_content_weights *weights;
    const tdl_content *content; /* the codes again, by number */
    size_t d;
    bool *failed; /* [threads] */
} cold_round;

/* ---- one person ---- */

typedef struct desk {
    tdl_arena *scratch;
    bool *out;                              /* [items_n] had it */
    float *warm;                            /* [items_n] log-odds; -INFINITY = no candidate */
    float *by[TDL_COLD_WAYS_N];             /* [items_n] the same of content, of every candidate */
    float *scores;                          /* [items_n] */
    tdl_scored top[FIRST], top_cold[FIRST]; /* */
} desk;

static bool open_desk(desk *b, size_t n)
{
    bool ok = (b->scratch = tdl_arena_new(SCRATCH_BYTES)) != NULL;

    b->out = calloc(n + 1, sizeof *b->out);
    b->warm = tdl_floats_new(n + 1);
    b->scores = tdl_floats_new(n + 1);
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++)
        ok = (b->by[k] = tdl_floats_new(n + 1)) && ok;
    return ok && b->out && b->warm && b->scores;
}

static void close_desk(desk *b)
{
    tdl_arena_free(b->scratch);
    free(b->out);
    free(b->warm);
    free(b->scores);
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++)
        free(b->by[k]);
}

/* ret: log-odds of the scores that are candidates, against the tenth of them. */
static void to_log_odds(const float *scores, size_t n, float *ret)
{
    tdl_scored best[FIRST];
    size_t found = tdl_top(scores, n, NULL, 0, INFINITY, best, FIRST);
    double tenth = found ? (double)best[found == FIRST ? FIRST - 1 : 0].score : 1, e = .1 * tenth;

    for (size_t i = 0; i < n; i++)
        ret[i] = isinf(scores[i]) ? -INFINITY
                                  : (float)log((fmax((double)scores[i], 0) + e) / (tenth + e));
}

/* Products of a person with each candidate. */
static void score_by(const cold_round *r, const desk *b, const float *vector, const float *w,
                     bool warm_only, float *ret)
{
    for (size_t i = 0; i < r->all->items_n; i++) {
        float sum = 0;
        bool is = !b->out[i] && !(warm_only && r->cold[i]);
        for (size_t k = 0; is && k < r->d; k++)
            sum += vector[i * r->d + k] * w[k];
        ret[i] = is ? sum : -INFINITY;
    }
}

static void score_by_taste(const cold_round *r, const desk *b, const tdl_history *had, float *ret)
{
    tdl_content_taste taste;

    tdl_content_taste_of(r->content, r->weights, had->item, had->time_us, had->n, &taste);
    for (size_t i = 0; i < r->all->items_n; i++)
        ret[i] = b->out[i] ? -INFINITY : (float)tdl_content_liked(&taste, &r->code[i]);
}

/* Sums of two log-odds, against the tenth largest of them. */
static void sum_ways(desk *b, size_t n)
{
    float *sum = b->by[TDL_COLD_BOTH];
    tdl_scored best[FIRST];

    for (size_t i = 0; i < n; i++)
        sum[i] = b->by[TDL_COLD_MAP][i] + b->by[TDL_COLD_TASTE][i];
    size_t found = tdl_top(sum, n, NULL, -INFINITY, INFINITY, best, FIRST);
    float tenth = found ? best[found - 1].score : 0;
    for (size_t i = 0; i < n; i++)
        sum[i] -= tenth;
}

static bool score_all(const cold_round *r, desk *b, const tdl_history *had)
{
    size_t n = r->all->items_n;
    float w[TDL_CONTENT_MAP_D_MAX];

    if (tdl_rung_ials.query(r->model, had, b->scratch, w))
        return false;
    score_by(r, b, r->vector, w, true, b->scores);
    to_log_odds(b->scores, n, b->warm);
    score_by(r, b, r->mapped, w, false, b->scores);
    to_log_odds(b->scores, n, b->by[TDL_COLD_MAP]);
    score_by_taste(r, b, had, b->scores);
    to_log_odds(b->scores, n, b->by[TDL_COLD_TASTE]);
    sum_ways(b, n);
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++)
        for (size_t i = 0; i < n; i++) // warm ones were there for the scale
            if (!r->cold[i] || !tdl_content_says(&r->code[i]))
                b->by[k][i] = -INFINITY;
    return true;
}

/* Among the first ten, by expectation over ties: `own` of one list, `other` shifted by `shift`. */
static double hit(const float *own, const float *other, size_t n, size_t target, float shift)
{
    float score = own[target];
    size_t above = 0, tied = 0;

    if (isinf(score))
        return 0;
    for (size_t i = 0; i < n; i++) {
        above += (size_t)(own[i] > score) + (size_t)(other[i] > score + shift);
        tied += (size_t)(own[i] == score) + (size_t)(other[i] == score + shift);
    }
    if (above >= (size_t)FIRST)
        return 0;
    return above + tied <= (size_t)FIRST ? 1 : ((double)FIRST - (double)above) / (double)tied;
}

static double share_of_slots(const desk *b, size_t warm_n, size_t cold_n, double boost)
{
    size_t warm = 0, cold = 0;

    while (warm + cold < FIRST && (warm < warm_n || cold < cold_n)) {
        bool takes = cold < cold_n && (warm == warm_n || (double)b->top_cold[cold].score + boost >
                                                             (double)b->top[warm].score);
        cold += takes;
        warm += !takes;
    }
    return (double)cold / FIRST;
}

static void tally_targets(const cold_round *r, desk *b, size_t user, tally *t)
{
    size_t n = r->all->items_n, asked = 0;
    size_t warm_n = tdl_top(b->warm, n, NULL, -INFINITY, INFINITY, b->top, FIRST);

    for (size_t i = r->last[user]; i < r->all->offsets[user + 1] && asked < TARGETS_MAX; i++) {
        size_t target = (size_t)r->all->item[i];
        if (b->out[target])
            continue;
        asked++;
        *(r->cold[target] ? &t->cold_n : &t->warm_n) += 1;
        for (size_t k = 0; k < TDL_COLD_WAYS_N; k++)
            for (size_t at = 0; at < TDL_COLD_BOOSTS; at++) {
                float boost = (float)tdl_cold_boost[at];
                if (!r->cold[target])
                    t->warm[k][at] += hit(b->warm, b->by[k], n, target, -boost);
                else if (at)
                    t->cold[k][at] += hit(b->by[k], b->warm, n, target, boost);
            }
    }
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++) {
        size_t cold_n = tdl_top(b->by[k], n, NULL, -INFINITY, INFINITY, b->top_cold, FIRST);
        for (size_t at = 1; at < TDL_COLD_BOOSTS; at++)
            t->slots[k][at] += share_of_slots(b, warm_n, cold_n, tdl_cold_boost[at]);
    }
    t->rounds_n++;
}

static bool ask(const cold_round *r, desk *b, size_t user, tally *t)
{
    size_t begin = r->all->offsets[user], n = 0, most = r->last[user] - begin;
    bool ok = true;

    tdl_arena_reset(b->scratch);
    int32_t *item = tdl_arena_alloc(b->scratch, most, sizeof *item);
    int64_t *time_us = tdl_arena_alloc(b->scratch, most, sizeof *time_us);
    if (!item || !time_us)
        return false;
    for (size_t i = begin; i < r->last[user]; i++) {
        size_t one = (size_t)r->all->item[i];
        if (!r->cold[one] && !b->out[one]) {
            item[n] = r->all->item[i];
            time_us[n++] = r->all->time_us[i];
        }
        b->out[one] = true;
    }
    const tdl_history had = {.item = item, .time_us = time_us, .n = n};
    if (n && (ok = score_all(r, b, &had)))
        tally_targets(r, b, user, t);
    for (size_t i = begin; i < r->last[user]; i++)
        b->out[r->all->item[i]] = false;
    return ok;
}

static void ask_share(void *context, size_t begin, size_t end, unsigned part)
{
    const cold_round *r = context;
    desk b = {0};
    bool ok = open_desk(&b, r->all->items_n);

    for (size_t i = begin; ok && i < end; i++)
        ok = ask(r, &b, (size_t)r->person[i], &r->tally[i]);
    r->failed[part] = !ok;
    close_desk(&b);
}

/* ---- one round ---- */

typedef struct run {
    const tdl_feedback *feedback;
    const tdl_interactions *all;
    const tdl_rung_contest_options *options;
    tdl_cold_items *ret;
    const tdl_content_code *code;
    tdl_content *content;
    size_t *last;     /* [users_n] */
    int32_t *person;  /* [people_n] */
    size_t people_n;  /* */
    tally *tally;     /* [people_n] */
    bool *cold;       /* [items_n] */
    uint32_t *events; /* [items_n] learnt from */
    float *mapped;    /* [items_n][d] */
    int32_t *kept;    /* [events] of one person */
    int64_t *kept_us; /* */
} run;

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to try cold items");
}

/* Everything but last groups and cold items. Afterwards an item without events is cold too. */
static tdl_status learn_from(run *r, tdl_holdout *split, tdl_report *why)
{
    const tdl_interactions *all = r->all;
    tdl_status st = tdl_holdout_init(split, all->items_n, INT64_MAX, why);

    memset(r->events, 0, all->items_n * sizeof *r->events);
    for (size_t u = 0; !st && u < all->users_n; u++) {
        size_t n = 0;
        for (size_t i = all->offsets[u]; i < r->last[u]; i++)
            if (!r->cold[all->item[i]]) {
                r->kept[n] = all->item[i];
                r->kept_us[n++] = all->time_us[i];
                r->events[all->item[i]]++;
            }
        st = tdl_holdout_train(split, r->kept, r->kept_us, n, why);
    }
    for (size_t i = 0; i < all->items_n; i++)
        r->cold[i] = r->cold[i] || !r->events[i];
    return st ? st : tdl_holdout_seal(split, why);
}

static tdl_status ask_everybody(run *r, const void *model, const float *vector, size_t d,
                                const tdl_content_map *map, tdl_report *why)
{
    unsigned threads = tdl_pool_threads(r->options->pool);
    cold_round c = {.code = r->code,
                    .all = r->all,
                    .last = r->last,
                    .person = r->person,
                    .tally = r->tally,
                    .cold = r->cold,
                    .model = model,
                    .vector = vector,
                    .mapped = r->mapped,
                    .weights = &map->weights,
                    .content = r->content,
                    .d = d,
                    .failed = calloc(threads, sizeof *c.failed)};
    bool failed = !c.failed;

    for (size_t i = 0; i < r->all->items_n; i++)
        tdl_content_map_apply(map, &r->code[i], r->mapped + i * d);
    if (!failed)
        tdl_pool_run(r->options->pool, r->people_n, 1, ask_share, &c);
    for (unsigned t = 0; !failed && t < threads; t++)
        failed = c.failed[t];
    free(c.failed);
    return failed ? no_memory(why) : TDL_OK;
}

static tdl_status run_round(run *r, unsigned number, tdl_report *why)
{
    tdl_holdout split = {0};
    tdl_fit_options fit = {.seed = r->options->seed, .pool = r->options->pool};
    tdl_content_map *map = NULL;
    void *model = NULL;
    size_t d = 0;
    tdl_status st;

    for (size_t i = 0; i < r->all->items_n; i++) {
        tdl_str id = tdl_feedback_item(r->feedback, (int32_t)i);
        r->cold[i] =
            crc32_z(crc32(0, NULL, 0), (const Bytef *)id.at, id.len) % TDL_COLD_ROUNDS == number;
    }
    if ((st = learn_from(r, &split, why)))
        goto out;
    tdl_fit_data data = tdl_holdout_data(&split, &tdl_rung_ials);
    if ((st = tdl_rung_ials.fit(&data, &fit, &model, why)))
        goto out;
    const float *vector = tdl_rung_ials.vectors(model, &d);
    tdl_content_space space = {r->code, vector, r->events, r->all->items_n, d};
    if ((st = tdl_content_map_fit(&space, 0, r->options->pool, &map, why)))
        goto out;
    r->ret->explained += map->explained / TDL_COLD_ROUNDS;
    r->ret->lambda += map->lambda / TDL_COLD_ROUNDS;
    if (!r->mapped && !(r->mapped = tdl_floats_new(r->all->items_n * d + 1))) {
        st = no_memory(why);
        goto out;
    }
    st = ask_everybody(r, model, vector, d, map, why);
out:
    tdl_rung_ials.free(model);
    tdl_content_map_free(map);
    tdl_holdout_release(&split);
    return st;
}

/* ---- what became of it ---- */

static bool is_tuned_on(size_t person)
{
    return person % 2 == 1;
}

/* Means over people of one half, of those who had such a target. */
static tdl_cold_point point_of(const run *r, bool tuned, size_t way, size_t boost)
{
    tdl_cold_point p = {0};
    size_t warm_n = 0, cold_n = 0, n = 0;

    for (size_t i = 0; i < r->people_n; i++) {
        const tally *t = &r->tally[i];
        if (is_tuned_on(i) != tuned || !(t->rounds_n > 0))
            continue;
        p.warm += t->warm_n > 0 ? t->warm[way][boost] / t->warm_n : 0;
        p.cold += t->cold_n > 0 ? t->cold[way][boost] / t->cold_n : 0;
        p.slots += t->slots[way][boost] / t->rounds_n;
        warm_n += t->warm_n > 0;
        cold_n += t->cold_n > 0;
        n++;
    }
    p.warm /= (double)(warm_n ? warm_n : 1);
    p.cold /= (double)(cold_n ? cold_n : 1);
    p.slots /= (double)(n ? n : 1);
    return p;
}

/* By how many standard errors the cold rate of those tuned on lies above half of the warm one. */
static double margin_of(const run *r, size_t way, size_t boost)
{
    double n = 0, sum = 0, square = 0;

    for (size_t i = 0; i < r->people_n; i++) {
        const tally *t = &r->tally[i];
        if (!is_tuned_on(i) || !(t->warm_n > 0) || !(t->cold_n > 0))
            continue;
        double x = t->cold[way][boost] / t->cold_n - .5 * t->warm[way][boost] / t->warm_n;
        n++;
        sum += x;
        square += x * x;
    }
    double mean = n > 0 ? sum / n : 0, variance = n > 1 ? (square - n * mean * mean) / (n - 1) : 0;
    return mean / sqrt(fmax(variance / fmax(n, 1), 1e-12));
}

/* The best warm rate among those where cold items surely have half of it; else the largest margin.
 */
static void choose(run *r)
{
    double best = -INFINITY;

    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++)
        for (size_t at = 1; at < TDL_COLD_BOOSTS; at++) {
            double margin = margin_of(r, k, at);
            bool reached = margin >= STANDARD_ERRORS;
            double value = reached ? point_of(r, true, k, at).warm : margin;
            if (reached < r->ret->reached || (reached == r->ret->reached && value <= best))
                continue;
            best = value;
            r->ret->reached = reached;
            r->ret->way = (tdl_cold_way)k;
            r->ret->boost = at;
        }
}

static tdl_status interval_of(const run *r, bool cold, tdl_interval *ret, tdl_report *why)
{
    double *value = malloc((r->people_n + 1) * sizeof *value);
    tdl_rng rng = tdl_rng_make(r->options->seed, 1);
    size_t n = 0;

    if (!value)
        return no_memory(why);
    for (size_t i = 0; i < r->people_n; i++) {
        const tally *t = &r->tally[i];
        double targets_n = cold ? t->cold_n : t->warm_n;
        if (!is_tuned_on(i) && targets_n > 0)
            value[n++] = (cold ? t->cold : t->warm)[r->ret->way][r->ret->boost] / targets_n;
    }
    tdl_status st = tdl_bootstrap_mean(value, n, NULL, &rng, ret, why);
    free(value);
    return st;
}

static tdl_status conclude(run *r, tdl_report *why)
{
    tdl_status st;

    for (size_t i = 0; i < r->people_n; i++) {
        r->ret->targets_n += (size_t)(r->tally[i].cold_n + r->tally[i].warm_n) / TDL_COLD_ROUNDS;
        *(is_tuned_on(i) ? &r->ret->tuned_n : &r->ret->people_n) += r->tally[i].rounds_n > 0;
    }
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++)
        for (size_t at = 0; at < TDL_COLD_BOOSTS; at++)
            r->ret->curve[k][at] = point_of(r, false, k, at);
    if (!r->ret->targets_n)
        return TDL_FAIL(why, TDL_E_INVALID, "nobody's last group held anything new to him");
    choose(r);
    if ((st = interval_of(r, false, &r->ret->warm, why)))
        return st;
    return interval_of(r, true, &r->ret->cold, why);
}

/* ---- the whole ---- */

/* Where each last group begins; people with one group, and guests, are learnt from alone. */
static void choose_people(run *r)
{
    const tdl_interactions *all = r->all;
    size_t n = 0, step;

    for (size_t u = 0; u < all->users_n; u++) {
        size_t at = all->offsets[u + 1];
        while (at > all->offsets[u] &&
               all->time_us[at - 1] == all->time_us[all->offsets[u + 1] - 1])
            at--;
        bool asked = at > all->offsets[u] && !tdl_feedback_is_guest(r->feedback, (int32_t)u);
        r->last[u] = asked ? at : all->offsets[u + 1];
        n += asked;
    }
    step = (n + TDL_COLD_PEOPLE_MAX - 1) / TDL_COLD_PEOPLE_MAX;
    n = 0;
    for (size_t u = 0; u < all->users_n; u++)
        if (r->last[u] < all->offsets[u + 1] && n++ % step == 0)
            r->person[r->people_n++] = (int32_t)u;
}

static bool allot(run *r)
{
    size_t users_n = r->all->users_n, items_n = r->all->items_n,
           events_n = r->all->offsets[users_n];

    r->content = tdl_content_new();
    r->last = calloc(users_n + 1, sizeof *r->last);
    r->person = calloc(users_n + 1, sizeof *r->person);
    r->tally = calloc(users_n < TDL_COLD_PEOPLE_MAX ? users_n + 1 : TDL_COLD_PEOPLE_MAX + 1,
                      sizeof *r->tally);
    r->cold = calloc(items_n + 1, sizeof *r->cold);
    r->events = calloc(items_n + 1, sizeof *r->events);
    r->kept = malloc((events_n + 1) * sizeof *r->kept);
    r->kept_us = malloc((events_n + 1) * sizeof *r->kept_us);
    return r->content && r->last && r->person && r->tally && r->cold && r->events && r->kept &&
           r->kept_us;
}

static void release(run *r)
{
    tdl_content_free(r->content);
    free(r->last);
    free(r->person);
    free(r->tally);
    free(r->cold);
    free(r->events);
    free(r->mapped);
    free(r->kept);
    free(r->kept_us);
}

tdl_status tdl_cold_items_run(const tdl_feedback *feedback, const tdl_content_code *code,
                              const tdl_rung_contest_options *options, tdl_cold_items *ret,
                              tdl_report *why)
{
    run r = {.feedback = feedback,
             .all = tdl_feedback_all(feedback),
             .options = options,
             .ret = ret,
             .code = code};
    tdl_status st = allot(&r) ? TDL_OK : no_memory(why);

    *ret = (tdl_cold_items){.items_n = r.all->items_n};
    if (st)
        goto out;
    for (size_t i = 0; i < r.all->items_n; i++) {
        ret->described_n += tdl_content_says(&code[i]);
        tdl_content_put(r.content, (int32_t)i, &code[i]);
    }
    choose_people(&r);
    if (!r.people_n)
        st = TDL_FAIL(why, TDL_E_INVALID, "nobody came back: there is no second group to ask for");
    for (unsigned k = 0; !st && k < TDL_COLD_ROUNDS; k++) {
        if (options->progress && !options->progress(options->progress_context, "cold-items",
                                                    (double)k / TDL_COLD_ROUNDS, "cold-items"))
            st = TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
        else
            st = run_round(&r, k, why);
    }
    if (!st)
        st = conclude(&r, why);
out:
    release(&r);
    return st;
}
