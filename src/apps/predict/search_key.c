#include "apps/predict/search_key.h"

#include <sodium.h>

#include "treadle/treadle.h"

typedef crypto_generichash_state hasher;

static void add(hasher *h, const void *bytes, size_t n)
{
    if (n)
        crypto_generichash_update(h, bytes, n);
}

static void add_count(hasher *h, uint64_t n)
{
    add(h, &n, sizeof n);
}

/* A text, or that there is none; its length keeps neighbours apart. */
static void add_text(hasher *h, const char *text)
{
    size_t n = text ? strlen(text) : 0;

    add_count(h, text ? n : UINT64_MAX);
    add(h, text, n);
}

static void add_column(hasher *h, const tdl_column *c, size_t rows)
{
    add_text(h, c->name);
    add_count(h, c->type);
    add_count(h, c->levels_n);
    for (size_t i = 0; i < c->levels_n; i++) {
        add_count(h, c->levels[i].len);
        add(h, c->levels[i].at, c->levels[i].len);
    }
    if (c->number)
        add(h, c->number, rows * sizeof *c->number);
    if (c->level)
        add(h, c->level, rows * sizeof *c->level);
    if (c->pixel) {
        add_count(h, c->channels);
        add_count(h, c->height);
        add_count(h, c->width);
        add(h, c->pixel, rows * c->channels * c->height * c->width);
    }
}

static void add_frame(hasher *h, const tdl_contest_data *data)
{
    const tdl_frame *frame = data->frame;

    add_count(h, frame->rows);
    add_count(h, frame->columns_n);
    for (size_t i = 0; i < frame->columns_n; i++) {
        add(h, &data->left_out[i], sizeof data->left_out[i]);
        if (!data->left_out[i])
            add_column(h, &frame->column[i], frame->rows);
    }
}

static void add_target(hasher *h, const tdl_contest_data *data)
{
    const tdl_predict_target *t = data->target;

    add_count(h, t->task);
    add_count(h, t->classes_n);
    add_count(h, t->quantiles_n);
    add(h, t->quantile, t->quantiles_n * sizeof *t->quantile);
    add_count(h, t->aim);
    add(h, &t->power, sizeof t->power);
    for (size_t i = 0; i < data->rows_n; i++)
        add(h, &t->y[data->row[i]], sizeof *t->y);
}

static void add_holidays(hasher *h, const tdl_holiday_table *table)
{
    add_count(h, table ? table->n : 0);
    for (size_t i = 0; table && i < table->n; i++) {
        add_count(h, (uint64_t)(int64_t)table->at[i].day);
        add_text(h, table->name[table->at[i].name]);
    }
}

void tdl_search_key(const tdl_contest_data *data, const tdl_predict_options *options,
                    unsigned char ret[TDL_SEARCH_KEY_BYTES])
{
    hasher h;

    crypto_generichash_init(&h, NULL, 0, TDL_SEARCH_KEY_BYTES);
    add_text(&h, tdl_version());
    add_count(&h, data->seed);
    add_text(&h, data->metric->name);
    add_text(&h, options->prepare);
    add_text(&h, options->augment);
    add_holidays(&h, options->holidays);
    add_frame(&h, data);
    add_target(&h, data);
    add_count(&h, data->rows_n);
    add(&h, data->row, data->rows_n * sizeof *data->row);
    add_count(&h, data->folds_n);
    add_count(&h, data->by_time);
    add(&h, data->fold, data->rows_n * sizeof *data->fold);
    add_count(&h, data->group != NULL);
    if (data->group)
        add(&h, data->group, data->rows_n * sizeof *data->group);
    add_count(&h, data->weight != NULL);
    if (data->weight)
        add(&h, data->weight, data->frame->rows * sizeof *data->weight);
    crypto_generichash_final(&h, ret, TDL_SEARCH_KEY_BYTES);
}
