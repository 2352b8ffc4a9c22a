/* Addresses of clients: who is asking, also behind a proxy.
 *
 * IPv4 is held as IPv4-mapped IPv6 (::ffff:a.b.c.d), so that there is one kind of address.
 */
#ifndef TDL_HTTP_ADDRESS_H
#define TDL_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/str.h"

typedef struct tdl_address {
    uint8_t bytes[16]; /* network order; all 0 = not known */
} tdl_address;

enum { TDL_NETWORKS_MAX = 32, TDL_ADDRESS_TEXT_MAX = 46 };

typedef struct tdl_network {
    tdl_address address;
    unsigned prefix; /* bits that count, of 128 */
} tdl_network;

typedef struct tdl_networks {
    tdl_network network[TDL_NETWORKS_MAX]; /* [n] */
    size_t n;
} tdl_networks;

tdl_address tdl_address_of(const struct sockaddr *peer); /* of IPv4 and IPv6; else not known */
/* "192.0.2.7", "2001:db8::7", "[2001:db8::7]:443", "192.0.2.7:443"; a port is left out. */
bool tdl_address_parse(tdl_str text, tdl_address *ret);
bool tdl_address_eq(tdl_address a, tdl_address b);

/* "127.0.0.1, 10.0.0.0/8, 2001:db8::/32"; NULL and "" are none. TDL_E_INVALID names the wrong one.
 */
tdl_status tdl_networks_parse(const char *text, tdl_networks *ret, tdl_report *why);
bool tdl_networks_hold(const tdl_networks *networks, tdl_address address);

/* The client behind `peer`: the last address of X-Forwarded-For that is no trusted proxy, when
 * `peer` is one. What stands left of it may be made up and is not read. A list that makes no sense
 * stops at its last good address. */
tdl_address tdl_address_forwarded(tdl_address peer, tdl_str forwarded_for,
                                  const tdl_networks *trusted);

/* Whom a limit counts as one: an IPv4 address, or the /64 network an IPv6 host picks its own from.
 */
tdl_address tdl_address_holder(tdl_address address);

#endif
