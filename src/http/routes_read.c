/* What is stored: events, items, decisions, users. */
#include "http/query.h"
#include "http/routes.h"
#include "store/item.h"

enum { LIMIT_MAX = 1000, TITLE_BUDGET = 4 << 20 };

static tdl_status read_limit(tdl_request *r, int64_t fallback, size_t *ret, tdl_report *why)
{
    int64_t limit;
    tdl_status st = tdl_query_int(r->query, "limit", 1, LIMIT_MAX, fallback, r->arena, &limit, why);

    if (!st)
        *ret = (size_t)limit;
    return st;
}

/* Title of an item, null when there is none. `scratch` is used up between calls. */
static void write_title(tdl_jw *w, tdl_store *store, tdl_str item, tdl_arena *scratch)
{
    tdl_item row = {0};

    tdl_arena_reset(scratch);
    if (item.len && tdl_store_get_item(store, item, scratch, &row, NULL))
        row.title = (tdl_str){0};
    tdl_answer_text(w, "title", row.title);
}

static void write_value(tdl_jw *w, const tdl_event *event)
{
    tdl_jw_key(w, "value");
    if (event->has_value)
        tdl_jw_number(w, event->value);
    else
        tdl_jw_null(w);
}

static void write_event(tdl_jw *w, tdl_store *store, const tdl_event *event, tdl_arena *scratch)
{
    tdl_jw_object(w);
    tdl_jw_ktime(w, "time", event->time_us);
    tdl_jw_kstr(w, "kind", event->kind);
    tdl_answer_text(w, "item", event->item);
    write_title(w, store, event->item, scratch);
    write_value(w, event);
    tdl_jw_kraw(w, "properties", event->properties);
    tdl_jw_kstr(w, "source", event->source);
    tdl_jw_kstr(w, "message_id", event->message_id);
    tdl_answer_text(w, "decision_id", event->decision_id);
    tdl_jw_end_object(w);
}

tdl_status tdl_route_user_events(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_arena *scratch = NULL;
    tdl_event *events;
    size_t limit, n;
    tdl_str user;
    tdl_status st;

    if ((st = tdl_query_user(r, &user, why)) || (st = read_limit(r, 50, &limit, why)) ||
        (st = tdl_store_user_events(r->http->store, user, limit, r->arena, &events, &n, why)))
        return st;
    if (!(scratch = tdl_arena_new(TITLE_BUDGET)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "user", user);
    tdl_jw_key(&w, "events");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++)
        write_event(&w, r->http->store, &events[i], scratch);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    tdl_arena_free(scratch);
    return TDL_OK;
}

