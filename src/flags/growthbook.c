#include "flags/growthbook.h"

#include "flags/growthbook_evaluate.h"

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the flag does not fit into the request's memory");
}

/* ---- what a set shares ---- */

static const tdl_gb_feature *feature_at(const tdl_flag_set *set, size_t i)
{
    const tdl_flag *flag = tdl_flag_set_at(set, i);
    return flag->family == &tdl_flag_growthbook ? flag->compiled : NULL;
}

static const tdl_gb_group *look_for_group(const tdl_flag_set *set, tdl_str id)
{
    for (size_t i = 0; i < tdl_flag_set_count(set); i++) {
        const tdl_gb_feature *feature = feature_at(set, i);
        for (size_t k = 0; feature && k < feature->groups_n; k++)
            if (tdl_str_eq(feature->groups[k].id, id))
                return &feature->groups[k];
    }
    return NULL;
}

static const tdl_gb_bandit *look_for_bandit(const tdl_flag_set *set, tdl_str id)
{
    for (size_t i = 0; i < tdl_flag_set_count(set); i++) {
        const tdl_gb_feature *feature = feature_at(set, i);
        for (size_t k = 0; feature && k < feature->bandits_n; k++)
            if (tdl_str_eq(feature->bandits[k].id, id))
                return &feature->bandits[k];
    }
    return NULL;
}

/* Two threads may look at once; they find the same. */
const tdl_gb_group *tdl_gb_find_group(const tdl_flag_set *set, tdl_gb_group_ref *ref)
{
    static const tdl_gb_group none;
    const tdl_gb_group *found = atomic_load_explicit(&ref->found, memory_order_relaxed);

    if (!found) {
        found = look_for_group(set, ref->id);
        found = found ? found : &none;
        atomic_store_explicit(&ref->found, found, memory_order_relaxed);
    }
    return found == &none ? NULL : found;
}

const tdl_gb_bandit *tdl_gb_find_bandit(const tdl_flag_set *set, tdl_gb_bandit_ref *ref)
{
    static const tdl_gb_bandit none;
    const tdl_gb_bandit *found = atomic_load_explicit(&ref->found, memory_order_relaxed);

    if (!found) {
        found = look_for_bandit(set, ref->id);
        found = found ? found : &none;
        atomic_store_explicit(&ref->found, found, memory_order_relaxed);
    }
    return found == &none ? NULL : found;
}

/* ---- arms: every answer there could have been ---- */

typedef struct arm {
    const tdl_gb_rule *rule; /* NULL: no rule's */
    int variation;
    double probability;
} arm;

/* The default first, then what a gate blocks, then each rule's values. */
static size_t count_arms(const tdl_gb_feature *feature)
{
    size_t n = 2;

    for (size_t i = 0; i < feature->rules_n; i++)
        n += feature->rules[i].values_n;
    return n;
}

static size_t arm_of(const tdl_gb_feature *feature, const tdl_gb_result *result)
{
    size_t at = 2;

    if (result->rule < 0)
        return 0;
    if (result->source != TDL_GB_FORCE && result->source != TDL_GB_EXPERIMENT)
        return 1;
    for (int i = 0; i < result->rule; i++)
        at += feature->rules[i].values_n;
    return at + (size_t)result->variation;
}

static void name_arms(const tdl_gb_feature *feature, arm *arms)
{
    size_t at = 2;

    for (size_t i = 0; i < feature->rules_n; i++)
        for (size_t k = 0; k < feature->rules[i].values_n; k++)
            arms[at++] = (arm){.rule = &feature->rules[i], .variation = (int)k};
}

/* Run through the rules once for each way the hashes can fall. False: too many, or no memory. */
static bool weigh_arms(tdl_gb_evaluation *e, const tdl_flag *flag, arm *arms)
{
    tdl_gb_result result;
    size_t ways = 0;

    e->draws.replaying = true;
    e->draws.n = e->draws.scripted = 0;
    e->draws.probability = 1;
    do {
        tdl_gb_run(e, flag->row.key, &result);
        arms[arm_of(flag->compiled, &result)].probability += e->draws.probability;
        e->too_much = e->too_much || e->draws.too_many || ++ways > TDL_GB_WAYS_MAX;
    } while (!e->too_much && !e->failed && tdl_gb_next_way(&e->draws));
    return !e->too_much && !e->failed;
}

static bool is_taken(const tdl_flag_arm *arms, size_t n, tdl_str key)
{
    for (size_t i = 0; i < n; i++)
        if (tdl_str_eq(arms[i].key, key))
            return true;
    return false;
}

/* The variant; "true" for a forced value, "false" for the default, "null" behind a gate. Where that
 * is another rule's already, the rule is named too. */
static tdl_str arm_key(tdl_gb_evaluation *e, const tdl_gb_feature *feature, const arm *a, size_t at,
                       const tdl_flag_arm *before, size_t n)
{
    tdl_str key = at == 0 ? TDL_STR("false") : at == 1 ? TDL_STR("null") : TDL_STR("true");

    if (!a->rule)
        return key;
    if (a->rule->kind == TDL_GB_RULE_EXPERIMENT)
        key = tdl_gb_variant(e, a->rule, a->variation);
    if (is_taken(before, n, key))
        key = tdl_arena_printf(e->arena, "%td/%.*s", a->rule - feature->rules, TDL_FMT(key));
    e->failed = e->failed || !key.at;
    return key;
}

