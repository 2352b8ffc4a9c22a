/* The session cookie: whatever the bytes, no token is good that was not made here, and one that was
 * is good only unchanged. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const tdl_sessions sessions = {.secret = {1, 2, 3}, .port = 8321};
    char *text = malloc(size + 1), token[TDL_SESSION_TOKEN_MAX];
    tdl_session session = {0};
    bool changed = false;

    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (tdl_session_read(&sessions, text, 0, &session) || tdl_session_csrf_ok(&session, text))
        abort();
    tdl_session_make(&sessions, "0123456789abcdef", 0, &session, token);
    for (size_t i = 0; i < size && token[i]; i++) {
        changed = changed || data[i];
        token[i] = (char)(token[i] ^ (char)data[i]);
    }
    if (tdl_session_read(&sessions, token, 0, &session) == changed)
        abort();
    free(text);
    return 0;
}
