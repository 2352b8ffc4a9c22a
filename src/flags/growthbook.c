/* Placeholder on the branch: to be written. */
#include "flags/family.h"

static tdl_status compile(const json_t *definition, void **ret, tdl_report *why)
{
    TDL_UNUSED(definition);
    TDL_UNUSED(ret);
    return TDL_FAIL(why, TDL_E_INVALID, "not written yet");
}

static void release(void *compiled)
{
    TDL_UNUSED(compiled);
}

static tdl_status evaluate(const tdl_flag_set *set, const tdl_flag *flag,
                           const tdl_flag_context *context, tdl_arena *arena, tdl_flag_answer *ret,
                           tdl_report *why)
{
    TDL_UNUSED(set);
    TDL_UNUSED(flag);
    TDL_UNUSED(context);
    TDL_UNUSED(arena);
    TDL_UNUSED(ret);
    return TDL_FAIL(why, TDL_E_INTERNAL, "not written yet");
}

const tdl_flag_family tdl_flag_growthbook = {
    .name = "growthbook", .compile = compile, .free = release, .evaluate = evaluate};
