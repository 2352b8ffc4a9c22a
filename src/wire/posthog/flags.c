#include "wire/posthog/flags.h"
#include <stdio.h>

/* ---- questions ---- */

static const json_t *object(const json_t *body, const char *key)
{
    const json_t *value = json_object_get(body, key);
    return json_is_object(value) ? value : NULL;
}

/* SDKs send ids as texts; hand-made requests as numbers, too. */
static tdl_status read_id(const json_t *body, const char *key, tdl_arena *arena, tdl_str *ret,
                          tdl_report *why)
{
    const json_t *value = json_object_get(body, key);

    if (json_is_string(value))
        *ret = (tdl_str){json_string_value(value), json_string_length(value)};
    else if (json_is_integer(value))
        *ret = tdl_arena_printf(arena, "%lld", (long long)json_integer_value(value));
    if (ret->len > TDL_ID_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%s is longer than %d bytes", key, TDL_ID_MAX);
    return TDL_OK;
}

static tdl_status read_ids(const json_t *body, tdl_arena *arena, tdl_flag_context *c,
                           tdl_report *why)
{
    tdl_status st;

    if ((st = read_id(body, "distinct_id", arena, &c->id, why)) ||
        (!c->id.len && (st = read_id(body, "$distinct_id", arena, &c->id, why))) ||
        (st = read_id(body, "$anon_distinct_id", arena, &c->anonymous_id, why)) ||
        (st = read_id(body, "$device_id", arena, &c->device_id, why)))
        return st;
    return c->id.len ? TDL_OK : TDL_FAIL(why, TDL_E_INVALID, "distinct_id is missing");
}

tdl_status tdl_posthog_question_read(tdl_str text, tdl_arena *arena, tdl_posthog_question *ret,
                                     tdl_report *why)
{
    tdl_status st = tdl_json_parse(text, TDL_JSON_LAST_WINS, &ret->json, why);
    const json_t *body = ret->json, *keys;

    if (st)
        return st;
    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                        tdl_json_type_name(body));
    if (!tdl_json_get_str(body, "token", &ret->token))
        tdl_json_get_str(body, "api_key", &ret->token);
    ret->context.properties = object(body, "person_properties");
    ret->context.groups = object(body, "groups");
    ret->context.group_properties = object(body, "group_properties");
    keys = json_object_get(body, "flag_keys_to_evaluate");
    ret->keys = json_is_array(keys) ? keys : NULL;
    ret->none = json_is_true(json_object_get(body, "disable_flags"));
    return read_ids(body, arena, &ret->context, why);
}

bool tdl_posthog_asks_for(const tdl_posthog_question *question, tdl_str key)
{
    tdl_str one;

    if (question->none || !question->keys)
        return !question->none;
    for (size_t i = 0; i < json_array_size(question->keys); i++) {
        const json_t *asked = json_array_get(question->keys, i);
        one = (tdl_str){json_string_value(asked), json_string_length(asked)};
        if (json_is_string(asked) && tdl_str_eq(one, key))
            return true;
    }
    return false;
}

/* ---- answers ---- */

static const struct {
    const char *code, *description; /* description: "%d" is the number of the condition, from 1 */
} reasons[] = {
    [TDL_FLAG_DISABLED] = {"flag_disabled", "Flag is disabled"},
    [TDL_FLAG_STATIC] = {"condition_match", "Matched condition set %d"},
    [TDL_FLAG_MATCH] = {"condition_match", "Matched condition set %d"},
    [TDL_FLAG_NO_MATCH] = {"no_condition_match", "No matching condition set"},
    [TDL_FLAG_OUT_OF_ROLLOUT] = {"out_of_rollout_bound", "Out of rollout bound"},
    [TDL_FLAG_SPLIT] = {"condition_match", "Matched condition set %d"},
    [TDL_FLAG_HOLDOUT] = {"holdout_condition_value", "Holdout matched"},
    [TDL_FLAG_NO_GROUP] = {"no_group_type", "No matching group type"},
    [TDL_FLAG_DEPENDENCY] = {"missing_dependency", "Flag cannot be evaluated due to a dependency"},
    [TDL_FLAG_UNDECIDED] = {"fallback", "Answered by the default"},
};

static void write_reason(const tdl_flag_answer *a, tdl_jw *w)
{
    bool numbered = a->rule >= 0 && strstr(reasons[a->reason].description, "%d");
    char text[64];

    snprintf(text, sizeof text, "Matched condition set %d", a->rule + 1);
    tdl_jw_object(w);
    tdl_jw_ktext(w, "code", reasons[a->reason].code);
    tdl_jw_key(w, "condition_index");
    if (a->rule >= 0)
        tdl_jw_int(w, a->rule);
    else
        tdl_jw_null(w);
    tdl_jw_ktext(w, "description", numbered ? text : reasons[a->reason].description);
    tdl_jw_end_object(w);
}

