#include "cli/fit_remarks.h"

#include <stdio.h>

#include "cli/command.h"
#include "learn/xgboost_worker.h"

/* Reasons that nobody asked for. */
static const struct reason {
    const char *name, *en, *zh;
} reasons[] = {
    {"constant", "one value or none, left out", "只有一个值或没有值，未使用"},
    {"id", "another value in each row, left out as an id", "每行取值都不同，视为标识列，未使用"},
    {"duplicate", "the same as another column, left out", "与另一列相同，未使用"},
};

static void tell_left_out(const json_t *column)
{
    tdl_str name = {0}, reason = {0};

    if (!tdl_json_get_str(column, "left_out", &reason) || !tdl_json_get_str(column, "name", &name))
        return;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (tdl_str_is(reason, reasons[i].name))
            fprintf(stderr, tdl_tr("%.*s: %s\n", "%.*s：%s\n"), TDL_FMT(name),
                    tdl_tr(reasons[i].en, reasons[i].zh));
}

/* Rows of a column of levels whose cell is a number. */
static size_t count_numbers(const tdl_column *column, size_t rows)
{
    size_t n = 0;
    double number;

    for (size_t r = 0; r < rows; r++)
        n += column->level[r] >= 0 && tdl_str_double(column->levels[column->level[r]], &number);
    return n;
}

/* The first cell that keeps a column from being one of numbers; rows when there is none. */
static size_t first_text(const tdl_column *column, size_t rows)
{
    size_t r = 0;
    double number;

    while (r < rows &&
           (column->level[r] < 0 || tdl_str_double(column->levels[column->level[r]], &number)))
        r++;
    return r;
}

static void tell_cells(const tdl_column *column, size_t rows)
{
    size_t known = rows - column->missing, numbers;

    if (column->infinite)
        fprintf(
            stderr,
            tdl_tr("%s: %zu infinite values, taken as missing\n", "%s：%zu 个无穷值，视为缺失\n"),
            column->name, column->infinite);
    if (!column->level || (numbers = count_numbers(column, rows)) * 2 <= known || numbers == known)
        return;
    size_t r = first_text(column, rows);
    tdl_str cell = column->levels[column->level[r]];
    fprintf(stderr,
            tdl_tr("%s: taken as a category, though %zu of %zu values are numbers; row %zu has "
                   "\"%.*s\" (--missing %.*s if that means missing)\n",
                   "%s：视为类别列，但 %zu / %zu 个值是数字；第 %zu 行为 \"%.*s\"（若表示缺失，用 "
                   "--missing %.*s）\n"),
            column->name, numbers, known, r + 1, TDL_FMT(cell), TDL_FMT(cell));
}

/* Trees that sat out because the library that grows them is not there. */
static void tell_library(const json_t *leaderboard)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(leaderboard, i, entry)
    {
        const char *model = json_string_value(json_object_get(entry, "model"));

        if (model && !strcmp(model, "trees") && json_object_get(entry, "left_out") &&
            tdl_xgboost_available(NULL))
            fputs(tdl_tr("boosted trees sat out: libxgboost is not there, or too old "
                         "(apt install libxgboost0)\n",
                         "提升树没有参加：缺少 libxgboost 或版本过旧（apt install libxgboost0）\n"),
                  stderr);
    }
}

void tdl_fit_remarks(const json_t *card, const tdl_frame *frame)
{
    const json_t *column, *target = json_object_get(card, "target");
    size_t i;
    int64_t unknown = 0, resumed;

    json_array_foreach(json_object_get(card, "columns"), i, column) tell_left_out(column);
    tell_library(json_object_get(card, "leaderboard"));
    if (tdl_json_get_int(json_object_get(card, "search"), "resumed", &resumed) && resumed > 0)
        fprintf(stderr,
                tdl_tr("went on where an earlier fit was stopped: %lld results taken over\n",
                       "接着上次中断处继续：沿用 %lld 个结果\n"),
                (long long)resumed);
    for (i = 0; i < frame->columns_n; i++)
        tell_cells(&frame->column[i], frame->rows);
    if (tdl_json_get_int(target, "unknown", &unknown) && unknown > 0)
        fprintf(
            stderr,
            tdl_tr("%lld rows have no target and were left out\n", "%lld 行没有目标值，未使用\n"),
            (long long)unknown);
    json_array_foreach(json_object_get(card, "notes"), i, column)
    {
        if (json_is_string(column) && !strcmp(json_string_value(column), "constant_target"))
            fputs(tdl_tr("the target is the same in every row: that is all there is to learn\n",
                         "目标列每行都相同，没有别的可学\n"),
                  stderr);
        if (json_is_string(column) && !strcmp(json_string_value(column), "few_rows"))
            fputs(tdl_tr("fewer than 50 rows: every figure is a guess\n",
                         "不足 50 行：所有数字只是猜测\n"),
                  stderr);
    }
}
