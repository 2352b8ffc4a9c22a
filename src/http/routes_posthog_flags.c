/* PostHog's SDKs: flags answered here, and definitions for those that answer by themselves. */
#include <microhttpd.h>
#include <sodium.h>

#include "base/timestamp.h"
#include "flags/posthog.h"
#include "http/assets.h"
#include "http/flag_known.h"
#include "http/ingest.h"
#include "http/query.h"
#include "http/routes.h"
#include "loop/flags.h"
#include "wire/posthog/flags.h"

/* A sticky flag goes on by the id it was first answered for. That id is a trait of the person, of
 * this name and the flag's key. */
static const char sticky_prefix[] = "$feature_flag_hash_key/";

/* One request while it is answered. */
typedef struct flags_call {
    tdl_request *r;
    tdl_posthog_question q;
    const tdl_flag_set *set;
    tdl_flag_known known; /* empty when nothing needed it */
    tdl_event *sticky;    /* [sticky_n] ids to keep from now on */
    size_t sticky_n;
} flags_call;

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

static bool is_sticky(const tdl_flag *flag)
{
    const tdl_posthog_flag *f = tdl_posthog_of(flag);
    return f && f->sticky && f->active;
}

static bool needs_store(const flags_call *c)
{
    for (size_t i = 0; i < tdl_flag_set_count(c->set); i++) {
        const tdl_flag *flag = tdl_flag_set_at(c->set, i);
        if (tdl_posthog_asks_for(&c->q, flag->row.key) &&
            (is_sticky(flag) || tdl_flag_wants(c->set, flag, c->q.context.properties)))
            return true;
    }
    return false;
}

/* ---- sticky flags ---- */

static tdl_str trait_name(const flags_call *c, const tdl_flag *flag)
{
    return tdl_arena_printf(c->r->arena, "%s%.*s", sticky_prefix, TDL_FMT(flag->row.key));
}

static tdl_str one_trait(flags_call *c, tdl_str name, tdl_str value)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    tdl_jw_object(&w);
    tdl_jw_kstr(&w, name.at, value);
    tdl_jw_end_object(&w);
    tdl_str kept = text.failed ? (tdl_str){0} : tdl_arena_str(c->r->arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    return kept;
}

/* The same answer, the same message id: a repetition is stored once. */
static tdl_str message_id(flags_call *c, const tdl_flag *flag)
{
    unsigned char digest[16];
    char hex[2 * sizeof digest + 1];
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    crypto_generichash_update(&hash, (const unsigned char *)c->q.context.id.at,
                              c->q.context.id.len + 1); // with its end: the two do not run together
    crypto_generichash_update(&hash, (const unsigned char *)flag->row.key.at, flag->row.key.len);
    crypto_generichash_final(&hash, digest, sizeof digest);
    sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    return tdl_arena_str(c->r->arena, tdl_str_of(hex));
}

static void keep_sticky(flags_call *c, const tdl_flag *flag, tdl_str name)
{
    const tdl_flag_context *context = &c->q.context;
    tdl_event *e = c->sticky ? &c->sticky[c->sticky_n] : NULL;

    if (!e)
        return;
    *e = (tdl_event){.time_us = context->now_us,
                     .user = context->id,
                     .kind = TDL_STR("$feature_flag_hash_key"),
                     .item = flag->row.key,
                     .source = TDL_STR("posthog-flags"),
                     .message_id = message_id(c, flag),
                     .traits_once = one_trait(c, name, context->anonymous_id)};
    if (e->message_id.at && e->traits_once.at && !tdl_event_check(e, context->now_us, NULL))
        c->sticky_n++;
}

/* The id that decides: one kept before, else the one from before the login, kept from now on. */
static tdl_flag_context context_for(flags_call *c, const tdl_flag *flag)
{
    tdl_flag_context context = c->q.context;
    tdl_str name = is_sticky(flag) ? trait_name(c, flag) : (tdl_str){0}, kept;

    if (!name.at)
        return context;
    if (tdl_json_get_str(c->known.traits, name.at, &kept))
        context.anonymous_id = kept;
    else if (context.anonymous_id.len && !tdl_str_eq(context.anonymous_id, context.id))
        keep_sticky(c, flag, name);
    return context;
}

/* An answer stands whether its id could be kept or not. */
static void store_sticky(flags_call *c)
{
    if (c->sticky_n)
        tdl_store_append(c->r->http->store, c->sticky, c->sticky_n, NULL, NULL);
}

/* ---- answers ---- */

