/* Reading a policy. Every member is checked; nothing that is not known is let pass. */
#include "apps/recommend/policy.h"

#include <math.h>

#include "apps/recommend/contenders.h"
#include "apps/recommend/ladder.h"
#include "base/timestamp.h"

enum { SLOTS_MAX = 100 };

static const char *const kinds[TDL_RULE_KINDS_N] = {"boost", "bury", "pin", "cap", "slots"};

const char *tdl_rule_kind_name(tdl_rule_kind kind)
{
    return kinds[kind];
}

bool tdl_span_parse(tdl_str text, int64_t *ret_us)
{
    static const int64_t hour_us = INT64_C(3600000000);
    int64_t n;

    if (tdl_str_is(text, "never")) {
        *ret_us = TDL_SPAN_ALWAYS;
        return true;
    }
    if (text.len < 2 || !tdl_str_int((tdl_str){text.at, text.len - 1}, &n) || n < 0 || n > 36500)
        return false;
    char unit = text.at[text.len - 1];
    *ret_us = unit == 'd' ? n * 24 * hour_us : n * hour_us;
    return unit == 'd' || unit == 'h';
}

/* ---- members ---- */

typedef struct reader {
    tdl_policy *policy;
    const tdl_attributes *known;
    tdl_rule *rule; /* [TDL_RULES_MAX] */
    tdl_report *why;
} reader;

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a policy");
}

/* names: NULL-terminated */
static tdl_status check_members(const json_t *object, const char *const *names, tdl_report *why)
{
    json_t *members = (json_t *)object; // jansson's iterators are not const-correct

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object, not of type %s",
                        tdl_json_type_name(object));
    for (void *it = json_object_iter(members); it; it = json_object_iter_next(members, it)) {
        const char *const *name = names;
        while (*name && strcmp(*name, json_object_iter_key(it)) != 0)
            name++;
        if (!*name)
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "GET /openapi.json lists the members",
                                 "there is no member \"%.100s\"", json_object_iter_key(it));
    }
    return TDL_OK;
}

static bool is_said(const json_t *object, const char *name, const json_t **ret)
{
    *ret = json_object_get(object, name);
    return *ret && !json_is_null(*ret);
}

/* A number in [low, high]; left alone when it is not said. */
static tdl_status read_number(const json_t *object, const char *name, double low, double high,
                              double *ret, tdl_report *why)
{
    const json_t *value;

    if (!is_said(object, name, &value))
        return TDL_OK;
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= low && number <= high))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be a number from %g to %g", name, low, high);
    *ret = number;
    return TDL_OK;
}

static tdl_status read_size(const json_t *object, const char *name, size_t low, size_t high,
                            size_t *ret, tdl_report *why)
{
    const json_t *value;

    if (!is_said(object, name, &value))
        return TDL_OK;
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < (json_int_t)low || n > (json_int_t)high)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an integer from %zu to %zu", name, low,
                        high);
    *ret = (size_t)n;
    return TDL_OK;
}

static tdl_status read_text(const json_t *object, const char *name, size_t max, tdl_str *ret,
                            tdl_report *why)
{
    const json_t *value;

    if (!is_said(object, name, &value))
        return TDL_OK;
    if (!json_is_string(value) || json_string_length(value) > max)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be a string of at most %zu bytes", name, max);
    *ret = (tdl_str){json_string_value(value), json_string_length(value)};
    return TDL_OK;
}

static tdl_status read_span(const json_t *object, const char *name, int64_t *ret, tdl_report *why)
{
    tdl_str text = {0};
    tdl_status st = read_text(object, name, 32, &text, why);

    if (!st && text.at && !tdl_span_parse(text, ret))
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "write \"30d\", \"12h\", or \"never\"",
                           "%s: \"%.*s\" is no span of time", name, TDL_FMT(text));
    return st;
}

