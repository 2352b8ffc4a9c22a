/* The policy of a surface: what may be shown there, in which order rules, variety and chance change
 * what the model said. A JSON object; each member may be left out.
 *
 *     rungs          ["directed", "ease"]: who answers, in place of "auto": who was measured best
 *     segment        "country": a trait; whoever shares it with the person says what is popular
 *     target         "purchase": the kind of events its answers are measured by (weighing.h)
 *     where          expression (expression.h) that an item must meet
 *     boost, bury    [{"when": expression, "by": 0.5}]: added to, taken from the item's log-odds
 *     pin            [{"slot": 1, "item": "id" | "when": expression, "from": time, "to": time}]
 *     cap            [{"attribute": "seller", "most": 2}]: items of one value in an answer
 *     slots          [{"slot": 3, "when": "tag('new')"}]: who may stand there, if anybody fits
 *     margin_floor   least (price - cost) / price, of items that say both, or "margin"
 *     stock_floor    least stock of items that say their stock; 1 unless said
 *     seen           how long what a person took stays away: "never" comes again, "30d", "12h",
 * "0d" diversity      {"kind": "off" | "mmr" | "dpp", "lambda": 0.8, "theta": 1} explore {"kind":
 * "off" | "epsilon" | "plackett_luce" | "thompson" | "squarecb", "epsilon", "temperature",
 * "spread", "gamma", "from_slot", "new_items": {"impressions": 100, "share": 0.1}} window within
 * which a later event is due to an answer: "24h" sent           e-mail: how long what was sent to a
 * person stays away, as `seen` sends          e-mail: {"most": 2, "within": "7d"} answers to one
 * person suppress       e-mail: expression of user.NAME; true = nothing is sent
 *
 * Every rule may have a "name"; without one it is called by its place, "cap[1]".
 *
 * Life cycle   tdl_policy_read -> tdl_policy_check, once -> read only -> tdl_policy_free
 * Threads      immutable
 */
#ifndef TDL_APPS_RECOMMEND_POLICY_H
#define TDL_APPS_RECOMMEND_POLICY_H

#include "apps/recommend/catalogue.h"
#include "apps/recommend/diversity.h"
#include "apps/recommend/explore.h"
#include "apps/recommend/expression.h"

typedef enum tdl_rule_kind {
    TDL_RULE_BOOST,
    TDL_RULE_BURY,
    TDL_RULE_PIN,
    TDL_RULE_CAP,
    TDL_RULE_SLOT,
    TDL_RULE_KINDS_N
} tdl_rule_kind;

enum {
    TDL_RULES_MAX = 200,
    TDL_RULE_NAME_MAX = 64,
    TDL_SEGMENT_MAX = 64,
    TDL_TARGET_MAX = 64, /* bytes of a kind of event */
    TDL_POLICY_BYTES = 16 << 20
};

typedef struct tdl_rule {
    tdl_rule_kind kind;
    tdl_str name;
    size_t slot;               /* of pins and slots, from 1 */
    tdl_str item;              /* of a pin on one item; else empty */
    tdl_expression *when;      /* NULL: of a cap, and of a pin on one item */
    double by;                 /* log-odds, below 0 for bury */
    int64_t from_us, until_us; /* of a pin: [from, until) */
    tdl_str attribute;         /* of a cap */
    size_t most;
} tdl_rule;

/* A span of time that is said as "30d"; ALWAYS is said as "never". */
#define TDL_SPAN_ALWAYS INT64_MAX

typedef struct tdl_policy {
    tdl_arena *arena;                 /* everything below lives in it */
    tdl_expression *where, *suppress; /* NULL: not said */
    const tdl_rule *rule;             /* [rules_n], by kind */
    size_t rules_n;
    const tdl_str *rung; /* [rungs_n] names; none = "auto" */
    size_t rungs_n;
    tdl_str segment;     /* empty: none */
    tdl_str target;      /* empty: the usual one */
    double margin_floor; /* NAN: none */
    double stock_floor;
    int64_t seen_us, sent_us, window_us; /* 0 = not at all */
    size_t sends_most;                   /* 0 = any number */
    int64_t sends_us;
    tdl_diversity_options diversity;
    tdl_explore_options explore;
    bool asks_user; /* some expression speaks of the person */
} tdl_policy;

/* What is not said: nothing is filtered, varied or explored.
 * known: attributes there are; NULL = names are not checked, as for what was saved before.
 * TDL_E_INVALID: which member, and where in an expression | TDL_E_NO_MEMORY */
tdl_status tdl_policy_read(const json_t *object, const tdl_attributes *known, tdl_policy **ret,
                           tdl_report *why);
void tdl_policy_free(tdl_policy *policy); /* accepts NULL */

/* Rules that cannot all be kept: two pins on one slot at one time, a pin whose item `where` or the
 * slot's own rule forbids, a cap below its pins, two rules for one slot. TDL_E_INVALID names both.
 */
tdl_status tdl_policy_check(const tdl_policy *policy, const tdl_catalogue *catalogue,
                            tdl_report *why);

/* An item as rules ask it. */
typedef struct tdl_item_view {
    const tdl_record *record; /* NULL: nothing is known */
    tdl_operand id;
} tdl_item_view;
tdl_item_view tdl_item_view_of(const tdl_catalogue *catalogue, int32_t item);
/* A tdl_attribute_fn over a tdl_item_view. */
const tdl_operand *tdl_item_view_at(const void *item, int32_t attribute);

bool tdl_span_parse(tdl_str text, int64_t *ret_us);
const char *tdl_rule_kind_name(tdl_rule_kind kind); /* "boost", "bury", "pin", "cap", "slots" */

#endif
