/* Telling the type of a column, once all of its cells are there. */
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/utf8.h"
#include "table/cell.h"
#include "table/gather.h"

enum { ID_ROWS_MIN = 20 /* in fewer rows anything is different by chance */ };

/* ---- what the name says ---- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_id_word(tdl_str word)
{
    static const char *const words[] = {"id", "ids", "uuid", "guid", "rowid", "rownames", "index"};
    char small[9];

    if (word.len >= sizeof small)
        return false;
    for (size_t i = 0; i < word.len; i++)
        small[i] = is_upper(word.at[i]) ? (char)(word.at[i] - 'A' + 'a') : word.at[i];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (tdl_str_is((tdl_str){small, word.len}, words[i]))
            return true;
    return false;
}

/* Is the first or the last word of "PassengerId", "customer_id", "ID", "用户ID" one for ids? Words
 * end at what is no letter or digit, and where a small letter meets a capital. */
static bool name_says_id(const char *name)
{
    static const char *const chinese[] = {"编号", "序号", "学号", "工号", "主键"};
    size_t n = strlen(name), words_n = 0;
    bool first = false, last = false;

    for (size_t i = 0; i < sizeof chinese / sizeof chinese[0]; i++)
        if (strstr(name, chinese[i]))
            return true;
    for (size_t i = 0; i < n;) {
        size_t begin = i;

        while (i < n && (is_upper(name[i]) || is_lower(name[i])) &&
               (i == begin || !(is_upper(name[i]) && is_lower(name[i - 1]))))
            i++;
        if (i == begin) {
            i++;
            continue;
        }
        last = is_id_word((tdl_str){name + begin, i - begin});
        first |= last && !words_n;
        words_n++;
    }
    return first || last;
}

/* Nearly all different: forms are filled in twice, so an id is not always without a repeat. */
static bool nearly_distinct(size_t distinct, size_t n)
{
    return n > 1 && distinct >= n - n / 10;
}

/* ---- numbers ---- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* 0 when there is no memory to count: then it is no id. */
static size_t count_distinct(const double *number, size_t rows)
{
    double *sorted = malloc((rows ? rows : 1) * sizeof *sorted);
    size_t n = 0, distinct = 0;

    for (size_t i = 0; sorted && i < rows; i++)
        if (!isnan(number[i]))
            sorted[n++] = number[i];
    if (n)
        qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < n; i++)
        distinct += i == 0 || sorted[i] != sorted[i - 1];
    free(sorted);
    return distinct;
}

/* A row counter is an id, unless its name says that it counts time. */
static bool counts_rows(const tdl_gather *gather)
{
    static const char *const times[] = {"t",     "time", "step", "day",   "week",
                                        "month", "year", "hour", "period"};

    if (gather->not_counting || gather->rows < ID_ROWS_MIN)
        return false;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (!strcasecmp(gather->name, times[i]))
            return false;
    return true;
}

static bool is_numeric_id(const tdl_gather *gather)
{
    size_t n = gather->rows - gather->missing;

    if (gather->fraction || gather->missing || n < 2)
        return false;
    if (counts_rows(gather))
        return true;
    return name_says_id(gather->name) &&
           (!gather->not_rising || nearly_distinct(count_distinct(gather->number, n), n));
}

static tdl_status finish_numbers(tdl_gather *gather, tdl_column *ret)
{
    double *fit = realloc(gather->number, (gather->rows ? gather->rows : 1) * sizeof *fit);

    if (fit)
        gather->number = fit;
    if (gather->wished)
        ret->type = gather->wish;
    else if (is_numeric_id(gather))
        ret->type = TDL_COLUMN_ID;
    else
        ret->type = gather->fraction || gather->rows == gather->missing ? TDL_COLUMN_NUMERIC
                                                                        : TDL_COLUMN_INTEGER;
    for (size_t i = 0; i < gather->rows; i++)
        if (isinf(gather->number[i])) {
            gather->number[i] = (double)NAN;
            ret->infinite++;
        }
    ret->missing = gather->missing + ret->infinite;
    ret->number = gather->number;
    gather->number = NULL;
    return TDL_OK;
}

/* ---- texts ---- */

static bool all_dates(const tdl_column *column)
{
    double seconds;

    for (size_t i = 0; i < column->levels_n; i++)
        if (!tdl_cell_date(column->levels[i], &seconds))
            return false;
    return column->levels_n;
}

static bool is_boolean(const tdl_column *column)
{
    bool truth[2];
    int pair[2];

    return column->levels_n == 2 && tdl_cell_truth(column->levels[0], &truth[0], &pair[0]) &&
           tdl_cell_truth(column->levels[1], &truth[1], &pair[1]) && pair[0] == pair[1] &&
           truth[0] != truth[1];
}

/* Words between blanks; of a script without blanks, two characters count as one. */
static void count_words(tdl_str text, size_t *halves, size_t *bytes)
{
    bool inside = false;

    *bytes += text.len;
    for (size_t i = 0; i < text.len;) {
        size_t n = tdl_utf8_step(text.at + i, text.len - i);
        bool blank = text.at[i] == ' ' || text.at[i] == '\n' || text.at[i] == '\t';

        if (n >= 3)
            *halves += 1;
        else if (!blank && !inside)
            *halves += 2;
        inside = !blank && n < 3;
        i += n ? n : 1;
    }
}

