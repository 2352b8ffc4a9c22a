/* Cohorts made ready: groups of groups, or of properties, and of other cohorts. */
#include "flags/posthog_match.h"

enum { COHORT_DEPTH_MAX = 16 };

/* A cohort that was met; `cohort` is NULL while it is being compiled. */
struct tdl_posthog_known {
    tdl_str id;
    const tdl_posthog_cohort *cohort;
    struct tdl_posthog_known *next;
};

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the definition needs too much memory");
}

static tdl_status build_group(tdl_posthog_build *b, const json_t *from, tdl_posthog_cohort *ret,
                              tdl_report *why);

static tdl_status build_groups(tdl_posthog_build *b, const json_t *values, tdl_posthog_cohort *ret,
                               tdl_report *why)
{
    tdl_status st;

    ret->nested = true;
    ret->n = json_array_size(values);
    if (!(ret->groups = tdl_arena_zalloc(b->arena, ret->n, sizeof *ret->groups)))
        return no_memory(why);
    for (size_t i = 0; i < ret->n; i++)
        if ((st = build_group(b, json_array_get(values, i), &ret->groups[i], why))) {
            tdl_report_prefix(why, "values[%zu]", i);
            return st;
        }
    return TDL_OK;
}

/* A group without anything in it holds for everybody. */
static tdl_status build_group(tdl_posthog_build *b, const json_t *from, tdl_posthog_cohort *ret,
                              tdl_report *why)
{
    const char *type = json_string_value(json_object_get(from, "type"));
    const json_t *values = json_object_get(from, "values");

    if (json_is_object(from) && !json_object_size(from))
        return TDL_OK;
    if (!type || (strcmp(type, "AND") && strcmp(type, "OR") && strcmp(type, "property")))
        return TDL_FAIL(why, TDL_E_INVALID, "type must be AND or OR");
    ret->any = !strcmp(type, "OR");
    if (json_object_get(json_array_get(values, 0), "values"))
        return build_groups(b, values, ret, why);
    return tdl_posthog_build_properties(b, "values", values, &ret->properties, &ret->n, why);
}

static struct tdl_posthog_known *find_known(const tdl_posthog_build *b, tdl_str id)
{
    struct tdl_posthog_known *known = b->known;

    while (known && !tdl_str_eq(known->id, id))
        known = known->next;
    return known;
}

static tdl_status build_unknown(tdl_posthog_build *b, tdl_str id, const json_t *from,
                                const tdl_posthog_cohort **ret, tdl_report *why)
{
    struct tdl_posthog_known *known = tdl_arena_zalloc(b->arena, 1, sizeof *known);
    tdl_posthog_cohort *cohort = tdl_arena_zalloc(b->arena, 1, sizeof *cohort);
    bool unsure = b->unsure;
    tdl_status st;

    if (!known || !cohort)
        return no_memory(why);
    b->unsure = false;
    *known = (struct tdl_posthog_known){.id = id, .next = b->known};
    b->known = known;
    b->depth++;
    st = build_group(b, from, cohort, why);
    b->depth--;
    cohort->unsure = b->unsure;
    b->unsure |= unsure;
    if (!st)
        *ret = known->cohort = cohort;
    return st;
}

tdl_status tdl_posthog_build_cohort(tdl_posthog_build *b, tdl_str id,
                                    const tdl_posthog_cohort **ret, tdl_report *why)
{
    const struct tdl_posthog_known *known = find_known(b, id);
    const json_t *from = id.at ? json_object_get(b->cohorts, id.at) : NULL;

    if (!from)
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "put its groups into \"cohorts\" of the definition, by its id",
                             "value: there is no cohort \"%.*s\"", TDL_FMT(id));
    if (known && known->cohort) {
        *ret = known->cohort;
        return TDL_OK;
    }
    if (known || b->depth == COHORT_DEPTH_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "value: cohort \"%.*s\" %s", TDL_FMT(id),
                        known ? "contains itself" : "lies too deep in others");
    tdl_status st = build_unknown(b, id, from, ret, why);
    if (st)
        tdl_report_prefix(why, "cohorts.%.*s", TDL_FMT(id));
    return st;
}
