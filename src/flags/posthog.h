/* PostHog's flags: their compiled form, and what the protocol asks of it.
 *
 * Order of an answer: switched off; held out; the conditions one after the other, each all of its
 * properties, then its share of the hash; the variant, named by the condition or by a second hash.
 */
#ifndef TDL_FLAGS_POSTHOG_H
#define TDL_FLAGS_POSTHOG_H

#include "flags/family.h"
#include "flags/posthog_match.h"

/* One thing a flag can answer. */
typedef struct tdl_posthog_value {
    tdl_str key;     /* empty: plain true */
    tdl_str json;    /* "test" in quotes, true */
    tdl_str payload; /* JSON; empty = none */
} tdl_posthog_value;

typedef struct tdl_posthog_variant {
    tdl_posthog_value value;
    double low, high; /* of the second hash: [low, high) */
} tdl_posthog_variant;

typedef struct tdl_posthog_condition {
    tdl_posthog_property *properties;
    size_t properties_n;
    double share;                       /* in [0, 1]: in if the hash is at most this */
    const tdl_posthog_variant *variant; /* answered in place of the hash's; NULL = none */
    const char *group;                  /* type it is about, if that differs from the flag's */
    bool unsure;                        /* may hold here where an SDK cannot tell */
    bool skipped;                       /* it is about a type that the definition does not name */
} tdl_posthog_condition;

typedef struct tdl_posthog_flag {
    tdl_arena *arena; /* of all this */
    tdl_posthog_pattern *patterns;
    bool active, sticky, by_device, early_exit, held;
    bool recent;       /* uses what old SDKs do not know, or decide otherwise */
    bool passing;      /* an SDK that cannot tell a condition may answer otherwise by a later one */
    bool chance;       /* some hash may have a part in an answer */
    const char *group; /* type it is about; NULL: persons */
    const char **keys, **depends; /* [keys_n] properties, [depends_n] flags it looks at */
    size_t keys_n, depends_n;
    double held_share; /* of everybody, held out of it */
    tdl_posthog_value on, holdout;
    tdl_posthog_variant *variants; /* [variants_n] */
    size_t variants_n;
    tdl_posthog_condition *conditions; /* [conditions_n] */
    size_t conditions_n;
} tdl_posthog_flag;

/* Hash of `key` + `separator` + `id` + `salt`, in [0, 1]: 60 bits of SHA-1. */
double tdl_posthog_hash(tdl_str key, const char *separator, tdl_str id, const char *salt);

/* posthog_decide.c, posthog_needs.c: the family's `evaluate` and `wants`. */
tdl_status tdl_posthog_evaluate(const tdl_flag_set *set, const tdl_flag *flag,
                                const tdl_flag_context *context, tdl_arena *arena,
                                tdl_flag_answer *ret, tdl_report *why);
bool tdl_posthog_wants(const tdl_flag_set *set, const tdl_flag *flag, const json_t *properties);

/* Are all flags that it depends on there, and none of them itself? Bounded: false past some depth.
 */
bool tdl_posthog_is_acyclic(const tdl_flag_set *set, const tdl_flag *flag);

/* NULL when the flag is of another family. */
const tdl_posthog_flag *tdl_posthog_of(const tdl_flag *flag);

#endif