static tdl_status read_expression(reader *r, const json_t *object, const char *name,
                                  tdl_expression **ret)
{
    tdl_str text = {0};
    tdl_status st = read_text(object, name, TDL_EXPRESSION_MAX, &text, r->why);

    if (st || !text.at)
        return st;
    if ((st = tdl_expression_compile(text, r->known, r->policy->arena, ret, r->why))) {
        tdl_report_prefix(r->why, "%s", name);
        return st;
    }
    r->policy->asks_user |= tdl_expression_asks_user(*ret);
    return TDL_OK;
}

static tdl_status read_time(const json_t *object, const char *name, int64_t *ret, tdl_report *why)
{
    tdl_str text = {0};
    tdl_status st = read_text(object, name, TDL_TIME_TEXT_MAX, &text, why);

    if (!st && text.at && (st = tdl_time_parse(text, ret, why)))
        tdl_report_prefix(why, "%s", name);
    return st;
}

/* ---- rules ---- */

static tdl_status read_boost(reader *r, const json_t *object, tdl_rule *rule)
{
    static const char *const names[] = {"name", "when", "by", NULL};
    tdl_status st;

    rule->by = NAN;
    if ((st = check_members(object, names, r->why)) ||
        (st = read_expression(r, object, "when", &rule->when)) ||
        (st = read_number(object, "by", 0, 20, &rule->by, r->why)))
        return st;
    if (!rule->when || isnan(rule->by))
        return TDL_FAIL(r->why, TDL_E_INVALID, "%s is missing", rule->when ? "by" : "when");
    rule->by = rule->kind == TDL_RULE_BURY ? -rule->by : rule->by;
    return TDL_OK;
}

static tdl_status read_pin(reader *r, const json_t *object, tdl_rule *rule)
{
    static const char *const names[] = {"name", "slot", "item", "when", "from", "to", NULL};
    tdl_status st;

    rule->from_us = INT64_MIN;
    rule->until_us = INT64_MAX;
    if ((st = check_members(object, names, r->why)) ||
        (st = read_size(object, "slot", 1, SLOTS_MAX, &rule->slot, r->why)) ||
        (st = read_text(object, "item", TDL_ID_MAX, &rule->item, r->why)) ||
        (st = read_expression(r, object, "when", &rule->when)) ||
        (st = read_time(object, "from", &rule->from_us, r->why)) ||
        (st = read_time(object, "to", &rule->until_us, r->why)))
        return st;
    if (!rule->slot)
        return TDL_FAIL(r->why, TDL_E_INVALID, "slot is missing");
    if (!rule->item.len == !rule->when)
        return TDL_FAIL(r->why, TDL_E_INVALID, "one of item and when is wanted");
    if (rule->from_us >= rule->until_us)
        return TDL_FAIL(r->why, TDL_E_INVALID, "to must be later than from");
    return TDL_OK;
}

static tdl_status read_cap(reader *r, const json_t *object, tdl_rule *rule)
{
    static const char *const names[] = {"name", "attribute", "most", NULL};
    char nearest[200] = "";
    tdl_status st;

    if ((st = check_members(object, names, r->why)) ||
        (st = read_text(object, "attribute", 128, &rule->attribute, r->why)) ||
        (st = read_size(object, "most", 1, SLOTS_MAX, &rule->most, r->why)))
        return st;
    if (!rule->attribute.len || !rule->most)
        return TDL_FAIL(r->why, TDL_E_INVALID, "%s is missing",
                        rule->attribute.len ? "most" : "attribute");
    if (r->known && tdl_attributes_find(r->known, rule->attribute) < 0) {
        tdl_attributes_nearest(r->known, rule->attribute, nearest, sizeof nearest);
        return TDL_FAIL(r->why, TDL_E_INVALID, "no item has the attribute \"%.*s\"%s%s%s",
                        TDL_FMT(rule->attribute), nearest[0] ? " (nearest: " : "", nearest,
                        nearest[0] ? ")" : "");
    }
    return TDL_OK;
}

