#include "flags/posthog.h"
#include "wire/posthog/flags.h"

/* Cohorts and group types stand once for all flags there. Each of ours brings its own. */
typedef struct shared {
    json_t *cohorts, *group_types;
} shared;

/* Is there another entry under one of these names already? */
static bool collides(const json_t *all, const json_t *own)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)own, key, value)
    {
        const json_t *other = json_object_get(all, key);
        if (other && !json_equal((json_t *)other, value))
            return true;
    }
    return false;
}

/* False when it says otherwise than a flag before it: then nothing is added. */
static bool share(shared *s, const json_t *definition)
{
    json_t *cohorts = json_object_get(definition, "cohorts");
    json_t *group_types = json_object_get(definition, "group_type_mapping");

    if (collides(s->cohorts, cohorts) || collides(s->group_types, group_types))
        return false;
    if (json_is_object(cohorts))
        json_object_update(s->cohorts, cohorts);
    if (json_is_object(group_types))
        json_object_update(s->group_types, group_types);
    return true;
}

static void write_json(tdl_jw *w, const json_t *value)
{
    tdl_buf text = {0};

    tdl_json_dump(&text, value);
    if (text.failed)
        w->out->failed = true;
    tdl_jw_raw(w, tdl_buf_view(&text));
    tdl_buf_release(&text);
}

static void write_member(tdl_jw *w, const json_t *definition, const char *key)
{
    const json_t *value = json_object_get(definition, key);

    if (!value)
        return;
    tdl_jw_key(w, key);
    write_json(w, value);
}

/* Of another family there is nothing to see but that the server knows. */
static void write_filters(tdl_jw *w, const tdl_posthog_flag *f, const json_t *definition)
{
    if (f && json_is_object(json_object_get(definition, "filters")))
        write_member(w, definition, "filters");
    else if (f)
        tdl_jw_kraw(w, "filters", TDL_STR("{\"groups\":[]}"));
    else
        tdl_jw_kraw(w, "filters",
                    TDL_STR("{\"groups\":[{\"properties\":[],\"rollout_percentage\":100}]}"));
}

static void write_flag(tdl_jw *w, const tdl_flag_set *set, const tdl_flag *flag, bool old,
                       bool agrees)
{
    const tdl_posthog_flag *f = tdl_posthog_of(flag);
    bool ours = !f || !agrees || f->sticky || f->passing || (old && f->recent) ||
                (f->depends_n && !tdl_posthog_is_acyclic(set, flag));
    tdl_str name = {0};

    tdl_json_get_str(flag->definition, "name", &name);
    tdl_jw_object(w);
    tdl_jw_kint(w, "id", flag->row.id);
    tdl_jw_kstr(w, "key", flag->row.key);
    tdl_jw_kstr(w, "name", f ? name : (tdl_str){0});
    tdl_jw_kbool(w, "active", !f || f->active);
    tdl_jw_kint(w, "version", flag->row.version);
    write_filters(w, f, flag->definition);
    tdl_jw_kbool(w, "ensure_experience_continuity", ours);
    if (f)
        write_member(w, flag->definition, "bucketing_identifier");
    tdl_jw_end_object(w);
}

tdl_status tdl_posthog_definitions_write(const tdl_flag_set *set, bool old, tdl_jw *w,
                                         tdl_report *why)
{
    shared s = {json_object(), json_object()};
    bool made = s.cohorts && s.group_types;

    tdl_jw_object(w);
    tdl_jw_key(w, "flags");
    tdl_jw_array(w);
    for (size_t i = 0; made && i < tdl_flag_set_count(set); i++) {
        const tdl_flag *flag = tdl_flag_set_at(set, i);
        bool agrees = !tdl_posthog_of(flag) || share(&s, flag->definition);
        write_flag(w, set, flag, old, agrees);
    }
    tdl_jw_end_array(w);
    tdl_jw_key(w, "group_type_mapping");
    write_json(w, s.group_types);
    tdl_jw_key(w, "cohorts");
    write_json(w, s.cohorts);
    tdl_jw_end_object(w);
    json_decref(s.cohorts);
    json_decref(s.group_types);
    return made ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the definitions");
}
