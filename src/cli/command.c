#include "cli/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "treadle/treadle.h"

static const tdl_option common_options[] = {
    {"data",
     TDL_OPTION_TEXT,
     offsetof(tdl_common, data),
     "DIR",
     "treadle-data",
     0,
     0,
     {"data folder", "数据目录"}},
    {"store",
     TDL_OPTION_TEXT,
     offsetof(tdl_common, store),
     "URL",
     NULL,
     0,
     0,
     {"the store, postgres://USER@HOST/DATABASE; without it, in the data folder",
      "存储，postgres://USER@HOST/DATABASE；默认在数据目录中"}},
    {"master-key-file",
     TDL_OPTION_TEXT,
     offsetof(tdl_common, master_key_file),
     "FILE",
     NULL,
     0,
     0,
     {"the store's master key; without it, master.key in the data folder",
      "存储的主密钥；默认为数据目录中的 master.key"}},
    {"json",
     TDL_OPTION_FLAG,
     offsetof(tdl_common, json),
     NULL,
     NULL,
     0,
     0,
     {"print one JSON object on stdout", "在标准输出打印一个 JSON 对象"}},
    {"quiet",
     TDL_OPTION_FLAG,
     offsetof(tdl_common, quiet),
     NULL,
     NULL,
     0,
     0,
     {"no progress on stderr", "不在标准错误显示进度"}},
    {"help",
     TDL_OPTION_FLAG,
     offsetof(tdl_common, help),
     NULL,
     NULL,
     0,
     0,
     {"show this help", "显示本帮助"}},
};
enum { COMMON_N = sizeof common_options / sizeof common_options[0], WORDS_MAX = 3, FAR = 99 };

/* ---- help ---- */

static void print_option(const tdl_option *option)
{
    char left[64];

    snprintf(left, sizeof left, "--%s%s%s", option->name, option->argument ? " " : "",
             option->argument ? option->argument : "");
    printf("  %-28s %s", left, tdl_tr(option->help.en, option->help.zh));
    if (option->fallback && option->fallback[0])
        printf(" [%s]", option->fallback);
    putchar('\n');
}

static void print_command_help(const tdl_command *command)
{
    printf("treadle %s%s%s [options]\n\n%s\n\n%s\n", command->name, command->arguments ? " " : "",
           command->arguments ? command->arguments : "",
           tdl_tr(command->summary.en, command->summary.zh),
           tdl_tr("Options (each also as TREADLE_NAME in the environment):",
                  "选项（每个也可用环境变量 TREADLE_名称 给出）："));
    for (size_t i = 0; i < command->options_n; i++)
        print_option(&command->options[i]);
    for (size_t i = 0; i < COMMON_N; i++)
        print_option(&common_options[i]);
    printf("\n%s\n%s", tdl_tr("Examples:", "示例："), command->examples);
}

static void print_overview(FILE *out)
{
    fprintf(out, "treadle %s: %s\n\n%s\n", tdl_version(),
            tdl_tr("the engine a small product team puts under its product",
                   "小型产品团队放在产品底层的引擎"),
            tdl_tr("Usage: treadle COMMAND [options]", "用法：treadle 命令 [选项]"));
    for (size_t i = 0; i < tdl_commands_n; i++)
        fprintf(out, "  %-24s %s\n", tdl_commands[i]->name,
                tdl_tr(tdl_commands[i]->summary.en, tdl_commands[i]->summary.zh));
    fprintf(out, "\n%s\n",
            tdl_tr("treadle COMMAND --help shows options and examples.",
                   "treadle 命令 --help 显示选项和示例。"));
}

/* ---- finding the command ---- */

/* Words of `name` matched by argv from `at`; 0 = this is not it. */
static int match_command(const char *name, int argc, char **argv, int at)
{
    int words = 0;
    char copy[64], *save = NULL;

    snprintf(copy, sizeof copy, "%s", name);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (at + words >= argc || strcmp(argv[at + words], word))
            return 0;
        words++;
    }
    return words;
}

/* "recommend" takes no arguments, so "recommend tarin" is not it but a misspelt one of its family.
 */
static bool is_misspelt(const tdl_command *command, int argc, char **argv, int at)
{
    size_t n = strlen(command->name);

    if (command->arguments_n || command->optional_n || at >= argc || argv[at][0] == '-')
        return false;
    for (size_t i = 0; i < tdl_commands_n; i++)
        if (!strncmp(tdl_commands[i]->name, command->name, n) && tdl_commands[i]->name[n] == ' ')
            return true;
    return false;
}

static void join_words(int argc, char **argv, int at, char *ret, size_t size)
{
    ret[0] = '\0';
    for (int i = at; i < argc && i < at + WORDS_MAX && argv[i][0] != '-'; i++) {
        size_t used = strlen(ret);
        snprintf(ret + used, size - used, "%s%s", used ? " " : "", argv[i]);
    }
}

