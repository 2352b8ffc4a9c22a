/* Deciding for a surface: the steps in their order. */
#include "apps/recommend/surface_answer.h"

#include <pthread.h>

/* ---- the question, and the policy it is asked under ---- */

/* The draft of a preview, over the surface's kind; checked as when it is saved. */
static tdl_status take_draft(tdl_surface_answer *a, tdl_report *why)
{
    tdl_app *app = a->base.app;
    tdl_surface *draft = NULL;
    tdl_status st;

    pthread_rwlock_rdlock(&app->lock);
    st = tdl_surface_draft(a->surface->name, a->surface->kind, a->q.policy,
                           tdl_catalogue_attributes(app->catalogue), &draft, why);
    if (!st)
        st = tdl_policy_check(draft->policy, app->catalogue, why);
    pthread_rwlock_unlock(&app->lock);
    if (!st)
        st = tdl_rungs_check(app, draft->kind, draft->policy, why);
    if (st) {
        tdl_report_prefix(why, "policy");
        tdl_surface_drop(draft);
        return st;
    }
    draft->version = a->surface->version;
    tdl_surface_drop(a->surface);
    a->surface = draft;
    return TDL_OK;
}

static tdl_status read_question(tdl_surface_answer *a, tdl_report *why)
{
    const tdl_ask *ask = &a->ask;

    if (ask->question)
        return tdl_question_read(ask->question, ask->preview, a->base.arena, &a->q, why);
    return tdl_question_brief(ask->user, &ask->item, ask->n, &a->q, why);
}

static tdl_status take_surface(tdl_surface_answer *a, tdl_report *why)
{
    tdl_status st = tdl_surfaces_take(a->base.app->surfaces, a->q.surface, &a->surface, why);

    if (!st && a->q.policy)
        st = take_draft(a, why);
    if (st)
        return st;
    a->policy = a->surface->policy;
    if (a->surface->kind == TDL_SURFACE_EMAIL && !a->q.user.len)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "user or anonymous_id is missing: surface \"%.*s\" writes to people",
                        TDL_FMT(a->surface->name));
    return TDL_OK;
}

/* The policy's version and the whole question, for the context hash. */
static tdl_status name_asked(tdl_surface_answer *a, const json_t *question, tdl_report *why)
{
    tdl_buf text = {0};

    if (question) // else user, item and n are all of it
        tdl_json_dump(&text, question);
    a->base.asked = tdl_arena_printf(a->base.arena, "%.*s %lld %.*s", TDL_FMT(a->surface->name),
                                     (long long)a->surface->version, TDL_FMT(tdl_buf_view(&text)));
    bool failed = text.failed || !a->base.asked.at;
    tdl_buf_release(&text);
    return failed ? tdl_answer_no_memory(why) : TDL_OK;
}

/* ---- slots ---- */

/* Of what items say now: the lock is held for a few pairs at a time. */
static void similarity(const void *context, size_t i, const size_t *other, size_t n, double *ret)
{
    const tdl_surface_answer *a = context;
    const tdl_catalogue *catalogue = a->base.app->catalogue;
    const tdl_content *content = tdl_catalogue_content(catalogue);
    int32_t item = a->pool[i].item;

    pthread_rwlock_rdlock(&a->base.app->lock);
    const tdl_content_code *one = tdl_content_at(content, item);
    for (size_t k = 0; k < n; k++) {
        int32_t with = a->pool[other[k]].item;
        const tdl_content_code *code = tdl_content_at(content, with);
        if (i == other[k])
            ret[k] = 1;
        else if (one && code)
            ret[k] = tdl_content_cosine(one, code, &a->content_weights);
        else
            ret[k] = tdl_record_similarity(tdl_catalogue_record(catalogue, item),
                                           tdl_catalogue_record(catalogue, with));
    }
    pthread_rwlock_unlock(&a->base.app->lock);
}

/* Ids never move, and records are counted: rules need no lock. */
static tdl_status fill_slots(tdl_surface_answer *a, const char *decision_id, tdl_report *why)
{
    const tdl_catalogue *catalogue = a->base.app->catalogue;
    tdl_slate_candidate *candidate = tdl_arena_alloc(a->base.arena, a->pool_n, sizeof *candidate);

    a->slot = tdl_arena_zalloc(a->base.arena, a->q.k, sizeof *a->slot);
    if (!candidate || !a->slot)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < a->pool_n; i++)
        candidate[i] = (tdl_slate_candidate){.view = {.record = a->pool[i].record},
                                             .relevance = a->pool[i].relevance,
                                             .is_new = a->pool[i].is_new};
    pthread_rwlock_rdlock(&a->base.app->lock);
    for (size_t i = 0; a->policy->rules_n && i < a->pool_n; i++) // else nobody asks for ids
        candidate[i].view.id = (tdl_operand){.kind = TDL_OPERAND_TEXT,
                                             .text = tdl_catalogue_id(catalogue, a->pool[i].item)};
    pthread_rwlock_unlock(&a->base.app->lock);
    const tdl_slate_ask ask = {.policy = a->policy,
                               .bound = a->bound,
                               .cap_attribute = a->cap_attribute,
                               .candidate = candidate,
                               .n = a->pool_n,
                               .k = a->q.k,
                               .now_us = a->ask.time_us,
                               .decision_id = decision_id,
                               .explore = a->q.explore,
                               .similarity = similarity,
                               .context = a};
    return tdl_slate_fill(&ask, a->base.arena, a->slot, &a->slots_n, why);
}

