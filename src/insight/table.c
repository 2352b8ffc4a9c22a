/* Tables: rows in an arena, and out as JSON or CSV. */
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "insight/parts.h"

void tdl_table_columns(tdl_table *table, const char *const *columns, size_t n)
{
    memcpy(table->columns, columns, n * sizeof *columns);
    table->columns_n = n;
}

tdl_cell *tdl_table_row(tdl_table *table)
{
    size_t n = table->columns_n;

    if (table->rows_n == table->rows_cap) {
        size_t cap = table->rows_cap ? 2 * table->rows_cap : 32;
        tdl_cell *cells = tdl_arena_alloc(table->arena, cap * n, sizeof *cells);
        if (!cells) {
            table->failed = true;
            return NULL;
        }
        if (table->rows_n)
            memcpy(cells, table->cells, table->rows_n * n * sizeof *cells);
        table->cells = cells;
        table->rows_cap = cap;
    }
    return memset(table->cells + n * table->rows_n++, 0, n * sizeof *table->cells);
}

static void write_cell(const tdl_cell *cell, tdl_jw *out)
{
    switch (cell->type) {
    case TDL_CELL_NONE:
    case TDL_CELL_HIDDEN:
        tdl_jw_null(out);
        break;
    case TDL_CELL_TIME:
        tdl_jw_time(out, cell->time_us);
        break;
    case TDL_CELL_TEXT:
        tdl_jw_str(out, cell->text);
        break;
    case TDL_CELL_NUMBER:
        tdl_jw_number(out, cell->number);
        break;
    }
}

static void write_hidden(const tdl_table *table, tdl_jw *out)
{
    tdl_jw_knumber(out, "k", table->k);
    tdl_jw_key(out, "suppressed");
    tdl_jw_array(out);
    for (size_t i = 0; i < table->rows_n * table->columns_n; i++) {
        if (table->cells[i].type != TDL_CELL_HIDDEN)
            continue;
        tdl_jw_array(out);
        tdl_jw_int(out, (int64_t)(i / table->columns_n));
        tdl_jw_int(out, (int64_t)(i % table->columns_n));
        tdl_jw_end_array(out);
    }
    tdl_jw_end_array(out);
}

void tdl_table_json(const tdl_table *table, tdl_jw *out)
{
    tdl_jw_object(out);
    tdl_jw_key(out, "columns");
    tdl_jw_array(out);
    for (size_t i = 0; i < table->columns_n; i++)
        tdl_jw_text(out, table->columns[i]);
    tdl_jw_end_array(out);
    tdl_jw_key(out, "rows");
    tdl_jw_array(out);
    for (size_t i = 0; i < table->rows_n; i++) {
        tdl_jw_array(out);
        for (size_t k = 0; k < table->columns_n; k++)
            write_cell(&table->cells[i * table->columns_n + k], out);
        tdl_jw_end_array(out);
    }
    tdl_jw_end_array(out);
    write_hidden(table, out);
    tdl_jw_end_object(out);
}

static void write_csv_text(tdl_str text, tdl_buf *out)
{
    tdl_buf_char(out, '"');
    if (text.len && strchr("=+-@\t\r", text.at[0]))
        tdl_buf_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            tdl_buf_char(out, '"');
        tdl_buf_char(out, text.at[i]);
    }
    tdl_buf_char(out, '"');
}

static void write_csv_cell(const tdl_cell *cell, tdl_buf *out)
{
    tdl_jw value = {.out = out}; // writes one bare value at a time
    char text[TDL_TIME_TEXT_MAX];

    switch (cell->type) {
    case TDL_CELL_NONE:
    case TDL_CELL_HIDDEN:
        break;
    case TDL_CELL_TIME:
        tdl_time_format(cell->time_us, text);
        tdl_buf_text(out, text);
        break;
    case TDL_CELL_TEXT:
        write_csv_text(cell->text, out);
        break;
    case TDL_CELL_NUMBER:
        tdl_jw_number(&value, cell->number);
        break;
    }
}

void tdl_table_csv(const tdl_table *table, tdl_buf *out)
{
    for (size_t i = 0; i < table->columns_n; i++) {
        if (i)
            tdl_buf_char(out, ',');
        tdl_buf_text(out, table->columns[i]);
    }
    tdl_buf_text(out, "\r\n");
    for (size_t i = 0; i < table->rows_n; i++) {
        for (size_t k = 0; k < table->columns_n; k++) {
            if (k)
                tdl_buf_char(out, ',');
            write_csv_cell(&table->cells[i * table->columns_n + k], out);
        }
        tdl_buf_text(out, "\r\n");
    }
}

/* ---- numbering ---- */

/* Spread the bits: keys are small numbers packed together (finaliser of splitmix64). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The slot that holds `key`, or the free one where it belongs. */
static size_t find_slot(const tdl_numbering *m, uint64_t key)
{
    size_t at = mix(key) & (m->cap - 1);

    while (m->number[at] && m->key[at] != key)
        at = (at + 1) & (m->cap - 1);
    return at;
}

static bool grow(tdl_numbering *m)
{
    size_t cap = m->cap ? 2 * m->cap : 1024;
    uint64_t *key = malloc(cap * sizeof *key);
    uint32_t *number = calloc(cap, sizeof *number);
    tdl_numbering grown = {.key = key, .number = number, .n = m->n, .cap = cap};

    if (!key || !number) {
        free(key);
        free(number);
        return false;
    }
    for (size_t i = 0; i < m->cap; i++)
        if (m->number[i]) {
            size_t at = find_slot(&grown, m->key[i]);
            key[at] = m->key[i];
            number[at] = m->number[i];
        }
    free(m->key);
    free(m->number);
    m->key = key;
    m->number = number;
    m->cap = cap;
    return true;
}

size_t tdl_numbering_of(tdl_numbering *m, uint64_t key)
{
    if (2 * m->n >= m->cap && (m->n >= UINT32_MAX - 1 || !grow(m)))
        return SIZE_MAX;
    size_t at = find_slot(m, key);
    if (!m->number[at]) {
        m->key[at] = key;
        m->number[at] = (uint32_t)++m->n;
    }
    return m->number[at] - 1;
}

void tdl_numbering_release(tdl_numbering *m)
{
    free(m->key);
    free(m->number);
    *m = (tdl_numbering){0};
}
