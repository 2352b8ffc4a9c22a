/* The handlers, by file. Each fills in the request's answer; see http/route.h. */
#ifndef TDL_HTTP_ROUTES_H
#define TDL_HTTP_ROUTES_H

#include "http/request.h"

/* routes_operation.c: for whoever runs the server */
tdl_handler tdl_route_health, tdl_route_ready, tdl_route_metrics, tdl_route_openapi,
    tdl_route_asset;
/* routes_session.c */
tdl_handler tdl_route_sign_in, tdl_route_session, tdl_route_sign_out;
/* routes_events.c: native ingest */
tdl_handler tdl_route_append_events, tdl_route_append_events_finish;
/* routes_catalogue.c */
tdl_handler tdl_route_put_items, tdl_route_patch_item, tdl_route_delete_item,
    tdl_route_import_items;
/* routes_segment.c */
tdl_handler tdl_route_segment, tdl_route_segment_finish, tdl_route_segment_settings;
/* routes_posthog.c */
tdl_handler tdl_route_posthog, tdl_route_posthog_finish, tdl_route_posthog_discard,
    tdl_route_posthog_config, tdl_route_posthog_config_js;
/* routes_openfeature.c */
tdl_handler tdl_route_ofrep_flag, tdl_route_ofrep_flags, tdl_route_ofrep_stream,
    tdl_route_growthbook_stream;
/* routes_growthbook.c */
tdl_handler tdl_route_growthbook_features, tdl_route_growthbook_eval, tdl_route_growthbook_track,
    tdl_route_growthbook_track_finish;
/* routes_decide.c */
tdl_handler tdl_route_recommend, tdl_route_similar;
/* routes_explain.c */
tdl_handler tdl_route_explain;

/* routes_forecast.c: questions about series */
tdl_handler tdl_route_forecast, tdl_route_forecast_outcome, tdl_route_forecast_live;

/* routes_recommend.c: recommendations for surfaces, and those */
tdl_handler tdl_route_ask_recommend, tdl_route_batch_recommend, tdl_route_preview_recommend,
    tdl_route_surfaces, tdl_route_surface, tdl_route_put_surface;
/* routes_shown.c: what recommendations came to, and one item */
tdl_handler tdl_route_shown, tdl_route_item_view;
/* routes_predict.c: questions about rows of tables */
tdl_handler tdl_route_predict, tdl_route_predict_outcome, tdl_route_predict_fit,
    tdl_route_predict_models, tdl_route_predict_schema, tdl_route_predict_live,
    tdl_route_model_card;
/* routes_read.c: what is stored */
tdl_handler tdl_route_user_events, tdl_route_item, tdl_route_decisions, tdl_route_decision,
    tdl_route_users;
/* routes_persons.c: who is whom, and groups */
tdl_handler tdl_route_person, tdl_route_split_person, tdl_route_groups, tdl_route_group;
/* routes_rejects.c: what could not be taken */
tdl_handler tdl_route_rejects;
/* routes_models.c: models, training, the server's pulse */
tdl_handler tdl_route_models, tdl_route_activate_model, tdl_route_train, tdl_route_stats;

/* routes_insight.c: reports over events */
tdl_handler tdl_route_insight, tdl_route_kinds;
/* routes_live.c: events as they are stored */
tdl_handler tdl_route_live;
/* routes_reports.c: those that were saved */
tdl_handler tdl_route_reports, tdl_route_report, tdl_route_save_report, tdl_route_drop_report;
/* routes_flags.c: flags */
tdl_handler tdl_route_flags, tdl_route_flag, tdl_route_put_flag, tdl_route_drop_flag,
    tdl_route_evaluate_flag;
/* routes_consent.c, routes_retention.c: what persons allow, and how long rows are kept */
tdl_handler tdl_route_consent, tdl_route_put_consent;
tdl_handler tdl_route_retention, tdl_route_put_retention, tdl_route_run_retention;
/* routes_erase.c: one person, given out or erased */
tdl_handler tdl_route_export_person, tdl_route_erase_person, tdl_route_erasures, tdl_route_erasure;
/* routes_posthog_flags.c: what its `call` says */
enum {
    TDL_POSTHOG_FLAGS,
    TDL_POSTHOG_DECIDE,
    TDL_POSTHOG_DEFINITIONS,
    TDL_POSTHOG_OLD_DEFINITIONS
};
tdl_handler tdl_route_posthog_flags, tdl_route_posthog_definitions;

/* routes_audit.c */
tdl_handler tdl_route_audit;
/* routes_runs.c: training runs */
tdl_handler tdl_route_runs, tdl_route_run;

/* Absent things are null: an empty string, or an empty JSON text. */
void tdl_answer_text(tdl_jw *w, const char *key, tdl_str text);

/* Required query parameter "user". */
tdl_status tdl_query_user(tdl_request *request, tdl_str *ret, tdl_report *why);

#endif
