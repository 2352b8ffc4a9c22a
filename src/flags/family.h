/* A family of flags: how its SDKs write a definition, and how they decide by it. */
#ifndef TDL_FLAGS_FAMILY_H
#define TDL_FLAGS_FAMILY_H

#include "flags/flags.h"

struct tdl_flag_family {
    const char *name; /* as in tdl_flag_row.family */

    /* Check the definition and make the form that is evaluated. `definition` is an object and lives
     * as long as what is made of it. TDL_E_INVALID names where in it what is wrong. */
    tdl_status (*compile)(const json_t *definition, void **ret, tdl_report *why);
    void (*free)(void *compiled); /* accepts NULL */
    /* As tdl_flag_evaluate; ret is zeroed. */
    tdl_status (*evaluate)(const tdl_flag_set *set, const tdl_flag *flag,
                           const tdl_flag_context *context, tdl_arena *arena, tdl_flag_answer *ret,
                           tdl_report *why);
    /* As tdl_flag_wants. NULL: it decides by what is sent alone. */
    bool (*wants)(const tdl_flag_set *set, const tdl_flag *flag, const json_t *properties);
};

extern const tdl_flag_family tdl_flag_posthog;    /* posthog.c */
extern const tdl_flag_family tdl_flag_growthbook; /* growthbook.c */

#endif
