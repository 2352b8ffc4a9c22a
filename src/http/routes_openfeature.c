/* OpenFeature's SDKs (OFREP 0.3.0), and the event streams of flags. */
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "http/assets.h"
#include "http/flag_events.h"
#include "http/gate.h"
#include "http/query.h"
#include "http/routes.h"
#include "loop/flags.h"

enum { STREAM_INACTIVE_S = 120 /* what a hidden page waits before it closes its stream */ };
/* Tokens expire at midnight UTC, so that those of one day are the same. */
enum { TOKEN_DAYS = 7 };
static const int64_t DAY_US = INT64_C(24) * 3600 * 1000000;

static tdl_str header(const tdl_request *r, const char *field)
{
    return tdl_str_of(MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, field));
}

static tdl_status refuse(tdl_request *r, int http_status, tdl_ofrep_fault fault,
                         const char *details)
{
    tdl_jw w = tdl_request_writer(r);

    tdl_ofrep_write_error(&w, r->parameter, fault, details);
    r->http_status = http_status;
    return TDL_OK;
}

/* ---- what both kinds of evaluation share ---- */

/* One question, asked of one set. */
typedef struct asked {
    tdl_ofrep_ask ask;
    tdl_flag_context context;
    tdl_flags_served *served;
    int64_t token_expires_us;
} asked;

typedef tdl_status answer_fn(tdl_request *r, const asked *q, tdl_report *why);

static tdl_status with_question(tdl_request *r, answer_fn *answer, tdl_report *why)
{
    asked q = {0};
    tdl_ofrep_fault fault;
    tdl_report own = {0};
    tdl_status st = tdl_ofrep_decode(r->text, &q.ask, &fault, &own);

    r->headers.cache_control = "private, no-cache";
    if (st == TDL_E_INVALID)
        return refuse(r, MHD_HTTP_BAD_REQUEST, fault, own.message);
    if (st)
        return TDL_FAIL(why, st, "%s", own.message);
    q.context = (tdl_flag_context){
        .id = q.ask.targeting_key, .properties = q.ask.properties, .now_us = tdl_time_now()};
    q.token_expires_us = (q.context.now_us / DAY_US + TOKEN_DAYS) * DAY_US;
    q.served = tdl_loop_flags_take(r->http->loop);
    st = answer(r, &q, why);
    tdl_loop_flags_drop(q.served);
    tdl_ofrep_release(&q.ask);
    return st;
}

/* ---- one flag ---- */

static tdl_status answer_flag(tdl_request *r, const asked *q, tdl_report *why)
{
    const tdl_flag *flag = tdl_flag_set_find(q->served->set, r->parameter);
    tdl_flag_answer answer;
    char decision_id[37];
    tdl_status st;

    if (!flag)
        return refuse(r, MHD_HTTP_NOT_FOUND, TDL_OFREP_FLAG_NOT_FOUND, "there is no such flag");
    if ((st = tdl_loop_flag_answer(r->http->loop, q->served->set, flag, &q->context, NULL, r->arena,
                                   &answer, decision_id, why)))
        return st;
    tdl_jw w = tdl_request_writer(r);
    tdl_ofrep_write_flag(&w, flag, &answer, decision_id);
    return TDL_OK;
}

tdl_status tdl_route_ofrep_flag(tdl_request *r, tdl_report *why)
{
    return with_question(r, answer_flag, why);
}

/* ---- all flags ---- */

enum { TAG_BYTES = 16, TAG_MAX = 2 * TAG_BYTES + 3 };

/* The ETag: who asked, and every byte of the answer that stays when it is asked again. The stream's
 * token is among them, by its secret and its day: a 304 brings no token, so a client must not get
 * one while what it has opens no stream any more. */
typedef struct tag {
    crypto_generichash_state hash;
    tdl_buf text; /* of one flag */
} tag;

static void tag_begin(tag *t, const tdl_request *r, const asked *q)
{
    const uint64_t n = q->ask.targeting_key.len;

    *t = (tag){0};
    crypto_generichash_init(&t->hash, r->http->stream_secret, sizeof r->http->stream_secret,
                            TAG_BYTES);
    crypto_generichash_update(&t->hash, (const uint8_t *)&q->token_expires_us,
                              sizeof q->token_expires_us);
    crypto_generichash_update(&t->hash, (const uint8_t *)&n, sizeof n);
    crypto_generichash_update(&t->hash, (const uint8_t *)q->ask.targeting_key.at,
                              q->ask.targeting_key.len);
}

static void tag_add(tag *t, const tdl_flag *flag, const tdl_flag_answer *answer)
{
    tdl_jw w = {.out = &t->text};

    tdl_buf_clear(&t->text);
    tdl_ofrep_write_flag(&w, flag, answer, NULL);
    crypto_generichash_update(&t->hash, (const uint8_t *)t->text.at, t->text.len);
}

static void tag_end(tag *t, char ret[TAG_MAX])
{
    uint8_t digest[TAG_BYTES];

    crypto_generichash_final(&t->hash, digest, sizeof digest);
    ret[0] = '"';
    sodium_bin2hex(ret + 1, TAG_MAX - 1, digest, sizeof digest);
    memcpy(ret + 1 + 2 * TAG_BYTES, "\"", 2);
    tdl_buf_release(&t->text);
}

