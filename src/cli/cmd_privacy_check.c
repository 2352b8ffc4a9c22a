/* treadle privacy check-k: may this table be given away? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/import.h"
#include "table/anonymity.h"
#include "table/csv.h"

typedef struct check_values {
    tdl_common common;
    const char *quasi, *sensitive, *suppress;
    int64_t k, l;
} check_values;

static const tdl_option check_options[] = {
    {"quasi",
     TDL_OPTION_TEXT,
     offsetof(check_values, quasi),
     "COLUMN,...",
     "",
     0,
     0,
     {"columns that others could know of a person", "他人可能知道的列（准标识符）"}},
    {"sensitive",
     TDL_OPTION_TEXT,
     offsetof(check_values, sensitive),
     "COLUMN,...",
     "",
     0,
     0,
     {"columns that must not be learnt of a person", "不得被推知的列（敏感属性）"}},
    {"k",
     TDL_OPTION_INT,
     offsetof(check_values, k),
     "N",
     "10",
     1,
     1000000,
     {"fewest rows that look alike", "同一组合的最少行数"}},
    {"l",
     TDL_OPTION_INT,
     offsetof(check_values, l),
     "N",
     "2",
     1,
     1000000,
     {"fewest values of each sensitive column among them", "每组中各敏感列的最少不同取值数"}},
    {"suppress",
     TDL_OPTION_TEXT,
     offsetof(check_values, suppress),
     "FILE",
     "",
     0,
     0,
     {"write the table there without the rows that fail", "将去除不合格行后的表写入该文件"}},
};

/* ---- the table without the rows that fail ---- */

static void write_field(FILE *out, tdl_str field, char delimiter)
{
    bool plain = true;

    for (size_t i = 0; i < field.len; i++)
        plain = plain && field.at[i] != delimiter && !strchr("\"\r\n", field.at[i]);
    if (plain) {
        fwrite(field.at, 1, field.len, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < field.len; i++) {
        if (field.at[i] == '"')
            fputc('"', out);
        fputc(field.at[i], out);
    }
    fputc('"', out);
}

static void write_row(FILE *out, const tdl_str *fields, size_t n, char delimiter)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            fputc(delimiter, out);
        write_field(out, fields[i], delimiter);
    }
    fputs("\r\n", out);
}

static tdl_status write_passing(const tdl_anonymity *anonymity, tdl_csv *csv, FILE *out,
                                char delimiter, tdl_report *why)
{
    const tdl_str *fields;
    bool more = true;
    size_t n;
    tdl_status st = TDL_OK;

    fields = tdl_csv_header(csv, &n);
    write_row(out, fields, n, delimiter);
    while (!st && !(st = tdl_csv_next(csv, &fields, &n, &more, why)) && more)
        if (tdl_anonymity_passes(anonymity, fields))
            write_row(out, fields, n, delimiter);
    return st;
}

/* A file that is there is not written over: it may be the table itself. */
static tdl_status suppress(const tdl_anonymity *anonymity, const char *from, const char *to,
                           char delimiter, tdl_report *why)
{
    tdl_csv_options options = {.delimiter = delimiter};
    tdl_csv *csv = NULL;
    FILE *out = fopen(to, "wxe");
    tdl_status st;

    if (!out)
        return TDL_FAIL(why, errno == EEXIST ? TDL_E_CONFLICT : TDL_E_IO, "%s: %s", to,
                        strerror(errno));
    if (!(st = tdl_csv_open(from, &options, &csv, why)))
        st = write_passing(anonymity, csv, out, delimiter, why);
    bool failed = ferror(out) != 0;
    if ((fclose(out) || failed) && !st)
        st = TDL_FAIL(why, TDL_E_IO, "%s: cannot be written", to);
    if (st)
        unlink(to);
    tdl_csv_close(csv);
    return st;
}

/* ---- the report ---- */

