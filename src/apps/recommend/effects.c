#include "apps/recommend/effects.h"

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
    size_t room = 12 + e->surface.len;

    for (size_t i = 0; i < e->rules_n; i++)
        room += 2 + e->rule[i].name.len;
    for (size_t i = 0; i < e->slots_n; i++)
        room += 16 + e->slot[i].rules_n;
    return room;
}

char *tdl_effects_pack(char *at, const tdl_effects *e)
{
    at = tdl_packed_put(at, TDL_EFFECTS_FORM, 1);
    at = put_text(at, e->surface);
    at = tdl_packed_put(at, (uint64_t)e->version, 8);
    at = tdl_packed_put(at, e->rules_n, 1);
    for (size_t i = 0; i < e->rules_n; i++) {
        at = tdl_packed_put(at, e->rule[i].kind, 1);
        at = put_text(at, e->rule[i].name);
    }
    at = tdl_packed_put(at, e->slots_n, 1);
    for (size_t i = 0; i < e->slots_n; i++) {
        const tdl_slot_told *s = &e->slot[i];
        uint64_t u;
        memcpy(&u, &s->u, sizeof u);
        at = tdl_packed_put(at,
                            (s->forced ? FORCED : 0U) | (s->explored ? EXPLORED : 0U) |
                                (s->estimated ? ESTIMATED : 0U),
                            1);
        at = tdl_packed_put(at, s->source, 1);
        at = tdl_packed_put(at, s->pool_n, 4);
        at = tdl_packed_put(at, u, 8);
        at = tdl_packed_put(at, s->above, 1);
        at = tdl_packed_put(at, s->rules_n, 1);
        for (size_t k = 0; k < s->rules_n; k++)
            at = tdl_packed_put(at, s->rule[k], 1);
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

static void take_slot(tdl_packed *p, const tdl_effects *e, tdl_slot_told *ret)
{
    unsigned flags = (unsigned)tdl_packed_number(p, 1), source = (unsigned)tdl_packed_number(p, 1);
    uint64_t u;

    *ret = (tdl_slot_told){.forced = flags & FORCED,
                           .explored = flags & EXPLORED,
                           .estimated = flags & ESTIMATED,
                           .pool_n = (uint32_t)tdl_packed_number(p, 4)};
    p->bad |= source >= TDL_SOURCES_N;
    ret->source = p->bad ? TDL_SOURCE_MODEL : (tdl_source)source;
    u = tdl_packed_number(p, 8);
    memcpy(&ret->u, &u, sizeof u);
    p->bad |= !(ret->u >= 0 && ret->u < 1);
    ret->above = (uint8_t)tdl_packed_number(p, 1);
    p->bad |= ret->above > e->rules_n;
    ret->rules_n = (uint8_t)tdl_packed_number(p, 1);
    p->bad |= ret->rules_n > TDL_EFFECTS_RULES;
    for (size_t k = 0; !p->bad && k < ret->rules_n; k++) {
        ret->rule[k] = (uint8_t)tdl_packed_number(p, 1);
        p->bad |= ret->rule[k] >= e->rules_n;
    }
}

bool tdl_effects_unpack(tdl_packed *p, tdl_effects *e)
{
    e->surface = take_text(p);
    e->version = (int64_t)tdl_packed_number(p, 8);
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
