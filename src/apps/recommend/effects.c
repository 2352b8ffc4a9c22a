#include "apps/recommend/effects.h"

#include <math.h>

#include "apps/recommend/blend_feature.h"

enum { FORCED = 1, EXPLORED = 2, ESTIMATED = 4 };

const char *tdl_source_name(tdl_source source)
{
    static const char *const names[TDL_SOURCES_N] = {"model", "popularity", "pin", "new",
                                                     "content"};

    return names[source];
}

size_t tdl_effects_rule(tdl_effects *e, const tdl_rule *rule)
{
    for (size_t i = 0; i < e->rules_n; i++)
        if (tdl_str_eq(e->rule[i].name, rule->name))
            return i;
    if (e->rules_n == TDL_RULES_MAX)
        return SIZE_MAX;
    e->rule[e->rules_n] = (tdl_rule_told){rule->kind, rule->name};
    return e->rules_n++;
}

/* ---- packing ---- */

static char *put_text(char *at, tdl_str text)
{
    at = tdl_packed_put(at, text.len, 1);
    if (text.len)
        memcpy(at, text.at, text.len);
    return at + text.len;
}

size_t tdl_effects_room(const tdl_effects *e)
{
    size_t room = 13 + e->surface.len;

    for (size_t i = 0; i < e->parts_n; i++)
        room += 17 + e->part[i].name.len;
    for (size_t i = 0; i < e->rules_n; i++)
        room += 2 + e->rule[i].name.len;
    for (size_t i = 0; i < e->slots_n; i++)
        room += 17 + e->slot[i].rules_n + 4 * e->parts_n;
    return room;
}

static char *put_double(char *at, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return tdl_packed_put(at, bits, 8);
}

static char *put_parts(char *at, const tdl_effects *e)
{
    at = tdl_packed_put(at, e->parts_n, 1);
    for (size_t i = 0; i < e->parts_n; i++) {
        at = put_text(at, e->part[i].name);
        at = put_double(at, e->part[i].weight);
        at = put_double(at, e->part[i].scale);
    }
    return at;
}

static char *put_scores(char *at, const tdl_slot_told *s, size_t parts_n)
{
    for (size_t i = 0; i < parts_n; i++) {
        uint32_t bits;
        memcpy(&bits, &s->score[i], sizeof bits);
        at = tdl_packed_put(at, bits, 4);
    }
    return parts_n ? tdl_packed_put(at, s->firsts, 1) : at;
}

char *tdl_effects_pack(char *at, const tdl_effects *e)
{
    at = tdl_packed_put(at, e->parts_n ? TDL_EFFECTS_FORM_PARTS : TDL_EFFECTS_FORM, 1);
    at = put_text(at, e->surface);
    at = tdl_packed_put(at, (uint64_t)e->version, 8);
    if (e->parts_n)
        at = put_parts(at, e);
    at = tdl_packed_put(at, e->rules_n, 1);
    for (size_t i = 0; i < e->rules_n; i++) {
        at = tdl_packed_put(at, e->rule[i].kind, 1);
        at = put_text(at, e->rule[i].name);
    }
    at = tdl_packed_put(at, e->slots_n, 1);
    for (size_t i = 0; i < e->slots_n; i++) {
        const tdl_slot_told *s = &e->slot[i];
        at = tdl_packed_put(at,
                            (s->forced ? FORCED : 0U) | (s->explored ? EXPLORED : 0U) |
                                (s->estimated ? ESTIMATED : 0U),
                            1);
        at = tdl_packed_put(at, s->source, 1);
        at = tdl_packed_put(at, s->pool_n, 4);
        at = put_double(at, s->u);
        at = tdl_packed_put(at, s->above, 1);
        at = tdl_packed_put(at, s->rules_n, 1);
        for (size_t k = 0; k < s->rules_n; k++)
            at = tdl_packed_put(at, s->rule[k], 1);
        at = put_scores(at, s, e->parts_n);
    }
    return at;
}

/* ---- unpacking; the bytes come from outside ---- */

static tdl_str take_text(tdl_packed *p)
{
    tdl_str text = tdl_packed_take(p, (size_t)tdl_packed_number(p, 1));

    p->bad |= text.len && (memchr(text.at, 0, text.len) || !tdl_str_utf8(text, NULL));
    return text;
}

