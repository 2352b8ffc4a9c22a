#include "table/gather.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "table/cell.h"

enum { NUMBER_BYTES = 255 /* longer ones are text: their length is a byte */ };
#define EXACT_INTEGER 9007199254740992.0 /* 2^53 */

static tdl_status no_memory(const tdl_gather *gather, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for row %zu of column '%s'", gather->rows + 1,
                    gather->name);
}

tdl_status tdl_gather_init(tdl_gather *gather, tdl_str name, tdl_report *why)
{
    *gather = (tdl_gather){.odd.limit = SIZE_MAX / 4, .name = malloc(name.len + 1)};
    if (!gather->name)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a column");
    memcpy(gather->name, name.at, name.len);
    gather->name[name.len] = '\0';
    return TDL_OK;
}

void tdl_gather_wish(tdl_gather *gather, tdl_column_type type)
{
    gather->wished = true;
    gather->wish = type;
    gather->is_text = type != TDL_COLUMN_NUMERIC && type != TDL_COLUMN_INTEGER &&
                      type != TDL_COLUMN_DATE && type != TDL_COLUMN_IMAGE;
}

void tdl_gather_release(tdl_gather *gather)
{
    free(gather->name);
    free(gather->number);
    free(gather->decimals);
    free(gather->code);
    tdl_buf_release(&gather->odd);
    tdl_levels_release(&gather->levels);
    *gather = (tdl_gather){0};
}

static bool resize(void *array_at, size_t n, size_t size)
{
    void **array = array_at, *grown = realloc(*array, n * size);

    if (grown)
        *array = grown;
    return grown;
}

static tdl_status make_room(tdl_gather *gather, tdl_report *why)
{
    size_t cap = gather->cap ? gather->cap + gather->cap / 2 : 64;

    if (gather->rows < gather->cap)
        return TDL_OK;
    if (gather->rows >= INT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a table has more than 2^31 rows");
    if (gather->is_text ? !resize(&gather->code, cap, sizeof *gather->code)
                        : !resize(&gather->number, cap, sizeof *gather->number) ||
                              (gather->decimals && !resize(&gather->decimals, cap, 1)))
        return no_memory(gather, why);
    gather->cap = cap;
    return TDL_OK;
}

/* ---- numbers ---- */

static void watch_order(tdl_gather *gather, double value)
{
    double before = gather->rows ? gather->number[gather->rows - 1] : 0;

    if (gather->rows && !(value > before))
        gather->not_rising = gather->not_counting = true;
    if (gather->rows ? value - before != 1 : value != 0 && value != 1)
        gather->not_counting = true;
}

static tdl_status keep_spelling(tdl_gather *gather, tdl_str text, int decimals, tdl_report *why)
{
    if (!gather->has_common) {
        gather->common = (int8_t)decimals;
        gather->has_common = true;
    }
    if (decimals != gather->common && !gather->decimals) {
        if (!resize(&gather->decimals, gather->cap, 1))
            return no_memory(gather, why);
        memset(gather->decimals, gather->common, gather->rows);
    }
    if (gather->decimals)
        gather->decimals[gather->rows] = (int8_t)decimals;
    if (decimals == TDL_CELL_ODD) {
        tdl_buf_char(&gather->odd, (char)text.len);
        tdl_buf_str(&gather->odd, text);
    }
    return gather->odd.failed ? no_memory(gather, why) : TDL_OK;
}

static tdl_status add_number(tdl_gather *gather, tdl_str text, const tdl_cell_number *number,
                             tdl_report *why)
{
    tdl_status st = make_room(gather, why);

    if (st || (!gather->wished && (st = keep_spelling(gather, text, number->decimals, why))))
        return st;
    watch_order(gather, number->value);
    gather->fraction |= !number->integer;
    gather->inexact |= number->integer && fabs(number->value) >= EXACT_INTEGER;
    gather->number[gather->rows++] = number->value;
    return TDL_OK;
}

static tdl_status add_text(tdl_gather *gather, tdl_str text, tdl_report *why)
{
    tdl_status st = make_room(gather, why);

    if (st || (st = tdl_levels_add(&gather->levels, text, &gather->code[gather->rows], why)))
        return st;
    gather->rows++;
    return TDL_OK;
}

/* The spelling of row `i`, of which `odd_at` walks along the odd ones. */
static tdl_str respell(const tdl_gather *gather, size_t i, size_t *odd_at, char *room, size_t n)
{
    int decimals = gather->decimals ? gather->decimals[i] : gather->common;
    tdl_str text;

    if (decimals == TDL_CELL_ODD) {
        text = (tdl_str){gather->odd.at + *odd_at + 1, (unsigned char)gather->odd.at[*odd_at]};
        *odd_at += 1 + text.len;
        return text;
    }
    return (tdl_str){room, (size_t)snprintf(room, n, "%.*f", decimals, gather->number[i])};
}

tdl_status tdl_gather_to_text(tdl_gather *gather, tdl_report *why)
{
    size_t odd_at = 0, n = gather->cap ? gather->cap : 1;
    int32_t *code = malloc(n * sizeof *code);
    char room[64]; /* 15 digits, a point and a sign */
    tdl_status st = TDL_OK;

    if (!code)
        return no_memory(gather, why);
    for (size_t i = 0; !st && i < gather->rows; i++) {
        code[i] = -1;
        if (!isnan(gather->number[i]))
            st = tdl_levels_add(&gather->levels, respell(gather, i, &odd_at, room, sizeof room),
                                &code[i], why);
    }
    if (st) {
        free(code);
        return st;
    }
    free(gather->number);
    free(gather->decimals);
    tdl_buf_release(&gather->odd);
    gather->number = NULL;
    gather->decimals = NULL;
    gather->code = code;
    gather->is_text = true;
    return TDL_OK;
}

/* ---- cells ---- */

static tdl_status fail_type(const tdl_gather *gather, tdl_str text, const char *what,
                            tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "correct or empty that cell, or read the column as a category",
                         "column '%s': '%.*s' is not %s", gather->name,
                         text.len > 80 ? 80 : (int)text.len, text.at, what);
}

