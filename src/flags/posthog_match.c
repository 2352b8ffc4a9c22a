#include "flags/posthog_match.h"

#include <string.h>
#include <strings.h>

static tdl_tri tri(bool holds)
{
    return holds ? TDL_YES : TDL_NO;
}

static tdl_tri turn(tdl_tri holds)
{
    return holds == TDL_UNKNOWN ? TDL_UNKNOWN : tri(holds == TDL_NO);
}

/* ---- texts ---- */

static bool truth_of(const json_t *value)
{
    if (json_is_string(value))
        return !strcasecmp(json_string_value(value), "true");
    if (!json_is_array(value))
        return json_is_true(value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!truth_of(json_array_get(value, i)))
            return false;
    return true;
}

static bool is_among(const tdl_posthog_property *p, tdl_str text)
{
    size_t low = 0, high = p->texts_n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = tdl_str_cmp(p->texts[middle], text);
        if (!order)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Short ASCII, which nearly all is, needs no memory. */
static bool lower_short(tdl_str text, char ret[64])
{
    if (text.len > 64)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if ((unsigned char)c >= 0x80)
            return false;
        ret[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    return true;
}

static tdl_tri match_exact(tdl_posthog_subject *s, const tdl_posthog_property *p,
                           const json_t *value)
{
    char small[64];

    if (p->is_truth)
        return tri(truth_of(value) == p->truth);
    tdl_str text = tdl_posthog_exact_text(value, s->arena);
    if (!text.at)
        return TDL_UNKNOWN;
    if (lower_short(text, small))
        text.at = small;
    else
        text = tdl_posthog_lower(text, s->arena);
    return text.at ? tri(is_among(p, text)) : TDL_UNKNOWN;
}

static tdl_tri match_part(tdl_posthog_subject *s, const tdl_posthog_property *p,
                          const json_t *value)
{
    char small[64];
    tdl_str text = tdl_posthog_text(value, s->arena), part = p->text;

    if (!text.at)
        return TDL_UNKNOWN;
    if (lower_short(text, small))
        text.at = small;
    else
        text = tdl_posthog_ascii_lower(text, s->arena);
    if (!text.at)
        return TDL_UNKNOWN;
    if (part.len > text.len)
        return TDL_NO;
    if (p->operand == TDL_POSTHOG_CONTAINS)
        return tri(!part.len || memmem(text.at, text.len, part.at, part.len));
    size_t from = p->operand == TDL_POSTHOG_ENDS ? text.len - part.len : 0;
    return tri(!memcmp(text.at + from, part.at, part.len));
}

/* What cannot be compiled matches neither as it stands nor turned round. */
static tdl_tri match_pattern(tdl_posthog_subject *s, const tdl_posthog_property *p,
                             const json_t *value)
{
    if (p->text.len && !p->pattern)
        return tri(p->negated);
    if (!p->text.len)
        return TDL_YES;
    tdl_str text = tdl_posthog_text(value, s->arena);
    return text.at ? tdl_posthog_pattern_match(p->pattern, text) : TDL_UNKNOWN;
}

/* ---- order ---- */

static tdl_tri outcome(const tdl_posthog_property *p, int order)
{
    return tri(p->outcomes & (order < 0 ? TDL_LESS : order > 0 ? TDL_GREATER : TDL_EQUAL));
}

static tdl_tri match_order(tdl_posthog_subject *s, const tdl_posthog_property *p,
                           const json_t *value)
{
    double number;

    if (p->has_number && tdl_posthog_number(value, &number))
        return outcome(p, (number > p->number) - (number < p->number));
    tdl_str text = tdl_posthog_text(value, s->arena);
    return text.at ? outcome(p, tdl_posthog_compare(text, p->text)) : TDL_UNKNOWN;
}

static tdl_tri match_date(const tdl_posthog_subject *s, const tdl_posthog_property *p,
                          const json_t *value)
{
    int64_t limit = p->is_ago ? tdl_posthog_ago_ms(p->ago, s->now_ms) : p->date_ms, date;

    if (!tdl_posthog_date(value, &date))
        return TDL_UNKNOWN;
    return outcome(p, (date > limit) - (date < limit));
}

static tdl_tri match_version(tdl_posthog_subject *s, const tdl_posthog_property *p,
                             const json_t *value)
{
    tdl_posthog_version version;
    tdl_str text = tdl_posthog_text(value, s->arena);

    if (!text.at || !tdl_posthog_version_parse(text, &version))
        return TDL_UNKNOWN;
    int low = tdl_posthog_version_compare(&version, &p->low);
    if (p->operand == TDL_POSTHOG_VERSION)
        return outcome(p, low);
    return tri(low >= 0 && tdl_posthog_version_compare(&version, &p->high) < 0);
}

/* ---- properties ---- */

static const json_t *find_value(const tdl_posthog_subject *s, const char *key)
{
    const json_t *value = s->properties ? json_object_get(s->properties, key) : NULL;

    if (value || !s->own_key || strcmp(key, s->own_key))
        return value;
    if (s->own_value || !s->own_id.len)
        return s->own_value;
    if (!*s->own_made)
        *s->own_made = json_stringn(s->own_id.at, s->own_id.len);
    return *s->own_made;
}

static tdl_tri match_value(tdl_posthog_subject *s, const tdl_posthog_property *p,
                           const json_t *value)
{
    switch (p->operand) {
    case TDL_POSTHOG_EXACT:
        return match_exact(s, p, value);
    case TDL_POSTHOG_CONTAINS:
    case TDL_POSTHOG_STARTS:
    case TDL_POSTHOG_ENDS:
        return match_part(s, p, value);
    case TDL_POSTHOG_PATTERN:
        return match_pattern(s, p, value);
    default:
        break;
    }
    if (json_is_null(value)) // only texts can be compared with nothing
        return TDL_NO;
    switch (p->operand) {
    case TDL_POSTHOG_ORDER:
        return match_order(s, p, value);
    case TDL_POSTHOG_DATE:
        return match_date(s, p, value);
    default:
        return match_version(s, p, value);
    }
}

static tdl_tri match_cohort(tdl_posthog_subject *s, const tdl_posthog_cohort *c);

/* Before "negated". What a person does not have is a match of the negated operators only. */
static tdl_tri match_upright(tdl_posthog_subject *s, const tdl_posthog_property *p)
{
    const json_t *value;

    if (p->operand == TDL_POSTHOG_COHORT)
        return match_cohort(s, p->cohort);
    if (p->operand == TDL_POSTHOG_FLAG)
        return s->flag(s->context, p);
    value = find_value(s, p->key);
    if (p->operand == TDL_POSTHOG_SET)
        return tri(value);
    return value ? match_value(s, p, value) : TDL_NO;
}

tdl_tri tdl_posthog_match(tdl_posthog_subject *s, const tdl_posthog_property *p)
{
    if (!s->steps)
        return TDL_UNKNOWN;
    s->steps--;
    tdl_tri holds = match_upright(s, p);
    return p->negated ? turn(holds) : holds;
}

tdl_tri tdl_posthog_match_all(tdl_posthog_subject *s, const tdl_posthog_property *properties,
                              size_t n)
{
    tdl_tri all = TDL_YES;

    for (size_t i = 0; i < n; i++) {
        tdl_tri one = tdl_posthog_match(s, &properties[i]);
        if (one == TDL_NO)
            return TDL_NO;
        if (one == TDL_UNKNOWN)
            all = TDL_UNKNOWN;
    }
    return all;
}

/* ---- cohorts ---- */

static tdl_tri match_member(tdl_posthog_subject *s, const tdl_posthog_cohort *c, size_t i)
{
    if (c->nested)
        return match_cohort(s, &c->groups[i]);
    tdl_tri holds = tdl_posthog_match(s, &c->properties[i]);
    return c->properties[i].turned ? turn(holds) : holds;
}

static tdl_tri match_cohort(tdl_posthog_subject *s, const tdl_posthog_cohort *c)
{
    tdl_tri decides = c->any ? TDL_YES : TDL_NO; // as soon as one member says so
    tdl_tri result = turn(decides);

    if (!s->steps)
        return TDL_UNKNOWN;
    s->steps--;
    for (size_t i = 0; i < c->n; i++) {
        tdl_tri one = match_member(s, c, i);
        if (one == decides)
            return decides;
        if (one == TDL_UNKNOWN)
            result = TDL_UNKNOWN;
    }
    return result;
}
