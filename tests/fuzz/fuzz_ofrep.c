/* OFREP: an even first byte, a question; an odd one, a stream's token. What is decoded keeps what
 * the header promises; no token that this secret did not make is believed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "treadle/event.h"
#include "wire/openfeature/openfeature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t secret[TDL_OFREP_SECRET_BYTES] = {7};

static void ask(tdl_str body)
{
    tdl_ofrep_ask asked = {0};
    tdl_ofrep_fault fault;
    tdl_report why = {0};
    tdl_buf answer = {0};
    tdl_jw w = {.out = &answer};
    tdl_status st = tdl_ofrep_decode(body, &asked, &fault, &why);

    if (st == TDL_E_INVALID) {
        tdl_ofrep_write_error(&w, (tdl_str){0}, fault, why.message);
        json_t *again = NULL;
        if (!why.message[0] ||
            tdl_json_parse(tdl_buf_view(&answer), TDL_JSON_REFUSE_DUPLICATES, &again, NULL))
            abort();
        json_decref(again);
    } else if (!st && (!asked.targeting_key.len || asked.targeting_key.len > TDL_ID_MAX ||
                       !json_is_object(asked.properties) ||
                       json_object_get(asked.properties, "targetingKey"))) {
        abort();
    }
    tdl_buf_release(&answer);
    tdl_ofrep_release(&asked);
}

static void open_token(tdl_str text)
{
    tdl_ofrep_token token;

    if (!tdl_ofrep_token_read(text, secret, 0, &token, NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    tdl_str rest = {(const char *)data + 1, size - 1};
    (data[0] & 1 ? open_token : ask)(rest);
    return 0;
}
