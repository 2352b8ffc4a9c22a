#include "http/routes.h"

#include "http/query.h"
#include "wire/segment/segment.h"

enum { RESULTS = 1 /* a PostHog route that answers for each event */ };

#define OPEN      ((tdl_right)0)
#define WRITE     TDL_RIGHT_WRITE
#define DECIDE    TDL_RIGHT_DECIDE
#define ADMIN     TDL_RIGHT_ADMIN
#define ON_EVENT  TDL_LANE_EVENT
#define ON_WORKER TDL_LANE_WORKER

#define SEGMENT(path, label, what)                                                                 \
    {                                                                                              \
        "POST", path, label, WRITE, TDL_LANE_INGEST, TDL_SDK_SEGMENT, TDL_SEGMENT_##what,          \
            tdl_route_segment, tdl_route_segment_finish                                            \
    }

#define POSTHOG(method, path, label, sdk, call)                                                    \
    {                                                                                              \
        method, path, label, WRITE, TDL_LANE_INGEST, sdk, call, tdl_route_posthog,                 \
            tdl_route_posthog_finish                                                               \
    }
#define POSTHOG_DISCARD(path, label)                                                               \
    {                                                                                              \
        "POST", path, label, WRITE, TDL_LANE_INGEST, TDL_SDK_POSTHOG_BATCH, 0,                     \
            tdl_route_posthog_discard, tdl_route_posthog_finish                                    \
    }

