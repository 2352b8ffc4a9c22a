/* An exported audit log: whatever the bytes, it is called whole only with a head that knows as many
 * entries as there are. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    tdl_audit_state state;
    tdl_audit_head head;

    if (!file)
        return 0;
    tdl_audit_stream_check(file, &state, &head);
    fclose(file);
    if (state.first_bad ? state.first_bad != state.whole.n + 1
                        : !tdl_chain_same(&state.whole, &head.chain))
        abort();
    return 0;
}
