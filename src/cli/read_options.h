/* The options of every command that reads a table: fit, predict, forecast, data profile.
 *
 *     typedef struct fit_values {
 *         tdl_common common;
 *         tdl_read_values read;
 *     } fit_values;
 *     static const tdl_option fit_options[] = {TDL_READ_OPTIONS(fit_values, read), ...};
 *
 *     tdl_read_frame(source, &v->read, v->common.quiet, &frame, why)
 */
#ifndef TDL_CLI_READ_OPTIONS_H
#define TDL_CLI_READ_OPTIONS_H

#include "cli/command.h"
#include "table/read.h"

typedef struct tdl_read_values {
    const char *query, *delimiter, *encoding, *missing, *types;
    int64_t skip_bad, rows;
} tdl_read_values;

/* clang-format off: one option a row */
#define TDL_READ_OPTIONS(values, member)                                                                     \
    {"query",                                                                                                \
     TDL_OPTION_TEXT,                                                                                        \
     offsetof(values, member.query),                                                                         \
     "SQL",                                                                                                  \
     "",                                                                                                     \
     0,                                                                                                      \
     0,                                                                                                      \
     {"what to read from a database", "从数据库读取的查询语句"}},                                            \
        {"delimiter",                                                                                        \
         TDL_OPTION_TEXT,                                                                                    \
         offsetof(values, member.delimiter),                                                                 \
         "CHAR",                                                                                             \
         "",                                                                                                 \
         0,                                                                                                  \
         0,                                                                                                  \
         {"of CSV: one character, or tab; guessed from the header", "CSV 分隔符：单个字符或 tab；" \
                                                                    "默认由表头推断"}},                      \
        {"encoding",                                                                                         \
         TDL_OPTION_TEXT,                                                                                    \
         offsetof(values, member.encoding),                                                                  \
         "NAME",                                                                                             \
         "",                                                                                                 \
         0,                                                                                                  \
         0,                                                                                                  \
         {"of text: utf-8, gb18030, latin1, ...; UTF-8, else GB18030",                                       \
          "文本编码：utf-8、gb18030、latin1 等；默认先 UTF-8 后 GB18030"}},                                  \
        {"missing",                                                                                          \
         TDL_OPTION_TEXT,                                                                                    \
         offsetof(values, member.missing),                                                                   \
         "TEXT,...",                                                                                         \
         "",                                                                                                 \
         0,                                                                                                  \
         0,                                                                                                  \
         {"cells that are missing, beside empty ones; NA, null, ?, NaN, N/A, None",                          \
          "除空单元格外视为缺失的内容；默认 NA、null、?、NaN、N/A、None"}},                                  \
        {"types",                                                                                            \
         TDL_OPTION_TEXT,                                                                                    \
         offsetof(values, member.types),                                                                     \
         "COLUMN=TYPE,...",                                                                                  \
         "",                                                                                                 \
         0,                                                                                                  \
         0,                                                                                                  \
         {"numeric, integer, boolean, date, category, text or id, not as guessed",                           \
          "指定列类型：numeric、integer、boolean、date、category、text、id"}},                               \
        {"skip-bad",                                                                                         \
         TDL_OPTION_INT,                                                                                     \
         offsetof(values, member.skip_bad),                                                                  \
         "N",                                                                                                \
         "0",                                                                                                \
         0,                                                                                                  \
         INT64_MAX,                                                                                          \
         {"leave out up to N rows that cannot be read, and count them",                                      \
          "最多跳过 N 行无法读取的数据并计数"}},                                                             \
    {                                                                                                        \
        "rows", TDL_OPTION_INT, offsetof(values, member.rows), "N", "0", 0, INT32_MAX,                       \
        {                                                                                                    \
            "read the first N only; 0 = all", "只读前 N 行；0 = 全部"                                 \
        }                                                                                                    \
    }
/* clang-format on */

/* The options as the readers take them. The wishes borrow from `values`; _free_wishes.
 *   returns  TDL_OK | TDL_E_USAGE | TDL_E_NO_MEMORY */
tdl_status tdl_read_values_options(const tdl_read_values *values, tdl_read_options *ret,
                                   tdl_report *why);
void tdl_read_free_wishes(tdl_read_options *options);

/* tdl_frame_read with a progress bar; says on stderr what was not as expected. */
tdl_status tdl_read_told(const char *source, tdl_read_options *options, bool quiet, tdl_frame *ret,
                         tdl_report *why);
/* Read `source`, with a progress bar, and say on stderr what was not as expected: rows left out,
 * an encoding that was guessed. A column that --types names and that is not there is an error. */
tdl_status tdl_read_frame(const char *source, const tdl_read_values *values, bool quiet,
                          tdl_frame *ret, tdl_report *why);

#endif
