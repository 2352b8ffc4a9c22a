/* The order of evaluation is that of the SDKs: prerequisites, filters, then a forced value or an
 * experiment. Sticky buckets are a client's; here nobody has one. */
#include <math.h>

#include "flags/growthbook_evaluate.h"
#include "flags/growthbook_hash.h"

enum { PARENTS_DEEP = 64, FEATURES_MAX = 10000 /* looked at in one run */ };

/* Features that are being asked, innermost first. */
typedef struct asked {
    tdl_str key;
    const struct asked *outer;
    size_t depth;
} asked;

static void run_feature(tdl_gb_evaluation *e, tdl_str key, const asked *outer, tdl_gb_result *ret);

/* ---- what is hashed ---- */

/* The attribute as text; NULL `at` when it is falsy. [] is not, and its text is empty. */
static tdl_str hash_value(tdl_gb_evaluation *e, tdl_str attribute)
{
    const json_t *value = json_object_getn(e->attributes, attribute.at, attribute.len);

    if (!tdl_js_truthy(value))
        return (tdl_str){0};
    tdl_str text = tdl_js_text(value, &e->matcher.scratch);
    if (json_is_string(value))
        return text;
    text = tdl_arena_str(e->arena, text);
    e->failed = e->failed || !text.at;
    return text;
}

static bool filtered_out(tdl_gb_evaluation *e, const tdl_gb_rule *rule)
{
    for (size_t i = 0; i < rule->filters_n; i++) {
        const tdl_gb_filter *filter = &rule->filters[i];
        tdl_str id = hash_value(e, filter->attribute);
        if (!id.at || tdl_gb_draw_from(&e->draws, filter->seed, id, &filter->partition) < 0)
            return true;
    }
    return false;
}

/* ---- prerequisites ---- */

static bool parent_holds(tdl_gb_evaluation *e, const tdl_gb_parent *parent, const json_t *value)
{
    json_t *object = json_object();
    bool holds = false;

    if (!object ||
        json_object_set_new(object, "value", value ? json_incref((json_t *)value) : json_null()))
        e->failed = true;
    else
        holds = tdl_gb_matches(&e->matcher, &parent->condition, object);
    json_decref(object);
    return holds;
}

typedef enum parents_say { GO_ON, SKIP_RULE, BLOCK, CYCLE } parents_say;

static parents_say ask_parents(tdl_gb_evaluation *e, const tdl_gb_rule *rule, const asked *self)
{
    for (size_t i = 0; i < rule->parents_n; i++) {
        const tdl_gb_parent *parent = &rule->parents[i];
        tdl_gb_result result;
        run_feature(e, parent->id, self, &result);
        if (result.source == TDL_GB_CYCLE)
            return CYCLE;
        if (!parent_holds(e, parent, result.value.json))
            return parent->gate ? BLOCK : SKIP_RULE;
    }
    return GO_ON;
}

