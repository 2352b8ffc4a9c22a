/* treadle COMMAND: the table of commands. Each family has its file: cmd_<family>.c. */
#include "cli/commands.h"

const tdl_command *const tdl_commands[] = {
    &tdl_command_serve,
    &tdl_command_config_show,
    &tdl_command_import,
    &tdl_command_export,
    &tdl_command_recommend_train,
    &tdl_command_recommend_evaluate,
    &tdl_command_recommend_for,
    &tdl_command_recommend_similar,
    &tdl_command_runs_list,
    &tdl_command_runs_show,
    &tdl_command_runs_compare,
    &tdl_command_key_create,
    &tdl_command_key_list,
    &tdl_command_key_revoke,
    &tdl_command_flag_list,
    &tdl_command_flag_show,
    &tdl_command_flag_set,
    &tdl_command_flag_delete,
    &tdl_command_privacy_keys_status,
    &tdl_command_privacy_keys_rotate,
    &tdl_command_migrate,
    &tdl_command_backup,
    &tdl_command_restore,
    &tdl_command_demo,
    &tdl_command_bench,
};
const size_t tdl_commands_n = sizeof tdl_commands / sizeof tdl_commands[0];

int main(int argc, char **argv)
{
    return tdl_cli_main(argc, argv);
}