/* clang-format off */
const tdl_route tdl_routes[] = {
    {"GET", "/v1/recommend", "recommend", DECIDE, TDL_LANE_EITHER, TDL_SDK_NONE, 0, tdl_route_recommend, NULL},
    {"POST", "/v1/recommend", "ask_recommend", DECIDE, TDL_LANE_EITHER, TDL_SDK_NONE, 0,
     tdl_route_ask_recommend, NULL},
    {"POST", "/v1/recommend/batch", "batch_recommend", DECIDE, TDL_LANE_TABLE, TDL_SDK_NONE, 0,
     tdl_route_batch_recommend, NULL},
    {"POST", "/v1/recommend/preview", "preview_recommend", DECIDE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_preview_recommend, NULL},
    {"GET", "/v1/recommend/report", "recommend_report", DECIDE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_shown, NULL},
    {"GET", "/v1/recommend/surfaces", "surfaces", DECIDE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_surfaces, NULL},
    {"GET", "/v1/recommend/surfaces/{name}", "surface", DECIDE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_surface, NULL},
    {"PUT", "/v1/recommend/surfaces/{name}", "put_surface", ADMIN, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_put_surface, NULL},
    {"GET", "/v1/items/{id}/similar", "similar", DECIDE, TDL_LANE_EITHER, TDL_SDK_NONE, 0, tdl_route_similar,
     NULL},
    {"POST", "/v1/events", "append_events", WRITE, TDL_LANE_INGEST, TDL_SDK_NONE, 0,
     tdl_route_append_events, tdl_route_append_events_finish},
    {"GET", "/v1/events", "user_events", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_user_events, NULL},
    {"GET", "/v1/events/live", "live", DECIDE, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_live, NULL},
    {"PUT", "/v1/catalogue/items", "put_items", WRITE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_put_items, NULL},
    {"POST", "/v1/catalogue/import", "import_items", WRITE, TDL_LANE_TABLE, TDL_SDK_NONE, 0,
     tdl_route_import_items, NULL},
    {"GET", "/v1/catalogue/items/{id}", "catalogue_item", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_item,
     NULL},
    {"PATCH", "/v1/catalogue/items/{id}", "patch_item", WRITE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_patch_item,
     NULL},
    {"DELETE", "/v1/catalogue/items/{id}", "delete_item", WRITE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_delete_item, NULL},
    {"GET", "/v1/items/{id}", "item", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_item_view, NULL},
    {"GET", "/v1/decisions", "decisions", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_decisions, NULL},
    {"GET", "/v1/decisions/{id}", "decision", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_decision, NULL},
    {"GET", "/v1/users", "users", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_users, NULL},
    {"GET", "/v1/users/{id}", "person", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_person, NULL},
    {"POST", "/v1/users/{id}/split", "split_person", ADMIN, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_split_person, NULL},
    {"GET", "/v1/groups", "groups", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_groups, NULL},
    {"GET", "/v1/groups/{type}/{name}", "group", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_group, NULL},
    {"GET", "/v1/rejects", "rejects", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_rejects, NULL},
    {"GET", "/v1/models", "models", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_models, NULL},
    {"POST", "/v1/models/{version}/activate", "activate_model", ADMIN, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_activate_model, NULL},
    {"GET", "/v1/models/{model}/card", "model_card", DECIDE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_model_card, NULL},
    {"GET", "/v1/predict", "predict_models", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_predict_models, NULL},
    {"POST", "/v1/predict/fit", "predict_fit", ADMIN, TDL_LANE_TABLE, TDL_SDK_NONE, 0,
     tdl_route_predict_fit, NULL},
    {"POST", "/v1/predict/outcome", "predict_outcome", WRITE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_predict_outcome, NULL},
    {"POST", "/v1/forecast/outcome", "forecast_outcome", WRITE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_forecast_outcome, NULL},
    {"POST", "/v1/forecast/{model}", "forecast", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_forecast, NULL},
    {"GET", "/v1/forecast/{model}/live", "forecast_live", DECIDE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_forecast_live, NULL},
    {"POST", "/v1/predict/{model}", "predict", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_predict, NULL},
    {"GET", "/v1/predict/{model}/schema", "predict_schema", DECIDE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_predict_schema, NULL},
    {"GET", "/v1/predict/{model}/live", "predict_live", DECIDE, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_predict_live, NULL},
    {"POST", "/v1/explain/{model}", "explain", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_explain, NULL},
    {"GET", "/v1/kinds", "kinds", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_kinds, NULL},
    {"POST", "/v1/insights/query", "query_insight", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_insight,
     NULL},
    {"GET", "/v1/reports", "reports", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_reports, NULL},
    {"POST", "/v1/reports", "save_report", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_save_report, NULL},
    {"GET", "/v1/reports/{id}", "report", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_report, NULL},
    {"PUT", "/v1/reports/{id}", "change_report", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_save_report, NULL},
    {"DELETE", "/v1/reports/{id}", "drop_report", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_drop_report, NULL},
    {"GET", "/v1/runs", "runs", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_runs, NULL},
    {"GET", "/v1/runs/{id}", "run", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_run, NULL},
    {"POST", "/v1/train", "train", ADMIN, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_train, NULL},
    {"GET", "/v1/stats", "stats", DECIDE, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_stats, NULL},

    {"GET", "/v1/audit", "audit", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_audit, NULL},
    {"POST", "/v1/session", "sign_in", DECIDE, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_sign_in, NULL},
    {"GET", "/v1/session", "session", OPEN, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_session, NULL},
    {"DELETE", "/v1/session", "sign_out", DECIDE, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_sign_out, NULL},
    {"GET", "/v1/flags", "flags", DECIDE, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_flags, NULL},
    {"GET", "/v1/flags/{key}", "flag", DECIDE, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_flag, NULL},
    {"PUT", "/v1/flags/{key}", "put_flag", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_put_flag, NULL},
    {"DELETE", "/v1/flags/{key}", "drop_flag", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_drop_flag, NULL},
    {"POST", "/v1/flags/{key}/evaluate", "evaluate_flag", DECIDE, TDL_LANE_EITHER, TDL_SDK_NONE, 0,
     tdl_route_evaluate_flag, NULL},

    {"GET", "/v1/privacy/consent", "consent", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_consent, NULL},
    {"POST", "/v1/privacy/consent", "put_consent", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_put_consent,
     NULL},
    {"GET", "/v1/privacy/retention", "retention", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_retention, NULL},
    {"PUT", "/v1/privacy/retention", "put_retention", ADMIN, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_put_retention, NULL},
    {"POST", "/v1/privacy/retention/run", "run_retention", ADMIN, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_run_retention, NULL},
    {"POST", "/v1/privacy/export", "export_person", ADMIN, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_export_person, NULL},
    {"POST", "/v1/privacy/erase", "erase_person", ADMIN, ON_WORKER, TDL_SDK_NONE, 0,
     tdl_route_erase_person, NULL},
    {"GET", "/v1/privacy/requests", "erasures", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_erasures, NULL},
    {"GET", "/v1/privacy/requests/{id}", "erasure", ADMIN, ON_WORKER, TDL_SDK_NONE, 0, tdl_route_erasure,
     NULL},

    {"GET", "/healthz", "health", OPEN, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_health, NULL},
    {"GET", "/readyz", "ready", OPEN, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_ready, NULL},
    {"GET", "/metrics", "metrics", OPEN, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_metrics, NULL},
    {"GET", "/openapi.json", "openapi", OPEN, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_openapi, NULL},
    {"GET", "/", "dashboard", OPEN, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_asset, NULL},
    {"GET", "/assets/{path}", "asset", OPEN, ON_EVENT, TDL_SDK_NONE, 0, tdl_route_asset, NULL},

    SEGMENT("/v1/batch", "segment_batch", BATCH), SEGMENT("/v1/b", "segment_b", BATCH),
    SEGMENT("/v1/track", "segment_track", TRACK), SEGMENT("/v1/t", "segment_t", TRACK),
    SEGMENT("/v1/identify", "segment_identify", IDENTIFY), SEGMENT("/v1/i", "segment_i", IDENTIFY),
    SEGMENT("/v1/page", "segment_page", PAGE), SEGMENT("/v1/p", "segment_p", PAGE),
    SEGMENT("/v1/screen", "segment_screen", SCREEN), SEGMENT("/v1/s", "segment_s", SCREEN),
    SEGMENT("/v1/group", "segment_group", GROUP), SEGMENT("/v1/g", "segment_g", GROUP),
    SEGMENT("/v1/alias", "segment_alias", ALIAS), SEGMENT("/v1/a", "segment_a", ALIAS),
    {"GET", "/v1/projects/{key}/settings", "segment_settings", OPEN, ON_EVENT, TDL_SDK_SEGMENT, 0,
     tdl_route_segment_settings, NULL},

    POSTHOG("POST", "/batch", "posthog_batch", TDL_SDK_POSTHOG_BATCH, 0),
    POSTHOG("GET", "/batch", "posthog_batch_query", TDL_SDK_POSTHOG_BATCH, 0),
    POSTHOG("POST", "/e", "posthog_e", TDL_SDK_POSTHOG, 0),
    POSTHOG("GET", "/e", "posthog_e_query", TDL_SDK_POSTHOG, 0),
    POSTHOG("POST", "/i/v0/e", "posthog_i_v0_e", TDL_SDK_POSTHOG, 0),
    POSTHOG("GET", "/i/v0/e", "posthog_i_v0_e_query", TDL_SDK_POSTHOG, 0),
    POSTHOG("POST", "/capture", "posthog_capture", TDL_SDK_POSTHOG, 0),
    POSTHOG("GET", "/capture", "posthog_capture_query", TDL_SDK_POSTHOG, 0),
    POSTHOG("POST", "/i/v1/analytics/events", "posthog_analytics_events", TDL_SDK_POSTHOG_BATCH, RESULTS),
    POSTHOG_DISCARD("/s", "posthog_s"), POSTHOG_DISCARD("/engage", "posthog_engage"),
    {"GET", "/array/{token}/config", "posthog_config", OPEN, ON_EVENT, TDL_SDK_POSTHOG, 0,
     tdl_route_posthog_config, NULL},
    {"GET", "/array/{token}/config.js", "posthog_config_js", OPEN, ON_EVENT, TDL_SDK_POSTHOG, 0,
     tdl_route_posthog_config_js, NULL},
    {"POST", "/ofrep/v1/evaluate/flags", "ofrep_flags", WRITE, TDL_LANE_EITHER, TDL_SDK_OPENFEATURE, 0,
     tdl_route_ofrep_flags, NULL},
    {"POST", "/ofrep/v1/evaluate/flags/{key...}", "ofrep_flag", WRITE, TDL_LANE_EITHER,
     TDL_SDK_OPENFEATURE, 0, tdl_route_ofrep_flag, NULL},
    {"GET", "/ofrep/v1/stream", "ofrep_stream", OPEN, ON_EVENT, TDL_SDK_OPENFEATURE, 0,
     tdl_route_ofrep_stream, NULL},
    {"GET", "/sub/{key}", "growthbook_stream", WRITE, ON_EVENT, TDL_SDK_SEGMENT, 0,
     tdl_route_growthbook_stream, NULL},
    {"GET", "/api/features/{key}", "growthbook_features", WRITE, ON_EVENT, TDL_SDK_SEGMENT, 0,
     tdl_route_growthbook_features, NULL},
    {"POST", "/api/eval/{key}", "growthbook_eval", WRITE, ON_EVENT, TDL_SDK_SEGMENT, 0,
     tdl_route_growthbook_eval, NULL},
    {"POST", "/track", "growthbook_track", WRITE, TDL_LANE_INGEST, TDL_SDK_SEGMENT, 0,
     tdl_route_growthbook_track, tdl_route_growthbook_track_finish},
    {"POST", "/flags", "posthog_flags", WRITE, TDL_LANE_EITHER, TDL_SDK_POSTHOG, TDL_POSTHOG_FLAGS,
     tdl_route_posthog_flags, NULL},
    {"POST", "/decide", "posthog_decide", WRITE, TDL_LANE_EITHER, TDL_SDK_POSTHOG, TDL_POSTHOG_DECIDE,
     tdl_route_posthog_flags, NULL},
    {"GET", "/flags/definitions", "posthog_definitions", DECIDE, ON_EVENT, TDL_SDK_POSTHOG,
     TDL_POSTHOG_DEFINITIONS, tdl_route_posthog_definitions, NULL},
    {"GET", "/api/feature_flag/local_evaluation", "posthog_local_evaluation", DECIDE, ON_EVENT, TDL_SDK_POSTHOG,
     TDL_POSTHOG_OLD_DEFINITIONS, tdl_route_posthog_definitions, NULL},
};
/* clang-format on */

const size_t tdl_routes_n = sizeof tdl_routes / sizeof tdl_routes[0];
_Static_assert(sizeof tdl_routes / sizeof tdl_routes[0] <= TDL_ROUTES_MAX, "raise TDL_ROUTES_MAX");

void tdl_answer_text(tdl_jw *w, const char *key, tdl_str text)
{
    tdl_jw_key(w, key);
    if (text.len)
        tdl_jw_str(w, text);
    else
        tdl_jw_null(w);
}

tdl_status tdl_query_user(tdl_request *r, tdl_str *ret, tdl_report *why)
{
    tdl_status st = tdl_query_text(r->query, "user", TDL_ID_MAX, r->arena, ret, why);

    if (!st && !ret->len)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "add ?user=ID", "query parameter user is missing");
    return st;
}
