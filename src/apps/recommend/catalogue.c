#include "apps/recommend/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "apps/recommend/names.h"

struct tdl_catalogue {
    tdl_names *ids;
    tdl_str *title; /* [cap] each with memory of its own; empty = none */
    float *users;   /* [cap] exact up to 16 million users, and only their order matters */
    size_t cap;
};

tdl_catalogue *tdl_catalogue_new(void)
{
    tdl_catalogue *c = calloc(1, sizeof *c);

    if (c && !(c->ids = tdl_names_new())) {
        free(c);
        return NULL;
    }
    return c;
}

void tdl_catalogue_free(tdl_catalogue *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < tdl_catalogue_count(c); i++)
        free((char *)c->title[i].at);
    tdl_names_free(c->ids);
    free(c->title);
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
    tdl_str *title = realloc(c->title, cap * sizeof *title);
    if (title)
        c->title = title;
    float *users = realloc(c->users, cap * sizeof *users);
    if (users)
        c->users = users;
    if (!title || !users)
        return false;
    c->cap = cap;
    return true;
}

int32_t tdl_catalogue_add(tdl_catalogue *c, tdl_str id)
{
    size_t before = tdl_catalogue_count(c);

    if (!grow(c))
        return tdl_catalogue_find(c, id);
    int32_t number = tdl_names_add(c->ids, id);
    if (number >= 0 && (size_t)number == before) {
        c->title[number] = (tdl_str){0};
        c->users[number] = 0;
    }
    return number;
}

void tdl_catalogue_set_title(tdl_catalogue *c, int32_t item, tdl_str title)
{
    char *copy = title.len ? malloc(title.len) : NULL;

    if (title.len && !copy)
        return;
    if (title.len)
        memcpy(copy, title.at, title.len);
    free((char *)c->title[item].at);
    c->title[item] = (tdl_str){copy, title.len};
}

tdl_str tdl_catalogue_id(const tdl_catalogue *c, int32_t item)
{
    return tdl_names_at(c->ids, item);
}

tdl_str tdl_catalogue_title(const tdl_catalogue *c, int32_t item)
{
    return c->title[item];
}

void tdl_catalogue_take(tdl_catalogue *c, int32_t item)
{
    c->users[item]++;
}

const float *tdl_catalogue_users(const tdl_catalogue *c)
{
    return c->users;
}
