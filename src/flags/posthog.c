#include "flags/posthog.h"

#include <math.h>
#include <stdlib.h>

enum { FLAG_BYTES = 16 << 20, VARIANTS_MAX = 1000, CONDITIONS_MAX = 1000, KEY_MAX = 400 };

/* A definition while it is compiled. */
typedef struct build {
    tdl_posthog_build match;
    tdl_posthog_flag *flag;
    const json_t *filters, *payloads, *group_types;
} build;

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the definition needs too much memory");
}

static bool is_there(const json_t *value)
{
    return value && !json_is_null(value);
}

/* Absent and null are `fallback`. */
static tdl_status read_percent(const json_t *object, const char *key, double fallback, double *ret,
                               tdl_report *why)
{
    const json_t *value = json_object_get(object, key);

    *ret = fallback;
    if (!is_there(value))
        return TDL_OK;
    if (!json_is_number(value) || json_number_value(value) < 0 || json_number_value(value) > 100)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be a number from 0 to 100", key);
    *ret = json_number_value(value);
    return TDL_OK;
}

static tdl_status read_bool(const json_t *object, const char *key, bool fallback, bool *ret,
                            tdl_report *why)
{
    const json_t *value = json_object_get(object, key);

    *ret = is_there(value) ? json_is_true(value) : fallback;
    if (is_there(value) && !json_is_boolean(value))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be true or false, not of type %s", key,
                        tdl_json_type_name(value));
    return TDL_OK;
}

static tdl_status read_list(const json_t *object, const char *key, size_t max, const json_t **ret,
                            tdl_report *why)
{
    const json_t *value = json_object_get(object, key);

    *ret = is_there(value) ? value : NULL;
    if (*ret && !json_is_array(value))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be a list, not of type %s", key,
                        tdl_json_type_name(value));
    if (json_array_size(*ret) > max)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: at most %zu are possible", key, max);
    return TDL_OK;
}

static tdl_status read_object(const json_t *object, const char *key, const json_t **ret,
                              tdl_report *why)
{
    const json_t *value = json_object_get(object, key);

    *ret = is_there(value) ? value : NULL;
    if (*ret && !json_is_object(value))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an object, not of type %s", key,
                        tdl_json_type_name(value));
    return TDL_OK;
}

/* ---- what it can answer ---- */

