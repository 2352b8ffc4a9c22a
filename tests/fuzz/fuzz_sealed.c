/* What a sealed store keeps: traits come back as they were said, and bytes that nobody sealed are
 * nobody's key, id or trait. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "store/people.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t master[TDL_VAULT_KEY_BYTES] = {1, 2, 3};

static tdl_people *people;
static tdl_buf key, id; // of one person
static tdl_user_seal person;

static void free_people(void)
{
    tdl_people_free(people);
    tdl_buf_release(&key);
    tdl_buf_release(&id);
}

static void make_people(void)
{
    tdl_buf wrapped = {0};
    tdl_vault *vault;

    if (tdl_vault_make(master, &wrapped, NULL) ||
        tdl_vault_open(master, tdl_buf_view(&wrapped), &vault, NULL) ||
        !(people = tdl_people_new(vault)))
        abort();
    tdl_buf_release(&wrapped);
    person.name = TDL_STR("abcdefghijklmnopqrstuvwxyz");
    tdl_people_seal(people, TDL_STR("u"), person.name, &key, &id);
    person.key = tdl_buf_view(&key);
    atexit(free_people);
}

static void check_strange(tdl_str text)
{
    tdl_user_seal row = person, erased = {.name = person.name};
    tdl_buf buf = {0};
    tdl_vault *vault;

    if (!tdl_vault_open(master, text, &vault, NULL))
        abort();
    row.id = text;
    if (tdl_people_id(people, erased, &buf).at != row.name.at)
        abort();
    if (tdl_people_id(people, row, &buf).at != row.name.at ||
        tdl_people_stranger(people, row.name, text, &buf).at != row.name.at ||
        tdl_people_trait(people, row, TDL_STR("t"), text, &buf).len)
        abort();
    row.id = tdl_buf_view(&id);
    row.key = text;
    if (tdl_people_id(people, row, &buf).at != row.name.at)
        abort();
    tdl_buf_release(&buf);
}

/* The value of one trait, read back from the object that is stored. */
static void check_trait(const json_t *sealed, const char *name, const json_t *said)
{
    tdl_buf value = {0}, buf = {0};
    json_t *again = NULL;

    tdl_json_dump(&value, json_object_get(sealed, name));
    tdl_str text = tdl_people_trait(people, person, tdl_str_of(name), tdl_buf_view(&value), &buf);
    if (tdl_json_parse(text, TDL_JSON_LAST_WINS, &again, NULL) || !json_equal(again, said))
        abort();
    json_decref(again);
    tdl_buf_release(&value);
    tdl_buf_release(&buf);
}

static void check_traits(tdl_str text, json_t *said)
{
    tdl_buf out = {0};
    json_t *sealed = NULL, *value;
    const char *name;

    if (!tdl_people_seal_traits(people, person, text, &out) ||
        tdl_json_parse(tdl_buf_view(&out), TDL_JSON_LAST_WINS, &sealed, NULL) ||
        json_object_size(sealed) != json_object_size(said))
        abort();
    json_object_foreach(said, name, value) check_trait(sealed, name, value);
    json_decref(sealed);
    tdl_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_str text = {(const char *)data, size};
    json_t *json = NULL;

    if (!people)
        make_people();
    check_strange(text);
    if (!tdl_json_parse(text, TDL_JSON_LAST_WINS, &json, NULL) && json_is_object(json))
        check_traits(text, json);
    json_decref(json);
    return 0;
}