static tdl_status add_wished(tdl_gather *gather, tdl_str text, tdl_report *why)
{
    tdl_cell_number number = {0};
    bool truth;

    switch (gather->wish) {
    case TDL_COLUMN_NUMERIC:
    case TDL_COLUMN_INTEGER:
        if (!tdl_cell_number_read(text, &number))
            return fail_type(gather, text, "a number", why);
        return add_number(gather, text, &number, why);
    case TDL_COLUMN_DATE:
        if (!tdl_cell_date_wished(text, &number.value))
            return fail_type(gather, text, "a date such as 2026-11-24", why);
        return add_number(gather, text, &number, why);
    case TDL_COLUMN_IMAGE:
        return fail_type(gather, text, "an image", why);
    case TDL_COLUMN_BOOLEAN:
        if (!tdl_cell_truth_wished(text, &truth))
            return fail_type(gather, text, "true or false", why);
        break;
    case TDL_COLUMN_CATEGORY:
    case TDL_COLUMN_TEXT:
    case TDL_COLUMN_ID:
        break;
    }
    return add_text(gather, text, why);
}

tdl_status tdl_gather_add(tdl_gather *gather, tdl_str text, tdl_report *why)
{
    tdl_cell_number number;
    tdl_status st;

    if (gather->wished)
        return add_wished(gather, text, why);
    if (gather->is_text)
        return add_text(gather, text, why);
    if (text.len <= NUMBER_BYTES && tdl_cell_number_read(text, &number))
        return add_number(gather, text, &number, why);
    if ((st = tdl_gather_to_text(gather, why)))
        return st;
    return add_text(gather, text, why);
}

tdl_status tdl_gather_add_missing(tdl_gather *gather, tdl_report *why)
{
    tdl_status st;

    if ((st = make_room(gather, why)))
        return st;
    if (gather->is_text) {
        gather->code[gather->rows] = -1;
    } else {
        gather->number[gather->rows] = (double)NAN;
        if (gather->decimals)
            gather->decimals[gather->rows] = 0;
    }
    gather->not_rising = gather->not_counting = true;
    gather->missing++;
    gather->rows++;
    return TDL_OK;
}
