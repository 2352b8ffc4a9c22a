/* Asking the live state. */
#include <math.h>
#include <string.h>

#include "apps/recommend/live_state_parts.h"

enum { SHOWN_GROUPS = 200 };

static const double OWN_DECAYED_EPS = 1e-4; /* as own.c */

tdl_half_life tdl_half_life_near(double days)
{
    tdl_half_life best = TDL_HALF_LIFE_NONE;
    double least = INFINITY, us = days * (double)TDL_DAY_US;

    for (size_t h = 0; days > 0 && h < TDL_HALF_LIFE_NONE; h++) {
        double apart = fabs(log(us / tdl_half_life_us[h]));
        if (apart < least) {
            least = apart;
            best = (tdl_half_life)h;
        }
    }
    return best;
}

static const tdl_crowd *crowd_of(const tdl_live_state *s, int32_t segment)
{
    return segment >= 0 && (size_t)segment < s->segments_n &&
                   s->segment[segment].persons_n >= TDL_SEGMENT_PERSONS_MIN
               ? &s->segment[segment]
               : &s->crowd;
}

void tdl_live_popular(const tdl_live_state *s, tdl_half_life half_life, int32_t segment,
                      int64_t now_us, float *scores, size_t items_n, uint64_t *spoken)
{
    tdl_crowd_scores(crowd_of(s, segment), half_life, now_us, scores, items_n, spoken);
}

double tdl_live_popular_at(const tdl_live_state *s, tdl_half_life half_life, int32_t segment,
                           int64_t now_us, int32_t item)
{
    return tdl_crowd_at(crowd_of(s, segment), half_life, item, now_us);
}

static const tdl_live_person *find_person(const tdl_live_state *s, int32_t person)
{
    static const tdl_live_person stranger = {.segment = -1};

    return person >= 0 && (size_t)person < s->persons_n ? &s->person[person] : &stranger;
}

int32_t tdl_live_segment(const tdl_live_state *s, int32_t person)
{
    int32_t segment = find_person(s, person)->segment;

    return crowd_of(s, segment) == &s->crowd ? -1 : segment;
}

tdl_str tdl_live_segment_of(const tdl_live_state *s, int32_t person)
{
    bool known = person >= 0 && (size_t)person < s->persons_n && s->person[person].segment >= 0;

    return known ? tdl_names_at(s->segments, s->person[person].segment) : (tdl_str){0};
}

int32_t tdl_live_segment_named(const tdl_live_state *s, tdl_str name)
{
    int32_t segment = tdl_names_find(s->segments, name);

    return crowd_of(s, segment) == &s->crowd ? -1 : segment;
}

void tdl_live_own(const tdl_live_state *s, int32_t person, const tdl_own_params *params,
                  int64_t now_us, float *scores, size_t items_n)
{
    const tdl_ring *r = &find_person(s, person)->ring;
    double half_life_us = params->half_life_days * (double)TDL_DAY_US, most = 0;

    tdl_crowd_scores(&s->crowd, tdl_half_life_near(params->crowd_half_life_days), now_us, scores,
                     items_n, NULL);
    for (size_t i = 0; i < items_n; i++)
        most = (double)scores[i] > most ? (double)scores[i] : most;
    double scale = (half_life_us > 0 ? OWN_DECAYED_EPS : 1) / (most * (1 + 1e-6) + 1e-300);
    for (size_t i = 0; i < items_n; i++)
        scores[i] = (float)((double)scores[i] * scale);
    for (size_t i = 0; i < r->n; i++)
        if ((size_t)r->item[i] < items_n)
            scores[r->item[i]] +=
                (float)tdl_decay_weight(now_us, tdl_ring_decays_from(&r->mark[i]), half_life_us);
    for (size_t i = 0; i < r->spilt_n; i++) // as if all had happened with the newest of them
        if ((size_t)r->spilt[i].item < items_n)
            scores[r->spilt[i].item] +=
                (float)(r->spilt[i].sum[TDL_HALF_LIFE_NONE] *
                        tdl_decay_weight(now_us, r->spilt[i].time_us, half_life_us));
}

