/* Recommendations for surfaces, and the policies of those. */
#include <string.h>

#include "base/timestamp.h"
#include "http/routes.h"
#include "wire/native/native.h"

enum { LINE_BYTES = 32 << 20 /* memory for one question of a batch */ };

/* ---- one question ---- */

static tdl_status check_object(const json_t *body, tdl_report *why)
{
    return json_is_object(body)
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "the question must be an object, not of type %s",
                          tdl_json_type_name(body));
}

/* The app reads the question; here stands whom it is about, for consent. */
static tdl_status ask(tdl_loop *loop, const json_t *body, bool preview, bool may_wait,
                      bool *ret_must_wait, tdl_arena *arena, tdl_jw *w, tdl_report *why)
{
    tdl_ask question = {.question = body,
                        .preview = preview,
                        .may_wait = may_wait,
                        .ret_must_wait = ret_must_wait,
                        .time_us = tdl_time_now()};
    tdl_decision decision;
    tdl_status st = check_object(body, why);

    if (st)
        return st;
    if (!tdl_json_get_str(body, "user", &question.user) || !question.user.len)
        tdl_json_get_str(body, "anonymous_id", &question.user);
    tdl_jw_object(w);
    if ((st = tdl_loop_decide(loop, "recommend", &question, arena, &decision, w, why)) ||
        *ret_must_wait)
        return st;
    tdl_jw_ktext(w, "decision_id", preview ? NULL : decision.id);
    tdl_jw_end_object(w);
    return TDL_OK;
}

static tdl_status answer(tdl_request *r, bool preview, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    json_t *body = NULL;
    bool must_wait = false;
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &body, why);

    if (!st)
        st = ask(r->http->loop, body, preview, r->may_wait, &must_wait, r->arena, &w, why);
    json_decref(body);
    if (must_wait) { // asked again on a worker thread, from the beginning
        tdl_buf_clear(&r->out);
        r->must_wait = true;
    }
    return st;
}

tdl_status tdl_route_ask_recommend(tdl_request *r, tdl_report *why)
{
    return answer(r, false, why);
}

tdl_status tdl_route_preview_recommend(tdl_request *r, tdl_report *why)
{
    return answer(r, true, why);
}

/* ---- many, a line each: one that is bad fails alone ---- */

static void answer_line(tdl_request *r, tdl_str line, size_t number, tdl_arena *arena)
{
    size_t before = r->out.len;
    tdl_jw w = {.out = &r->out};
    json_t *body = NULL;
    bool must_wait = false;
    tdl_report why = {0};
    tdl_status st = tdl_json_parse(line, TDL_JSON_REFUSE_DUPLICATES, &body, &why);

    if (!st)
        st = ask(r->http->loop, body, false, true, &must_wait, arena, &w, &why);
    json_decref(body);
    if (st && !r->out.failed) {
        r->out.len = before;
        w = (tdl_jw){.out = &r->out};
        tdl_jw_object(&w);
        tdl_jw_kint(&w, "line", (int64_t)number);
        tdl_jw_ktext(&w, "error", tdl_status_name(st));
        tdl_jw_ktext(&w, "message", why.message);
        tdl_jw_end_object(&w);
    }
    tdl_buf_char(&r->out, '\n');
}

tdl_status tdl_route_batch_recommend(tdl_request *r, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(LINE_BYTES);
    tdl_str text = r->text;
    size_t number = 0;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a batch");
    r->headers.content_type = "application/x-ndjson";
    while (text.len && !r->out.failed) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t n = end ? (size_t)(end - text.at) : text.len, used = n + (end != NULL);
        tdl_str line = tdl_str_trim((tdl_str){text.at, n});
        text = (tdl_str){text.at + used, text.len - used};
        number++;
        if (!line.len)
            continue;
        tdl_arena_reset(arena);
        answer_line(r, line, number, arena);
    }
    tdl_arena_free(arena);
    return r->out.failed ? TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "send several requests",
                                         "the answers are too large for one request")
                         : TDL_OK;
}

/* ---- surfaces ---- */

tdl_status tdl_route_surfaces(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);

    tdl_jw_object(&w);
    tdl_jw_key(&w, "surfaces");
    tdl_status st = tdl_loop_settings(r->http->loop, "recommend", (tdl_str){0}, NULL, &w, why);
    tdl_jw_end_object(&w);
    return st;
}

tdl_status tdl_route_surface(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);

    return tdl_loop_settings(r->http->loop, "recommend", r->parameter, NULL, &w, why);
}

tdl_status tdl_route_put_surface(tdl_request *r, tdl_report *why)
{
    static const char *const fields[] = {"kind", "version", "policy", NULL};
    tdl_jw w = tdl_request_writer(r);
    json_t *body = NULL;
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &body, why);

    if (!st && !json_is_object(body))
        st = TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                      tdl_json_type_name(body));
    if (!st)
        st = tdl_native_check_fields(body, fields, why);
    if (!st)
        st = tdl_loop_settings(r->http->loop, "recommend", r->parameter, body, &w, why);
    json_decref(body);
    return st;
}
