#include "apps/recommend/lineup_report.h"

#include "apps/recommend/write_figure.h"

/* ---- one member a surface ---- */

static void write_parts(tdl_jw *w, const tdl_lineup *l, const tdl_mix *mix)
{
    tdl_jw_key(w, "parts");
    tdl_jw_array(w);
    for (size_t i = 0; i < mix->n; i++) {
        const tdl_part *part = &l->part[mix->part[i]];
        tdl_jw_object(w);
        tdl_jw_ktext(w, "model", part->contender->name);
        tdl_jw_ktext(w, "setting", part->setting);
        tdl_jw_kbool(w, "baskets", part->baskets);
        tdl_jw_knumber(w, "weight", tdl_rounded(mix->weight[i]));
        tdl_jw_kint(w, "bytes", (int64_t)part->contender->rung->bytes(part->model));
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* What answers that were given say of the blend's weights. */
static void write_learnt(tdl_jw *w, const tdl_blend_learnt *learnt)
{
    tdl_jw_key(w, "learnt_from_answers");
    tdl_jw_object(w);
    tdl_jw_kint(w, "slots", (int64_t)learnt->slots_n);
    tdl_jw_kint(w, "rewards", (int64_t)learnt->rewards_n);
    tdl_jw_kint(w, "people", (int64_t)learnt->people_n);
    tdl_jw_ktext(w, "verdict", tdl_blend_verdict_name[learnt->verdict]);
    if (learnt->verdict != TDL_BLEND_TOO_FEW)
        tdl_write_interval(w, "gain", &learnt->gain);
    tdl_jw_end_object(w);
}

/* What served, against the simpler one it beat. */
static void write_measured(tdl_jw *w, const tdl_lineup *l, const tdl_task_report *r,
                           const tdl_mix *mix)
{
    const tdl_task_entry *serves = &r->entry[r->serves];
    bool floor = serves->gate.verdict == TDL_GATE_FLOOR;

    tdl_jw_ktext(w, "serves", serves->name);
    tdl_jw_ktext(w, "reason", floor ? "nothing_better" : "proven_better");
    tdl_jw_ktext(w, "against", floor ? NULL : r->entry[serves->gate.incumbent].name);
    if (!floor)
        tdl_write_interval(w, "difference", &serves->gate.difference);
    write_parts(w, l, mix);
    if (mix->n > 1)
        write_learnt(w, &r->learnt);
}

static void write_surface(tdl_jw *w, const tdl_lineup *l, const tdl_lineup_report *report,
                          tdl_surface_kind kind, tdl_recommend_task task, const char *promoted)
{
    tdl_jw_object(w);
    tdl_jw_ktext(w, "surface", tdl_surface_kind_name(kind));
    if (task == TDL_RECOMMEND_TASKS_N) {
        tdl_jw_ktext(w, "task", NULL);
        tdl_jw_ktext(w, "serves", promoted);
        tdl_jw_ktext(w, "reason", "not_measured");
    } else {
        const tdl_task_report *r = &report->task[task];
        tdl_jw_ktext(w, "task", tdl_recommend_task_name[task]);
        tdl_jw_kint(w, "people", (int64_t)r->people_n);
        tdl_jw_kint(w, "people_wanted", TDL_GATE_PEOPLE_MIN);
        if (l->task[task].n)
            write_measured(w, l, r, &l->task[task]);
        else {
            tdl_jw_ktext(w, "serves", promoted);
            tdl_jw_ktext(w, "reason", r->entries_n ? "refused" : "too_few_people");
        }
    }
    tdl_jw_end_object(w);
}

/* ---- who was measured ---- */

static void write_entry(tdl_jw *w, const tdl_task_report *r, size_t at)
{
    const tdl_task_entry *e = &r->entry[at];

    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", e->name);
    tdl_jw_ktext(w, "setting", e->setting);
    tdl_jw_kbool(w, "serves", at == r->serves);
    tdl_jw_ktext(w, "verdict", tdl_gate_verdict_name(e->gate.verdict));
    if (e->refused[0])
        tdl_jw_ktext(w, "refused", e->refused);
    else {
        if (e->gate.verdict != TDL_GATE_FLOOR) {
            tdl_jw_ktext(w, "against", r->entry[e->gate.incumbent].name);
            tdl_write_interval(w, "difference", &e->gate.difference);
        }
        tdl_jw_key(w, "tests");
        tdl_jw_array(w);
        for (size_t k = 0; k < r->cuts_n; k++) {
            tdl_jw_object(w);
            tdl_write_interval(w, "ndcg10", &e->ndcg10[k]);
            tdl_jw_end_object(w);
        }
        tdl_jw_end_array(w);
        tdl_jw_kint(w, "bytes", (int64_t)e->bytes);
    }
    tdl_jw_end_object(w);
}

static void write_task(tdl_jw *w, const tdl_task_report *r, const char *name)
{
    tdl_jw_object(w);
    tdl_jw_ktext(w, "task", name);
    tdl_jw_ktext(w, "target", r->target[0] ? r->target : NULL);
    tdl_jw_kint(w, "people", (int64_t)r->people_n);
    tdl_jw_ktext(w, "serves", r->entries_n ? r->entry[r->serves].name : NULL);
    tdl_jw_key(w, "cuts");
    tdl_jw_array(w);
    for (size_t k = 0; k < r->cuts_n; k++) {
        tdl_jw_object(w);
        tdl_jw_ktime(w, "cut", r->cut_us[k]);
        tdl_jw_kint(w, "questions", (int64_t)r->questions[k]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_key(w, "ladder");
    tdl_jw_array(w);
    for (size_t i = 0; i < r->entries_n; i++)
        write_entry(w, r, i);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

/* How much events count by their kind, and by what that was chosen. */
static void write_weighing(tdl_jw *w, const tdl_lineup *l, const tdl_weighing_choice *c)
{
    tdl_jw_key(w, "weights");
    tdl_jw_object(w);
    tdl_jw_ktext(w, "target", l->target[0] ? l->target : NULL);
    tdl_jw_ktext(w, "chosen", tdl_weighing_name[c->chosen]);
    tdl_jw_kint(w, "questions", (int64_t)c->questions_n);
    tdl_jw_key(w, "tried");
    tdl_jw_array(w);
    for (size_t i = 0; c->questions_n && i < TDL_WEIGHINGS_N; i++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "weights", tdl_weighing_name[i]);
        tdl_jw_knumber(w, "ndcg10", tdl_rounded(c->ndcg10[i]));
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

void tdl_lineup_write(tdl_jw *w, const tdl_lineup *lineup, const tdl_lineup_report *report,
                      const tdl_recommend_task task_of[TDL_SURFACE_KINDS_N], const char *promoted,
                      const char *similar)
{
    tdl_jw_key(w, "surfaces");
    tdl_jw_array(w);
    for (tdl_surface_kind kind = 0; kind < TDL_SURFACE_KINDS_N; kind++)
        write_surface(w, lineup, report, kind, task_of[kind],
                      kind == TDL_SURFACE_SIMILAR ? similar : promoted);
    tdl_jw_end_array(w);
    write_weighing(w, lineup, &report->weighing);
    tdl_jw_key(w, "tasks");
    tdl_jw_array(w);
    for (size_t t = 0; t < TDL_RECOMMEND_TASKS_N; t++)
        write_task(w, &report->task[t], tdl_recommend_task_name[t]);
    tdl_jw_end_array(w);
}
