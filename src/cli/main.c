/* treadle COMMAND: the table of commands. Each family has its file: cmd_<family>.c. */
#include "cli/commands.h"

/* clang-format off: one a line */
const tdl_command *const tdl_commands[] = {
    &tdl_command_serve,
    &tdl_command_config_show,
    &tdl_command_import,
    &tdl_command_export,
    &tdl_command_recommend_train,
    &tdl_command_recommend_evaluate,
    &tdl_command_recommend_for,
    &tdl_command_recommend_similar,
    &tdl_command_recommend_surfaces,
    &tdl_command_recommend_report,
    &tdl_command_recommend,
    &tdl_command_experiment_analyse,
    &tdl_command_experiment_simulate,
    &tdl_command_power,
    &tdl_command_data_profile,
    &tdl_command_fit,
    &tdl_command_predict,
    &tdl_command_explain,
    &tdl_command_model_list,
    &tdl_command_model_card,
    &tdl_command_model_export,
    &tdl_command_forecast_backtest, // before its prefix
    &tdl_command_forecast,
    &tdl_command_runs_list,
    &tdl_command_runs_show,
    &tdl_command_runs_compare,
    &tdl_command_key_create,
    &tdl_command_key_list,
    &tdl_command_key_revoke,
    &tdl_command_audit_verify,
    &tdl_command_audit_list,
    &tdl_command_audit_export,
    &tdl_command_flag_list,
    &tdl_command_flag_show,
    &tdl_command_flag_set,
    &tdl_command_flag_delete,
    &tdl_command_person_show,
    &tdl_command_person_split,
    &tdl_command_rejects_list,
    &tdl_command_report_list,
    &tdl_command_report_show,
    &tdl_command_report_save,
    &tdl_command_report_delete,
    &tdl_command_report_run,
    &tdl_command_privacy_consent,
    &tdl_command_privacy_consent_default,
    &tdl_command_privacy_retain_show,
    &tdl_command_privacy_retain_set,
    &tdl_command_privacy_retain_drop,
    &tdl_command_privacy_retain_run,
    &tdl_command_privacy_export,
    &tdl_command_privacy_erase,
    &tdl_command_privacy_verify_receipt,
    &tdl_command_privacy_keys_status,
    &tdl_command_privacy_keys_rotate,
    &tdl_command_migrate,
    &tdl_command_backup,
    &tdl_command_restore,
    &tdl_command_privacy_check_k,
    &tdl_command_demo,
    &tdl_command_bench,
};
/* clang-format on */
const size_t tdl_commands_n = sizeof tdl_commands / sizeof tdl_commands[0];

int main(int argc, char **argv)
{
    return tdl_cli_main(argc, argv);
}