static tdl_status read_slot(reader *r, const json_t *object, tdl_rule *rule)
{
    static const char *const names[] = {"name", "slot", "when", NULL};
    tdl_status st;

    if ((st = check_members(object, names, r->why)) ||
        (st = read_size(object, "slot", 1, SLOTS_MAX, &rule->slot, r->why)) ||
        (st = read_expression(r, object, "when", &rule->when)))
        return st;
    if (!rule->slot || !rule->when)
        return TDL_FAIL(r->why, TDL_E_INVALID, "%s is missing", rule->slot ? "when" : "slot");
    return TDL_OK;
}

/* Names tell rules apart: in answers, in refusals. */
static tdl_status name_rule(reader *r, const json_t *object, size_t at, tdl_rule *rule)
{
    tdl_arena *arena = r->policy->arena;
    tdl_status st = read_text(object, "name", TDL_RULE_NAME_MAX, &rule->name, r->why);

    if (st)
        return st;
    rule->name = rule->name.len ? tdl_arena_str(arena, rule->name)
                                : tdl_arena_printf(arena, "%s[%zu]", kinds[rule->kind], at);
    rule->item = tdl_arena_str(arena, rule->item);
    rule->attribute = tdl_arena_str(arena, rule->attribute);
    if (!rule->name.at || !rule->item.at || !rule->attribute.at)
        return no_memory(r->why);
    for (size_t i = 0; i < r->policy->rules_n; i++)
        if (tdl_str_eq(r->rule[i].name, rule->name))
            return TDL_FAIL(r->why, TDL_E_INVALID, "two rules are called \"%.*s\"",
                            TDL_FMT(rule->name));
    return TDL_OK;
}

static tdl_status read_rule(reader *r, const json_t *object, tdl_rule_kind kind, size_t at)
{
    static tdl_status (*const read[])(reader * r, const json_t *object, tdl_rule *rule) = {
        [TDL_RULE_BOOST] = read_boost, [TDL_RULE_BURY] = read_boost, [TDL_RULE_PIN] = read_pin,
        [TDL_RULE_CAP] = read_cap,     [TDL_RULE_SLOT] = read_slot,
    };
    tdl_rule *rule = &r->rule[r->policy->rules_n];
    tdl_status st;

    if (r->policy->rules_n == TDL_RULES_MAX)
        return TDL_FAIL(r->why, TDL_E_INVALID, "more than %d rules", TDL_RULES_MAX);
    *rule = (tdl_rule){.kind = kind};
    if ((st = read[kind](r, object, rule)) || (st = name_rule(r, object, at, rule))) {
        tdl_report_prefix(r->why, "%s[%zu]", kinds[kind], at);
        return st;
    }
    r->policy->rules_n++;
    return TDL_OK;
}

static tdl_status read_rules(reader *r, const json_t *object)
{
    tdl_status st = TDL_OK;

    for (tdl_rule_kind kind = 0; kind < TDL_RULE_KINDS_N; kind++) {
        const json_t *rules;
        if (!is_said(object, kinds[kind], &rules))
            continue;
        if (!json_is_array(rules))
            return TDL_FAIL(r->why, TDL_E_INVALID, "%s must be an array, not of type %s",
                            kinds[kind], tdl_json_type_name(rules));
        for (size_t i = 0; !st && i < json_array_size(rules); i++)
            st = read_rule(r, json_array_get(rules, i), kind, i);
        if (st)
            return st;
    }
    return TDL_OK;
}

/* ---- variety and chance ---- */

static tdl_status read_diversity(const json_t *object, tdl_diversity_options *ret, tdl_report *why)
{
    static const char *const names[] = {"kind", "lambda", "theta", NULL};
    static const char *const named[] = {
        [TDL_DIVERSITY_OFF] = "off", [TDL_DIVERSITY_MMR] = "mmr", [TDL_DIVERSITY_DPP] = "dpp"};
    tdl_str kind = tdl_str_of(named[ret->kind]);
    size_t i = 0;
    tdl_status st;

    if ((st = check_members(object, names, why)) ||
        (st = read_text(object, "kind", 32, &kind, why)) ||
        (st = read_number(object, "lambda", 0, 1, &ret->lambda, why)) ||
        (st = read_number(object, "theta", 0, 20, &ret->theta, why)))
        return st;
    while (i < sizeof named / sizeof *named && !tdl_str_is(kind, named[i]))
        i++;
    if (i == sizeof named / sizeof *named)
        return TDL_FAIL(why, TDL_E_INVALID, "kind is one of off, mmr, dpp");
    ret->kind = (tdl_diversity_kind)i;
    return TDL_OK;
}