tdl_status tdl_live_history(const tdl_live_state *s, int32_t person, tdl_arena *arena,
                            tdl_history *ret)
{
    const tdl_ring *r = &find_person(s, person)->ring;
    size_t from = r->n;

    for (size_t groups = 0; from > 0 && groups < SHOWN_GROUPS; groups++)
        from = tdl_ring_begin(r, from);
    size_t n = r->n - from;
    int32_t *item = tdl_arena_alloc(arena, n, sizeof *item);
    int64_t *time_us = tdl_arena_alloc(arena, n, sizeof *time_us);
    if (!item || !time_us)
        return TDL_E_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const tdl_ring_mark *mark = &r->mark[from + i];
        item[i] = r->item[from + i];
        time_us[i] = mark->time_us;
        if (i && tdl_ring_same_group(mark - 1, mark))
            time_us[i] = time_us[i - 1];
        else if (i && time_us[i] <= time_us[i - 1]) // two orders of one time
            time_us[i] = time_us[i - 1] + 1;
    }
    *ret = (tdl_history){item, time_us, n};
    return TDL_OK;
}

tdl_status tdl_live_directed(const tdl_live_state *s, tdl_live_matrix matrix,
                             const tdl_history *history, tdl_arena *scratch, float *scores,
                             size_t items_n, uint64_t *spoken)
{
    return tdl_live_score(s->matrix[matrix], history, scratch, scores, items_n, spoken);
}

void tdl_live_similar(const tdl_live_state *s, tdl_live_matrix matrix, int32_t item, float *scores,
                      size_t items_n)
{
    tdl_live_similar_row(s->matrix[matrix], item, scores, items_n);
}

/* Of every item the same damping is on all terms: shares do not need it. */
void tdl_live_explain_directed(const tdl_live_state *s, tdl_live_matrix matrix,
                               const tdl_history *history, const int32_t *items, size_t items_n,
                               tdl_arena *scratch, tdl_reason *ret, size_t max, size_t *ret_n)
{
    const tdl_live *l = s->matrix[matrix];
    const tdl_directed_params *p = tdl_live_params(l);
    size_t from = 0;
    const double *weight = tdl_directed_weights(p, history, scratch, &from);
    tdl_term *terms = tdl_arena_alloc(scratch, history->n, sizeof *terms);

    memset(ret_n, 0, items_n * sizeof *ret_n);
    for (size_t k = 0; weight && terms && k < items_n; k++) {
        size_t n = 0;
        for (size_t i = from; i < history->n; i++) {
            double count = tdl_live_count(l, history->item[i], items[k]);
            if (count > 0)
                terms[n++] = (tdl_term){i, weight[i] * count /
                                               (tdl_live_sum(l, history->item[i]) + p->shrinkage)};
        }
        ret_n[k] = tdl_terms_reasons(terms, n, ret + k * max, max);
    }
}

void tdl_live_explain_own(const tdl_own_params *params, int64_t now_us, const tdl_history *history,
                          const int32_t *items, size_t items_n, tdl_arena *scratch, tdl_reason *ret,
                          size_t max, size_t *ret_n)
{
    double half_life_us = params->half_life_days * (double)TDL_DAY_US;
    tdl_term *terms = tdl_arena_alloc(scratch, history->n, sizeof *terms);

    memset(ret_n, 0, items_n * sizeof *ret_n);
    for (size_t k = 0; terms && k < items_n; k++) {
        size_t n = 0;
        for (size_t i = 0; i < history->n; i++)
            if (history->item[i] == items[k])
                terms[n++] =
                    (tdl_term){i, tdl_decay_weight(now_us, history->time_us[i], half_life_us)};
        ret_n[k] = tdl_terms_reasons(terms, n, ret + k * max, max);
    }
}
