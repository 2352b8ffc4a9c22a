/* What a flag looks at besides what was sent: stored properties, other flags. */
#include "flags/posthog.h"

enum { CHAIN_MAX = 32, BUDGET = 10000 };

static bool wants_own(const tdl_posthog_flag *f, const json_t *sent)
{
    for (size_t i = 0; i < f->keys_n; i++)
        if (!json_object_get(sent, f->keys[i]))
            return true;
    return false;
}

/* What the flags look at that it depends on is looked at too; for those behind them it is taken for
 * granted that they want something. */
bool tdl_posthog_wants(const tdl_flag_set *set, const tdl_flag *flag, const json_t *properties)
{
    const tdl_posthog_flag *f = flag->compiled, *other;

    if (!f->active)
        return false;
    if (wants_own(f, properties))
        return true;
    for (size_t i = 0; i < f->depends_n; i++) {
        const tdl_flag *on = tdl_flag_set_find(set, tdl_str_of(f->depends[i]));
        if (on && (other = tdl_posthog_of(on)) && other->active &&
            (other->depends_n || wants_own(other, properties)))
            return true;
    }
    return false;
}

static bool leads_back(const tdl_flag_set *set, const tdl_flag *flag, int depth, size_t *budget)
{
    const tdl_posthog_flag *f = tdl_posthog_of(flag);

    if (depth == CHAIN_MAX || !*budget)
        return true;
    --*budget;
    for (size_t i = 0; f && i < f->depends_n; i++) {
        const tdl_flag *on = tdl_flag_set_find(set, tdl_str_of(f->depends[i]));
        if (!on || leads_back(set, on, depth + 1, budget))
            return true;
    }
    return false;
}

bool tdl_posthog_is_acyclic(const tdl_flag_set *set, const tdl_flag *flag)
{
    size_t budget = BUDGET;

    return !leads_back(set, flag, 0, &budget);
}