static tdl_status read_explore(const json_t *object, tdl_explore_options *ret, tdl_report *why)
{
    static const char *const names[] = {"kind",  "epsilon",   "temperature", "spread",
                                        "gamma", "from_slot", "new_items",   NULL};
    static const char *const new_names[] = {"impressions", "share", NULL};
    tdl_str kind = tdl_str_of(tdl_explore_name(ret->kind));
    const json_t *fresh;
    tdl_status st;

    if ((st = check_members(object, names, why)) ||
        (st = read_text(object, "kind", 32, &kind, why)) ||
        (st = read_number(object, "epsilon", 0, 1, &ret->epsilon, why)) ||
        (st = read_number(object, "temperature", 1e-3, 1e3, &ret->temperature, why)) ||
        (st = read_number(object, "spread", 1e-3, 1e3, &ret->spread, why)) ||
        (st = read_number(object, "gamma", 0, 1e6, &ret->gamma, why)) ||
        (st = read_size(object, "from_slot", 1, SLOTS_MAX + 1, &ret->from_slot, why)))
        return st;
    if (!tdl_explore_parse(kind, &ret->kind))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "kind is one of off, epsilon, plackett_luce, thompson, squarecb");
    if (!is_said(object, "new_items", &fresh))
        return TDL_OK;
    if (!(st = check_members(fresh, new_names, why)) &&
        !(st = read_size(fresh, "impressions", 0, 1000000, &ret->impressions, why)))
        st = read_number(fresh, "share", 0, .1, &ret->share, why);
    if (st)
        tdl_report_prefix(why, "new_items");
    return st;
}

static tdl_status read_sends(const json_t *object, tdl_policy *p, tdl_report *why)
{
    static const char *const names[] = {"most", "within", NULL};
    tdl_status st;

    if ((st = check_members(object, names, why)) ||
        (st = read_size(object, "most", 1, 1000, &p->sends_most, why)) ||
        (st = read_span(object, "within", &p->sends_us, why)))
        return st;
    return p->sends_most && p->sends_us
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "both most and within are wanted");
}

static tdl_status read_parts(const json_t *object, tdl_policy *p, tdl_report *why)
{
    const json_t *part;
    tdl_status st = TDL_OK;

    if (is_said(object, "diversity", &part) && (st = read_diversity(part, &p->diversity, why)))
        tdl_report_prefix(why, "diversity");
    else if (is_said(object, "explore", &part) && (st = read_explore(part, &p->explore, why)))
        tdl_report_prefix(why, "explore");
    else if (is_said(object, "sends", &part) && (st = read_sends(part, p, why)))
        tdl_report_prefix(why, "sends");
    return st;
}

static tdl_status read_name(reader *r, const json_t *object, const char *member, size_t max,
                            tdl_str *ret)
{
    tdl_str name = {0};
    tdl_status st = read_text(object, member, max, &name, r->why);

    if (!st && name.at)
        *ret = tdl_arena_str(r->policy->arena, name);
    return st || !name.at || ret->at ? st : no_memory(r->why);
}

/* Is there a rung of this name, in whatever model? */
static bool is_rung(tdl_str name)
{
    bool found = tdl_ladder_find(name) < TDL_RUNGS_N;

    for (size_t i = 0; !found && i < tdl_contenders_n; i++)
        found = tdl_str_is(name, tdl_contenders[i].name);
    return found;
}

