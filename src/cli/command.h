/* Subcommands and their options: one table drives parsing, environment, --help and did-you-mean.
 *
 * Every option `--name` may also be given as TREADLE_NAME; the command line wins. Values land in a
 * struct of the command's own, found by offset. Texts people read come in English and Chinese.
 */
#ifndef TDL_CLI_COMMAND_H
#define TDL_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

typedef struct tdl_text {
    const char *en, *zh;
} tdl_text;

/* The text in the user's language: Chinese when TREADLE_LANG, LC_ALL, LC_MESSAGES or LANG (the
 * first that is set) begins with "zh". */
const char *tdl_tr(const char *en, const char *zh)
    __attribute__((format_arg(1), format_arg(2))); /* both take the same printf arguments */

typedef enum tdl_option_kind {
    TDL_OPTION_FLAG, /* bool */
    TDL_OPTION_INT,  /* int64_t in [min, max] */
    TDL_OPTION_TEXT  /* const char * */
} tdl_option_kind;

typedef struct tdl_option {
    const char *name; /* "port": --port, TREADLE_PORT */
    tdl_option_kind kind;
    size_t offset;        /* in the command's values struct */
    const char *argument; /* "PORT"; NULL for flags */
    const char *fallback; /* as if given so; NULL: zero */
    int64_t min, max;     /* of a TDL_OPTION_INT */
    tdl_text help;
} tdl_option;

/* Rows of an option table, `member` being one of the struct `values`. */
#define TDL_TEXT_OPTION(values, name, member, argument, en, zh)                                    \
    {                                                                                              \
        name, TDL_OPTION_TEXT, offsetof(values, member), argument, NULL, 0, 0,                     \
        {                                                                                          \
            en, zh                                                                                 \
        }                                                                                          \
    }
#define TDL_COUNT_OPTION(values, name, member, fallback, low, high, en, zh)                        \
    {                                                                                              \
        name, TDL_OPTION_INT, offsetof(values, member), "N", fallback, low, high,                  \
        {                                                                                          \
            en, zh                                                                                 \
        }                                                                                          \
    }
#define TDL_FLAG_OPTION(values, name, member, en, zh)                                              \
    {                                                                                              \
        name, TDL_OPTION_FLAG, offsetof(values, member), NULL, NULL, 0, 0,                         \
        {                                                                                          \
            en, zh                                                                                 \
        }                                                                                          \
    }

typedef enum tdl_origin { TDL_ORIGIN_DEFAULT, TDL_ORIGIN_ENVIRONMENT, TDL_ORIGIN_FLAG } tdl_origin;

/* First member of every values struct. */
typedef struct tdl_common {
    bool json, quiet, help;
    const char *data;
    const char *store;           /* NULL: in the data folder */
    const char *master_key_file; /* the same */
    const tdl_origin *origins;   /* where each option's value is from: [COMMON_N + options_n] */
} tdl_common;

typedef struct tdl_command {
    const char *name;      /* "recommend train" */
    const char *arguments; /* "USER", "[NAME]"; NULL: none */
    size_t arguments_n;    /* how many are required */
    size_t optional_n;     /* how many more may follow */
    size_t values_size;
    const tdl_option *options; /* besides the common ones */
    size_t options_n;
    tdl_text summary;
    const char *examples; /* one command line a row */
    tdl_status (*run)(const void *values, char **arguments, tdl_report *why);
} tdl_command;

/* Option i of a command, the common ones first; NULL past the last. */
const tdl_option *tdl_option_at(const tdl_command *command, size_t i);
enum { TDL_VARIABLE_MAX = 64 };
/* "TREADLE_LOG_LEVEL" of "log-level". */
void tdl_option_variable(const tdl_option *option, char ret[TDL_VARIABLE_MAX]);

#define TDL_OPTIONS(table) (table), sizeof(table) / sizeof((table)[0])

/* Every command, in the order help shows them (main.c). */
extern const tdl_command *const tdl_commands[];
extern const size_t tdl_commands_n;

/* Find the command that argv names, parse, run. Prints help and errors. Returns the exit code. */
int tdl_cli_main(int argc, char **argv);

#endif
