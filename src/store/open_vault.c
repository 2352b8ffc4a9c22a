/* The vault of a store: found or made when the store is opened, and its master key changed. */
#include <sodium.h>

#include "store/rows.h"
#include "store/store_parts.h"

static const tdl_str setting = {"vault", 5};

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the keys");
}

/* On a connection of its own, because those that are kept know whether the store is sealed. */
static tdl_status read_wrapped(tdl_store *store, tdl_buf *ret, bool *ret_found, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = store->ops->reader_open(store->backend, &reader, why);

    if (st)
        return st;
    st = tdl_read_setting(reader, setting, ret, ret_found, why);
    store->ops->reader_close(reader);
    return st;
}

/* ---- making one ---- */

static tdl_status make_root(const tdl_store_options *options, tdl_buf *ret, tdl_report *why)
{
    const tdl_vault *like = options->sealed_as ? tdl_store_vault(options->sealed_as) : NULL;
    uint8_t master[TDL_VAULT_KEY_BYTES];
    tdl_status st = tdl_master_key_read(options->master_key_file, true, master, why);

    if (!st)
        st = like ? tdl_vault_rewrap(like, master, ret, why) : tdl_vault_make(master, ret, why);
    sodium_memzero(master, sizeof master);
    return st;
}

/* Inside a transaction: *ret_made when the store has nobody in it, and no vault either. */
static tdl_status put_root(tdl_store *store, const tdl_store_options *options, bool *ret_made,
                           tdl_report *why)
{
    const tdl_value name = tdl_value_text(setting);
    tdl_value found = {0};
    tdl_buf wrapped = {0};
    int64_t rows = 0;
    tdl_status st;

    if ((st = store->ops->execute(store->backend, TDL_EXECUTE_GET_SETTING, &name, 1, &found, 1,
                                  &rows, why)) ||
        rows)
        return st;
    if ((st = store->ops->execute(store->backend, TDL_EXECUTE_COUNT_NAMED, NULL, 0, &found, 1,
                                  &rows, why)) ||
        found.number)
        return st;
    if (!(st = make_root(options, &wrapped, why))) {
        const tdl_value in[] = {name, tdl_value_text(tdl_buf_view(&wrapped))};
        st =
            store->ops->execute(store->backend, TDL_EXECUTE_PUT_SETTING, in, 2, NULL, 0, NULL, why);
    }
    tdl_buf_release(&wrapped);
    *ret_made = !st;
    return st;
}

/* Before the writer's thread is there. */
static tdl_status make_vault(tdl_store *store, const tdl_store_options *options, tdl_report *why)
{
    bool made = false;
    tdl_status st = store->ops->begin(store->backend, why);

    if (st)
        return st;
    if (!(st = put_root(store, options, &made, why)) && made)
        st = store->ops->commit(store->backend, why);
    if (st || !made)
        store->ops->rollback(store->backend);
    store->sealed_now = !st && made;
    return st;
}

/* ---- opening it ---- */

static tdl_status unlock(tdl_store *store, const char *master_key_file, tdl_str wrapped,
                         tdl_report *why)
{
    uint8_t master[TDL_VAULT_KEY_BYTES];
    tdl_vault *vault = NULL;
    tdl_status st;

    if (!master_key_file)
        return TDL_FAIL_HINT(why, TDL_E_FORBIDDEN, "name its file in TREADLE_MASTER_KEY_FILE",
                             "the store is sealed, and its master key was not given");
    if ((st = tdl_master_key_read(master_key_file, false, master, why)) == TDL_E_NOT_FOUND)
        return TDL_FAIL_HINT(why, st,
                             "put the file there, or name it in TREADLE_MASTER_KEY_FILE; all who"
                             " share a store need the same one",
                             "the store is sealed, and its master key %s is not there",
                             master_key_file);
    if (!st)
        st = tdl_vault_open(master, wrapped, &vault, why);
    sodium_memzero(master, sizeof master);
    if (st)
        return st;
    if (!(store->people = tdl_people_new(vault)))
        return no_memory(why);
    store->ops->use_people(store->backend, store->people);
    return TDL_OK;
}

tdl_status tdl_store_open_vault(tdl_store *store, const tdl_store_options *options, tdl_report *why)
{
    tdl_buf wrapped = {0};
    bool found = false;
    tdl_status st = read_wrapped(store, &wrapped, &found, why);

    if (!st && !found && options->master_key_file && !options->read_only) {
        if (!(st = make_vault(store, options, why)))
            st = read_wrapped(store, &wrapped, &found, why);
    }
    if (!st && found)
        st = unlock(store, options->master_key_file, tdl_buf_view(&wrapped), why);
    tdl_buf_release(&wrapped);
    return st;
}

const tdl_vault *tdl_store_vault(const tdl_store *store)
{
    return tdl_people_vault(store->people);
}

bool tdl_store_sealed_now(const tdl_store *store)
{
    return store->sealed_now;
}

static void count_person(const tdl_rows *r, tdl_people_counts *n)
{
    bool erased = tdl_rows_number(r, 3) != 0;

    n->users++;
    n->erased += erased;
    if (r->reader->people && !erased) // who cannot be read goes by the name in the row
        n->unreadable += tdl_rows_person(r, 0, 1, 0).at == tdl_rows_text(r, 0).at;
}

tdl_status tdl_store_count_people(tdl_store *store, tdl_people_counts *ret, tdl_report *why)
{
    tdl_people_counts counts = {0};
    tdl_rows r = {0};
    tdl_status st = tdl_store_take_reader(store, &r.reader, why);

    if (st)
        return st;
    if (!(st = tdl_rows_start(&r, TDL_READ_SEALS, why))) {
        while (tdl_rows_next(&r))
            count_person(&r, &counts);
        st = tdl_rows_end(&r, why);
    }
    tdl_store_give_back(store, r.reader);
    if (!st)
        *ret = counts;
    return st;
}

/* ---- another master key ---- */

tdl_status tdl_store_rotate(tdl_store *store, const char *master_key_file, tdl_report *why)
{
    uint8_t master[TDL_VAULT_KEY_BYTES];
    tdl_buf wrapped = {0};
    tdl_status st;

    if (!store->people)
        return TDL_FAIL(why, TDL_E_INVALID, "the store is not sealed: it has no master key");
    st = tdl_master_key_read(master_key_file, true, master, why);
    if (!st)
        st = tdl_vault_rewrap(tdl_store_vault(store), master, &wrapped, why);
    sodium_memzero(master, sizeof master);
    if (!st)
        st = tdl_store_put_setting(store, setting, tdl_buf_view(&wrapped), why);
    tdl_buf_release(&wrapped);
    return st;
}
