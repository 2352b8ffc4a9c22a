#include "apps/recommend/taken.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool mentions(tdl_str text, const char *word)
{
    return memmem(text.at, text.len, word, strlen(word));
}

/* Most events say nothing of the kind: then their properties are not parsed. */
static bool is_worth_reading(tdl_str properties)
{
    static const char *const words[] = {"order_id", "items",     "products",
                                        "bot\"",    "ser_agent", "serAgent"};

    for (size_t i = 0; properties.len && i < sizeof words / sizeof *words; i++)
        if (mentions(properties, words[i]))
            return true;
    return false;
}

/* ---- robots ---- */

/* At any place, whatever the case. */
static bool has_word(tdl_str text, const char *word, size_t *from)
{
    size_t n = strlen(word);

    for (size_t i = *from; i + n <= text.len; i++)
        if (!strncasecmp(text.at + i, word, n)) {
            *from = i;
            return true;
        }
    return false;
}

/* "Googlebot/2.1" ends with the word, "CUBOT_X18" is a telephone, "bottle" is none. */
static bool ends_in_bot(tdl_str agent)
{
    for (size_t at = 0; has_word(agent, "bot", &at); at++) {
        bool ends = at + 3 == agent.len || !isalpha((unsigned char)agent.at[at + 3]);
        bool is_phone = at >= 2 && !strncasecmp(agent.at + at - 2, "cu", 2);
        if (ends && !is_phone)
            return true;
    }
    return false;
}

bool tdl_is_robot_agent(tdl_str agent)
{
    static const char *const words[] = {"crawler", "spider",          "headless",
                                        "slurp",   "python-requests", "curl/"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (has_word(agent, words[i], &(size_t){0}))
            return true;
    return ends_in_bot(agent);
}

static bool is_robot(const json_t *properties)
{
    static const char *const agents[] = {"user_agent", "userAgent", "$user_agent",
                                         "$raw_user_agent"};
    tdl_str agent;

    if (json_is_true(json_object_get(properties, "bot")) ||
        json_is_true(json_object_get(properties, "is_bot")))
        return true;
    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
        if (tdl_json_get_str(properties, agents[i], &agent) && tdl_is_robot_agent(agent))
            return true;
    return false;
}

/* ---- lists ---- */

static tdl_str id_of(const json_t *element)
{
    static const char *const names[] = {"item", "item_id", "product_id", "sku", "id"};
    tdl_str id = {0};

    if (json_is_string(element))
        id = (tdl_str){json_string_value(element), json_string_length(element)};
    for (size_t i = 0; !id.len && i < sizeof names / sizeof *names; i++)
        tdl_json_get_str(element, names[i], &id);
    return id.len <= TDL_ID_MAX ? id : (tdl_str){0};
}

static void add(tdl_taken *t, tdl_str id)
{
    if (!id.len)
        return;
    if (!t->items_n)
        t->one = id;
    if (t->list)
        t->list[t->items_n] = id;
    t->items_n++;
}

static void add_list(tdl_taken *t, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        add(t, id_of(json_array_get(list, i)));
}

void tdl_taken_read(const tdl_event *event, tdl_taken *ret)
{
    *ret = (tdl_taken){.one = event->item, .items_n = event->item.len > 0};
    if (!is_worth_reading(event->properties) ||
        tdl_json_parse(event->properties, TDL_JSON_LAST_WINS, &ret->properties, NULL))
        return;
    const json_t *items = json_object_get(ret->properties, "items");
    const json_t *products = json_object_get(ret->properties, "products");
    size_t most = 1 + json_array_size(items) + json_array_size(products);
    tdl_json_get_str(ret->properties, "order_id", &ret->order);
    ret->robot = is_robot(ret->properties);
    if (most == 1 || !(ret->list = calloc(most, sizeof *ret->list)))
        return;
    ret->list[0] = ret->one;
    add_list(ret, items);
    add_list(ret, products);
}

void tdl_taken_release(tdl_taken *t)
{
    json_decref(t->properties);
    free(t->list);
    *t = (tdl_taken){0};
}
