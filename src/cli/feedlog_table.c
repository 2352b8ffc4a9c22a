/* Tables with a header: RecBole's .inter, MovieLens' ratings.csv, a shop's invoices. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/feedlog_parts.h"
#include "table/csv.h"
#include "table/input.h"

enum { CODE_DIGITS = 5, CODE_BYTES = 64 };

typedef struct table {
    tdl_feedlog *log;
    tdl_csv *csv;
    int column[TDL_FEEDLOG_FIELDS_N]; /* -1 = none */
    bool retail;
    size_t quantity, price;
} table;

static bool is_shops_book(tdl_csv *csv, size_t *ret_quantity, size_t *ret_price)
{
    size_t invoice, code;

    return tdl_csv_column(csv, "InvoiceNo", &invoice) && tdl_csv_column(csv, "StockCode", &code) &&
           tdl_csv_column(csv, "Quantity", ret_quantity) &&
           tdl_csv_column(csv, "UnitPrice", ret_price);
}

bool tdl_feedlog_is_shops_book(const char *path)
{
    tdl_csv_options options = {.delimiter = '\t',
                               .guess_delimiter = !tdl_input_has_suffix(path, ".tsv")};
    tdl_csv *csv = NULL;
    size_t quantity, price;
    bool is = !tdl_csv_open(path, &options, &csv, NULL) && is_shops_book(csv, &quantity, &price);

    tdl_csv_close(csv);
    return is;
}

static tdl_status find_columns(table *t, tdl_report *why)
{
    size_t n;
    const tdl_str *header = tdl_csv_header(t->csv, &n);

    for (size_t f = 0; f < TDL_FEEDLOG_FIELDS_N; f++)
        t->column[f] = -1;
    for (size_t i = 0; i < n && i < INT32_MAX; i++) {
        tdl_feedlog_field f = tdl_feedlog_field_of(t->log, header[i]);
        if (f < TDL_FEEDLOG_FIELDS_N && t->column[f] < 0)
            t->column[f] = (int)i;
    }
    for (size_t f = 0; f < TDL_FEEDLOG_FIELDS_N; f++)
        if (t->log->mapped[f].len && t->column[f] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "%s has no column \"%.*s\" for %s",
                            t->log->options->path, TDL_FMT(t->log->mapped[f]),
                            tdl_feedlog_field_name[f]);
    if (t->column[TDL_FEEDLOG_ITEM] < 0 ||
        (t->column[TDL_FEEDLOG_USER] < 0 && t->column[TDL_FEEDLOG_ORDER] < 0))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "name them: --map user=COLUMN,item=COLUMN",
                             "%s: no column says %s", t->log->options->path,
                             t->column[TDL_FEEDLOG_ITEM] < 0 ? "which item a row is about"
                                                             : "who did it, or in which order");
    t->retail = is_shops_book(t->csv, &t->quantity, &t->price);
    t->log->result->timed = t->column[TDL_FEEDLOG_TIME] >= 0;
    t->log->result->format = t->retail                                               ? "retail"
                             : tdl_input_has_suffix(t->log->options->path, ".inter") ? "recbole"
                                                                                     : "table";
    return TDL_OK;
}

static bool is_positive(tdl_str text)
{
    double number;

    return tdl_str_double(tdl_str_trim(text), &number) && number > 0;
}

/* A line of a shop's book that is a sale of goods? Its code in capitals: `code`. */
static bool is_sale(const table *t, const tdl_str *cells, tdl_str *cell, char code[CODE_BYTES])
{
    tdl_str invoice = cell[TDL_FEEDLOG_ORDER], item = cell[TDL_FEEDLOG_ITEM];

    if (!invoice.len || strchr("CcAa", invoice.at[0]) || item.len < CODE_DIGITS ||
        item.len >= CODE_BYTES || !is_positive(cells[t->quantity]) || !is_positive(cells[t->price]))
        return false;
    for (size_t i = 0; i < CODE_DIGITS; i++)
        if (!isdigit((unsigned char)item.at[i]))
            return false;
    for (size_t i = 0; i < item.len; i++)
        code[i] = (char)toupper((unsigned char)item.at[i]);
    cell[TDL_FEEDLOG_ITEM] = (tdl_str){code, item.len};
    if (!cell[TDL_FEEDLOG_KIND].len)
        cell[TDL_FEEDLOG_KIND] = TDL_STR("purchase");
    return true;
}

static tdl_status take_row(table *t, const tdl_str *cells, tdl_report *why)
{
    tdl_str cell[TDL_FEEDLOG_FIELDS_N];
    char code[CODE_BYTES];

    for (size_t f = 0; f < TDL_FEEDLOG_FIELDS_N; f++)
        cell[f] = t->column[f] < 0 ? (tdl_str){0} : cells[t->column[f]];
    if (t->retail && !is_sale(t, cells, cell, code)) {
        t->log->result->rows++;
        t->log->result->other++;
        return TDL_OK;
    }
    return tdl_feedlog_cells(t->log, cell, tdl_csv_line(t->csv), why);
}

tdl_status tdl_feedlog_table(tdl_feedlog *log, tdl_report *why)
{
    table t = {.log = log};
    const char *path = log->options->path;
    bool tabs = tdl_input_has_suffix(path, ".inter") || tdl_input_has_suffix(path, ".tsv");
    tdl_csv_options options = {.delimiter = '\t', .guess_delimiter = !tabs};
    tdl_status st = tdl_csv_open(path, &options, &t.csv, why);
    const tdl_str *cells;
    size_t cells_n;
    bool more = true;

    if (!st)
        st = find_columns(&t, why);
    while (!st && more) {
        st = tdl_csv_next(t.csv, &cells, &cells_n, &more, why);
        if (!st && more)
            st = take_row(&t, cells, why);
        tdl_feedlog_draw(log, tdl_csv_bytes_read(t.csv), tdl_csv_bytes_total(t.csv));
    }
    tdl_csv_close(t.csv);
    return st;
}