tdl_status tdl_route_item(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_item item;
    tdl_status st = tdl_store_get_item(r->http->store, r->parameter, r->arena, &item, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    st = tdl_item_write(&item, &w, why);
    tdl_jw_end_object(&w);
    return st;
}

tdl_status tdl_route_users(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_user_row *users;
    size_t limit, n;
    tdl_str prefix;
    tdl_status st;

    if ((st = tdl_query_text(r->query, "prefix", TDL_ID_MAX, r->arena, &prefix, why)) ||
        (st = read_limit(r, 20, &limit, why)) ||
        (st = tdl_store_users(r->http->store, prefix, limit, r->arena, &users, &n, why)))
        return st;
    tdl_jw_object(&w);
    tdl_jw_key(&w, "users");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(&w);
        tdl_jw_kstr(&w, "id", users[i].id);
        tdl_jw_kint(&w, "events", users[i].events_n);
        tdl_jw_key(&w, "last_event");
        if (users[i].events_n)
            tdl_jw_time(&w, users[i].last_us);
        else
            tdl_jw_null(&w);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

/* ---- decisions ---- */

static void write_decision_head(tdl_jw *w, const tdl_decision *d)
{
    tdl_jw_ktext(w, "id", d->id);
    tdl_jw_ktime(w, "time", d->time_us);
    tdl_jw_kstr(w, "app", d->app);
    tdl_jw_kstr(w, "user", d->user);
    tdl_answer_text(w, "model", d->model_version);
}

static void write_reward_head(tdl_jw *w, const tdl_event *reward)
{
    tdl_jw_ktime(w, "time", reward->time_us);
    tdl_jw_kstr(w, "kind", reward->kind);
    tdl_answer_text(w, "item", reward->item);
    write_value(w, reward);
}

static void write_summary(tdl_jw *w, const tdl_decision_row *row)
{
    tdl_jw_object(w);
    write_decision_head(w, &row->decision);
    tdl_jw_key(w, "items");
    tdl_jw_array(w);
    for (size_t i = 0; i < row->decision.candidates_n; i++) {
        const tdl_candidate *c = &row->decision.candidates[i];
        if (!c->chosen)
            continue;
        tdl_jw_object(w);
        tdl_jw_kstr(w, "id", c->item);
        tdl_answer_text(w, "title", c->title);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_key(w, "rewards");
    tdl_jw_array(w);
    for (size_t i = 0; i < row->rewards_n; i++) {
        tdl_jw_object(w);
        write_reward_head(w, &row->rewards[i]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

tdl_status tdl_route_decisions(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_decision_row *rows;
    size_t limit, n;
    tdl_str user;
    tdl_status st;

    if ((st = tdl_query_text(r->query, "user", TDL_ID_MAX, r->arena, &user, why)) ||
        (st = read_limit(r, 50, &limit, why)) ||
        (st = tdl_store_decisions(r->http->store, user, limit, r->arena, &rows, &n, why)))
        return st;
    tdl_jw_object(&w);
    tdl_jw_key(&w, "decisions");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++)
        write_summary(&w, &rows[i]);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

static void write_candidates(tdl_jw *w, const tdl_decision *d)
{
    tdl_jw_key(w, "candidates");
    tdl_jw_array(w);
    for (size_t i = 0; i < d->candidates_n; i++) {
        const tdl_candidate *c = &d->candidates[i];
        tdl_jw_object(w);
        tdl_jw_kstr(w, "id", c->item);
        tdl_answer_text(w, "title", c->title);
        tdl_jw_knumber(w, "score", c->score);
        tdl_jw_knumber(w, "propensity", c->propensity);
        tdl_jw_kbool(w, "chosen", c->chosen);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_rewards(tdl_jw *w, tdl_store *store, const tdl_decision_row *row,
                          tdl_arena *scratch)
{
    tdl_jw_key(w, "rewards");
    tdl_jw_array(w);
    for (size_t i = 0; i < row->rewards_n; i++) {
        const tdl_event *reward = &row->rewards[i];
        tdl_jw_object(w);
        write_reward_head(w, reward);
        write_title(w, store, reward->item, scratch);
        tdl_jw_kstr(w, "message_id", reward->message_id);
        tdl_jw_kstr(w, "user", reward->user);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_context_hash(tdl_jw *w, const uint8_t hash[16])
{
    char text[33];

    for (size_t i = 0; i < 16; i++)
        for (size_t half = 0; half < 2; half++)
            text[2 * i + half] = "0123456789abcdef"[hash[i] >> (half ? 0 : 4) & 0xF];
    text[32] = '\0';
    tdl_jw_ktext(w, "context_hash", text);
}

tdl_status tdl_route_decision(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_decision_row row;
    tdl_status st = tdl_store_get_decision(r->http->store, r->parameter, r->arena, &row, why);
    tdl_arena *scratch;

    if (st)
        return st;
    if (!(scratch = tdl_arena_new(TITLE_BUDGET)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    tdl_jw_object(&w);
    write_decision_head(&w, &row.decision);
    write_candidates(&w, &row.decision);
    tdl_jw_key(&w, "why");
    if ((st = tdl_loop_explain(r->http->loop, &row.decision, &w, why)))
        goto out;
    write_context_hash(&w, row.decision.context_hash);
    write_rewards(&w, r->http->store, &row, scratch);
    tdl_jw_end_object(&w);
out:
    tdl_arena_free(scratch);
    return st;
}
