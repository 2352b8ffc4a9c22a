/* What the writers of a card for people share. Private to card_*.c. */
#ifndef TDL_PREDICT_CARD_PAGE_H
#define TDL_PREDICT_CARD_PAGE_H

#include <math.h>

#include "apps/predict/card.h"
#include "apps/predict/card_words.h"

typedef struct tdl_page {
    tdl_buf *out;
    bool zh;
} tdl_page;

__attribute__((format_arg(2), format_arg(3))) static inline const char *
tdl_page_tr(const tdl_page *p, const char *en, const char *zh)
{
    return p->zh ? zh : en;
}

static inline const char *tdl_page_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static inline double tdl_page_number(const json_t *object, const char *key)
{
    double number;

    return tdl_json_get_number(object, key, &number) ? number : NAN;
}

/* A whole number; 0 where there is none. */
static inline long long tdl_page_count(const json_t *object, const char *key)
{
    int64_t n;

    return tdl_json_get_int(object, key, &n) ? (long long)n : 0;
}

static inline void tdl_page_put_number(tdl_buf *out, double value)
{
    if (isnan(value))
        tdl_buf_char(out, '-');
    else
        tdl_buf_printf(out, "%.4f", value);
}

/* A name of the card as a person says it: in Chinese its word, in English the name itself. */
static inline const char *tdl_page_word(const tdl_page *p, const char *name)
{
    const char *word = p->zh ? tdl_card_word(tdl_str_of(name)) : NULL;

    return word ? word : name;
}

/* Why a model was left out. */
static inline void tdl_page_put_reason(const tdl_page *p, const char *english)
{
    if (p->zh)
        tdl_card_reason(tdl_str_of(english), p->out);
    else
        tdl_buf_text(p->out, english);
}

/* What a figure is, in one line. */
void tdl_page_put_statistic(const tdl_page *p, const json_t *card);
/* What the budget left out, in one line; nothing when it left out nothing. */
void tdl_page_put_budget(const tdl_page *p, const json_t *card);

#endif