/* PostHog's values are true, false and texts; any other value travels as a payload. */
static bool is_plain(tdl_str json)
{
    return tdl_str_is(json, "true") || tdl_str_is(json, "false") || tdl_str_is(json, "null") ||
           json.at[0] == '"';
}

static tdl_str payload(const tdl_flag_answer *a)
{
    return a->payload.len || is_plain(a->value) ? a->payload : a->value;
}

/* The variant's text, as JSON; empty: plain true or false. */
static void write_variant(const tdl_flag_answer *a, tdl_jw *w)
{
    if (a->enabled && a->value.at[0] == '"')
        tdl_jw_raw(w, a->value);
    else if (a->enabled && a->variant.len)
        tdl_jw_str(w, a->variant);
    else
        tdl_jw_null(w);
}

static bool has_variant(const tdl_flag_answer *a)
{
    return a->enabled && (a->value.at[0] == '"' || a->variant.len);
}

static void write_full(const tdl_posthog_answer *one, tdl_jw *w)
{
    const tdl_flag_answer *a = &one->answer;
    tdl_str with = payload(a);

    tdl_jw_key(w, one->flag->row.key.at);
    tdl_jw_object(w);
    tdl_jw_kstr(w, "key", one->flag->row.key);
    tdl_jw_kbool(w, "enabled", a->enabled);
    tdl_jw_key(w, "variant");
    write_variant(a, w);
    tdl_jw_key(w, "reason");
    write_reason(a, w);
    tdl_jw_key(w, "metadata");
    tdl_jw_object(w);
    tdl_jw_kint(w, "id", one->flag->row.id);
    tdl_jw_kint(w, "version", one->flag->row.version);
    tdl_jw_key(w, "payload"); // JSON inside a text
    if (with.len)
        tdl_jw_str(w, with);
    else
        tdl_jw_null(w);
    tdl_jw_ktext(w, "description", NULL);
    tdl_jw_end_object(w);
    tdl_jw_end_object(w);
}

static void write_value(const tdl_flag_answer *a, tdl_jw *w)
{
    if (has_variant(a))
        write_variant(a, w);
    else
        tdl_jw_bool(w, a->enabled);
}

static void write_values(const tdl_posthog_answers *answers, bool all, tdl_jw *w)
{
    tdl_jw_key(w, "featureFlags");
    tdl_jw_object(w);
    for (size_t i = 0; i < answers->n; i++)
        if (all || answers->at[i].answer.enabled) {
            tdl_jw_key(w, answers->at[i].flag->row.key.at);
            write_value(&answers->at[i].answer, w);
        }
    tdl_jw_end_object(w);
    tdl_jw_key(w, "featureFlagPayloads");
    tdl_jw_object(w);
    for (size_t i = 0; i < answers->n; i++)
        if (payload(&answers->at[i].answer).len)
            tdl_jw_kstr(w, answers->at[i].flag->row.key.at, payload(&answers->at[i].answer));
    tdl_jw_end_object(w);
}

static void write_list(const tdl_posthog_answers *answers, tdl_jw *w)
{
    tdl_jw_key(w, "featureFlags");
    tdl_jw_array(w);
    for (size_t i = 0; i < answers->n; i++)
        if (answers->at[i].answer.enabled)
            tdl_jw_str(w, answers->at[i].flag->row.key);
    tdl_jw_end_array(w);
}

static void write_flags(const tdl_posthog_answers *answers, tdl_jw *w)
{
    tdl_jw_key(w, "flags");
    tdl_jw_object(w);
    for (size_t i = 0; i < answers->n; i++)
        write_full(&answers->at[i], w);
    tdl_jw_end_object(w);
}

void tdl_posthog_answers_write(const tdl_posthog_answers *answers, tdl_posthog_form form, tdl_jw *w)
{
    tdl_jw_object(w);
    if (form == TDL_POSTHOG_FORM_FULL)
        write_flags(answers, w);
    else if (form == TDL_POSTHOG_FORM_LIST)
        write_list(answers, w);
    else
        write_values(answers, form == TDL_POSTHOG_FORM_VALUES, w);
    tdl_jw_kbool(w, "errorsWhileComputingFlags", answers->failed);
    tdl_jw_ktext(w, "requestId", answers->request_id);
    if (form == TDL_POSTHOG_FORM_FULL) {
        tdl_jw_kint(w, "evaluatedAt", answers->now_us / 1000);
    } else {
        tdl_jw_kraw(w, "supportedCompression", TDL_STR("[\"gzip\",\"gzip-js\"]"));
        tdl_jw_kbool(w, "sessionRecording", false);
    }
    tdl_jw_end_object(w);
}
