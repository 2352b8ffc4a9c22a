#include "apps/recommend/catalogue.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/names.h"
#include "base/json.h"

struct tdl_catalogue {
    tdl_names *ids;
    tdl_str *json;       /* [cap] each with memory of its own */
    float *users;        /* [cap] exact up to 16 million users, and only their order matters */
    tdl_record **record; /* [cap] NULL where nothing is said */
    atomic_uint *shown;  /* [cap] impressions */
    tdl_attributes *attributes;
    tdl_content *content;
    uint64_t described;
    int32_t latest[TDL_DESCRIBED_KEPT]; /* the last of them, in a ring */
    size_t cap;
};

tdl_catalogue *tdl_catalogue_new(void)
{
    tdl_catalogue *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->ids = tdl_names_new();
    c->attributes = tdl_attributes_new();
    c->content = tdl_content_new();
    if (!c->ids || !c->attributes || !c->content || !tdl_record_begin(c->attributes)) {
        tdl_catalogue_free(c);
        return NULL;
    }
    return c;
}

void tdl_catalogue_free(tdl_catalogue *c)
{
    if (!c)
        return;
    size_t n = c->ids && c->json && c->record ? tdl_catalogue_count(c) : 0;
    for (size_t i = 0; i < n; i++) {
        free((char *)c->json[i].at);
        tdl_record_free(c->record[i]);
    }
    tdl_attributes_free(c->attributes);
    tdl_content_free(c->content);
    free(c->record);
    free(c->shown);
    tdl_names_free(c->ids);
    free(c->json);
    free(c->users);
    free(c);
}

size_t tdl_catalogue_count(const tdl_catalogue *c)
{
    return (size_t)tdl_names_count(c->ids);
}

int32_t tdl_catalogue_find(const tdl_catalogue *c, tdl_str id)
{
    return tdl_names_find(c->ids, id);
}

/* Room for one more. */
static bool grow(tdl_catalogue *c)
{
    size_t cap = c->cap ? 2 * c->cap : 1024;

    if (tdl_catalogue_count(c) < c->cap)
        return true;
    tdl_str *json = realloc(c->json, cap * sizeof *json);
    if (json)
        c->json = json;
    float *users = realloc(c->users, cap * sizeof *users);
    if (users)
        c->users = users;
    tdl_record **record = realloc(c->record, cap * sizeof *record);
    if (record)
        c->record = record;
    atomic_uint *shown = realloc(c->shown, cap * sizeof *shown);
    if (shown)
        c->shown = shown;
    if (!json || !users || !record || !shown)
        return false;
    c->cap = cap;
    return true;
}

void tdl_catalogue_write(tdl_buf *out, tdl_str id, tdl_str title)
{
    tdl_jw value = {.out = out}; // writes one bare value at a time

    tdl_jw_str(&value, id);
    tdl_buf_str(out, TDL_STR(",\"title\":"));
    tdl_jw_str(&value, title);
}

/* Writes an item's text anew. False: no memory, and the former one stays. */
static bool write_item(tdl_catalogue *c, int32_t item, tdl_str id, tdl_str title)
{
    tdl_buf text = {0};

    tdl_catalogue_write(&text, id, title);
    char *kept = text.failed ? NULL : realloc(text.at, text.len);
    if (!kept) {
        tdl_buf_release(&text);
        return false;
    }
    free((char *)c->json[item].at);
    c->json[item] = (tdl_str){kept, text.len};
    return true;
}

int32_t tdl_catalogue_add(tdl_catalogue *c, tdl_str id)
{
    int32_t number = tdl_catalogue_find(c, id), next = (int32_t)tdl_catalogue_count(c);

    if (number >= 0 || !grow(c))
        return number;
    c->json[next] = (tdl_str){0};
    c->users[next] = 0;
    c->record[next] = NULL;
    atomic_init(&c->shown[next], 0);
    if (!write_item(c, next, id, (tdl_str){0}))
        return -1;
    if (tdl_names_add(c->ids, id) < 0) {
        free((char *)c->json[next].at);
        return -1;
    }
    return next;
}

void tdl_catalogue_set_title(tdl_catalogue *c, int32_t item, tdl_str title)
{
    write_item(c, item, tdl_catalogue_id(c, item), title);
}

void tdl_catalogue_describe(tdl_catalogue *c, int32_t item, tdl_str kept)
{
    tdl_record *record;

    if (!tdl_record_new(kept, c->attributes, &record))
        return;
    tdl_record_free(c->record[item]);
    c->record[item] = record;
    c->latest[c->described++ % TDL_DESCRIBED_KEPT] = item;
}

const tdl_record *tdl_catalogue_record(const tdl_catalogue *c, int32_t item)
{
    return c->record[item];
}

const tdl_attributes *tdl_catalogue_attributes(const tdl_catalogue *c)
{
    return c->attributes;
}

tdl_content *tdl_catalogue_content(const tdl_catalogue *c)
{
    return c->content;
}

uint64_t tdl_catalogue_described(const tdl_catalogue *c)
{
    return c->described;
}

int32_t tdl_catalogue_described_at(const tdl_catalogue *c, uint64_t at)
{
    return c->latest[at % TDL_DESCRIBED_KEPT];
}

tdl_str tdl_catalogue_id(const tdl_catalogue *c, int32_t item)
{
    return tdl_names_at(c->ids, item);
}

tdl_str tdl_catalogue_json(const tdl_catalogue *c, int32_t item)
{
    return c->json[item];
}

void tdl_catalogue_show(const tdl_catalogue *c, int32_t item)
{
    atomic_fetch_add_explicit(&c->shown[item], 1, memory_order_relaxed);
}

size_t tdl_catalogue_impressions(const tdl_catalogue *c, int32_t item)
{
    return atomic_load_explicit(&c->shown[item], memory_order_relaxed);
}

void tdl_catalogue_take(tdl_catalogue *c, int32_t item)
{
    c->users[item]++;
}

void tdl_catalogue_give_back(tdl_catalogue *c, int32_t item)
{
    c->users[item]--;
}

const float *tdl_catalogue_users(const tdl_catalogue *c)
{
    return c->users;
}
