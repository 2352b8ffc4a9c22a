#include "store/candidates.h"

#include <math.h>

#include "base/json.h"

enum { TYPICAL_BYTES = 32 /* of one candidate */ };

/* Is it a number of at most six decimals? Then the JSON writer has it exactly, and at once. */
static bool is_short(double value)
{
    double millionths = rint(value * 1e6);

    return fabs(millionths) < 1e15 && millionths / 1e6 == value;
}

/* A plain decimal of nine significant digits, 1e-5 <= |value| < 1e9; three times as fast as
 * printf. The scaled value has 8 to 10 digits before its point and is off by at most one unit in
 * its 53rd bit, so the ninth digit is right but for exact ties. */
static void write_number(tdl_jw *w, double value)
{
    static const double power[] = {1e0, 1e1, 1e2, 1e3,  1e4,  1e5,  1e6,
                                   1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13};
    double magnitude = fabs(value);
    char text[24], *end = text + sizeof text, *at = end;

    if (is_short(value) || !(magnitude >= 1e-5 && magnitude < 1e9)) {
        tdl_jw_number(w, value);
        return;
    }
    int decimals = 8 - (int)floor(log10(magnitude));
    uint64_t digits = (uint64_t)llrint(magnitude * power[decimals]);
    while (decimals > 0 && digits % 10 == 0) {
        digits /= 10;
        decimals--;
    }
    for (int left = decimals; left > 0; left--, digits /= 10)
        *--at = (char)('0' + digits % 10);
    if (decimals > 0)
        *--at = '.';
    do {
        *--at = (char)('0' + digits % 10);
        digits /= 10;
    } while (digits);
    if (value < 0)
        *--at = '-';
    tdl_jw_raw(w, (tdl_str){at, (size_t)(end - at)});
}

void tdl_candidates_write(tdl_buf *out, const tdl_candidate *candidates, size_t candidates_n,
                          int64_t *ret_chosen_n)
{
    tdl_jw value = {.out = out}; // writes one bare value at a time

    *ret_chosen_n = 0;
    tdl_buf_reserve(out, (candidates_n + 1) * TYPICAL_BYTES);
    tdl_buf_char(out, '[');
    for (size_t i = 0; i < candidates_n; i++) {
        *ret_chosen_n += candidates[i].chosen;
        tdl_buf_str(out, i ? TDL_STR(",[") : TDL_STR("["));
        tdl_jw_str(&value, candidates[i].item);
        tdl_buf_char(out, ',');
        write_number(&value, candidates[i].score);
        if (candidates[i].propensity != candidates[i].chosen) {
            tdl_buf_char(out, ',');
            write_number(&value, candidates[i].propensity);
        }
        tdl_buf_char(out, ']');
    }
    tdl_buf_char(out, ']');
}

/* A score that was not finite is null; a propensity that is not there is that of a fixed choice. */
static bool read_one(const json_t *one, bool chosen, tdl_arena *arena, tdl_candidate *ret)
{
    const json_t *item = json_array_get(one, 0), *score = json_array_get(one, 1),
                 *propensity = json_array_get(one, 2);

    if (json_array_size(one) < 2 || json_array_size(one) > 3 || !json_is_string(item) ||
        !(json_is_number(score) || json_is_null(score)) ||
        (propensity && !json_is_number(propensity)))
        return false;
    tdl_str id = {json_string_value(item), json_string_length(item)};
    ret->item = tdl_arena_str(arena, id);
    ret->score = json_is_null(score) ? NAN : json_number_value(score);
    ret->propensity = propensity ? json_number_value(propensity) : chosen;
    ret->chosen = chosen;
    return true;
}

tdl_status tdl_candidates_read(tdl_str text, int64_t chosen_n, tdl_arena *arena,
                               tdl_candidate **ret, size_t *ret_n, tdl_report *why)
{
    json_t *list = NULL, *one;
    size_t i;
    tdl_candidate *candidates;
    tdl_status st;

    if (tdl_json_parse(text, TDL_JSON_LAST_WINS, &list, NULL) || !json_is_array(list)) {
        st = TDL_FAIL(why, TDL_E_CORRUPT, "the candidates are damaged");
        goto out;
    }
    candidates = tdl_arena_zalloc(arena, json_array_size(list), sizeof *candidates);
    st = candidates ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the candidates");
    json_array_foreach(list, i, one)
    {
        if (st)
            goto out;
        if (!read_one(one, (int64_t)i < chosen_n, arena, &candidates[i]))
            st = TDL_FAIL(why, TDL_E_CORRUPT, "candidate %zu is damaged", i);
        else if (!candidates[i].item.at)
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the candidates");
    }
    if (st)
        goto out;
    *ret = candidates;
    *ret_n = json_array_size(list);
out:
    json_decref(list);
    return st;
}
