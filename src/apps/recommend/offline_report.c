/* The report of offline evaluation: see offline.h. */
#include "apps/recommend/decay.h"
#include "apps/recommend/offline.h"
#include "apps/recommend/write_figure.h"

static double share(size_t part, size_t whole)
{
    return whole ? tdl_rounded((double)part / (double)whole) : 0;
}

void tdl_offline_write_log(tdl_jw *w, const tdl_feedback *f, const tdl_offline_options *o)
{
    const int64_t year_2000_us = INT64_C(946684800000000);
    const tdl_interactions *all = tdl_feedback_all(f);
    size_t events_n = all->offsets[all->users_n], groups = 0, tied = 0, days = 0, guests = 0;
    size_t future = 0, ancient = 0;
    int64_t first_us, last_us;

    for (size_t u = 0; u < all->users_n; u++) {
        size_t begin = all->offsets[u], end = all->offsets[u + 1];
        guests += tdl_feedback_is_guest(f, (int32_t)u);
        days += all->time_us[end - 1] - all->time_us[begin] < TDL_DAY_US;
        for (size_t i = begin; i < end; i++) {
            bool same = i > begin && all->time_us[i] == all->time_us[i - 1];
            groups += !same;
            tied += same;
            future += o->now_us && all->time_us[i] > o->now_us;
            ancient += all->time_us[i] < year_2000_us;
        }
    }
    tdl_feedback_span(f, &first_us, &last_us);
    tdl_jw_kint(w, "people", (int64_t)(all->users_n - guests));
    tdl_jw_kint(w, "guests", (int64_t)guests);
    tdl_jw_kint(w, "items", (int64_t)all->items_n);
    tdl_jw_kint(w, "events", (int64_t)events_n);
    tdl_jw_kint(w, "groups", (int64_t)groups);
    tdl_jw_knumber(w, "tie_share", share(tied, events_n - all->users_n));
    tdl_jw_kbool(w, "ordered", groups > all->users_n);
    if (!o->timed)
        return;
    tdl_jw_kint(w, "future_events", (int64_t)future);
    tdl_jw_kint(w, "events_before_2000", (int64_t)ancient);
    tdl_jw_knumber(w, "one_day_share", share(days, all->users_n));
    tdl_jw_ktime(w, "first", first_us);
    tdl_jw_ktime(w, "last", last_us);
}

static void write_heat(tdl_jw *w, const tdl_heat *h, const char *role)
{
    const tdl_cut_facts *f = &h->facts;

    tdl_jw_object(w);
    tdl_jw_ktext(w, "role", role);
    if (h->cut.end_us) {
        tdl_jw_ktime(w, "cut", h->cut.cut_us);
        tdl_jw_ktime(w, "end", h->cut.end_us);
        tdl_jw_kint(w, "known_people", (int64_t)f->known_people);
        tdl_jw_kint(w, "window_events", (int64_t)f->window_events);
        tdl_jw_kint(w, "window_groups", (int64_t)f->window_groups);
        tdl_jw_knumber(w, "new_people_event_share", share(f->new_events, f->window_events));
        tdl_jw_knumber(w, "missed_target_share", share(f->missed, f->targets));
        tdl_jw_ktext(w, "crc32", f->crc);
    }
    tdl_jw_kint(w, "train_events", (int64_t)h->split.all.offsets[h->split.all.view.users_n]);
    tdl_jw_kint(w, "catalogue", (int64_t)h->split.items_n);
    tdl_jw_kint(w, "questions", (int64_t)h->split.questions_n);
    tdl_jw_end_object(w);
}

static void write_metric(tdl_jw *w, const char *name, const tdl_interval all[TDL_RUNG_TRIAL_KS])
{
    char key[32];

    for (size_t k = 0; k < TDL_RUNG_TRIAL_KS; k++) {
        snprintf(key, sizeof key, "%s%zu", name, tdl_rung_trial_k[k]);
        tdl_write_interval(w, key, &all[k]);
    }
}

/* What a report is written from. */
typedef struct reporting {
    tdl_jw *w;
    const tdl_feedback *feedback;
    const tdl_rung_contest *contest;
    uint64_t seed;
} reporting;