/* Three words, or two long ones, on average. */
static bool reads_as_text(const tdl_column *column)
{
    size_t halves = 0, bytes = 0, n = column->levels_n;

    for (size_t i = 0; i < n; i++)
        count_words(column->levels[i], &halves, &bytes);
    return halves >= 6 * n || (halves >= 4 * n && bytes >= 20 * n);
}

static tdl_column_type text_type(const tdl_gather *gather, const tdl_column *column)
{
    size_t n = gather->rows - gather->missing, distinct = column->levels_n;

    if (all_dates(column))
        return TDL_COLUMN_DATE;
    if (is_boolean(column))
        return TDL_COLUMN_BOOLEAN;
    if (distinct > n / 2 && n > 1 && reads_as_text(column))
        return TDL_COLUMN_TEXT;
    if (name_says_id(gather->name) && nearly_distinct(distinct, n))
        return TDL_COLUMN_ID;
    return distinct == gather->rows && n >= ID_ROWS_MIN ? TDL_COLUMN_ID : TDL_COLUMN_CATEGORY;
}

/* What a value means as a number, once for each level, then for each row. */
static tdl_status to_numbers(tdl_gather *gather, tdl_column *column, const double *of_level,
                             tdl_report *why)
{
    column->number = malloc((gather->rows ? gather->rows : 1) * sizeof *column->number);
    if (!column->number)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for column '%s'", gather->name);
    for (size_t i = 0; i < gather->rows; i++)
        column->number[i] = column->level[i] < 0 ? (double)NAN : of_level[column->level[i]];
    free(column->level);
    column->level = NULL;
    return TDL_OK;
}

static void drop_levels(tdl_column *column)
{
    free(column->levels);
    free(column->level_bytes);
    column->levels = NULL;
    column->level_bytes = NULL;
    column->levels_n = 0;
}

/* Both spellings, the false one first; one that no row has is spelt like the usual other. */
static tdl_status spell_both(tdl_column *column, tdl_report *why)
{
    tdl_str spelt[2] = {{0}, {0}};
    tdl_str *levels;
    char *bytes;
    bool truth;

    for (size_t i = column->levels_n; i-- > 0;)
        if (tdl_cell_truth_wished(column->levels[i], &truth))
            spelt[truth] = column->levels[i];
    tdl_cell_truth_other(&spelt[0], &spelt[1]);
    levels = calloc(2, sizeof *levels);
    bytes = malloc(spelt[0].len + spelt[1].len + 1);
    if (!levels || !bytes) {
        free(levels);
        free(bytes);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the values of a column");
    }
    memcpy(bytes, spelt[0].at, spelt[0].len);
    memcpy(bytes + spelt[0].len, spelt[1].at, spelt[1].len);
    levels[0] = (tdl_str){bytes, spelt[0].len};
    levels[1] = (tdl_str){bytes + spelt[0].len, spelt[1].len};
    drop_levels(column);
    column->levels = levels;
    column->level_bytes = bytes;
    column->levels_n = 2;
    return TDL_OK;
}

static tdl_status finish_meaning(tdl_gather *gather, tdl_column *column, tdl_report *why)
{
    double *of_level = calloc(column->levels_n ? column->levels_n : 1, sizeof *of_level);
    tdl_status st;
    bool truth = false;

    if (!of_level)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for column '%s'", gather->name);
    for (size_t i = 0; i < column->levels_n; i++)
        if (column->type == TDL_COLUMN_DATE)
            tdl_cell_date(column->levels[i], &of_level[i]);
        else if (tdl_cell_truth_wished(column->levels[i], &truth))
            of_level[i] = truth;
    if ((st = to_numbers(gather, column, of_level, why)))
        goto out;
    if (column->type == TDL_COLUMN_DATE)
        drop_levels(column);
    else
        st = spell_both(column, why);
out:
    free(of_level);
    return st;
}

static tdl_status finish_texts(tdl_gather *gather, tdl_column *ret, tdl_report *why)
{
    int32_t *place = NULL, *fit;
    tdl_status st = tdl_levels_sorted(&gather->levels, &ret->levels, &ret->levels_n,
                                      &ret->level_bytes, &place, why);

    if (st)
        return st;
    for (size_t i = 0; i < gather->rows; i++)
        if (gather->code[i] >= 0)
            gather->code[i] = place[gather->code[i]];
    free(place);
    fit = realloc(gather->code, (gather->rows ? gather->rows : 1) * sizeof *fit);
    ret->level = fit ? fit : gather->code;
    gather->code = NULL;
    ret->missing = gather->missing;
    ret->type = gather->wished ? gather->wish : text_type(gather, ret);
    if (ret->type == TDL_COLUMN_DATE || ret->type == TDL_COLUMN_BOOLEAN)
        return finish_meaning(gather, ret, why);
    return TDL_OK;
}

tdl_status tdl_gather_finish(tdl_gather *gather, tdl_column *ret, tdl_report *why)
{
    tdl_column column = {0};
    tdl_status st = TDL_OK;

    /* an id of more digits than a double holds must not become that of its neighbour */
    if (!gather->wished && !gather->is_text && gather->inexact && !gather->fraction &&
        name_says_id(gather->name))
        st = tdl_gather_to_text(gather, why);
    if (!st)
        st = gather->is_text ? finish_texts(gather, &column, why) : finish_numbers(gather, &column);
    if (st) {
        tdl_column_release(&column);
        return st;
    }
    column.name = gather->name;
    gather->name = NULL;
    tdl_gather_release(gather);
    *ret = column;
    return TDL_OK;
}