/* Would the answer be the one the client has? Nothing is answered yet, so nothing is logged. */
static bool is_known(tdl_request *r, const asked *q, char ret_tag[TAG_MAX])
{
    tdl_str known = header(r, MHD_HTTP_HEADER_IF_NONE_MATCH);
    tag t;

    if (!known.len)
        return false;
    tag_begin(&t, r, q);
    for (size_t i = 0; i < tdl_flag_set_count(q->served->set); i++) {
        const tdl_flag *flag = tdl_flag_set_at(q->served->set, i);
        tdl_flag_answer answer;
        if (!tdl_flag_evaluate(q->served->set, flag, &q->context, r->arena, &answer, NULL))
            tag_add(&t, flag, &answer);
    }
    tag_end(&t, ret_tag);
    return tdl_asset_matches(known, ret_tag);
}

/* One flag that fails never fails the others. */
static void write_flags(tdl_request *r, const asked *q, tdl_jw *w, char ret_tag[TAG_MAX])
{
    const tdl_flag_set *set = q->served->set;
    tag t;

    tag_begin(&t, r, q);
    tdl_jw_key(w, "flags");
    tdl_jw_array(w);
    for (size_t i = 0; i < tdl_flag_set_count(set); i++) {
        const tdl_flag *flag = tdl_flag_set_at(set, i);
        tdl_flag_answer answer;
        char decision_id[37];
        tdl_report own = {0};
        if (tdl_loop_flag_answer(r->http->loop, set, flag, &q->context, r->id, r->arena, &answer,
                                 decision_id, &own)) {
            tdl_ofrep_write_error(w, flag->row.key, TDL_OFREP_GENERAL, own.message);
            continue;
        }
        tdl_ofrep_write_flag(w, flag, &answer, decision_id);
        tag_add(&t, flag, &answer);
    }
    tdl_jw_end_array(w);
    tag_end(&t, ret_tag);
}

static void write_streams(tdl_request *r, const asked *q, tdl_jw *w)
{
    tdl_ofrep_token token = {.expires_us = q->token_expires_us};
    char text[TDL_OFREP_TOKEN_MAX], address[TDL_OFREP_TOKEN_MAX + 32];

    memcpy(token.etag, tdl_flag_set_etag(q->served->set), sizeof token.etag);
    tdl_ofrep_token_write(&token, r->http->stream_secret, text);
    snprintf(address, sizeof address, "/ofrep/v1/stream?c=%s", text);
    tdl_jw_key(w, "eventStreams");
    tdl_jw_array(w);
    tdl_jw_object(w);
    tdl_jw_ktext(w, "type", "sse");
    tdl_jw_key(w, "endpoint");
    tdl_jw_object(w);
    if (r->http->sse_origin[0])
        tdl_jw_ktext(w, "origin", r->http->sse_origin);
    tdl_jw_ktext(w, "requestUri", address);
    tdl_jw_end_object(w);
    tdl_jw_kint(w, "inactivityDelaySec", STREAM_INACTIVE_S);
    tdl_jw_end_object(w);
    tdl_jw_end_array(w);
}

static tdl_status answer_flags(tdl_request *r, const asked *q, tdl_report *why)
{
    char etag[TAG_MAX];

    if (is_known(r, q, etag)) {
        r->http_status = MHD_HTTP_NOT_MODIFIED;
    } else {
        tdl_jw w = tdl_request_writer(r);
        tdl_jw_object(&w);
        write_flags(r, q, &w, etag);
        write_streams(r, q, &w);
        tdl_jw_end_object(&w);
    }
    r->headers.etag = tdl_arena_str(r->arena, tdl_str_of(etag)).at;
    return r->headers.etag ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "the answer is too large");
}

tdl_status tdl_route_ofrep_flags(tdl_request *r, tdl_report *why)
{
    return with_question(r, answer_flags, why);
}

/* ---- streams ---- */

/* `known`: id of the event that a reader knows which was told none yet. */
static void open_stream(tdl_request *r, const char *channel, tdl_str known)
{
    tdl_str last = header(r, "Last-Event-ID");

    r->stream = channel;
    r->stream_seen = last.len ? last : known;
    r->headers.content_type = "text/event-stream";
    r->headers.cache_control = "no-cache, no-transform";
}

tdl_status tdl_route_ofrep_stream(tdl_request *r, tdl_report *why)
{
    tdl_ofrep_token token;
    tdl_str text;
    tdl_status st = tdl_query_text(r->query, "c", TDL_OFREP_TOKEN_MAX, r->arena, &text, why);

    if (st)
        return st;
    if ((st = tdl_ofrep_token_read(text, r->http->stream_secret, tdl_time_now(), &token, why)))
        return st;
    tdl_str known = tdl_arena_str(r->arena, tdl_str_of(token.etag));
    if (!known.at)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a stream");
    open_stream(r, TDL_CHANNEL_OPENFEATURE, known); // flags may have changed since the token
    return TDL_OK;
}

/* GrowthBook's: the client key stands in the path. */
tdl_status tdl_route_growthbook_stream(tdl_request *r, tdl_report *why)
{
    tdl_status st = tdl_gate_key(r, r->parameter, why);

    if (!st)
        open_stream(r, TDL_CHANNEL_GROWTHBOOK, (tdl_str){0});
    return st;
}
