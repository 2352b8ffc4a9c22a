/* treadle data profile: what is in a table, before anything is learnt from it. */
#include <math.h>
#include <stdio.h>

#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/read_options.h"
#include "table/profile.h"

typedef struct profile_values {
    tdl_common common;
    tdl_read_values read;
} profile_values;

static const tdl_option profile_options[] = {TDL_READ_OPTIONS(profile_values, read)};

enum { NAME_WIDTH = 24, VALUE_WIDTH = 20, TOP_SHOWN = 3 };

/* At most `width` columns of a terminal, filled up with blanks unless `ragged`; characters of three
 * bytes and more are taken to be two wide. */
static void add_cut(tdl_buf *out, tdl_str text, size_t width, bool ragged)
{
    size_t used = 0, i = 0;

    while (i < text.len) {
        size_t n = tdl_utf8_step(text.at + i, text.len - i), wide = n >= 3 ? 2 : 1;

        if (!n || used + wide > width - (i + n < text.len ? 1 : 0))
            break;
        if (n == 1 && (unsigned char)text.at[i] < ' ')
            tdl_buf_char(out, ' '); /* line ends, and what would move a terminal's cursor */
        else
            tdl_buf_add(out, text.at + i, n);
        used += wide;
        i += n;
    }
    if (i < text.len) {
        tdl_buf_text(out, "…");
        used++;
    }
    for (; !ragged && used < width; used++)
        tdl_buf_char(out, ' ');
}

static void add_number(tdl_buf *out, const tdl_column *column, double value)
{
    char text[TDL_TIME_TEXT_MAX];

    if (column->type != TDL_COLUMN_DATE) {
        tdl_buf_printf(out, "%.6g", value);
        return;
    }
    tdl_time_format((int64_t)(value * 1e6), text);
    if (strlen(text) >= 10 && !strncmp(text + 10, "T00:00:00Z", 10))
        text[10] = '\0';
    tdl_buf_text(out, text);
}

static void add_histogram(tdl_buf *out, const tdl_profile_column *p)
{
    static const char *const block[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t most = 1;

    for (size_t i = 0; i < p->bins_n; i++)
        most = p->bin[i] > most ? p->bin[i] : most;
    for (size_t i = 0; i < p->bins_n; i++) /* one row among many still shows */
        tdl_buf_text(out, block[(8 * p->bin[i] + most - 1) / most]);
}

static void add_numbers(tdl_buf *out, const tdl_profile_column *p)
{
    const double at[] = {p->min, p->quartile[0], p->quartile[1], p->quartile[2], p->max};

    if (isnan(p->min))
        return;
    add_histogram(out, p);
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        tdl_buf_text(out, i ? " · " : p->bins_n ? "  " : "");
        add_number(out, p->column, at[i]);
    }
}

static void add_levels(tdl_buf *out, const tdl_profile_column *p, size_t rows)
{
    for (size_t i = 0; i < p->top_n && i < TOP_SHOWN; i++) {
        tdl_buf_text(out, i ? ", " : "");
        add_cut(out, p->top[i].text, VALUE_WIDTH, true);
        tdl_buf_printf(out, " %.1f%%", 100 * (double)p->top[i].n / (double)rows);
    }
    if (p->distinct > TOP_SHOWN)
        tdl_buf_text(out, ", …");
}

static void add_column(tdl_buf *out, const tdl_profile_column *p, size_t rows)
{
    const tdl_column *column = p->column;

    add_cut(out, tdl_str_of(column->name), NAME_WIDTH, false);
    tdl_buf_printf(out, "  %-8s  %9zu  %9zu  ", tdl_column_type_name(column->type), column->missing,
                   p->distinct);
    if (column->pixel)
        tdl_buf_printf(out, "%zu x %zu x %zu", column->channels, column->height, column->width);
    else if (column->level || column->type == TDL_COLUMN_BOOLEAN)
        add_levels(out, p, rows);
    else
        add_numbers(out, p);
    tdl_buf_char(out, '\n');
}

static void add_names(tdl_buf *out, const tdl_profile *profile, const char *title,
                      bool (*is)(const tdl_profile_column *))
{
    size_t n = 0;

    for (size_t i = 0; i < profile->columns_n; i++)
        if (is(&profile->column[i]))
            tdl_buf_printf(out, "%s %s", n++ ? "," : title, profile->column[i].column->name);
    if (n)
        tdl_buf_char(out, '\n');
}

static bool is_constant(const tdl_profile_column *p)
{
    return p->constant;
}

static bool is_id(const tdl_profile_column *p)
{
    return p->column->type == TDL_COLUMN_ID;
}

static bool is_mixed(const tdl_profile_column *p)
{
    return p->numbers && p->numbers < p->values;
}

static bool has_infinite(const tdl_profile_column *p)
{
    return p->column->infinite;
}

static void add_profile(tdl_buf *out, const tdl_profile *profile)
{
    tdl_buf_printf(
        out,
        tdl_tr("%zu rows, %zu columns, %zu duplicate rows\n\n", "%zu 行，%zu 列，重复 %zu 行\n\n"),
        profile->rows, profile->columns_n, profile->duplicates);
    add_cut(out, tdl_str_of(tdl_tr("column", "列")), NAME_WIDTH, false);
    tdl_buf_printf(
        out, "  %s\n",
        tdl_tr("type        missing   distinct  values", "类型           缺失   不同取值  取值"));
    for (size_t i = 0; i < profile->columns_n; i++)
        add_column(out, &profile->column[i], profile->rows);
    tdl_buf_char(out, '\n');
    add_names(out, profile, tdl_tr("constant, tell nothing:", "常数列，无信息："), is_constant);
    add_names(out, profile, tdl_tr("ids, left out of features:", "标识列，不作特征："), is_id);
    add_names(out, profile, tdl_tr("infinite values, taken as missing:", "含无穷值，视为缺失："),
              has_infinite);
    add_names(out, profile, tdl_tr("numbers among text:", "文本中混有数字："), is_mixed);
}

static tdl_status run_profile(const void *values, char **arguments, tdl_report *why)
{
    const profile_values *v = values;
    tdl_frame frame = {0};
    tdl_profile profile = {0};
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_status st;

    if ((st = tdl_read_frame(arguments[0], &v->read, v->common.quiet, &frame, why)) ||
        (st = tdl_profile_of(&frame, &profile, why)))
        goto out;
    if (v->common.json) {
        tdl_profile_write(&profile, &w);
        tdl_buf_char(&out, '\n');
    } else {
        add_profile(&out, &profile);
    }
    if (out.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the profile");
    else
        fwrite(out.at, 1, out.len, stdout);
out:
    tdl_buf_release(&out);
    tdl_profile_release(&profile);
    tdl_frame_release(&frame);
    return st;
}

const tdl_command tdl_command_data_profile = {
    .name = "data profile",
    .arguments = "SOURCE",
    .arguments_n = 1,
    .values_size = sizeof(profile_values),
    .options = profile_options,
    .options_n = sizeof profile_options / sizeof profile_options[0],
    .summary = {"what is in a table: types, gaps, ranges, duplicates",
                "表中有什么：类型、缺失、范围、重复"},
    .examples = "  treadle data profile customers.csv\n"
                "  treadle data profile sqlite:shop.db --query 'select * from orders' --json\n",
    .run = run_profile,
};
