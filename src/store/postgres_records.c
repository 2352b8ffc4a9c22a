/* Single rows of the PostgreSQL backend: items, flags, models and their files, keys. */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "store/postgres.h"

enum { FILE_PART_BYTES = 4 << 20 };

tdl_status tdl_pg_put_item(tdl_backend *b, const tdl_item *item, tdl_report *why)
{
    tdl_str name = item->id;
    tdl_pg_parameters p = {0};
    int64_t id = 0;
    tdl_status st;

    if ((st = tdl_pg_lock(b, why)) ||
        (st = tdl_pg_number_names(b, TDL_PG_ITEMS, (tdl_pg_names){&name, 1}, why)))
        return st;
    if (!tdl_intern_find(&b->names[TDL_PG_ITEMS], item->id, &id))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an item's name");
    tdl_pg_bind_number(&p, 1, id);
    tdl_pg_bind_text_or_null(&p, 2, item->title);
    tdl_pg_bind_text_or_null(&p, 3, item->attributes);
    tdl_pg_bind_number(&p, 4, b->now.version + 1);
    return tdl_pg_change(b, TDL_PG_ITEM, &p, "storing an item", NULL, why);
}

tdl_status tdl_pg_put_flag(tdl_backend *b, const tdl_flag_row *flag, tdl_report *why)
{
    tdl_pg_parameters p = {0};

    tdl_pg_bind_text(&p, 1, flag->key);
    tdl_pg_bind_text(&p, 2, flag->family);
    tdl_pg_bind_text(&p, 3, flag->definition);
    tdl_pg_bind_number(&p, 4, flag->updated_us);
    p.n = 6; // the last two NULL
    if (flag->version) {
        tdl_pg_bind_number(&p, 5, flag->version);
        tdl_pg_bind_number(&p, 6, flag->created_us);
    }
    return tdl_pg_change(b, TDL_PG_FLAG, &p, "storing a flag", NULL, why);
}

tdl_status tdl_pg_drop_flag(tdl_backend *b, tdl_str key, tdl_report *why)
{
    tdl_pg_parameters p = {0};
    int64_t rows = 0;
    tdl_status st;

    tdl_pg_bind_text(&p, 1, key);
    if ((st = tdl_pg_change(b, TDL_PG_FLAG_OFF, &p, "dropping a flag", &rows, why)))
        return st;
    if (!rows)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no flag \"%.*s\"", TDL_FMT(key));
    return TDL_OK;
}

tdl_status tdl_pg_put_model(tdl_backend *b, const tdl_model_row *m, tdl_report *why)
{
    tdl_pg_parameters off = {0}, p = {0};
    int64_t rows = 0;
    tdl_status st;

    tdl_pg_bind_text(&off, 1, m->app);
    if (m->active && (st = tdl_pg_change(b, TDL_PG_MODEL_OFF, &off, "storing a model", NULL, why)))
        return st;
    tdl_pg_bind_text(&p, 1, m->version);
    tdl_pg_bind_text(&p, 2, m->app);
    tdl_pg_bind_text(&p, 3, m->path);
    tdl_pg_bind_text(&p, 4, m->report);
    tdl_pg_bind_number(&p, 5, m->created_us);
    tdl_pg_bind_number(&p, 6, m->bytes);
    tdl_pg_bind_text(&p, 7, tdl_str_of(m->hash));
    tdl_pg_bind_number(&p, 8, m->active);
    tdl_pg_bind_number(&p, 9, m->stale_us);
    tdl_pg_bind_number(&p, 10, m->read_us);
    if ((st = tdl_pg_change(b, TDL_PG_MODEL, &p, "storing a model", &rows, why)))
        return st;
    if (!rows)
        return TDL_FAIL(why, TDL_E_CONFLICT, "there is a model version \"%.*s\" already",
                        TDL_FMT(m->version));
    return TDL_OK;
}

static tdl_status put_parts(tdl_backend *b, tdl_str name, FILE *file, char *part, tdl_report *why)
{
    tdl_status st = TDL_OK;
    size_t n = FILE_PART_BYTES;

    for (int64_t i = 0; !st && n == FILE_PART_BYTES; i++) {
        tdl_pg_parameters p = {0};
        n = fread(part, 1, FILE_PART_BYTES, file);
        tdl_pg_bind_text(&p, 1, name);
        tdl_pg_bind_number(&p, 2, i);
        tdl_pg_bind_text(&p, 3, (tdl_str){part, n});
        st = tdl_pg_change(b, TDL_PG_FILE, &p, "storing a model's file", NULL, why);
    }
    return st || !ferror(file) ? st : TDL_FAIL(why, TDL_E_IO, "a model's file cannot be read");
}

tdl_status tdl_pg_put_file(tdl_backend *b, tdl_str name, const char *path, tdl_report *why)
{
    tdl_pg_parameters p = {0};
    char *part = malloc(FILE_PART_BYTES);
    FILE *file = fopen(path, "rb");
    tdl_status st;

    tdl_pg_bind_text(&p, 1, name);
    if (!part || !file)
        st = TDL_FAIL(why, part ? TDL_E_IO : TDL_E_NO_MEMORY, "%s cannot be read", path);
    else if (!(st = tdl_pg_change(b, TDL_PG_FILE_OFF, &p, "storing a model's file", NULL, why)))
        st = put_parts(b, name, file, part, why);
    if (file)
        fclose(file);
    free(part);
    return st;
}

tdl_status tdl_pg_activate_model(tdl_backend *b, tdl_str version, tdl_report *why)
{
    tdl_pg_parameters p = {0};
    int64_t rows = 0;
    tdl_status st;

    tdl_pg_bind_text(&p, 1, version);
    if ((st = tdl_pg_change(b, TDL_PG_MODEL_ON, &p, "activating a model", &rows, why)))
        return st;
    if (!rows)
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /v1/models lists them",
                             "there is no model version \"%.*s\"", TDL_FMT(version));
    return TDL_OK;
}

tdl_status tdl_pg_put_key(tdl_backend *b, const tdl_key_row *key, tdl_report *why)
{
    tdl_pg_parameters p = {0};

    tdl_pg_bind_text(&p, 1, tdl_str_of(key->id));
    tdl_pg_bind_number(&p, 2, (int64_t)key->right);
    tdl_pg_bind_text(&p, 3, key->label);
    tdl_pg_bind_number(&p, 4, key->created_us);
    tdl_pg_bind_number(&p, 5, key->revoked_us);
    tdl_pg_bind_text(&p, 6, (tdl_str){(const char *)key->hash, sizeof key->hash});
    return tdl_pg_change(b, TDL_PG_KEY, &p, "storing a key", NULL, why);
}

tdl_status tdl_pg_revoke_key(tdl_backend *b, tdl_str id, int64_t now_us, tdl_report *why)
{
    tdl_pg_parameters p = {0};
    int64_t rows = 0;
    tdl_status st;

    tdl_pg_bind_text(&p, 1, id);
    tdl_pg_bind_number(&p, 2, now_us);
    if ((st = tdl_pg_change(b, TDL_PG_REVOKE, &p, "revoking a key", &rows, why)))
        return st;
    if (!rows)
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "treadle key list shows the ids",
                             "there is no valid key \"%.*s\"", TDL_FMT(id));
    return TDL_OK;
}
