#include "apps/recommend/reasons.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/effects.h"

enum {
    FORM = 1,
    EXACT = 0x8000,
    NO_CONSENT = 0x4000,
    CAUSE_BYTES = 10,
    REASON_BYTES = 3,
    CAUSES_MAX = 255
};

uint16_t tdl_share_pack(double share)
{
    return (uint16_t)lrint(fmin(fmax(share, 0), 1) * TDL_SHARE_ONE);
}

/* ---- packing ---- */

size_t tdl_reasons_room(const tdl_cause *causes, size_t causes_n, size_t chosen_n, size_t reasons_n)
{
    size_t room = 3 + chosen_n + REASON_BYTES * reasons_n;

    for (size_t i = 0; i < causes_n; i++)
        room += CAUSE_BYTES + causes[i].item.len;
    return room;
}

char *tdl_causes_pack(char *at, const tdl_cause *causes, size_t causes_n, size_t chosen_n)
{
    *at++ = FORM;
    at = tdl_packed_put(at, causes_n, 1);
    for (size_t i = 0; i < causes_n; i++) {
        at = tdl_packed_put(at, (uint64_t)causes[i].time_us, 8);
        at = tdl_packed_put(at, causes[i].item.len, 2); // names are far shorter: TDL_ID_MAX
        if (causes[i].item.len)
            memcpy(at, causes[i].item.at, causes[i].item.len);
        at += causes[i].item.len;
    }
    return tdl_packed_put(at, chosen_n, 1);
}

char *tdl_reasons_pack(char *at, const tdl_packed_reason *reasons, size_t reasons_n)
{
    at = tdl_packed_put(at, reasons_n, 1);
    for (size_t i = 0; i < reasons_n; i++) {
        at = tdl_packed_put(at, reasons[i].cause, 1);
        at = tdl_packed_put(at,
                            reasons[i].share | (reasons[i].exact ? EXACT : 0U) |
                                (reasons[i].no_consent ? NO_CONSENT : 0U),
                            2);
    }
    return at;
}

/* ---- one reason in full ---- */

/* An answer holds some thirty reasons of one shape, so their keys are ready-made text. */
#define ADD(out, literal) tdl_buf_add((out), (literal), sizeof(literal) - 1)

void tdl_reason_write_event(tdl_buf *out, tdl_str item_json, int64_t time_us)
{
    tdl_jw value = {.out = out}; // writes one bare value at a time

    ADD(out, "{\"kind\":\"event\",\"item\":");
    tdl_buf_str(out, item_json);
    ADD(out, ",\"time\":");
    tdl_jw_time(&value, time_us);
    ADD(out, ",\"share\":");
}

void tdl_reason_write_popular(tdl_buf *out, bool no_consent)
{
    tdl_buf_str(out, no_consent ? TDL_STR("{\"kind\":\"no_consent\",\"share\":")
                                : TDL_STR("{\"kind\":\"popular\",\"share\":"));
}

/* 0, 1 or 0.dddd without trailing zeros. */
void tdl_reason_write_share(tdl_buf *out, uint16_t share, bool exact)
{
    char text[6] = "0.";
    size_t n = 6;

    if (share % TDL_SHARE_ONE == 0) {
        text[0] = share ? '1' : '0';
        n = 1;
    } else {
        for (size_t i = 5; i > 1; i--, share /= 10)
            text[i] = (char)('0' + share % 10);
        while (text[n - 1] == '0')
            n--;
    }
    tdl_buf_add(out, text, n);
    tdl_buf_str(out, exact ? TDL_STR(",\"exact\":true}") : TDL_STR(",\"exact\":false}"));
}

/* ---- unpacking; the bytes come from outside ---- */

static size_t take_causes(tdl_packed *c, tdl_cause causes[CAUSES_MAX])
{
    size_t n = (size_t)tdl_packed_number(c, 1);

    for (size_t i = 0; i < n; i++) {
        causes[i].time_us = (int64_t)tdl_packed_number(c, 8);
        causes[i].item = tdl_packed_take(c, (size_t)tdl_packed_number(c, 2));
        c->bad |= causes[i].item.len && memchr(causes[i].item.at, 0, causes[i].item.len);
    }
    return n;
}

