#include "table/profile.h"

#include <math.h>
#include <stdlib.h>

#include "table/cell.h"

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to profile a table");
}

/* ---- numbers ---- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Linear between order statistics, as R's type 7. The function of the same name in stats/ is above
 * this layer. */
static double quantile(const double *sorted, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t low = (size_t)at;
    size_t high = low + 1 < n ? low + 1 : low;

    return sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
}

static void describe_sorted(const double *x, size_t n, tdl_profile_column *ret)
{
    double sum = 0, squares = 0, width;

    ret->min = x[0];
    ret->max = x[n - 1];
    for (int q = 0; q < 3; q++)
        ret->quartile[q] = quantile(x, n, 0.25 * (q + 1));
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        ret->distinct += i == 0 || x[i] != x[i - 1];
    }
    ret->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - ret->mean) * (x[i] - ret->mean);
    ret->deviation = sqrt(squares / (double)n);
    width = ret->max - ret->min;
    if (!(width > 0) || !isfinite(width))
        return;
    ret->bins_n = TDL_PROFILE_BINS;
    for (size_t i = 0; i < n; i++) {
        size_t bin = (size_t)((x[i] - ret->min) / width * TDL_PROFILE_BINS);

        ret->bin[bin < TDL_PROFILE_BINS ? bin : TDL_PROFILE_BINS - 1]++;
    }
}

static tdl_status describe_numbers(const tdl_column *column, size_t rows, tdl_profile_column *ret,
                                   tdl_report *why)
{
    double *x = malloc((rows ? rows : 1) * sizeof *x);
    size_t n = 0;

    if (!x)
        return no_memory(why);
    for (size_t i = 0; i < rows; i++)
        if (tdl_column_has(column, i))
            x[n++] = column->number[i];
    ret->min = ret->max = ret->mean = ret->deviation = (double)NAN;
    ret->quartile[0] = ret->quartile[1] = ret->quartile[2] = (double)NAN;
    if (n) {
        qsort(x, n, sizeof *x, by_value);
        describe_sorted(x, n, ret);
    }
    free(x);
    return TDL_OK;
}

/* ---- levels ---- */

static void keep_top(tdl_profile_column *ret, tdl_str text, size_t n)
{
    size_t at = ret->top_n;

    while (at > 0 && ret->top[at - 1].n < n)
        at--;
    if (at == TDL_PROFILE_TOP)
        return;
    ret->top_n += ret->top_n < TDL_PROFILE_TOP;
    for (size_t i = ret->top_n - 1; i > at; i--)
        ret->top[i] = ret->top[i - 1];
    ret->top[at] = (tdl_profile_top){text, n};
}

static tdl_status describe_levels(const tdl_column *column, size_t rows, tdl_profile_column *ret,
                                  tdl_report *why)
{
    size_t *count = calloc(column->levels_n ? column->levels_n : 1, sizeof *count);
    tdl_cell_number number;

    if (!count)
        return no_memory(why);
    for (size_t i = 0; i < rows; i++)
        if (tdl_column_has(column, i))
            count[column->level ? (size_t)column->level[i] : (size_t)(column->number[i] != 0)]++;
    for (size_t i = 0; i < column->levels_n; i++) {
        if (!count[i])
            continue;
        ret->distinct++;
        keep_top(ret, column->levels[i], count[i]);
        if (column->type == TDL_COLUMN_CATEGORY || column->type == TDL_COLUMN_TEXT)
            ret->numbers += tdl_cell_number_read(column->levels[i], &number) ? count[i] : 0;
    }
    free(count);
    return TDL_OK;
}

/* ---- duplicates ---- */

typedef struct hashed {
    uint64_t hash;
    uint32_t row;
} hashed;

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * 0x9E3779B97F4A7C15u;
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9u;
    return h ^ h >> 31;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    value = value == 0 ? 0 : value; /* -0 */
    memcpy(&bits, &value, sizeof bits);
    return isnan(value) ? UINT64_MAX : bits;
}

static size_t image_bytes(const tdl_column *column)
{
    return column->channels * column->height * column->width;
}

static uint64_t hash_cell(const tdl_column *column, size_t row, uint64_t h)
{
    if (column->pixel) {
        size_t n = image_bytes(column);
        return mix(h, tdl_str_hash((tdl_str){(const char *)column->pixel + row * n, n}));
    }
    return mix(h, column->level ? (uint64_t)(int64_t)column->level[row]
                                : bits_of(column->number[row]));
}

