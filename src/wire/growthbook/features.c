#include <string.h>

#include "flags/growthbook.h"
#include "wire/growthbook/growthbook.h"

static const tdl_gb_feature *feature_at(const tdl_flag_set *set, size_t i)
{
    const tdl_flag *flag = tdl_flag_set_at(set, i);
    return flag->family == &tdl_flag_growthbook ? flag->compiled : NULL;
}

/* What the flags of a set share: of several that give the same name, the first counts. */
static void write_shared(tdl_jw *w, const tdl_flag_set *set, const char *member)
{
    json_t *shared = json_object(), *value;
    tdl_buf text = {0};
    const char *key;

    w->out->failed = w->out->failed || !shared;
    for (size_t i = 0; i < tdl_flag_set_count(set); i++) {
        if (!feature_at(set, i))
            continue;
        json_object_foreach(json_object_get(tdl_flag_set_at(set, i)->definition, member), key,
                            value)
        {
            if (!json_object_get(shared, key) && json_object_set(shared, key, value))
                w->out->failed = true;
        }
    }
    tdl_js_stringify(&text, shared, true);
    tdl_jw_kraw(w, member, tdl_buf_view(&text));
    w->out->failed = w->out->failed || text.failed;
    tdl_buf_release(&text);
    json_decref(shared);
}

static int64_t last_change(const tdl_flag_set *set)
{
    int64_t last_us = 0;

    for (size_t i = 0; i < tdl_flag_set_count(set); i++)
        if (tdl_flag_set_at(set, i)->row.updated_us > last_us)
            last_us = tdl_flag_set_at(set, i)->row.updated_us;
    return last_us;
}

static void begin(tdl_jw *w)
{
    tdl_jw_object(w);
    tdl_jw_kint(w, "status", 200);
    tdl_jw_key(w, "features");
    tdl_jw_object(w);
}

static void end_features(tdl_jw *w, const tdl_flag_set *set)
{
    tdl_jw_end_object(w);
    tdl_jw_kraw(w, "experiments", TDL_STR("[]"));
    tdl_jw_ktime(w, "dateUpdated", last_change(set));
}

void tdl_growthbook_write_features(tdl_jw *w, const tdl_flag_set *set)
{
    begin(w);
    for (size_t i = 0; i < tdl_flag_set_count(set); i++)
        if (feature_at(set, i))
            tdl_jw_kraw(w, tdl_flag_set_at(set, i)->row.key.at, feature_at(set, i)->served);
    end_features(w, set);
    write_shared(w, set, "savedGroups");
    write_shared(w, set, "contextualBandits");
    tdl_jw_end_object(w);
}

/* ---- answers ---- */

void tdl_growthbook_begin_answers(tdl_jw *w)
{
    begin(w);
}

/* The rule's own name, which a GrowthBook definition gives it. */
static void write_rule_id(tdl_jw *w, const tdl_flag *flag, int rule)
{
    const json_t *rules = json_object_get(flag->definition, "rules");
    tdl_str id;

    if (tdl_json_get_str(json_array_get(rules, (size_t)rule), "id", &id))
        tdl_jw_kstr(w, "id", id);
}

/* The default stays what it is unless a rule has a word in it: then the answer is forced, and goes
 * with the exposures that the SDK has still to report. */
void tdl_growthbook_write_answer(tdl_jw *w, const tdl_flag *flag, const tdl_flag_answer *answer)
{
    bool by_rule = answer->rule >= 0 && answer->reason != TDL_FLAG_DEPENDENCY;

    tdl_jw_key(w, flag->row.key.at);
    tdl_jw_object(w);
    tdl_jw_kraw(w, "defaultValue", by_rule ? answer->default_value : answer->value);
    if (by_rule || answer->exposures.len) {
        tdl_jw_key(w, "rules");
        tdl_jw_array(w);
        tdl_jw_object(w);
        if (by_rule)
            write_rule_id(w, flag, answer->rule);
        tdl_jw_kraw(w, "force", answer->value);
        if (answer->exposures.len)
            tdl_jw_kraw(w, "tracks", answer->exposures);
        tdl_jw_end_object(w);
        tdl_jw_end_array(w);
    }
    tdl_jw_end_object(w);
}

void tdl_growthbook_end_answers(tdl_jw *w, const tdl_flag_set *set)
{
    end_features(w, set);
    tdl_jw_end_object(w);
}
