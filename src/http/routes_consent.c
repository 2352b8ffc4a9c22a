/* What persons allow their data to be used for. */
#include "base/timestamp.h"
#include "http/query.h"
#include "http/routes.h"
#include "loop/consent.h"
#include "wire/native/native.h"

static void write_purposes(tdl_jw *w, unsigned denied)
{
    tdl_jw_key(w, "allowed");
    tdl_jw_object(w);
    for (int i = 0; i < TDL_PURPOSES_N; i++)
        tdl_jw_kbool(w, tdl_purpose_name((tdl_purpose)(1 << i)), !(denied >> i & 1));
    tdl_jw_end_object(w);
}

static void write_words(tdl_jw *w, const tdl_consent *words, size_t n)
{
    tdl_jw_key(w, "words");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "purpose", tdl_purpose_name(words[i].purpose));
        tdl_jw_kbool(w, "granted", words[i].granted);
        tdl_jw_ktime(w, "time", words[i].time_us);
        tdl_jw_kstr(w, "source", words[i].source);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static tdl_status answer(tdl_request *r, tdl_str user, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_consent *words;
    unsigned denied;
    size_t n;
    tdl_status st = tdl_store_consents(r->http->store, user, r->arena, &words, &n, &denied, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "user", user);
    write_purposes(&w, denied);
    write_words(&w, words, n);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

tdl_status tdl_route_consent(tdl_request *r, tdl_report *why)
{
    tdl_str user;
    tdl_status st = tdl_query_user(r, &user, why);

    return st ? st : answer(r, user, why);
}

static tdl_status read_word(const json_t *body, tdl_str *ret_user, tdl_consent *ret,
                            tdl_report *why)
{
    static const char *const fields[] = {"user", "purpose", "granted", "source", NULL};
    const json_t *granted = json_object_get(body, "granted");
    tdl_consent word = {.time_us = tdl_time_now(), .source = TDL_STR("api")};
    tdl_str purpose = {0};
    tdl_status st;

    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                        tdl_json_type_name(body));
    if ((st = tdl_native_check_fields(body, fields, why)) ||
        (st = tdl_native_text(body, "user", ret_user, why)) ||
        (st = tdl_native_text(body, "purpose", &purpose, why)) ||
        (st = tdl_native_text(body, "source", &word.source, why)))
        return st;
    if (!tdl_purpose_parse(purpose, &word.purpose))
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "use analytics, personalisation, pricing, training or sharing",
                             "purpose: there is no \"%.*s\"", TDL_FMT(purpose));
    if (!json_is_boolean(granted))
        return TDL_FAIL(why, TDL_E_INVALID, "granted must be true or false");
    word.granted = json_is_true(granted);
    *ret = word;
    return TDL_OK;
}

tdl_status tdl_route_put_consent(tdl_request *r, tdl_report *why)
{
    json_t *body = NULL;
    tdl_consent word;
    tdl_str user = {0};
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &body, why);

    if (!st && !(st = read_word(body, &user, &word, why)) &&
        !(st = tdl_loop_put_consent(r->http->loop, user, &word, why)))
        st = answer(r, user, why);
    json_decref(body);
    return st;
}
