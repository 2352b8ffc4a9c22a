/* What each part of the mixes that answered would have earned by itself: what_if.h, told. */
#include "apps/recommend/shown_parts.h"

/* What the figure allows to be said. */
static const char *verdict_of(const tdl_off_policy *o)
{
    return o->labels & TDL_OFF_POLICY_UNSUPPORTED     ? "unsupported"
           : o->labels & TDL_OFF_POLICY_UNRELIABLE    ? "unreliable"
           : o->labels & TDL_OFF_POLICY_CANNOT_DECIDE ? "no_difference"
           : o->difference.value > 0                  ? "better"
                                                      : "worse";
}

static void write_part(tdl_jw *w, tdl_str name, const tdl_off_policy *o)
{
    const tdl_estimate *dr = &o->estimate[TDL_DR];

    tdl_jw_object(w);
    tdl_jw_kstr(w, "model", name);
    tdl_jw_kint(w, "slots", (int64_t)o->rows_n);
    tdl_jw_kint(w, "people", (int64_t)o->units_n);
    tdl_jw_knumber(w, "earned", o->estimate[TDL_ON_POLICY].value);
    tdl_jw_knumber(w, "value", dr->value);
    tdl_jw_knumber(w, "low", dr->low);
    tdl_jw_knumber(w, "high", dr->high);
    tdl_jw_knumber(w, "effective_slots", o->ess);
    tdl_jw_knumber(w, "difference", o->difference.value);
    tdl_jw_knumber(w, "difference_low", o->difference.low);
    tdl_jw_knumber(w, "difference_high", o->difference.high);
    tdl_jw_ktext(w, "verdict", verdict_of(o));
    tdl_jw_end_object(w);
}

void tdl_shown_write_what_if(const tdl_shown_tally *t, tdl_jw *w)
{
    size_t n = tdl_what_if_count(t->what_if), told = 0;

    tdl_jw_key(w, "what_if");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_str name = tdl_what_if_part(t->what_if, i);
        tdl_off_policy estimate;
        if (tdl_what_if_estimate(t->what_if, name, &estimate, NULL))
            continue;
        write_part(w, name, &estimate);
        told++;
    }
    tdl_jw_end_array(w);
    tdl_jw_ktext(w, "what_if_missing", told ? NULL : n ? "no_chance" : "no_parts");
}