/* A stored row may name what the catalogue lacks. */
static void write_event(tdl_buf *out, const tdl_catalogue *catalogue, const tdl_cause *cause)
{
    int32_t number = tdl_catalogue_find(catalogue, cause->item);
    tdl_buf unknown = {0};

    if (number >= 0) {
        tdl_reason_write_event(out, tdl_catalogue_json(catalogue, number), cause->time_us);
        return;
    }
    tdl_catalogue_write(&unknown, cause->item, (tdl_str){0});
    tdl_reason_write_event(out, tdl_buf_view(&unknown), cause->time_us);
    out->failed |= unknown.failed;
    tdl_buf_release(&unknown);
}

static void write_reasons(tdl_packed *c, const tdl_cause *causes, size_t causes_n,
                          const tdl_catalogue *catalogue, tdl_buf *out)
{
    size_t n = (size_t)tdl_packed_number(c, 1);

    tdl_buf_char(out, '[');
    for (size_t i = 0; i < n && !c->bad; i++) {
        size_t cause = (size_t)tdl_packed_number(c, 1);
        unsigned bits = (unsigned)tdl_packed_number(c, 2), share = bits & (NO_CONSENT - 1U);
        c->bad |= cause > causes_n || share > TDL_SHARE_ONE || (cause && bits & NO_CONSENT);
        if (c->bad)
            break;
        if (i)
            tdl_buf_char(out, ',');
        if (cause)
            write_event(out, catalogue, &causes[cause - 1]);
        else
            tdl_reason_write_popular(out, bits & NO_CONSENT);
        tdl_reason_write_share(out, (uint16_t)share, bits & EXACT);
    }
    tdl_buf_char(out, ']');
}

/* Of an answer for a surface: what else put the item into its slot. */
static void write_effects(const tdl_effects *e, size_t slot, tdl_jw *out)
{
    tdl_jw_key(out, "rules");
    tdl_effects_write_rules(e, slot, out);
    tdl_jw_key(out, "causes");
    tdl_jw_array(out);
    tdl_effects_write_causes(e, slot, out);
    tdl_jw_end_array(out);
    if (e->parts_n) {
        tdl_jw_key(out, "parts");
        tdl_effects_write_parts(e, slot, out);
    }
    tdl_jw_key(out, "slot");
    tdl_effects_write_slot(e, slot, out);
}

/* From behind the form of the reasons. e: of an answer for a surface; NULL = of none */
static bool write_chosen(tdl_packed *c, const tdl_decision *d, const tdl_effects *e,
                         const tdl_catalogue *catalogue, tdl_jw *out)
{
    tdl_cause causes[CAUSES_MAX];
    size_t causes_n = take_causes(c, causes), chosen_n = (size_t)tdl_packed_number(c, 1);

    if (e && e->slots_n != chosen_n)
        return false;
    tdl_jw_array(out);
    for (size_t i = 0; i < chosen_n && !c->bad; i++) {
        if (i >= d->candidates_n || !d->candidates[i].chosen)
            return false;
        tdl_jw_object(out);
        tdl_jw_kstr(out, "item", d->candidates[i].item);
        ADD(out->out, ",\"reasons\":");
        write_reasons(c, causes, causes_n, catalogue, out->out);
        if (e)
            write_effects(e, i, out);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
    return !c->bad && !c->left;
}

static bool write_packed(const tdl_decision *d, const tdl_catalogue *catalogue, tdl_jw *out)
{
    tdl_packed c = {d->why.at, d->why.len, false};
    uint64_t form = tdl_packed_number(&c, 1);

    if (form == FORM)
        return write_chosen(&c, d, NULL, catalogue, out);
    bool of_surface = tdl_effects_has(form);
    tdl_effects *e = of_surface ? calloc(1, sizeof *e) : NULL;
    bool ok = e && tdl_effects_unpack(&c, form, e) && tdl_packed_number(&c, 1) == FORM &&
              write_chosen(&c, d, e, catalogue, out);
    free(e);
    return ok;
}

/* Written in full by an older version. */
static bool write_old(tdl_str why, tdl_jw *out)
{
    json_t *parsed = NULL;
    bool ok = !tdl_json_parse(why, TDL_JSON_LAST_WINS, &parsed, NULL);

    json_decref(parsed);
    if (ok)
        tdl_jw_raw(out, why);
    return ok;
}

tdl_status tdl_reasons_write(const tdl_decision *d, const tdl_catalogue *catalogue, tdl_jw *out,
                             tdl_report *why)
{
    bool old = d->why.len && d->why.at[0] == '[';

    if (!d->why.len) {
        tdl_jw_raw(out, TDL_STR("[]"));
        return TDL_OK;
    }
    if (old ? write_old(d->why, out) : write_packed(d, catalogue, out))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_CORRUPT, "the reasons of decision %s are damaged", d->id);
}