static tdl_status write_test(const reporting *r, const tdl_rung_entry *e, size_t k, tdl_report *why)
{
    tdl_jw *w = r->w;
    const tdl_figures *f = &e->figures[k];
    const tdl_variety *v = &e->trial[k].variety;

    tdl_jw_object(w);
    write_metric(w, "hr", f->hr);
    write_metric(w, "recall", f->recall);
    write_metric(w, "ndcg", f->ndcg);
    write_metric(w, "mrr", f->mrr);
    tdl_jw_knumber(w, "coverage", tdl_rounded(v->coverage));
    tdl_jw_knumber(w, "gini", tdl_rounded(v->gini));
    tdl_jw_knumber(w, "novelty_bits", tdl_rounded(v->novelty));
    tdl_jw_knumber(w, "intra_list_distance", tdl_rounded(v->distance));
    tdl_jw_knumber(w, "fit_cpu_s", tdl_rounded(e->trial[k].fit_cpu_s));
    tdl_jw_knumber(w, "answer_cpu_s", tdl_rounded(e->trial[k].answer_cpu_s));
    tdl_jw_kint(w, "bytes", (int64_t)e->trial[k].bytes);
    tdl_status st = tdl_offline_write_segments(w, r->feedback, &r->contest->heat[k].split,
                                               &e->trial[k], r->seed, why);
    tdl_jw_end_object(w);
    return st;
}

static tdl_status write_entry(const reporting *r, size_t at, tdl_report *why)
{
    const tdl_rung_contest *c = r->contest;
    const tdl_rung_entry *e = &c->entry[at];
    tdl_jw *w = r->w;
    tdl_status st = TDL_OK;

    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", e->name);
    if (e->setting[0])
        tdl_jw_ktext(w, "setting", e->setting);
    tdl_jw_kbool(w, "serves", at == c->serves);
    tdl_jw_ktext(w, "verdict", tdl_gate_verdict_name(e->gate.verdict));
    if (e->refused[0])
        tdl_jw_ktext(w, "refused", e->refused);
    else {
        if (e->gate.verdict != TDL_GATE_FLOOR) {
            tdl_jw_ktext(w, "against", c->entry[e->gate.incumbent].name);
            tdl_write_interval(w, "difference", &e->gate.difference);
        }
        if (at != c->serves)
            tdl_write_interval(w, "serving_lead", &e->gate.lead);
        tdl_jw_knumber(w, "tuned_ndcg10", tdl_rounded(e->tuned_ndcg10));
        tdl_jw_key(w, "tests");
        tdl_jw_array(w);
        for (size_t k = 0; !st && k < c->cuts_n; k++)
            st = write_test(r, e, k, why);
        tdl_jw_end_array(w);
    }
    tdl_jw_end_object(w);
    return st;
}

/* What a person would get: the rung that serves, and what it was promoted for. */
static void write_served(tdl_jw *w, const tdl_rung_contest *c)
{
    const tdl_rung_entry *e = &c->entry[c->serves];

    tdl_jw_key(w, "served");
    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", e->name);
    if (e->gate.verdict != TDL_GATE_FLOOR) {
        tdl_jw_ktext(w, "against", c->entry[e->gate.incumbent].name);
        tdl_write_interval(w, "difference", &e->gate.difference);
    }
    tdl_jw_key(w, "tests");
    tdl_jw_array(w);
    for (size_t k = 0; k < c->cuts_n; k++) {
        tdl_jw_object(w);
        tdl_write_interval(w, "hr10", &e->figures[k].hr[TDL_K10]);
        tdl_write_interval(w, "ndcg10", &e->figures[k].ndcg[TDL_K10]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

tdl_status tdl_offline_write_contest(tdl_jw *w, const tdl_feedback *feedback,
                                     const tdl_rung_contest *c, uint64_t seed, tdl_report *why)
{
    const reporting r = {w, feedback, c, seed};
    tdl_status st = TDL_OK;

    tdl_jw_object(w);
    tdl_jw_ktext(w, "task", tdl_recommend_task_name[c->task]);
    if (c->target.len) {
        tdl_jw_kstr(w, "target", c->target);
        tdl_jw_ktext(w, "weights", tdl_weighing_name[c->weighing]);
    }
    tdl_jw_kint(w, "people", (int64_t)c->people_n);
    tdl_jw_kint(w, "people_wanted", TDL_GATE_PEOPLE_MIN);
    tdl_jw_kbool(w, "enough_people", c->people_n >= TDL_GATE_PEOPLE_MIN);
    tdl_jw_ktext(w, "serves", c->entries_n ? c->entry[c->serves].name : NULL);
    tdl_jw_key(w, "windows");
    tdl_jw_array(w);
    write_heat(w, &c->tuning, "tuning");
    for (size_t k = 0; k < c->cuts_n; k++)
        write_heat(w, &c->heat[k], "test");
    tdl_jw_end_array(w);
    tdl_jw_key(w, "ladder");
    tdl_jw_array(w);
    for (size_t e = 0; !st && e < c->entries_n; e++)
        st = write_entry(&r, e, why);
    tdl_jw_end_array(w);
    if (c->entries_n)
        write_served(w, c);
    tdl_jw_end_object(w);
    return st;
}
