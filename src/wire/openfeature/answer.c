#include "wire/openfeature/openfeature.h"

const char *tdl_ofrep_fault_name(tdl_ofrep_fault fault)
{
    static const char *const names[] = {
        [TDL_OFREP_PARSE_ERROR] = "PARSE_ERROR",
        [TDL_OFREP_TARGETING_KEY_MISSING] = "TARGETING_KEY_MISSING",
        [TDL_OFREP_INVALID_CONTEXT] = "INVALID_CONTEXT",
        [TDL_OFREP_FLAG_NOT_FOUND] = "FLAG_NOT_FOUND",
        [TDL_OFREP_GENERAL] = "GENERAL",
    };

    return names[fault];
}

void tdl_ofrep_write_error(tdl_jw *w, tdl_str key, tdl_ofrep_fault fault, const char *details)
{
    tdl_jw_object(w);
    if (key.len)
        tdl_jw_kstr(w, "key", key);
    tdl_jw_ktext(w, "errorCode", tdl_ofrep_fault_name(fault));
    tdl_jw_ktext(w, "errorDetails", details);
    tdl_jw_end_object(w);
}

const char *tdl_ofrep_reason(tdl_flag_reason reason)
{
    switch (reason) {
    case TDL_FLAG_DISABLED:
        return "DISABLED";
    case TDL_FLAG_STATIC:
        return "STATIC";
    case TDL_FLAG_MATCH:
        return "TARGETING_MATCH";
    case TDL_FLAG_SPLIT:
    case TDL_FLAG_OUT_OF_ROLLOUT:
    case TDL_FLAG_HOLDOUT: // a hash of the id, too
        return "SPLIT";
    case TDL_FLAG_NO_MATCH:
    case TDL_FLAG_NO_GROUP:
    case TDL_FLAG_DEPENDENCY:
    case TDL_FLAG_UNDECIDED:
        return "DEFAULT";
    }
    return "UNKNOWN";
}

static void write_metadata(tdl_jw *w, const tdl_flag *flag, const tdl_flag_answer *answer,
                           const char *decision_id)
{
    tdl_jw_key(w, "metadata");
    tdl_jw_object(w);
    tdl_jw_kint(w, "flagVersion", flag->row.version);
    if (answer->experiment.len)
        tdl_jw_kstr(w, "experiment", answer->experiment);
    if (answer->arms_n)
        tdl_jw_knumber(w, "propensity", answer->arms[answer->chosen].probability);
    if (decision_id && *decision_id)
        tdl_jw_ktext(w, "decisionId", decision_id);
    tdl_jw_end_object(w);
}

void tdl_ofrep_write_flag(tdl_jw *w, const tdl_flag *flag, const tdl_flag_answer *answer,
                          const char *decision_id)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "key", flag->row.key);
    tdl_jw_ktext(w, "reason", tdl_ofrep_reason(answer->reason));
    if (answer->variant.len)
        tdl_jw_kstr(w, "variant", answer->variant);
    tdl_jw_kraw(w, "value", answer->payload.len ? answer->payload : answer->value);
    write_metadata(w, flag, answer, decision_id);
    tdl_jw_end_object(w);
}