/* PostHog keeps payloads as texts of JSON; a text that is none stands for itself. */
static tdl_status build_payload(build *b, tdl_str key, tdl_str *ret, tdl_report *why)
{
    const json_t *payload = json_object_get(b->payloads, key.at);
    tdl_buf text = {0};
    json_t *parsed = NULL;
    tdl_str given = {json_string_value(payload), json_string_length(payload)};

    if (!is_there(payload) || (json_is_string(payload) && !given.len))
        return TDL_OK;
    if (json_is_string(payload) && !tdl_json_parse(given, TDL_JSON_LAST_WINS, &parsed, NULL)) {
        *ret = tdl_str_trim(given);
        json_decref(parsed);
        return TDL_OK;
    }
    tdl_json_dump(&text, payload);
    *ret = text.failed ? (tdl_str){0} : tdl_arena_str(b->match.arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    return ret->at ? TDL_OK : no_memory(why);
}

static tdl_status build_value(build *b, tdl_str key, tdl_posthog_value *ret, tdl_report *why)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    ret->key = key;
    tdl_jw_str(&w, key);
    ret->json = text.failed ? (tdl_str){0} : tdl_arena_str(b->match.arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    return ret->json.at ? build_payload(b, key, &ret->payload, why) : no_memory(why);
}

static tdl_status build_variant(build *b, const json_t *from, double low, tdl_posthog_variant *v,
                                tdl_report *why)
{
    tdl_str key;
    double percent;
    tdl_status st;

    if (!tdl_json_get_str(from, "key", &key) || !key.len || key.len > KEY_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "key must be a text of 1 to %d bytes", KEY_MAX);
    if ((st = read_percent(from, "rollout_percentage", 0, &percent, why)) ||
        (st = build_value(b, key, &v->value, why)))
        return st;
    v->low = low;
    v->high = low + percent / 100.0; // added up as the SDKs do it, for the same roundings
    return TDL_OK;
}

static tdl_status build_variants(build *b, tdl_report *why)
{
    tdl_posthog_flag *f = b->flag;
    const json_t *multivariate, *list = NULL;
    tdl_status st;

    if ((st = read_object(b->filters, "multivariate", &multivariate, why)) ||
        (st = read_list(multivariate, "variants", VARIANTS_MAX, &list, why)))
        return st;
    f->variants_n = json_array_size(list);
    if (!(f->variants = tdl_arena_zalloc(f->arena, f->variants_n, sizeof *f->variants)))
        return no_memory(why);
    for (size_t i = 0; i < f->variants_n; i++) {
        double low = i ? f->variants[i - 1].high : 0;
        if ((st = build_variant(b, json_array_get(list, i), low, &f->variants[i], why))) {
            tdl_report_prefix(why, "filters.multivariate.variants[%zu]", i);
            return st;
        }
    }
    f->on = (tdl_posthog_value){.json = TDL_STR("true")};
    return build_payload(b, TDL_STR("true"), &f->on.payload, why);
}

static tdl_status build_holdout(build *b, tdl_report *why)
{
    tdl_posthog_flag *f = b->flag;
    const json_t *holdout, *id, *share;
    tdl_status st = read_object(b->filters, "holdout", &holdout, why);

    if (st || !holdout)
        return st;
    id = json_object_get(holdout, "id");
    share = json_object_get(holdout, "exclusion_percentage");
    if (!is_there(id) || !is_there(share))
        return TDL_OK;
    double percent;
    if ((st = read_percent(holdout, "exclusion_percentage", 0, &percent, why)))
        return st;
    tdl_str text = tdl_posthog_text(id, f->arena);
    tdl_str key = text.at ? tdl_arena_printf(f->arena, "holdout-%.*s", TDL_FMT(text)) : text;
    if (!key.at)
        return no_memory(why);
    f->held = f->recent = true;
    f->held_share = percent / 100.0;
    f->chance = percent > 0 && percent < 100;
    return build_value(b, key, &f->holdout, why);
}

/* ---- conditions ---- */

/* *ret_given: a type was named. *ret: NULL when the definition has no such type. */
static tdl_status read_group(const build *b, const json_t *object, bool *ret_given,
                             const char **ret, tdl_report *why)
{
    const json_t *index = json_object_get(object, "aggregation_group_type_index");
    char text[24];

    *ret = NULL;
    if (!(*ret_given = is_there(index)))
        return TDL_OK;
    if (!json_is_integer(index))
        return TDL_FAIL(why, TDL_E_INVALID, "aggregation_group_type_index must be a whole number");
    snprintf(text, sizeof text, "%lld", (long long)json_integer_value(index));
    *ret = json_string_value(json_object_get(b->group_types, text));
    return TDL_OK;
}

static const tdl_posthog_variant *find_variant(const tdl_posthog_flag *f, const char *key)
{
    for (size_t i = 0; key && i < f->variants_n; i++)
        if (tdl_str_is(f->variants[i].value.key, key))
            return &f->variants[i];
    return NULL;
}

static tdl_status build_condition(build *b, const json_t *from, tdl_posthog_condition *c,
                                  tdl_report *why)
{
    const json_t *properties;
    double percent;
    bool given;
    tdl_status st;

    if (!json_is_object(from))
        return TDL_FAIL(why, TDL_E_INVALID, "a condition must be an object, not of type %s",
                        tdl_json_type_name(from));
    if ((st = read_percent(from, "rollout_percentage", 100, &percent, why)) ||
        (st = read_list(from, "properties", CONDITIONS_MAX, &properties, why)) ||
        (st = read_group(b, from, &given, &c->group, why)))
        return st;
    b->match.unsure = false;
    if ((st = tdl_posthog_build_properties(&b->match, "properties", properties, &c->properties,
                                           &c->properties_n, why)))
        return st;
    c->unsure = b->match.unsure;
    b->flag->recent |= given;
    c->skipped = given && !c->group;
    if (c->group && b->flag->group && !strcmp(c->group, b->flag->group))
        c->group = NULL; // as the flag itself
    c->share = percent / 100.0;
    c->variant = find_variant(b->flag, json_string_value(json_object_get(from, "variant")));
    b->flag->chance |=
        (c->share > 0 && c->share < 1) || (c->share > 0 && b->flag->variants_n && !c->variant);
    return TDL_OK;
}

/* posthog-node passes by a condition that it cannot tell, and answers by a later one that matches.
 * No harm is done where both answer the same. */
static bool is_passing(const tdl_posthog_flag *f)
{
    for (size_t i = 0; i + 1 < f->conditions_n; i++) {
        const tdl_posthog_condition *c = &f->conditions[i];
        for (size_t j = i + 1; c->unsure && j < f->conditions_n; j++)
            if (f->early_exit || c->variant != f->conditions[j].variant ||
                c->group != f->conditions[j].group)
                return true;
    }
    return false;
}

static tdl_status build_conditions(build *b, tdl_report *why)
{
    tdl_posthog_flag *f = b->flag;
    const json_t *list;
    tdl_status st = read_list(b->filters, "groups", CONDITIONS_MAX, &list, why);

    if (st)
        return st;
    f->conditions_n = json_array_size(list);
    if (!(f->conditions = tdl_arena_zalloc(f->arena, f->conditions_n, sizeof *f->conditions)))
        return no_memory(why);
    for (size_t i = 0; i < f->conditions_n; i++)
        if ((st = build_condition(b, json_array_get(list, i), &f->conditions[i], why))) {
            tdl_report_prefix(why, "filters.groups[%zu]", i);
            return st;
        }
    f->passing = is_passing(f);
    return TDL_OK;
}

/* ---- the whole ---- */

static tdl_status build_head(build *b, const json_t *definition, tdl_report *why)
{
    tdl_posthog_flag *f = b->flag;
    const char *bucketing = json_string_value(json_object_get(definition, "bucketing_identifier"));
    bool about_group;
    tdl_status st;

    if ((st = read_bool(definition, "active", true, &f->active, why)) ||
        (st = read_bool(definition, "ensure_experience_continuity", false, &f->sticky, why)) ||
        (st = read_object(definition, "cohorts", &b->match.cohorts, why)) ||
        (st = read_object(definition, "group_type_mapping", &b->group_types, why)) ||
        (st = read_object(definition, "filters", &b->filters, why)) ||
        (st = read_object(b->filters, "payloads", &b->payloads, why)) ||
        (st = read_bool(b->filters, "early_exit", false, &f->early_exit, why)) ||
        (st = read_group(b, b->filters, &about_group, &f->group, why)))
        return st;
    if (about_group && !f->group)
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "name it: \"group_type_mapping\": {\"0\": \"company\"}",
                             "filters.aggregation_group_type_index: there is no such group type");
    f->by_device = bucketing && !strcmp(bucketing, "device_id") && !f->group;
    f->recent = f->by_device || f->early_exit;
    return TDL_OK;
}

