/* Chain: h_0 is 32 zero bytes, h_i = BLAKE2b-256(h_{i-1} || record_i). So the last hash stands for
 * every record before it and for their order.
 */
#ifndef TDL_STORE_CHAIN_H
#define TDL_STORE_CHAIN_H

#include "base/str.h"

enum { TDL_CHAIN_BYTES = 32, TDL_CHAIN_HEX = 2 * TDL_CHAIN_BYTES };

/* A place: after `n` records, the last with this hash. All zero: the beginning. */
typedef struct tdl_chain {
    int64_t n;
    uint8_t hash[TDL_CHAIN_BYTES];
} tdl_chain;

void tdl_chain_add(tdl_chain *chain, tdl_str record);
/* Go on by a record that should be the next. False, and nothing is changed: it is not. */
bool tdl_chain_follow(tdl_chain *chain, tdl_str record, const uint8_t hash[TDL_CHAIN_BYTES]);
bool tdl_chain_same(const tdl_chain *a, const tdl_chain *b);

/* As text: "N HASH", the hash in hexadecimal. */
void tdl_chain_format(const tdl_chain *chain, tdl_buf *ret);
bool tdl_chain_parse(tdl_str text, tdl_chain *ret);
/* `n` bytes from hexadecimal digits, with small letters only: each text has one writing. */
bool tdl_chain_parse_hex(tdl_str hex, uint8_t *ret, size_t n);

#endif