static void print_json(const tdl_anonymity_outcome *o, bool passed)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    tdl_jw_object(&w);
    tdl_jw_kbool(&w, "passed", passed);
    tdl_jw_kint(&w, "rows", (int64_t)o->rows);
    tdl_jw_kint(&w, "groups", (int64_t)o->groups);
    tdl_jw_kint(&w, "smallest_group", (int64_t)o->smallest);
    tdl_jw_kint(&w, "rows_below_k", (int64_t)o->rows_below_k);
    tdl_jw_kint(&w, "groups_below_k", (int64_t)o->groups_below_k);
    tdl_jw_kint(&w, "fewest_values", (int64_t)o->fewest_values);
    tdl_jw_kint(&w, "rows_below_l", (int64_t)o->rows_below_l);
    tdl_jw_kint(&w, "groups_below_l", (int64_t)o->groups_below_l);
    tdl_jw_kint(&w, "rows_failing", (int64_t)o->rows_failing);
    tdl_jw_key(&w, "smallest_groups");
    tdl_jw_array(&w);
    for (size_t i = 0; i < o->sizes_n; i++) {
        tdl_jw_object(&w);
        tdl_jw_kint(&w, "rows", (int64_t)o->size[i]);
        tdl_jw_kint(&w, "groups", (int64_t)o->groups_of[i]);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)text.len, text.at);
    tdl_buf_release(&text);
}

static void print_text(const check_values *v, const tdl_anonymity_outcome *o)
{
    printf(tdl_tr("%llu rows in %llu groups that look alike; the smallest has %llu\n",
                  "共 %llu 行，%llu 个不可区分的组；最小的组有 %llu 行\n"),
           (unsigned long long)o->rows, (unsigned long long)o->groups,
           (unsigned long long)o->smallest);
    for (size_t i = 0; i < o->sizes_n; i++)
        printf(tdl_tr("  groups of %llu: %llu\n", "  %llu 行的组：%llu 个\n"),
               (unsigned long long)o->size[i], (unsigned long long)o->groups_of[i]);
    printf(tdl_tr("fewer than %lld rows: %llu groups, %llu rows\n",
                  "少于 %lld 行：%llu 组，%llu 行\n"),
           (long long)v->k, (unsigned long long)o->groups_below_k,
           (unsigned long long)o->rows_below_k);
    if (*v->sensitive)
        printf(tdl_tr("fewer than %lld values of a sensitive column: %llu groups, %llu rows\n",
                      "敏感列取值少于 %lld 种：%llu 组，%llu 行\n"),
               (long long)v->l, (unsigned long long)o->groups_below_l,
               (unsigned long long)o->rows_below_l);
}

/* What was asked for is there: with --suppress that is the smaller table. */
static tdl_status conclude(const check_values *v, const char *path, const tdl_anonymity_outcome *o,
                           tdl_report *why)
{
    if (*v->suppress)
        fprintf(stderr, tdl_tr("%s: %llu rows, %llu left out\n", "%s：%llu 行，去除 %llu 行\n"),
                v->suppress, (unsigned long long)(o->rows - o->rows_failing),
                (unsigned long long)o->rows_failing);
    if (*v->suppress || !o->rows_failing)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_BAR,
                         "--suppress FILE writes it without them; or make the columns coarser",
                         "%s: %llu of %llu rows tell too much", path,
                         (unsigned long long)o->rows_failing, (unsigned long long)o->rows);
}

static tdl_status run_check(const void *values, char **arguments, tdl_report *why)
{
    const check_values *v = values;
    tdl_anonymity_options options = {.path = arguments[0],
                                     .delimiter = tdl_import_is_tsv(arguments[0]) ? '\t' : ',',
                                     .quasi = v->quasi,
                                     .sensitive = v->sensitive,
                                     .k = (uint64_t)v->k,
                                     .l = (uint64_t)v->l};
    tdl_anonymity *anonymity = NULL;
    tdl_anonymity_outcome outcome;
    tdl_status st;

    if (!*v->quasi)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "--quasi age,town",
                             "name the columns that others could know of a person");
    if ((st = tdl_anonymity_read(&options, &anonymity, why)))
        return st;
    if ((st = tdl_anonymity_outcome_of(anonymity, &outcome, why)))
        goto out;
    if (*v->suppress &&
        (st = suppress(anonymity, options.path, v->suppress, options.delimiter, why)))
        goto out;
    if (v->common.json)
        print_json(&outcome, !outcome.rows_failing);
    else
        print_text(v, &outcome);
    st = conclude(v, options.path, &outcome, why);
out:
    tdl_anonymity_free(anonymity);
    return st;
}

const tdl_command tdl_command_privacy_check_k = {
    .name = "privacy check-k",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(check_values),
    .options = check_options,
    .options_n = sizeof check_options / sizeof check_options[0],
    .summary = {"k-anonymity and l-diversity of a table, before it is given away",
                "对外提供表格前检查 k-匿名与 l-多样性"},
    .examples = "  treadle privacy check-k patients.csv --quasi age,town --sensitive illness\n"
                "  treadle privacy check-k patients.csv --quasi age,town --k 5 \\\n"
                "      --suppress patients-safe.csv\n",
    .run = run_check,
};
