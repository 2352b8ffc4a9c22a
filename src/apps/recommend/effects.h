/* What a surface, its rules and chance did to an answer, as the decision's row keeps it: enough to
 * tell why an item stands where it does, and to draw the same slate again.
 *
 *     u8  2 or 3               the form
 *     u8  n, the surface's name    i64 version of its policy
 *     of form 3: u8 n, then n parts that answered together: u8 n, the name, f64 weight, f64 scale
 *     u8  n, then n rules      u8 kind, u8 n, the name; each that had an effect, once
 *     u8  n, then n slots      u8 flags, u8 source, u32 who could have had it, f64 u,
 *                              u8 rule that kept a better one out (0: none, else counted from 1),
 *                              u8 n, then n rules that moved the item,
 *                              of form 3: f32 score of each part, u8 which of them alone would
 *                              have put this item there, of what was left in the pool; a bit each
 *     the reasons              in their own form (reasons.h)
 *
 * All numbers are little-endian.
 */
#ifndef TDL_APPS_RECOMMEND_EFFECTS_H
#define TDL_APPS_RECOMMEND_EFFECTS_H

#include "apps/recommend/contenders.h"
#include "apps/recommend/packed.h"
#include "apps/recommend/policy.h"

enum {
    TDL_EFFECTS_FORM = 2,
    TDL_EFFECTS_FORM_PARTS = 3,
    TDL_EFFECTS_SLOTS = 100,
    TDL_EFFECTS_RULES = 8 /* that moved one item; further ones are not told */
};

typedef enum tdl_source {
    TDL_SOURCE_MODEL,
    TDL_SOURCE_POPULAR,
    TDL_SOURCE_PIN,
    TDL_SOURCE_NEW, /* a guaranteed impression */
    TDL_SOURCE_CONTENT,
    TDL_SOURCES_N
} tdl_source;
const char *tdl_source_name(tdl_source source); /* "model", "popularity", "pin", "new", "content" */

typedef struct tdl_rule_told {
    tdl_rule_kind kind;
    tdl_str name;
} tdl_rule_told;

/* One of those who answered together; what it added to an item is weight * log(1 + score / (scale /
 * 10)), see blend_feature.h. */
typedef struct tdl_part_told {
    tdl_str name;
    double weight, scale;
} tdl_part_told;

typedef struct tdl_slot_told {
    bool forced, explored, estimated;
    tdl_source source;
    uint32_t pool_n;
    double u;
    uint8_t above;                            /* 0, or rules[above - 1] */
    uint8_t rule[TDL_EFFECTS_RULES], rules_n; /* indexes into rules */
    float score[TDL_RUNG_BLEND_MAX];          /* [parts_n] */
    uint8_t firsts;                           /* bit i: part i alone would have put it there */
} tdl_slot_told;

typedef struct tdl_effects {
    tdl_str surface; /* at most 255 bytes */
    int64_t version;
    tdl_part_told part[TDL_RUNG_BLEND_MAX]; /* [parts_n]; none = no mix answered */
    size_t parts_n;
    tdl_rule_told rule[TDL_RULES_MAX];
    size_t rules_n;
    tdl_slot_told slot[TDL_EFFECTS_SLOTS];
    size_t slots_n;
} tdl_effects;

/* Number of a rule in effects->rule, added when new; SIZE_MAX: there is no room. */
size_t tdl_effects_rule(tdl_effects *effects, const tdl_rule *rule);

size_t tdl_effects_room(const tdl_effects *effects);
char *tdl_effects_pack(char *at, const tdl_effects *effects);
/* Does a row that begins with this byte say what a surface did? */
static inline bool tdl_effects_has(uint64_t form)
{
    return form == TDL_EFFECTS_FORM || form == TDL_EFFECTS_FORM_PARTS;
}
/* From behind the byte that says the form, one of the two. Texts are borrowed. False: damaged. */
bool tdl_effects_unpack(tdl_packed *packed, uint64_t form, tdl_effects *ret);

/* Of one slot: causes of the kinds "rule" and "explore", each as an element of the open array; and
 * the names of the rules, an array. */
void tdl_effects_write_causes(const tdl_effects *effects, size_t slot, tdl_jw *w);
void tdl_effects_write_rules(const tdl_effects *effects, size_t slot, tdl_jw *w);
/* [{"model", "score", "log_odds", "share"}]: what each part said, added, and its share of all that
 * was added. */
void tdl_effects_write_parts(const tdl_effects *effects, size_t slot, tdl_jw *w);
/* {"u", "pool", "forced", "explored", "estimated", "source"} */
void tdl_effects_write_slot(const tdl_effects *effects, size_t slot, tdl_jw *w);

#endif