static bool same_rows(const tdl_frame *frame, size_t a, size_t b)
{
    for (size_t i = 0; i < frame->columns_n; i++) {
        const tdl_column *column = &frame->column[i];
        size_t n = image_bytes(column);

        if (column->pixel   ? memcmp(column->pixel + a * n, column->pixel + b * n, n) != 0
            : column->level ? column->level[a] != column->level[b]
                            : bits_of(column->number[a]) != bits_of(column->number[b]))
            return false;
    }
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const hashed *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows of one hash are compared with the first of them; by chance two different rows share a hash
 * once in 10^19 pairs, and then the later one's duplicates may not be counted. */
static tdl_status count_duplicates(const tdl_frame *frame, size_t *ret, tdl_report *why)
{
    hashed *sorted = malloc((frame->rows ? frame->rows : 1) * sizeof *sorted);
    size_t first = 0;

    if (!sorted)
        return no_memory(why);
    for (size_t row = 0; row < frame->rows; row++) {
        uint64_t h = 0;

        for (size_t i = 0; i < frame->columns_n; i++)
            h = hash_cell(&frame->column[i], row, h);
        sorted[row] = (hashed){h, (uint32_t)row};
    }
    if (frame->rows)
        qsort(sorted, frame->rows, sizeof *sorted, by_hash);
    *ret = 0;
    for (size_t i = 1; i < frame->rows; i++) {
        if (sorted[i].hash != sorted[first].hash)
            first = i;
        else
            *ret += same_rows(frame, sorted[i].row, sorted[first].row);
    }
    free(sorted);
    return TDL_OK;
}

/* ---- the whole ---- */

void tdl_profile_release(tdl_profile *profile)
{
    free(profile->column);
    *profile = (tdl_profile){0};
}

tdl_status tdl_profile_of(const tdl_frame *frame, tdl_profile *ret, tdl_report *why)
{
    tdl_profile profile = {
        .rows = frame->rows,
        .columns_n = frame->columns_n,
        .column = calloc(frame->columns_n ? frame->columns_n : 1, sizeof *profile.column)};
    tdl_status st;

    if (!profile.column)
        return no_memory(why);
    st = count_duplicates(frame, &profile.duplicates, why);
    for (size_t i = 0; !st && i < frame->columns_n; i++) {
        const tdl_column *column = &frame->column[i];

        profile.column[i].column = column;
        profile.column[i].values = frame->rows - column->missing;
        if (column->pixel)
            continue;
        st = column->level || column->type == TDL_COLUMN_BOOLEAN
                 ? describe_levels(column, frame->rows, &profile.column[i], why)
                 : describe_numbers(column, frame->rows, &profile.column[i], why);
        profile.column[i].constant = profile.column[i].distinct <= 1;
    }
    if (st)
        tdl_profile_release(&profile);
    else
        *ret = profile;
    return st;
}

/* ---- JSON ---- */

static void write_value(tdl_jw *w, const char *key, const tdl_column *column, double value)
{
    if (column->type == TDL_COLUMN_DATE && isfinite(value))
        tdl_jw_ktime(w, key, (int64_t)(value * 1e6));
    else
        tdl_jw_knumber(w, key, value);
}

static void write_numbers(const tdl_profile_column *p, tdl_jw *w)
{
    static const char *const quartile[] = {"q25", "median", "q75"};

    write_value(w, "min", p->column, p->min);
    for (int q = 0; q < 3; q++)
        write_value(w, quartile[q], p->column, p->quartile[q]);
    write_value(w, "max", p->column, p->max);
    write_value(w, "mean", p->column, p->mean);
    if (p->column->type != TDL_COLUMN_DATE)
        tdl_jw_knumber(w, "deviation", p->deviation);
    tdl_jw_key(w, "histogram");
    tdl_jw_array(w);
    for (size_t i = 0; i < p->bins_n; i++)
        tdl_jw_int(w, (int64_t)p->bin[i]);
    tdl_jw_end_array(w);
}

static void write_levels(const tdl_profile_column *p, tdl_jw *w)
{
    tdl_jw_key(w, "top");
    tdl_jw_array(w);
    for (size_t i = 0; i < p->top_n; i++) {
        tdl_jw_object(w);
        tdl_jw_kstr(w, "value", p->top[i].text);
        tdl_jw_kint(w, "rows", (int64_t)p->top[i].n);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    if (p->numbers)
        tdl_jw_kint(w, "numbers", (int64_t)p->numbers);
}

static void write_column(const tdl_profile_column *p, tdl_jw *w)
{
    const tdl_column *column = p->column;

    tdl_jw_object(w);
    tdl_jw_ktext(w, "name", column->name);
    tdl_jw_ktext(w, "type", tdl_column_type_name(column->type));
    tdl_jw_kint(w, "missing", (int64_t)column->missing);
    tdl_jw_kint(w, "infinite", (int64_t)column->infinite);
    if (column->pixel) {
        tdl_jw_kint(w, "channels", (int64_t)column->channels);
        tdl_jw_kint(w, "height", (int64_t)column->height);
        tdl_jw_kint(w, "width", (int64_t)column->width);
    } else {
        tdl_jw_kint(w, "distinct", (int64_t)p->distinct);
        if (column->level || column->type == TDL_COLUMN_BOOLEAN)
            write_levels(p, w);
        else
            write_numbers(p, w);
    }
    tdl_jw_end_object(w);
}

void tdl_profile_write(const tdl_profile *profile, tdl_jw *w)
{
    tdl_jw_object(w);
    tdl_jw_kint(w, "rows", (int64_t)profile->rows);
    tdl_jw_kint(w, "duplicate_rows", (int64_t)profile->duplicates);
    tdl_jw_key(w, "constant");
    tdl_jw_array(w);
    for (size_t i = 0; i < profile->columns_n; i++)
        if (profile->column[i].constant)
            tdl_jw_text(w, profile->column[i].column->name);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "ids");
    tdl_jw_array(w);
    for (size_t i = 0; i < profile->columns_n; i++)
        if (profile->column[i].column->type == TDL_COLUMN_ID)
            tdl_jw_text(w, profile->column[i].column->name);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "columns");
    tdl_jw_array(w);
    for (size_t i = 0; i < profile->columns_n; i++)
        write_column(&profile->column[i], w);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}
