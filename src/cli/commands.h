/* The commands that exist. Each is defined in cmd_<family>.c. */
#ifndef TDL_CLI_COMMANDS_H
#define TDL_CLI_COMMANDS_H

#include "cli/command.h"

extern const tdl_command tdl_command_serve;
extern const tdl_command tdl_command_config_show;
extern const tdl_command tdl_command_import;
extern const tdl_command tdl_command_export;
extern const tdl_command tdl_command_recommend_train;
extern const tdl_command tdl_command_recommend_evaluate;
extern const tdl_command tdl_command_recommend_for;
extern const tdl_command tdl_command_recommend_similar;
extern const tdl_command tdl_command_recommend_surfaces; /* cmd_recommend_surface.c */
extern const tdl_command tdl_command_recommend_report;
extern const tdl_command tdl_command_recommend;
extern const tdl_command tdl_command_data_profile;
extern const tdl_command tdl_command_fit;
extern const tdl_command tdl_command_predict;
extern const tdl_command tdl_command_explain;
extern const tdl_command tdl_command_model_list;
extern const tdl_command tdl_command_model_card;
extern const tdl_command tdl_command_model_export;
extern const tdl_command tdl_command_forecast;
extern const tdl_command tdl_command_forecast_backtest;
extern const tdl_command tdl_command_runs_list;
extern const tdl_command tdl_command_runs_show;
extern const tdl_command tdl_command_runs_compare;
extern const tdl_command tdl_command_key_create;
extern const tdl_command tdl_command_key_list;
extern const tdl_command tdl_command_key_revoke;
extern const tdl_command tdl_command_audit_verify;
extern const tdl_command tdl_command_audit_list;
extern const tdl_command tdl_command_audit_export;
extern const tdl_command tdl_command_flag_list;
extern const tdl_command tdl_command_flag_show;
extern const tdl_command tdl_command_flag_set;
extern const tdl_command tdl_command_flag_delete;
extern const tdl_command tdl_command_person_show;
extern const tdl_command tdl_command_person_split;
extern const tdl_command tdl_command_rejects_list;
extern const tdl_command tdl_command_report_list;
extern const tdl_command tdl_command_report_show;
extern const tdl_command tdl_command_report_save;
extern const tdl_command tdl_command_report_delete;
extern const tdl_command tdl_command_report_run;
extern const tdl_command tdl_command_privacy_consent;
extern const tdl_command tdl_command_privacy_consent_default;
extern const tdl_command tdl_command_privacy_retain_show;
extern const tdl_command tdl_command_privacy_retain_set;
extern const tdl_command tdl_command_privacy_retain_drop;
extern const tdl_command tdl_command_privacy_retain_run;
extern const tdl_command tdl_command_privacy_export;
extern const tdl_command tdl_command_privacy_erase;
extern const tdl_command tdl_command_privacy_verify_receipt;
extern const tdl_command tdl_command_privacy_keys_status;
extern const tdl_command tdl_command_privacy_keys_rotate;
extern const tdl_command tdl_command_migrate;
extern const tdl_command tdl_command_backup;
extern const tdl_command tdl_command_restore;
extern const tdl_command tdl_command_privacy_check_k;
extern const tdl_command tdl_command_experiment_analyse; /* cmd_experiment.c */
extern const tdl_command tdl_command_experiment_simulate;
extern const tdl_command tdl_command_power;
extern const tdl_command tdl_command_demo;
extern const tdl_command tdl_command_bench;

#endif