static tdl_status unknown_command(int argc, char **argv, tdl_report *why)
{
    char said[128], hint[160] = "treadle --help lists the commands";
    size_t best = SIZE_MAX;

    join_words(argc, argv, 1, said, sizeof said);
    for (size_t i = 0; i < tdl_commands_n; i++) {
        const char *name = tdl_commands[i]->name;
        // One word may name a family: "recomend" leads to its first command.
        tdl_str family = {name, strcspn(name, " ")};
        size_t distance = strchr(said, ' ')
                              ? tdl_str_distance(tdl_str_of(said), tdl_str_of(name), FAR)
                              : tdl_str_distance(tdl_str_of(said), family, FAR);
        if (distance < best && distance <= strlen(said) / 2) {
            best = distance;
            snprintf(hint, sizeof hint, "did you mean \"treadle %s\"?", name);
        }
    }
    return TDL_FAIL_HINT(why, TDL_E_USAGE, hint, "there is no command \"%s\"", said);
}

/* ---- options ---- */

typedef struct tdl_parse {
    const tdl_command *command;
    char *values;
    tdl_origin *origins; /* [COMMON_N + options_n] */
    char **arguments;    /* positional ones, in place in argv */
    size_t arguments_n;
} tdl_parse;

const tdl_option *tdl_option_at(const tdl_command *command, size_t i)
{
    if (i >= COMMON_N + command->options_n)
        return NULL;
    return i < COMMON_N ? &common_options[i] : &command->options[i - COMMON_N];
}

void tdl_option_variable(const tdl_option *option, char ret[TDL_VARIABLE_MAX])
{
    snprintf(ret, TDL_VARIABLE_MAX, "TREADLE_%s", option->name);
    for (char *at = ret; *at; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}

static const tdl_option *find_option(const tdl_command *command, tdl_str name, size_t *ret_i,
                                     tdl_report *why)
{
    char hint[128] = "--help lists the options";
    size_t best = 4;

    const tdl_option *option;

    for (size_t i = 0; (option = tdl_option_at(command, i)); i++) {
        *ret_i = i;
        if (tdl_str_is(name, option->name))
            return option;
        size_t distance = tdl_str_distance(name, tdl_str_of(option->name), best);
        if (distance < best) {
            best = distance;
            snprintf(hint, sizeof hint, "did you mean --%s?", option->name);
        }
    }
    TDL_FAIL_HINT(why, TDL_E_USAGE, hint, "there is no option --%.*s", TDL_FMT(name));
    return NULL;
}

static tdl_status set_option(const tdl_parse *parse, const tdl_option *option, const char *value,
                             const char *where, tdl_report *why)
{
    char *slot = parse->values + option->offset;
    int64_t number;

    switch (option->kind) {
    case TDL_OPTION_FLAG: {
        bool on = !value || !strcmp(value, "1") || !strcmp(value, "true");
        if (!on && strcmp(value, "0") && strcmp(value, "false"))
            return TDL_FAIL_HINT(why, TDL_E_USAGE, "use 1 or 0", "%s%s: \"%s\" is not a switch",
                                 where, option->name, value);
        memcpy(slot, &on, sizeof on);
        return TDL_OK;
    }
    case TDL_OPTION_INT:
        if (!tdl_str_int(tdl_str_of(value), &number) || number < option->min ||
            number > option->max)
            return TDL_FAIL(why, TDL_E_USAGE,
                            "%s%s: \"%s\" is not a whole number from %lld to %lld", where,
                            option->name, value, (long long)option->min, (long long)option->max);
        memcpy(slot, &number, sizeof number);
        return TDL_OK;
    case TDL_OPTION_TEXT:
        memcpy(slot, &value, sizeof value);
        return TDL_OK;
    }
    return TDL_FAIL(why, TDL_E_INTERNAL, "option --%s has no kind", option->name);
}

/* Defaults, then the environment. */
static tdl_status set_from_environment(const tdl_parse *parse, tdl_report *why)
{
    const tdl_option *option;

    for (size_t i = 0; (option = tdl_option_at(parse->command, i)); i++) {
        char name[TDL_VARIABLE_MAX];
        tdl_option_variable(option, name);
        tdl_status st =
            option->fallback ? set_option(parse, option, option->fallback, "--", why) : TDL_OK;
        const char *value = getenv(name);
        if (!st && value && *value) {
            parse->origins[i] = TDL_ORIGIN_ENVIRONMENT;
            st = set_option(parse, option, value, "TREADLE_", why);
        }
        if (st)
            return st;
    }
    return TDL_OK;
}

/* "--name", "--name=value", or "-k" of one letter. ret_equals: where the value begins, or NULL. */
static tdl_status name_of(const char *word, tdl_str *ret, const char **ret_equals, tdl_report *why)
{
    size_t dashes = word[1] == '-' ? 2 : 1;

    if (dashes == 1 && word[2])
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "options begin with two dashes; --help lists them",
                             "unknown option %s", word);
    *ret_equals = strchr(word, '=');
    *ret = (tdl_str){word + dashes,
                     (*ret_equals ? (size_t)(*ret_equals - word) : strlen(word)) - dashes};
    return TDL_OK;
}

