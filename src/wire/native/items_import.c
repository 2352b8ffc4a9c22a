#include "wire/native/items_import.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table/csv.h"

typedef struct importer {
    tdl_items_import *to;
    tdl_arena *arena;
    size_t cap;
    size_t *slot; /* [slots_n] index of an item, plus one; by the hash of its id */
    size_t slots_n;
    bool replace;
} importer;

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

/* ---- keeping and refusing ---- */

static void refuse(importer *m, size_t line, const char *reason)
{
    tdl_items_import *to = m->to;

    if (to->refused_n < TDL_REFUSED_TOLD)
        to->refused[to->refused_n] =
            (tdl_item_refused){line, tdl_arena_str(m->arena, tdl_str_of(reason))};
    to->refused_n++;
}

static size_t *find_slot(const importer *m, tdl_str id)
{
    size_t at = (size_t)tdl_str_hash(id) & (m->slots_n - 1);

    while (m->slot[at] && !tdl_str_eq(m->to->items[m->slot[at] - 1].id, id))
        at = (at + 1) & (m->slots_n - 1);
    return &m->slot[at];
}

/* Room for one more; the table is never more than half full. */
static bool grow(importer *m)
{
    size_t cap = m->cap ? 2 * m->cap : 1024;

    if (m->to->items_n < m->cap)
        return true;
    tdl_item *items = tdl_arena_alloc(m->arena, cap, sizeof *items);
    size_t *slot = tdl_arena_zalloc(m->arena, 2 * cap, sizeof *slot);
    if (!items || !slot)
        return false;
    if (m->to->items_n)
        memcpy(items, m->to->items, m->to->items_n * sizeof *items);
    m->to->items = items;
    m->slot = slot;
    m->slots_n = 2 * cap;
    m->cap = cap;
    for (size_t i = 0; i < m->to->items_n; i++)
        *find_slot(m, items[i].id) = i + 1;
    return true;
}

/* `object` is kept for the item borrows from it. */
static tdl_status take(importer *m, json_t *object, size_t line, tdl_report *why)
{
    tdl_report reason = {0};
    tdl_item item;

    if (++m->to->received_n > TDL_IMPORT_MAX)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "send several requests",
                             "more than %d items in one request", TDL_IMPORT_MAX);
    if (json_array_append(m->to->json, object) || !grow(m))
        return no_memory(why);
    tdl_status st = tdl_item_read(object, m->arena, &item, &reason);
    if (st == TDL_E_INVALID) {
        refuse(m, line, reason.message);
        return TDL_OK;
    }
    if (st)
        return no_memory(why);
    size_t *slot = find_slot(m, item.id);
    if (*slot && !m->replace) {
        refuse(m, line, "the id stands above already; with replace=true the last one counts");
    } else if (*slot) {
        m->to->items[*slot - 1] = item;
    } else {
        m->to->items[m->to->items_n++] = item;
        *slot = m->to->items_n;
    }
    return TDL_OK;
}

/* ---- JSON ---- */

static tdl_status import_array(importer *m, tdl_str text, tdl_report *why)
{
    json_t *array = NULL;
    tdl_status st = tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &array, why);

    for (size_t i = 0; !st && i < json_array_size(array); i++)
        st = take(m, json_array_get(array, i), i + 1, why);
    json_decref(array);
    return st;
}

static tdl_status import_lines(importer *m, tdl_str text, tdl_report *why)
{
    tdl_status st = TDL_OK;
    size_t line = 0;

    while (text.len && !st) {
        const char *end = memchr(text.at, '\n', text.len);
        tdl_str one = {text.at, end ? (size_t)(end - text.at) : text.len};
        json_t *object = NULL;
        tdl_report reason = {0};
        size_t used = one.len + (end != NULL);
        text = (tdl_str){text.at + used, text.len - used};
        line++;
        one = tdl_str_trim(one);
        if (!one.len)
            continue;
        if (!tdl_json_parse(one, TDL_JSON_REFUSE_DUPLICATES, &object, &reason)) {
            st = take(m, object, line, why);
        } else {
            m->to->received_n++;
            refuse(m, line, reason.message);
        }
        json_decref(object);
    }
    return st;
}

/* ---- CSV ---- */

static json_t *number_or_text(tdl_str cell)
{
    double number;

    return tdl_str_double(cell, &number) && isfinite(number) ? json_real(number)
                                                             : json_stringn(cell.at, cell.len);
}

static json_t *texts_of(tdl_str cell)
{
    json_t *texts = json_array();

    while (texts && cell.len) {
        const char *bar = memchr(cell.at, '|', cell.len);
        size_t n = bar ? (size_t)(bar - cell.at) : cell.len, used = n + (bar != NULL);
        tdl_str one = tdl_str_trim((tdl_str){cell.at, n});
        if (one.len)
            json_array_append_new(texts, json_stringn(one.at, one.len));
        cell = (tdl_str){cell.at + used, cell.len - used};
    }
    return texts;
}