static tdl_status answer_all(flags_call *c, tdl_posthog_answers *ret, tdl_report *why)
{
    size_t n = tdl_flag_set_count(c->set);
    tdl_posthog_answer *at = tdl_arena_alloc(c->r->arena, n + 1, sizeof *at);
    char decision_id[37];

    c->sticky = c->known.traits ? tdl_arena_alloc(c->r->arena, n + 1, sizeof *c->sticky) : NULL;
    if (!at || (c->known.traits && !c->sticky))
        return no_memory(why);
    ret->at = at;
    for (size_t i = 0; i < n; i++) {
        const tdl_flag *flag = tdl_flag_set_at(c->set, i);
        if (!tdl_posthog_asks_for(&c->q, flag->row.key))
            continue;
        tdl_flag_context context = context_for(c, flag);
        at[ret->n].flag = flag;
        if (tdl_loop_flag_answer(c->r->http->loop, c->set, flag, &context, c->r->id, c->r->arena,
                                 &at[ret->n].answer, decision_id, NULL))
            ret->failed = true;
        else
            ret->n++;
    }
    return TDL_OK;
}

static tdl_status read_form(tdl_request *r, tdl_posthog_form *ret, tdl_report *why)
{
    static const tdl_posthog_form flags[] = {TDL_POSTHOG_FORM_VALUES, TDL_POSTHOG_FORM_VALUES,
                                             TDL_POSTHOG_FORM_FULL};
    static const tdl_posthog_form decide[] = {TDL_POSTHOG_FORM_LIST, TDL_POSTHOG_FORM_LIST,
                                              TDL_POSTHOG_FORM_ENABLED, TDL_POSTHOG_FORM_VALUES,
                                              TDL_POSTHOG_FORM_FULL};
    bool is_decide = r->route->call == TDL_POSTHOG_DECIDE;
    int64_t version, newest = is_decide ? 4 : 2;
    tdl_status st = tdl_query_int(r->query, "v", 0, 1000, 0, r->arena, &version, why);

    if (st)
        return st;
    version = version > newest ? newest : version;
    *ret = is_decide ? decide[version] : flags[version];
    return TDL_OK;
}

static tdl_status answer(flags_call *c, tdl_posthog_form form, tdl_report *why)
{
    tdl_posthog_answers answers = {.request_id = c->r->id, .now_us = c->q.context.now_us};
    tdl_jw w = tdl_request_writer(c->r);
    tdl_status st;

    if (needs_store(c)) {
        if (!c->r->may_wait) {
            c->r->must_wait = true;
            return TDL_OK;
        }
        if ((st = tdl_flag_known_read(&c->known, c->r->http->store, &c->q.context, why)))
            return st;
    }
    if ((st = answer_all(c, &answers, why)))
        return st;
    store_sticky(c);
    tdl_posthog_answers_write(&answers, form, &w);
    return TDL_OK;
}

static tdl_status read_question(tdl_request *r, tdl_posthog_question *ret, tdl_report *why)
{
    tdl_report unreadable = {0};
    tdl_status st = tdl_posthog_question_read(r->text, r->arena, ret, &unreadable), key;

    // whoever shows no valid key learns nothing about the body
    if ((key = tdl_ingest_check_key(r, ret->token, why)))
        return key;
    if (st && why)
        *why = unreadable;
    return st;
}

tdl_status tdl_route_posthog_flags(tdl_request *r, tdl_report *why)
{
    flags_call c = {.r = r};
    tdl_flags_served *served;
    tdl_posthog_form form;
    tdl_status st;

    if (!(st = read_question(r, &c.q, why)) && !(st = read_form(r, &form, why))) {
        c.q.context.now_us = tdl_time_now();
        served = tdl_loop_flags_take(r->http->loop);
        c.set = served->set;
        st = answer(&c, form, why);
        tdl_loop_flags_drop(served);
    }
    tdl_flag_known_release(&c.known);
    json_decref(c.q.json);
    return st;
}

/* ---- definitions ---- */

tdl_status tdl_route_posthog_definitions(tdl_request *r, tdl_report *why)
{
    tdl_flags_served *served = tdl_loop_flags_take(r->http->loop);
    bool old = r->route->call == TDL_POSTHOG_OLD_DEFINITIONS;
    tdl_jw w = tdl_request_writer(r);
    // a key in the query would be in every log on the way
    tdl_status st = tdl_ingest_check_key(r, (tdl_str){0}, why);
    tdl_str etag =
        tdl_arena_printf(r->arena, "\"%s%s\"", tdl_flag_set_etag(served->set), old ? "-4" : "");
    const char *known =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);

    r->headers.etag = etag.at;
    r->headers.cache_control = "private, no-cache";
    if (!st && !etag.at)
        st = no_memory(why);
    if (st)
        r->headers.etag = NULL;
    else if (tdl_asset_matches(tdl_str_of(known), etag.at))
        r->http_status = MHD_HTTP_NOT_MODIFIED;
    else
        st = tdl_posthog_definitions_write(served->set, old, &w, why);
    tdl_loop_flags_drop(served);
    return st;
}
