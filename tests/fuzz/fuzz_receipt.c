/* Receipts of erasures: nothing is of this store that it did not sign, and what it signs it knows
 * again. The bytes are a receipt as somebody shows it, and the draft of one. */
#include <stdint.h>
#include <stdlib.h>

#include "store/erase.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t master[TDL_VAULT_KEY_BYTES] = {1, 2, 3};

static tdl_vault *vault;

static void close_vault(void)
{
    tdl_vault_close(vault);
}

static void open_vault(void)
{
    tdl_buf wrapped = {0};

    if (tdl_vault_make(master, &wrapped, NULL) ||
        tdl_vault_open(master, tdl_buf_view(&wrapped), &vault, NULL))
        abort();
    tdl_buf_release(&wrapped);
    atexit(close_vault);
}

static void check_sign(tdl_str draft)
{
    tdl_buf done = {0};
    tdl_report why = {0};

    if (!tdl_receipt_finish(draft, 1, vault, &done, &why)) {
        if (tdl_receipt_verify(tdl_buf_view(&done), (tdl_str){0}, &why))
            abort();
    } else if (!why.message[0]) {
        abort();
    }
    tdl_buf_release(&done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_str text = {(const char *)data, size};
    tdl_report why = {0};

    if (!vault)
        open_vault();
    if (tdl_receipt_verify(text, (tdl_str){0}, &why) && !why.message[0])
        abort();
    if (!tdl_receipt_verify(text, TDL_STR("of nobody"), NULL))
        abort();
    check_sign(text);
    return 0;
}