static tdl_status read_rung(reader *r, const json_t *value, tdl_str *rung, size_t at)
{
    tdl_str name = {json_string_value(value), json_string_length(value)};

    if (!json_is_string(value) || (r->known && !is_rung(name)))
        return TDL_FAIL_HINT(r->why, TDL_E_INVALID, "treadle recommend evaluate names all of them",
                             "rungs[%zu]: there is no rung \"%.*s\"", at, TDL_FMT(name));
    for (size_t i = 0; i < at; i++)
        if (tdl_str_eq(rung[i], name))
            return TDL_FAIL(r->why, TDL_E_INVALID, "rungs: \"%.*s\" is named twice", TDL_FMT(name));
    rung[at] = tdl_arena_str(r->policy->arena, name);
    return rung[at].at ? TDL_OK : no_memory(r->why);
}

static tdl_status read_rungs(reader *r, const json_t *object)
{
    const json_t *said;
    size_t n;
    tdl_status st = TDL_OK;

    if (!is_said(object, "rungs", &said) ||
        (json_is_string(said) && !strcmp(json_string_value(said), "auto")))
        return TDL_OK;
    n = json_array_size(said);
    if (!n || n > TDL_RUNG_BLEND_MAX)
        return TDL_FAIL(r->why, TDL_E_INVALID,
                        "rungs is \"auto\", or an array of 1 to %d names of rungs",
                        TDL_RUNG_BLEND_MAX);
    tdl_str *rung = tdl_arena_zalloc(r->policy->arena, n, sizeof *rung);
    if (!rung)
        return no_memory(r->why);
    for (size_t i = 0; !st && i < n; i++)
        st = read_rung(r, json_array_get(said, i), rung, i);
    r->policy->rung = rung;
    r->policy->rungs_n = n;
    return st;
}

static tdl_status read_all(reader *r, const json_t *object)
{
    static const char *const names[] = {
        "where",       "boost",   "bury",  "pin",    "cap",   "slots",    "margin_floor",
        "stock_floor", "seen",    "sent",  "window", "sends", "suppress", "diversity",
        "explore",     "segment", "rungs", "target", NULL};
    tdl_policy *p = r->policy;
    tdl_status st;

    if ((st = check_members(object, names, r->why)) ||
        (st = read_expression(r, object, "where", &p->where)) ||
        (st = read_expression(r, object, "suppress", &p->suppress)) ||
        (st = read_name(r, object, "segment", TDL_SEGMENT_MAX, &p->segment)) ||
        (st = read_name(r, object, "target", TDL_TARGET_MAX, &p->target)) ||
        (st = read_rungs(r, object)) ||
        (st = read_number(object, "margin_floor", -1e9, 1, &p->margin_floor, r->why)) ||
        (st = read_number(object, "stock_floor", 0, 1e9, &p->stock_floor, r->why)) ||
        (st = read_span(object, "seen", &p->seen_us, r->why)) ||
        (st = read_span(object, "sent", &p->sent_us, r->why)) ||
        (st = read_span(object, "window", &p->window_us, r->why)) ||
        (st = read_parts(object, p, r->why)))
        return st;
    return read_rules(r, object);
}

static const tdl_policy plain = {
    .margin_floor = NAN,
    .stock_floor = 1,
    .window_us = INT64_C(86400000000),
    .diversity = {.lambda = .8, .theta = 1},
    .explore = {.epsilon = .05, .temperature = 1, .spread = .5, .gamma = 20, .from_slot = 3},
};

tdl_status tdl_policy_read(const json_t *object, const tdl_attributes *known, tdl_policy **ret,
                           tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(TDL_POLICY_BYTES);
    tdl_policy *p = arena ? tdl_arena_alloc(arena, 1, sizeof *p) : NULL;
    reader r = {.policy = p, .known = known, .why = why};
    tdl_status st;

    if (!p || !(r.rule = tdl_arena_alloc(arena, TDL_RULES_MAX, sizeof *r.rule))) {
        st = no_memory(why);
        goto out;
    }
    *p = plain;
    p->arena = arena;
    p->rule = r.rule;
    if ((st = read_all(&r, object)))
        goto out;
    *ret = p;
    arena = NULL; /* the policy's now */
out:
    tdl_arena_free(arena);
    return st;
}

void tdl_policy_free(tdl_policy *p)
{
    if (p)
        tdl_arena_free(p->arena);
}