/* ---- reasons ---- */

static const tdl_reason popular = {.kind = TDL_REASON_POPULAR, .share = 1, .exact = true};
static const tdl_reason no_consent = {.kind = TDL_REASON_NO_CONSENT, .share = 1, .exact = true};

/* The items of an answer that one model explains. */
typedef struct explaining {
    const tdl_asked_part *part; /* NULL: the one rung that answers */
    int32_t *item;              /* [n] its numbers */
    tdl_pick **pick;
    size_t n;
} explaining;

static tdl_status explain_by(tdl_surface_answer *a, const explaining *e, tdl_report *why)
{
    tdl_reason *reason = tdl_arena_alloc(a->base.arena, e->n * TDL_REASONS_MAX, sizeof *reason);
    size_t *reasons_n = tdl_arena_alloc(a->base.arena, e->n, sizeof *reasons_n);

    if (!reason || !reasons_n)
        return tdl_answer_no_memory(why);
    if (e->part)
        tdl_surface_explain_part(a, e->part, e->item, e->n, reason, reasons_n);
    else
        tdl_answer_explain(&a->base, e->item, e->n, reason, TDL_REASONS_MAX, reasons_n);
    for (size_t i = 0; i < e->n; i++) {
        e->pick[i]->reason = reason + i * TDL_REASONS_MAX;
        e->pick[i]->reasons_n = reasons_n[i] < a->q.explain ? reasons_n[i] : a->q.explain;
    }
    return TDL_OK;
}

/* What stands there by its content. False: no memory. */
static bool explain_by_content(tdl_surface_answer *a)
{
    size_t own_n = a->base.seen_n - a->base.newest, n = 0;

    for (size_t i = 0; i < a->slots_n; i++)
        n += a->pool[a->slot[i].candidate].by_content;
    if (!n)
        return true;
    tdl_term *term = tdl_arena_alloc(a->base.arena, own_n, sizeof *term);
    tdl_content_taste *taste = tdl_arena_alloc(a->base.arena, 1, sizeof *taste);
    bool ok = term && taste;

    if (!a->base.ops && !a->asked_n) // a mix has its own history, with repeats
        tdl_answer_keep_own(&a->base);
    pthread_rwlock_rdlock(&a->base.app->lock);
    bool known = ok && tdl_answer_taste(&a->base, taste);
    for (size_t i = 0; known && ok && i < a->slots_n; i++) {
        tdl_pick *pick = &a->base.picks[i];
        if (!a->pool[a->slot[i].candidate].by_content)
            continue;
        tdl_reason *reason = tdl_arena_alloc(a->base.arena, a->q.explain, sizeof *reason);
        ok = reason != NULL;
        n = ok ? tdl_answer_explain_content(&a->base, taste, pick->item, term, reason, a->q.explain)
               : 0;
        if (n) { // else popularity stays the reason
            pick->reason = reason;
            pick->reasons_n = n;
        }
    }
    pthread_rwlock_unlock(&a->base.app->lock);
    return ok;
}

/* Each item by the part that adds most to it. */
static tdl_status explain_mix(tdl_surface_answer *a, const explaining *all, tdl_report *why)
{
    int32_t *item = tdl_arena_alloc(a->base.arena, all->n, sizeof *item);
    tdl_pick **pick = tdl_arena_alloc(a->base.arena, all->n, sizeof *pick);
    tdl_status st = TDL_OK;

    if (!item || !pick)
        return tdl_answer_no_memory(why);
    for (size_t r = 0; !st && r < a->asked_n; r++) {
        explaining e = {&a->asked[r], item, pick, 0};
        for (size_t i = 0; i < all->n; i++)
            if (tdl_surface_largest_part(a, all->item[i]) == r) {
                item[e.n] = all->item[i];
                pick[e.n++] = all->pick[i];
            }
        if (e.n)
            st = explain_by(a, &e, why);
    }
    return st;
}

/* What the model says of those that it speaks of; popularity is the reason of the others, and of
 * all where no personal answer is allowed. "Similar" needs none: the question is the reason. */