static json_t *truth_of(tdl_str cell)
{
    if (tdl_str_is(cell, "true") || tdl_str_is(cell, "1") || tdl_str_is(cell, "yes"))
        return json_true();
    if (tdl_str_is(cell, "false") || tdl_str_is(cell, "0") || tdl_str_is(cell, "no"))
        return json_false();
    return json_stringn(cell.at, cell.len); // told as what it is not
}

static json_t *value_of(tdl_item_field field, tdl_str cell)
{
    if (field == TDL_ITEM_FIELDS_N) // id, title
        return json_stringn(cell.at, cell.len);
    switch (tdl_item_field_type(field)) {
    case TDL_ITEM_TEXTS:
        return texts_of(cell);
    case TDL_ITEM_NUMBER:
        return number_or_text(cell);
    case TDL_ITEM_BOOL:
        return truth_of(cell);
    default:
        return json_stringn(cell.at, cell.len);
    }
}

/* One row as the API's object. NULL: no memory. */
static json_t *object_of(const tdl_str *columns, const tdl_str *cells, size_t n)
{
    json_t *object = json_object(), *attributes = json_object();
    bool ok = object && attributes && !json_object_set(object, "attributes", attributes);

    for (size_t i = 0; ok && i < n; i++) {
        char name[256];
        tdl_item_field field = tdl_item_field_find(columns[i]);
        bool own = field == TDL_ITEM_FIELDS_N && !tdl_str_is(columns[i], "id") &&
                   !tdl_str_is(columns[i], "title");
        if (!cells[i].len || columns[i].len >= sizeof name)
            continue;
        memcpy(name, columns[i].at, columns[i].len);
        name[columns[i].len] = '\0';
        ok = !json_object_set_new(own ? attributes : object, name,
                                  own ? number_or_text(cells[i]) : value_of(field, cells[i]));
    }
    json_decref(attributes);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static tdl_status import_rows(importer *m, tdl_csv *csv, tdl_report *why)
{
    size_t columns_n, n;
    const tdl_str *columns = tdl_csv_header(csv, &columns_n), *cells;
    bool more = true;
    tdl_status st;

    while (!(st = tdl_csv_next(csv, &cells, &n, &more, why)) && more) {
        json_t *object = object_of(columns, cells, n);
        st = object ? take(m, object, tdl_csv_line(csv), why) : no_memory(why);
        json_decref(object);
        if (st)
            return st;
    }
    size_t line, skipped = tdl_csv_skipped(csv, &line);
    if (skipped) {
        refuse(m, line,
               "the row cannot be read: more or fewer fields than the header has, a quote "
               "in the wrong place, or no UTF-8; the first of such rows");
        m->to->refused_n += skipped - 1;
        m->to->received_n += skipped;
    }
    return st;
}

static tdl_status import_csv(importer *m, tdl_str text, tdl_report *why)
{
    const tdl_csv_options options = {.guess_delimiter = true, .skip_bad = SIZE_MAX};
    int fd = memfd_create("items", MFD_CLOEXEC);
    tdl_csv *csv = NULL;
    tdl_status st = TDL_OK;

    if (fd < 0)
        return TDL_FAIL(why, TDL_E_IO, "no room for the items: %s", strerror(errno));
    for (size_t at = 0; at < text.len && !st;) {
        ssize_t n = write(fd, text.at + at, text.len - at);
        if (n < 0 && errno != EINTR)
            st = TDL_FAIL(why, TDL_E_IO, "no room for the items: %s", strerror(errno));
        at += n > 0 ? (size_t)n : 0;
    }
    if (st)
        goto out;
    lseek(fd, 0, SEEK_SET);
    if (!(st = tdl_csv_open_fd(fd, "the body", &options, &csv, why)))
        st = import_rows(m, csv, why);
out:
    tdl_csv_close(csv);
    close(fd);
    return st;
}

tdl_status tdl_native_import(tdl_str text, bool replace, tdl_arena *arena, tdl_items_import *ret,
                             tdl_report *why)
{
    importer m = {.to = ret, .arena = arena, .replace = replace};
    tdl_str trimmed = tdl_str_trim(text);

    *ret = (tdl_items_import){.json = json_array()};
    if (!ret->json)
        return no_memory(why);
    if (!trimmed.len)
        return TDL_FAIL(why, TDL_E_INVALID, "the body is empty");
    if (*trimmed.at == '[')
        return import_array(&m, text, why);
    return *trimmed.at == '{' ? import_lines(&m, text, why) : import_csv(&m, text, why);
}
