/* Bodies as they come: packed, in base64, in a form, or said to be what they are not. The first
 * byte chooses what the header claims. What is unpacked keeps within its limits. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INFLATED_MAX = 1 << 18, VALUES_MAX = 10000 };

static const tdl_body_limits limits = {.inflated_max = INFLATED_MAX, .values_max = VALUES_MAX};

/* A refusal says why, in words that can be sent. */
static void check_refusal(tdl_status st, const tdl_report *why)
{
    if (st && (!why->message[0] || !tdl_str_utf8(tdl_str_of(why->message), NULL)))
        abort();
}

static void check_text(tdl_str text, size_t raw_n)
{
    if (text.len > (raw_n > INFLATED_MAX ? raw_n : INFLATED_MAX))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const encodings[] = {"", "gzip", "deflate", "identity", "x-gzip", "br"};
    tdl_buf storage = {0};
    tdl_report why = {0};
    tdl_str text;

    if (!size)
        return 0;
    tdl_str raw = {(const char *)data + 1, size - 1};
    const char *encoding = encodings[data[0] % (sizeof encodings / sizeof encodings[0])];
    tdl_status st = tdl_body_decode(raw, tdl_str_of(encoding), &limits, &storage, &text, &why);
    check_refusal(st, &why);
    if (!st) {
        check_text(text, raw.len);
        st = tdl_body_unwrap(text, &limits, &storage, &text, &why);
        check_refusal(st, &why);
    }
    if (!st)
        check_text(text, raw.len);
    tdl_buf_release(&storage);
    return 0;
}
