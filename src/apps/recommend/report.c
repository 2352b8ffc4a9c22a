#include "apps/recommend/report.h"

#include "apps/recommend/write_figure.h"

static void write_rung(tdl_jw *w, const tdl_evaluation *e, size_t r)
{
    const tdl_rung_result *result = &e->rung[r];

    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", result->name);
    tdl_write_interval(w, "hr10", &result->hr10);
    tdl_write_interval(w, "ndcg10", &result->ndcg10);
    tdl_jw_knumber(w, "mrr", tdl_rounded(result->mrr));
    tdl_jw_knumber(w, "coverage", tdl_rounded(result->coverage));
    tdl_jw_knumber(w, "validation_hr10", tdl_rounded(result->validation_hr10));
    tdl_jw_knumber(w, "validation_ndcg10", tdl_rounded(result->validation_ndcg10));
    tdl_jw_knumber(w, "fit_seconds", tdl_rounded(result->fit_seconds));
    tdl_jw_kint(w, "bytes", (int64_t)result->bytes);
    if (result->epochs)
        tdl_jw_kint(w, "epochs", result->epochs);
    tdl_jw_kbool(w, "promoted", r == e->promoted);
    tdl_jw_ktext(w, "gate", result->gate);
    tdl_jw_ktext(w, "verdict", result->verdict);
    if (result->against != r) {
        tdl_jw_ktext(w, "against", e->rung[result->against].name);
        tdl_write_interval(w, "difference", &result->difference);
    }
    tdl_jw_end_object(w);
}

/* Rungs that took no part, and what they would want. */
static void write_refused(tdl_jw *w, const tdl_evaluation *e)
{
    tdl_jw_key(w, "refused");
    tdl_jw_array(w);
    for (size_t r = 0; r < e->rungs_n; r++) {
        if (!e->rung[r].refused)
            continue;
        tdl_jw_object(w);
        tdl_jw_ktext(w, "model", e->rung[r].name);
        tdl_jw_ktext(w, "gate", e->rung[r].gate);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

void tdl_recommend_report(tdl_buf *out, const tdl_recommend_training *t)
{
    const tdl_evaluation *e = t->evaluation;
    const char *promoted = e->rung[e->promoted].name;
    tdl_jw w = {.out = out};

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "app", "recommend");
    tdl_jw_kint(&w, "seed", (int64_t)t->seed);
    tdl_jw_kint(&w, "users", (int64_t)e->users_n);
    tdl_jw_kint(&w, "items", (int64_t)e->items_n);
    tdl_jw_kint(&w, "interactions", (int64_t)e->interactions_n);
    tdl_jw_kint(&w, "evaluated_users", (int64_t)e->evaluated_n);
    tdl_jw_kint(&w, "robots", (int64_t)e->robots_n);
    tdl_jw_kint(&w, "robot_events", (int64_t)e->robot_events_n);
    tdl_jw_knumber(&w, "trained_seconds", tdl_rounded(t->seconds));
    tdl_jw_ktext(&w, "protocol",
                 "leave-last-out by time, full ranking over all unseen items, half of ties counted "
                 "as better");
    tdl_jw_ktext(&w, "promoted", promoted);
    tdl_jw_key(&w, "evaluation");
    tdl_jw_array(&w);
    for (size_t r = 0; r < e->rungs_n; r++)
        if (!e->rung[r].refused)
            write_rung(&w, e, r);
    tdl_jw_end_array(&w);
    write_refused(&w, e);
    if (t->lineup) {
        tdl_jw_kint(&w, "memory_bytes", (int64_t)t->memory_bytes);
        tdl_lineup_write(&w, t->lineup, t->lineup_report, t->task_of, promoted,
                         tdl_ladder[e->promoted]->similar ? promoted : "item-knn");
    }
    tdl_jw_end_object(&w);
}