static tdl_status explain(tdl_surface_answer *a, tdl_report *why)
{
    size_t n = a->slots_n;
    explaining all = {.item = tdl_arena_alloc(a->base.arena, n, sizeof *all.item),
                      .pick = tdl_arena_alloc(a->base.arena, n, sizeof *all.pick)};

    a->base.picks = tdl_arena_zalloc(a->base.arena, n, sizeof *a->base.picks);
    if (!all.item || !all.pick || !a->base.picks)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < n; i++) {
        const tdl_pooled *one = &a->pool[a->slot[i].candidate];
        bool by_model = (a->base.ops || a->asked_n) && one->model_item >= 0 && !a->ask.impersonal;
        a->base.picks[i] = (tdl_pick){.item = one->item,
                                      .model_item = one->model_item,
                                      .score = (float)one->relevance,
                                      .reason = a->ask.impersonal ? &no_consent : &popular,
                                      .reasons_n = !by_model && a->q.explain};
        if (by_model && a->base.asked_item < 0) {
            all.item[all.n] = one->model_item;
            all.pick[all.n++] = &a->base.picks[i];
        }
    }
    a->base.picks_n = n;
    if (a->q.explain && a->base.asked_item < 0 && !explain_by_content(a))
        return tdl_answer_no_memory(why);
    if (!all.n || !a->q.explain)
        return TDL_OK;
    return a->asked_n ? explain_mix(a, &all, why) : explain_by(a, &all, why);
}

/* ---- all of it ---- */

static tdl_status rank(tdl_surface_answer *a, const char *decision_id, tdl_report *why)
{
    tdl_app *app = a->base.app;
    tdl_status st;

    a->base.serving = tdl_serving_take(app);
    a->content_weights = tdl_answer_content_weights(&a->base);
    if ((st = tdl_surface_choose_mix(a, why)) ||
        (!a->asked_n && (st = tdl_answer_choose_rung(&a->base, why))) ||
        (st = tdl_surface_pool_model(a, why)))
        return st;
    pthread_rwlock_rdlock(&app->lock);
    st = tdl_surface_pool_rest(a, why);
    pthread_rwlock_unlock(&app->lock);
    return st || (st = fill_slots(a, decision_id, why)) ? st : explain(a, why);
}

static tdl_status gather(tdl_surface_answer *a, tdl_report *why)
{
    pthread_rwlock_rdlock(&a->base.app->lock);
    tdl_status st = tdl_surface_gather(a, why);
    pthread_rwlock_unlock(&a->base.app->lock);
    return st;
}

static tdl_status write(tdl_surface_answer *a, tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    pthread_rwlock_rdlock(&a->base.app->lock);
    tdl_status st = tdl_surface_answer_write(a, ret, extra, why);
    pthread_rwlock_unlock(&a->base.app->lock);
    return st;
}

/* Will every item be looked at? That takes milliseconds. */
static bool is_slow(const tdl_surface_answer *a)
{
    const tdl_expression *where = a->policy->where;

    return a->q.filter.len || (where && tdl_expression_asks_context(where)) ||
           !tdl_eligible_kept_ready(&a->surface->kept);
}

/* True: the store must be asked, or all items, and nobody may wait for that here. */
static bool must_wait(const tdl_surface_answer *a, const tdl_ask *ask)
{
    if (ask->may_wait || !ask->ret_must_wait || !(tdl_surface_asks_store(a) || is_slow(a)))
        return false;
    *ask->ret_must_wait = true;
    return true;
}

tdl_status tdl_recommend_decide(tdl_app *app, const tdl_ask *ask, tdl_arena *arena,
                                tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    tdl_surface_answer *a = tdl_arena_zalloc(arena, 1, sizeof *a);
    tdl_status st;

    if (!a || !(a->effects = tdl_arena_zalloc(arena, 1, sizeof *a->effects)))
        return tdl_answer_no_memory(why);
    a->ask = *ask;
    a->base = (tdl_answer){.app = app, .ask = &a->ask, .arena = arena, .asked_item = -1};
    if ((st = read_question(a, why)))
        return st;
    a->ask.user = a->q.user;
    a->ask.n = a->q.k;
    if ((st = take_surface(a, why)) || must_wait(a, ask))
        goto out;
    if (tdl_surface_asks_store(a) && (st = tdl_surface_read_stored(a, why)))
        goto out;
    if ((st = name_asked(a, ask->question, why)) || (st = gather(a, why)))
        goto out;
    if (!a->suppressed && (st = rank(a, ret->id, why)))
        goto out;
    if ((st = write(a, ret, extra, why)) || (st = tdl_answer_write_return(&a->base, extra, why)))
        goto out;
    st = tdl_answer_seal(&a->base, ret, why);
out:
    tdl_surface_pool_release(a);
    tdl_serving_drop(a->base.serving);
    tdl_surface_drop(a->surface);
    json_decref(a->traits);
    return st;
}