static tdl_status parse_arguments(tdl_parse *parse, int argc, char **argv, int at, tdl_report *why)
{
    bool only_arguments = false;

    for (int i = at; i < argc; i++) {
        char *word = argv[i];
        if (only_arguments || word[0] != '-' || !word[1]) {
            parse->arguments[parse->arguments_n++] = word;
            continue;
        }
        if (!strcmp(word, "--")) {
            only_arguments = true;
            continue;
        }
        if (!strcmp(word, "-h"))
            word = "--help";
        const char *equals;
        tdl_str name;
        tdl_status st = name_of(word, &name, &equals, why);
        if (st)
            return st;
        size_t at_option;
        const tdl_option *option = find_option(parse->command, name, &at_option, why);
        if (!option)
            return TDL_E_USAGE;
        const char *value = equals ? equals + 1 : NULL;
        if (option->kind != TDL_OPTION_FLAG && !value) {
            if (i + 1 == argc)
                return TDL_FAIL(why, TDL_E_USAGE, "--%s needs a value: --%s %s", option->name,
                                option->name, option->argument);
            value = argv[++i];
        }
        parse->origins[at_option] = TDL_ORIGIN_FLAG;
        if ((st = set_option(parse, option, value, "--", why)))
            return st;
    }
    return TDL_OK;
}

static tdl_status check_arguments(const tdl_parse *parse, tdl_report *why)
{
    const tdl_command *command = parse->command;

    if (parse->arguments_n < command->arguments_n)
        return TDL_FAIL(why, TDL_E_USAGE, "treadle %s needs %s", command->name, command->arguments);
    size_t most = command->arguments_n + command->optional_n;
    if (parse->arguments_n > most)
        return TDL_FAIL(why, TDL_E_USAGE, "treadle %s: \"%s\" is one argument too many",
                        command->name, parse->arguments[most]);
    return TDL_OK;
}

/* ---- running ---- */

static void print_error(const char *command, const tdl_report *why, bool json)
{
    if (!json) {
        fprintf(stderr, "treadle%s%s: %s\n", command ? " " : "", command ? command : "",
                why->message[0] ? why->message : tdl_status_text(why->status));
        if (why->hint[0])
            fprintf(stderr, "  %s\n", why->hint);
        return;
    }
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_jw_object(&w);
    tdl_jw_key(&w, "error");
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "code", tdl_status_name(why->status));
    tdl_jw_ktext(&w, "message", why->message);
    tdl_jw_ktext(&w, "hint", why->hint);
    tdl_jw_end_object(&w);
    tdl_jw_end_object(&w);
    fprintf(stderr, "%.*s\n", TDL_FMT(tdl_buf_view(&out)));
    tdl_buf_release(&out);
}

static int run_command(const tdl_command *command, int argc, char **argv, int at)
{
    tdl_report why = {0};
    tdl_parse parse = {.command = command,
                       .values = calloc(1, command->values_size),
                       .origins = calloc(COMMON_N + command->options_n, sizeof(tdl_origin)),
                       .arguments = calloc((size_t)argc + 1, sizeof(char *))};
    tdl_status st;
    tdl_common common = {0};

    if (!parse.values || !parse.origins || !parse.arguments) {
        st = TDL_FAIL(&why, TDL_E_NO_MEMORY, "out of memory");
        goto out;
    }
    memcpy(parse.values + offsetof(tdl_common, origins), &parse.origins, sizeof parse.origins);
    if ((st = set_from_environment(&parse, &why)))
        goto out;
    st = parse_arguments(&parse, argc, argv, at, &why);
    memcpy(&common, parse.values, sizeof common);
    if (st)
        goto out;
    if (common.help) {
        print_command_help(command);
        goto out;
    }
    if ((st = check_arguments(&parse, &why)))
        goto out;
    st = command->run(parse.values, parse.arguments, &why);
out:
    if (st) {
        why.status = st;
        if (st != TDL_E_BAR || why.message[0])
            print_error(command->name, &why, common.json);
    }
    free(parse.values);
    free(parse.origins);
    free(parse.arguments);
    return tdl_status_exit(st);
}

int tdl_cli_main(int argc, char **argv)
{
    tdl_report why = {0};

    if (argc < 2) {
        print_overview(stderr);
        return tdl_status_exit(TDL_E_USAGE);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_overview(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("treadle %s\n", tdl_version());
        return 0;
    }
    for (size_t i = 0; i < tdl_commands_n; i++) {
        int words = match_command(tdl_commands[i]->name, argc, argv, 1);
        if (words && !is_misspelt(tdl_commands[i], argc, argv, 1 + words))
            return run_command(tdl_commands[i], argc, argv, 1 + words);
    }
    tdl_status st = unknown_command(argc, argv, &why);
    print_error(NULL, &why, false);
    return tdl_status_exit(st);
}