static void release(void *compiled)
{
    tdl_posthog_flag *f = compiled;

    if (!f)
        return;
    tdl_posthog_patterns_free(f->patterns);
    tdl_arena_free(f->arena); // f lies in it
}

static tdl_status compile(const json_t *definition, void **ret, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(FLAG_BYTES);
    tdl_posthog_flag *f = arena ? tdl_arena_zalloc(arena, 1, sizeof *f) : NULL;
    build b = {.match.arena = arena, .flag = f};
    tdl_status st;

    if (!f) {
        tdl_arena_free(arena);
        return no_memory(why);
    }
    f->arena = arena;
    if (!(st = build_head(&b, definition, why)) && !(st = build_variants(&b, why)) &&
        !(st = build_holdout(&b, why)))
        st = build_conditions(&b, why);
    f->patterns = b.match.patterns;
    f->recent |= b.match.recent;
    f->keys = b.match.keys.key;
    f->keys_n = b.match.keys.n;
    f->depends = b.match.depends.key;
    f->depends_n = b.match.depends.n;
    if (st) {
        release(f);
        return st;
    }
    *ret = f;
    return TDL_OK;
}

const tdl_posthog_flag *tdl_posthog_of(const tdl_flag *flag)
{
    return flag->family == &tdl_flag_posthog ? flag->compiled : NULL;
}

const tdl_flag_family tdl_flag_posthog = {.name = "posthog",
                                          .compile = compile,
                                          .free = release,
                                          .evaluate = tdl_posthog_evaluate,
                                          .wants = tdl_posthog_wants};
