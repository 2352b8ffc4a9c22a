/* treadle config show: what serve would run with, and where each value comes from. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/serve_options.h"

enum { VALUE_MAX = 512 };

/* The password of an address such as postgres://user:password@host is nobody's business. */
static void mask_password(char *value)
{
    char *user = strstr(value, "://"), *end = user ? strrchr(user + 3, '@') : NULL;
    char *colon = end ? memchr(user + 3, ':', (size_t)(end - user - 3)) : NULL;
    char rest[VALUE_MAX];

    if (!colon || colon + 1 == end)
        return;
    snprintf(rest, sizeof rest, "%s", end);
    snprintf(colon + 1, VALUE_MAX - (size_t)(colon + 1 - value), "***%s", rest);
}

static void format_value(const char *slot, tdl_option_kind kind, char ret[VALUE_MAX])
{
    const char *text;
    int64_t number;
    bool on;

    switch (kind) {
    case TDL_OPTION_FLAG:
        memcpy(&on, slot, sizeof on);
        snprintf(ret, VALUE_MAX, "%s", on ? "true" : "false");
        break;
    case TDL_OPTION_INT:
        memcpy(&number, slot, sizeof number);
        snprintf(ret, VALUE_MAX, "%" PRId64, number);
        break;
    case TDL_OPTION_TEXT:
        memcpy(&text, slot, sizeof text);
        snprintf(ret, VALUE_MAX, "%s", text ? text : "");
        mask_password(ret);
        break;
    }
}

/* Of how to run, not of this command: help, quiet, json and origin say nothing about the server. */
static bool is_setting(const tdl_option *option)
{
    static const char *const of_the_command[] = {"json", "quiet", "help", "origin"};

    for (size_t i = 0; i < sizeof of_the_command / sizeof of_the_command[0]; i++)
        if (!strcmp(option->name, of_the_command[i]))
            return false;
    return true;
}

static void name_origin(const tdl_option *option, tdl_origin origin, char ret[TDL_VARIABLE_MAX])
{
    switch (origin) {
    case TDL_ORIGIN_DEFAULT:
        snprintf(ret, TDL_VARIABLE_MAX, "default");
        break;
    case TDL_ORIGIN_ENVIRONMENT:
        tdl_option_variable(option, ret);
        break;
    case TDL_ORIGIN_FLAG:
        snprintf(ret, TDL_VARIABLE_MAX, "--%s", option->name);
        break;
    }
}

static void write_json(tdl_jw *w, const tdl_option *option, const char *value, const char *origin)
{
    tdl_jw_key(w, option->name);
    tdl_jw_object(w);
    if (option->kind == TDL_OPTION_TEXT)
        tdl_jw_ktext(w, "value", value);
    else
        tdl_jw_kraw(w, "value", tdl_str_of(value));
    tdl_jw_ktext(w, "origin", origin);
    tdl_jw_end_object(w);
}

static tdl_status run_show(const void *values, char **arguments, tdl_report *why)
{
    const tdl_serve_values *v = values;
    const tdl_option *option;
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    TDL_UNUSED(arguments);
    tdl_jw_object(&w);
    for (size_t i = 0; (option = tdl_option_at(&tdl_command_config_show, i)); i++) {
        char value[VALUE_MAX], origin[TDL_VARIABLE_MAX];
        if (!is_setting(option))
            continue;
        format_value((const char *)values + option->offset, option->kind, value);
        name_origin(option, v->common.origins[i], origin);
        if (v->common.json)
            write_json(&w, option, value, origin);
        else if (v->origin)
            printf("%-24s %-24s %s\n", option->name, value[0] ? value : "-", origin);
        else
            printf("%-24s %s\n", option->name, value[0] ? value : "-");
    }
    tdl_jw_end_object(&w);
    if (v->common.json)
        printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
    bool failed = out.failed;
    tdl_buf_release(&out);
    return failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory") : TDL_OK;
}

const tdl_command tdl_command_config_show = {
    .name = "config show",
    .values_size = sizeof(tdl_serve_values),
    .options = tdl_serve_options,
    .options_n = TDL_SERVE_OPTIONS_N + 1,
    .summary = {"show what serve would run with, and from where",
                "显示 serve 将采用的设置及其来源"},
    .examples = "  treadle config show --origin\n"
                "  TREADLE_PORT=9000 treadle config show --json\n",
    .run = run_show,
};
