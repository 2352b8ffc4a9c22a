/* Making keys: 256 random bits, of which only a hash is stored. */
#ifndef TDL_STORE_KEY_H
#define TDL_STORE_KEY_H

#include "store/store.h"

/* Fill in `ret` (but not its label) and write the key's text, NUL-terminated. */
void tdl_key_make(tdl_right right, int64_t now_us, tdl_key_row *ret,
                  char ret_text[TDL_KEY_TEXT_MAX]);

#endif