/* A single arm is no chance at all. */
static void list_arms(tdl_gb_evaluation *e, const tdl_flag *flag, const tdl_gb_result *result,
                      tdl_flag_answer *ret)
{
    const tdl_gb_feature *feature = flag->compiled;
    size_t most = count_arms(feature), n = 0, chosen = arm_of(feature, result);
    arm *arms = tdl_arena_zalloc(e->arena, most, sizeof *arms);
    tdl_flag_arm *listed = tdl_arena_alloc(e->arena, most, sizeof *listed);

    if (!arms || !listed) {
        e->failed = true;
        return;
    }
    name_arms(feature, arms);
    if (!weigh_arms(e, flag, arms))
        return;
    for (size_t i = 0; i < most; i++) {
        if (!(arms[i].probability > 0) && i != chosen)
            continue;
        if (i == chosen)
            ret->chosen = n;
        listed[n].probability = arms[i].probability;
        listed[n].key = arm_key(e, feature, &arms[i], i, listed, n);
        n++;
    }
    ret->arms = listed;
    ret->arms_n = n > 1 ? n : 0;
}

/* ---- answers ---- */

static tdl_flag_reason reason_of(const tdl_gb_feature *feature, const tdl_gb_result *result)
{
    switch (result->source) {
    case TDL_GB_EXPERIMENT:
        return result->hashed ? TDL_FLAG_SPLIT : TDL_FLAG_MATCH;
    case TDL_GB_BLOCKED:
    case TDL_GB_CYCLE:
        return TDL_FLAG_DEPENDENCY;
    case TDL_GB_DEFAULT:
        return !feature->rules_n ? TDL_FLAG_STATIC
               : result->missed  ? TDL_FLAG_OUT_OF_ROLLOUT
                                 : TDL_FLAG_NO_MATCH;
    default:
        return TDL_FLAG_MATCH;
    }
}

static tdl_str text_of(tdl_gb_evaluation *e, tdl_gb_value value)
{
    tdl_buf text = {0};

    if (value.text.len)
        return value.text;
    if (!value.json)
        return TDL_STR("null");
    tdl_js_stringify(&text, value.json, true);
    tdl_str kept = text.failed ? (tdl_str){0} : tdl_arena_str(e->arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    e->failed = e->failed || !kept.at;
    return kept;
}

static void answer(tdl_gb_evaluation *e, const tdl_flag *flag, const tdl_gb_result *result,
                   tdl_flag_answer *ret)
{
    const tdl_gb_feature *feature = flag->compiled;

    ret->value = text_of(e, result->value);
    ret->rule = result->rule;
    ret->reason = reason_of(feature, result);
    if (result->source == TDL_GB_EXPERIMENT) {
        const tdl_gb_rule *rule = &feature->rules[result->rule];
        ret->variant = tdl_gb_variant(e, rule, result->variation);
        ret->experiment = rule->key.len ? rule->key : flag->row.key;
    }
    if (e->text.len) {
        tdl_jw_end_array(&e->exposures);
        ret->exposures = tdl_arena_str(e->arena, tdl_buf_view(&e->text));
        e->failed = e->failed || e->text.failed || !ret->exposures.at;
    }
    if (e->draws.n)
        list_arms(e, flag, result, ret);
}

/* SDKs that know ids, and not attributes, mean the attribute "id". ret: to be released. */
static json_t *attributes_of(const tdl_flag_context *context)
{
    json_t *given = (json_t *)context->properties;

    if (json_is_object(given) && (!context->id.len || json_object_get(given, "id")))
        return json_incref(given);
    json_t *attributes = json_is_object(given) ? json_copy(given) : json_object();
    if (attributes && context->id.len &&
        json_object_set_new(attributes, "id", json_stringn(context->id.at, context->id.len))) {
        json_decref(attributes);
        return NULL;
    }
    return attributes;
}

static void set_default(const tdl_flag *flag, tdl_flag_answer *ret)
{
    const tdl_gb_feature *feature = flag->compiled;

    *ret = (tdl_flag_answer){.value = feature->default_value.text,
                             .default_value = feature->default_value.text,
                             .reason = TDL_FLAG_UNDECIDED,
                             .rule = -1};
}

static tdl_status evaluate(const tdl_flag_set *set, const tdl_flag *flag,
                           const tdl_flag_context *context, tdl_arena *arena, tdl_flag_answer *ret,
                           tdl_report *why)
{
    json_t *attributes = attributes_of(context);
    tdl_gb_draw draw[TDL_GB_DRAWS_MAX];
    tdl_gb_evaluation e = {.set = set,
                           .context = context,
                           .attributes = attributes,
                           .arena = arena,
                           .matcher = {.set = set},
                           .draws = {.draw = draw}};
    tdl_gb_result result;

    if (!attributes)
        return no_memory(why);
    e.exposures.out = &e.text;
    set_default(flag, ret);
    tdl_gb_run(&e, flag->row.key, &result);
    if (!e.too_much)
        answer(&e, flag, &result, ret);
    if (e.too_much) // what cannot be weighed is not answered
        set_default(flag, ret);
    ret->enabled = !tdl_str_is(ret->value, "false") && !tdl_str_is(ret->value, "null");
    bool failed = e.failed || e.matcher.scratch.failed || e.matcher.other.failed;
    tdl_gb_matcher_release(&e.matcher);
    tdl_buf_release(&e.text);
    json_decref(attributes);
    return failed ? no_memory(why) : TDL_OK;
}

const tdl_flag_family tdl_flag_growthbook = {.name = "growthbook",
                                             .compile = tdl_gb_feature_compile,
                                             .free = tdl_gb_feature_free,
                                             .evaluate = evaluate};