static double take_double(tdl_packed *p)
{
    uint64_t bits = tdl_packed_number(p, 8);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static void take_parts(tdl_packed *p, tdl_effects *e)
{
    e->parts_n = (size_t)tdl_packed_number(p, 1);
    p->bad |= !e->parts_n || e->parts_n > TDL_RUNG_BLEND_MAX;
    for (size_t i = 0; !p->bad && i < e->parts_n; i++) {
        tdl_part_told *part = &e->part[i];
        part->name = take_text(p);
        part->weight = take_double(p);
        part->scale = take_double(p);
        p->bad |= !(part->weight > 0 && isfinite(part->weight)) ||
                  !(part->scale >= 0 && isfinite(part->scale));
    }
}

static void take_scores(tdl_packed *p, size_t parts_n, tdl_slot_told *ret)
{
    for (size_t i = 0; i < parts_n; i++) {
        uint32_t bits = (uint32_t)tdl_packed_number(p, 4);
        memcpy(&ret->score[i], &bits, sizeof bits);
        p->bad |= !isfinite(ret->score[i]);
    }
    if (parts_n)
        ret->firsts = (uint8_t)tdl_packed_number(p, 1);
}

static void take_slot(tdl_packed *p, const tdl_effects *e, tdl_slot_told *ret)
{
    unsigned flags = (unsigned)tdl_packed_number(p, 1), source = (unsigned)tdl_packed_number(p, 1);

    *ret = (tdl_slot_told){.forced = flags & FORCED,
                           .explored = flags & EXPLORED,
                           .estimated = flags & ESTIMATED,
                           .pool_n = (uint32_t)tdl_packed_number(p, 4)};
    p->bad |= source >= TDL_SOURCES_N;
    ret->source = p->bad ? TDL_SOURCE_MODEL : (tdl_source)source;
    ret->u = take_double(p);
    p->bad |= !(ret->u >= 0 && ret->u < 1);
    ret->above = (uint8_t)tdl_packed_number(p, 1);
    p->bad |= ret->above > e->rules_n;
    ret->rules_n = (uint8_t)tdl_packed_number(p, 1);
    p->bad |= ret->rules_n > TDL_EFFECTS_RULES;
    for (size_t k = 0; !p->bad && k < ret->rules_n; k++) {
        ret->rule[k] = (uint8_t)tdl_packed_number(p, 1);
        p->bad |= ret->rule[k] >= e->rules_n;
    }
    take_scores(p, p->bad ? 0 : e->parts_n, ret);
}

bool tdl_effects_unpack(tdl_packed *p, uint64_t form, tdl_effects *e)
{
    e->surface = take_text(p);
    e->version = (int64_t)tdl_packed_number(p, 8);
    e->parts_n = 0;
    if (form == TDL_EFFECTS_FORM_PARTS)
        take_parts(p, e);
    e->rules_n = (size_t)tdl_packed_number(p, 1);
    p->bad |= e->rules_n > TDL_RULES_MAX;
    for (size_t i = 0; !p->bad && i < e->rules_n; i++) {
        unsigned kind = (unsigned)tdl_packed_number(p, 1);
        p->bad |= kind >= TDL_RULE_KINDS_N;
        e->rule[i] = (tdl_rule_told){p->bad ? TDL_RULE_BOOST : (tdl_rule_kind)kind, take_text(p)};
    }
    e->slots_n = (size_t)tdl_packed_number(p, 1);
    p->bad |= e->slots_n > TDL_EFFECTS_SLOTS;
    for (size_t i = 0; !p->bad && i < e->slots_n; i++)
        take_slot(p, e, &e->slot[i]);
    return !p->bad;
}

/* ---- telling ---- */

static void write_rule(const tdl_effects *e, size_t rule, bool above, tdl_jw *w)
{
    tdl_jw_object(w);
    tdl_jw_ktext(w, "kind", "rule");
    tdl_jw_kstr(w, "rule", e->rule[rule].name);
    tdl_jw_ktext(w, "effect", tdl_rule_kind_name(e->rule[rule].kind));
    tdl_jw_kbool(w, "made_way", above); // it kept a better one out of this slot
    tdl_jw_kbool(w, "exact", true);
    tdl_jw_end_object(w);
}

void tdl_effects_write_causes(const tdl_effects *e, size_t slot, tdl_jw *w)
{
    const tdl_slot_told *s = &e->slot[slot];

    for (size_t k = 0; k < s->rules_n; k++)
        write_rule(e, s->rule[k], false, w);
    if (s->above)
        write_rule(e, s->above - 1U, true, w);
    if (!s->explored)
        return;
    tdl_jw_object(w);
    tdl_jw_ktext(w, "kind", "explore");
    tdl_jw_kbool(w, "exact", !s->estimated);
    tdl_jw_end_object(w);
}

static double added(const tdl_effects *e, size_t slot, size_t part)
{
    return e->part[part].weight *
           tdl_blend_gain((double)e->slot[slot].score[part], e->part[part].scale);
}

static double six_decimals(double value)
{
    return rint(value * 1e6) / 1e6 + 0.0; // no -0
}

void tdl_effects_write_parts(const tdl_effects *e, size_t slot, tdl_jw *w)
{
    double sum = 0;

    for (size_t i = 0; i < e->parts_n; i++)
        sum += added(e, slot, i);
    tdl_jw_array(w);
    for (size_t i = 0; i < e->parts_n; i++) {
        double gain = added(e, slot, i);
        tdl_jw_object(w);
        tdl_jw_kstr(w, "model", e->part[i].name);
        tdl_jw_knumber(w, "score", six_decimals((double)e->slot[slot].score[i]));
        tdl_jw_knumber(w, "log_odds", six_decimals(gain));
        tdl_jw_knumber(w, "share", sum > 0 ? six_decimals(gain / sum) : 0);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

void tdl_effects_write_rules(const tdl_effects *e, size_t slot, tdl_jw *w)
{
    const tdl_slot_told *s = &e->slot[slot];

    tdl_jw_array(w);
    for (size_t k = 0; k < s->rules_n; k++)
        tdl_jw_str(w, e->rule[s->rule[k]].name);
    if (s->above)
        tdl_jw_str(w, e->rule[s->above - 1U].name);
    tdl_jw_end_array(w);
}

void tdl_effects_write_slot(const tdl_effects *e, size_t slot, tdl_jw *w)
{
    const tdl_slot_told *s = &e->slot[slot];

    tdl_jw_object(w);
    tdl_jw_knumber(w, "u", s->u);
    tdl_jw_kint(w, "pool", s->pool_n);
    tdl_jw_kbool(w, "forced", s->forced);
    tdl_jw_kbool(w, "explored", s->explored);
    tdl_jw_kbool(w, "estimated", s->estimated);
    tdl_jw_ktext(w, "source", tdl_source_name(s->source));
    tdl_jw_end_object(w);
}
