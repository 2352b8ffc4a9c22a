#include "store/rows.h"

#include <string.h>

void tdl_reader_release(tdl_reader *reader)
{
    tdl_buf_release(&reader->id[0]);
    tdl_buf_release(&reader->id[1]);
}

tdl_status tdl_rows_start(tdl_rows *r, tdl_read_statement which, tdl_report *why)
{
    return r->reader->ops->start(r->reader, which, &r->s, why);
}

void tdl_rows_bind_text(tdl_rows *r, int at, tdl_str text)
{
    r->reader->ops->bind_text(r->s, at, text);
}

void tdl_rows_bind_person(tdl_rows *r, int at, tdl_str id)
{
    tdl_rows_bind_text(r, at, tdl_people_name(r->reader->people, id, r->name));
}

void tdl_rows_bind_number(tdl_rows *r, int at, int64_t value)
{
    r->reader->ops->bind_number(r->s, at, value);
}

void tdl_rows_bind_limit(tdl_rows *r, int at, size_t limit)
{
    tdl_rows_bind_number(r, at, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
}

static bool grow(tdl_rows *r)
{
    size_t cap = r->cap ? 2 * r->cap : 16;
    void *grown = tdl_arena_alloc(r->arena, cap, r->size);

    if (!grown)
        return false;
    if (r->n)
        memcpy(grown, r->at, r->n * r->size);
    r->at = grown;
    r->cap = cap;
    return true;
}

void *tdl_rows_next(tdl_rows *r)
{
    if (r->no_memory || !r->reader->ops->step(r->s))
        return NULL;
    if (!r->size)
        return r;
    if (r->n == r->cap && !grow(r)) {
        r->no_memory = true;
        return NULL;
    }
    return memset((char *)r->at + r->size * r->n++, 0, r->size);
}

tdl_status tdl_rows_end(tdl_rows *r, tdl_report *why)
{
    tdl_status st = r->reader->ops->end(r->reader, r->s, why);

    if (!st && r->no_memory)
        st = TDL_FAIL_HINT(why, TDL_E_NO_MEMORY, "ask for fewer rows",
                           "the answer does not fit into memory");
    return st;
}

tdl_str tdl_rows_text(const tdl_rows *r, int column)
{
    return r->reader->ops->text(r->s, column);
}

tdl_str tdl_rows_bytes(const tdl_rows *r, int column)
{
    return r->reader->ops->bytes(r->s, column);
}

int64_t tdl_rows_number(const tdl_rows *r, int column)
{
    return r->reader->ops->number(r->s, column);
}

double tdl_rows_real(const tdl_rows *r, int column)
{
    return r->reader->ops->real(r->s, column);
}

bool tdl_rows_is_null(const tdl_rows *r, int column)
{
    return r->reader->ops->is_null(r->s, column);
}

tdl_str tdl_rows_person(const tdl_rows *r, int name_column, int key_column, int place)
{
    tdl_str name = tdl_rows_text(r, name_column);

    if (!r->reader->people)
        return name;
    return tdl_people_id(r->reader->people,
                         (tdl_user_seal){.name = name,
                                         .key = tdl_rows_bytes(r, key_column),
                                         .id = tdl_rows_bytes(r, key_column + 1)},
                         &r->reader->id[place]);
}

tdl_str tdl_rows_keep(tdl_rows *r, int column)
{
    return tdl_rows_keep_text(r, tdl_rows_text(r, column));
}

tdl_str tdl_rows_keep_text(tdl_rows *r, tdl_str text)
{
    tdl_str copy = {0};

    if (text.len) {
        copy = tdl_arena_str(r->arena, text);
        r->no_memory |= !copy.at;
    }
    return copy;
}