/* ---- forced variations ---- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* parseInt: what digits begin the text, behind blanks and a sign; NaN when none do. */
static double leading_integer(tdl_str text)
{
    double value = 0, base = 10;
    size_t i = 0, from;

    while (i < text.len && is_space(text.at[i]))
        i++;
    bool negative = i < text.len && text.at[i] == '-';
    i += i < text.len && (text.at[i] == '-' || text.at[i] == '+');
    if (i + 1 < text.len && text.at[i] == '0' && (text.at[i + 1] | 0x20) == 'x') {
        base = 16;
        i += 2;
    }
    for (from = i; i < text.len; i++) {
        char lower = (char)(text.at[i] | 0x20);
        double digit = text.at[i] >= '0' && text.at[i] <= '9' ? text.at[i] - '0'
                       : lower >= 'a' && lower <= 'f'         ? lower - 'a' + 10
                                                              : base;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    return i == from ? NAN : negative ? -value : value;
}

static tdl_str until(tdl_str text, char end)
{
    const char *at = text.len ? memchr(text.at, end, text.len) : NULL;
    return at ? (tdl_str){text.at, (size_t)(at - text.at)} : text;
}

static tdl_str behind(tdl_str text, size_t n)
{
    return n < text.len ? (tdl_str){text.at + n, text.len - n} : (tdl_str){0};
}

/* Variation that "?experiment=1" of the page asks for; -1 = none. The first such parameter counts.
 */
static int variation_of_url(tdl_str url, tdl_str experiment, size_t variations_n)
{
    tdl_str query = behind(url, until(url, '?').len + 1);

    query = until(until(query, '?'), '#');
    while (query.len) {
        tdl_str pair = until(query, '&'), name = until(pair, '=');
        query = behind(query, pair.len + 1);
        if (!tdl_str_eq(name, experiment))
            continue;
        double value = leading_integer(until(behind(pair, name.len + 1), '='));
        return value >= 0 && value < (double)variations_n ? (int)value : -1;
    }
    return -1;
}

/* Did somebody choose the variation already? -1: one that is not there, which excludes. */
static bool forced_variation(tdl_gb_evaluation *e, tdl_str experiment, size_t variations_n,
                             int *ret)
{
    *ret = variation_of_url(e->context->url, experiment, variations_n);
    if (*ret >= 0)
        return true;
    const json_t *forced = json_object_getn(e->context->forced, experiment.at, experiment.len);
    double value = json_number_value(forced);
    bool valid = json_is_number(forced) && value == floor(value) && value >= 0 &&
                 value < (double)variations_n;
    *ret = valid ? (int)value : -1;
    return forced != NULL;
}

/* ---- experiments ---- */

tdl_str tdl_gb_variant(tdl_gb_evaluation *e, const tdl_gb_rule *rule, int variation)
{
    const json_t *meta = json_array_get(rule->meta, (size_t)variation);
    tdl_str key = {0};

    if (tdl_json_get_str(meta, "key", &key) && key.len)
        return key;
    key = tdl_arena_printf(e->arena, "%d", variation);
    e->failed = e->failed || !key.at;
    return key;
}

/* The weights of the bandit's leaf in place of the rule's. */
static const tdl_gb_partition *bandit_partition(tdl_gb_evaluation *e, const tdl_gb_rule *rule,
                                                const tdl_gb_leaf *leaf)
{
    size_t weights_n = json_array_size(leaf->weights);
    tdl_gb_partition *partition = tdl_arena_alloc(e->arena, 1, sizeof *partition);
    tdl_gb_range *ranges = tdl_arena_alloc(e->arena, rule->values_n, sizeof *ranges);
    double *weights = tdl_arena_alloc(e->arena, weights_n, sizeof *weights);

    if (!partition || !ranges || !weights) {
        e->failed = true;
        return &rule->partition;
    }
    for (size_t i = 0; i < weights_n; i++)
        weights[i] = json_number_value(json_array_get(leaf->weights, i));
    tdl_gb_ranges(rule->values_n, rule->coverage, weights, weights_n, ranges);
    e->failed =
        !tdl_gb_partition_make(e->arena, rule->version, ranges, rule->values_n, false, partition) ||
        e->failed;
    return e->failed ? &rule->partition : partition;
}

static const tdl_gb_partition *find_partition(tdl_gb_evaluation *e, tdl_gb_exposure *exposure)
{
    const tdl_gb_rule *rule = exposure->rule;

    if (rule->bandit)
        exposure->bandit = tdl_gb_find_bandit(e->set, rule->bandit);
    for (size_t i = 0; exposure->bandit && i < exposure->bandit->leaves_n; i++)
        if (tdl_gb_matches(&e->matcher, &exposure->bandit->leaves[i].condition, e->attributes)) {
            exposure->leaf = &exposure->bandit->leaves[i];
            break;
        }
    return exposure->leaf && !rule->has_ranges ? bandit_partition(e, rule, exposure->leaf)
                                               : &rule->partition;
}

/* Let the hash choose. -1: not part of the experiment. */
static int hashed_variation(tdl_gb_evaluation *e, tdl_gb_exposure *exposure)
{
    const tdl_gb_rule *rule = exposure->rule;
    tdl_str seed = rule->seed.len ? rule->seed : exposure->experiment;

    exposure->id = hash_value(e, rule->attribute);
    if (!exposure->id.at)
        return -1;
    if (rule->has_namespace && tdl_gb_draw_from(&e->draws, rule->namespace_seed, exposure->id,
                                                &rule->namespace_partition) < 0)
        return -1;
    if (rule->condition && !tdl_gb_matches(&e->matcher, rule->condition, e->attributes))
        return -1;
    const tdl_gb_partition *partition = find_partition(e, exposure);
    exposure->variation = tdl_gb_draw_from(&e->draws, seed, exposure->id, partition);
    if (exposure->variation >= 0 && !e->draws.replaying) {
        uint32_t bucket = tdl_gb_bucket(seed, exposure->id, partition->version);
        exposure->bucket = bucket / (double)tdl_gb_buckets(partition->version);
        tdl_gb_expose(e, exposure);
    }
    return exposure->variation;
}

static bool run_experiment(tdl_gb_evaluation *e, tdl_str feature, const tdl_gb_rule *rule,
                           tdl_gb_result *ret)
{
    tdl_gb_exposure exposure = {
        .feature = feature, .experiment = rule->key.len ? rule->key : feature, .rule = rule};
    int variation;

    if (rule->values_n < 2)
        return false;
    bool forced = forced_variation(e, exposure.experiment, rule->values_n, &variation);
    if (!forced)
        variation = hashed_variation(e, &exposure);
    if (variation < 0 || (size_t)variation >= rule->values_n ||
        tdl_js_truthy(
            json_object_get(json_array_get(rule->meta, (size_t)variation), "passthrough")))
        return false;
    ret->source = TDL_GB_EXPERIMENT;
    ret->value = rule->values[variation];
    ret->variation = variation;
    ret->hashed = !forced;
    return true;
}

/* ---- rules ---- */

static bool run_force(tdl_gb_evaluation *e, tdl_str feature, const tdl_gb_rule *rule,
                      tdl_gb_result *ret)
{
    if (rule->condition && !tdl_gb_matches(&e->matcher, rule->condition, e->attributes))
        return false;
    if (rule->has_chance) {
        tdl_str id = hash_value(e, rule->attribute);
        if (!id.at || tdl_gb_draw_from(&e->draws, rule->seed.len ? rule->seed : feature, id,
                                       &rule->partition) < 0)
            return false;
    }
    ret->source = TDL_GB_FORCE;
    ret->value = rule->values[0];
    return true;
}

/* True when it decided. */
static bool run_rule(tdl_gb_evaluation *e, const asked *self, const tdl_gb_rule *rule,
                     tdl_gb_result *ret)
{
    switch (ask_parents(e, rule, self)) {
    case CYCLE:
        ret->source = TDL_GB_CYCLE;
        return true;
    case BLOCK:
        ret->source = TDL_GB_BLOCKED;
        return true;
    case SKIP_RULE:
        return false;
    case GO_ON:
        break;
    }
    if (filtered_out(e, rule))
        return false;
    if (rule->kind == TDL_GB_RULE_FORCE)
        return run_force(e, self->key, rule, ret);
    return rule->kind == TDL_GB_RULE_EXPERIMENT && run_experiment(e, self->key, rule, ret);
}

static void run_rules(tdl_gb_evaluation *e, const tdl_gb_feature *feature, const asked *self,
                      tdl_gb_result *ret)
{
    for (size_t i = 0; i < feature->rules_n; i++) {
        size_t before = e->draws.n;
        if (run_rule(e, self, &feature->rules[i], ret)) {
            ret->rule = (int)i;
            return;
        }
        ret->missed = ret->missed || e->draws.n > before;
    }
    ret->source = TDL_GB_DEFAULT;
    ret->value = feature->default_value;
}

static bool is_asked(const asked *outer, tdl_str key)
{
    for (; outer; outer = outer->outer)
        if (tdl_str_eq(outer->key, key))
            return true;
    return false;
}

/* A feature of another family is as unknown as it is to an SDK that evaluates itself. */
static void run_feature(tdl_gb_evaluation *e, tdl_str key, const asked *outer, tdl_gb_result *ret)
{
    asked self = {.key = key, .outer = outer, .depth = outer ? outer->depth + 1 : 1};
    const json_t *forced = json_object_getn(e->context->forced_values, key.at, key.len);
    const tdl_flag *flag;

    *ret = (tdl_gb_result){.source = TDL_GB_UNKNOWN, .rule = -1};
    e->too_much = e->too_much || self.depth > PARENTS_DEEP || ++e->features_n > FEATURES_MAX;
    if (e->too_much || is_asked(outer, key)) {
        ret->source = TDL_GB_CYCLE;
    } else if (forced) {
        ret->source = TDL_GB_OVERRIDE;
        ret->value.json = forced;
    } else if ((flag = tdl_flag_set_find(e->set, key)) && flag->family == &tdl_flag_growthbook) {
        run_rules(e, flag->compiled, &self, ret);
    }
}

void tdl_gb_run(tdl_gb_evaluation *e, tdl_str key, tdl_gb_result *ret)
{
    e->features_n = 0;
    run_feature(e, key, NULL, ret);
}
