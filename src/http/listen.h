/* The listening socket. */
#ifndef TDL_HTTP_LISTEN_H
#define TDL_HTTP_LISTEN_H

#include <stdint.h>

#include "base/str.h"

/* address: numeric IPv4 or IPv6. port: 0 = any free one. scheme: "http" or "https". ret_url is a
 * buffer of url_size bytes. TDL_E_CONFLICT: in use. TDL_E_INVALID: not an address of this machine.
 */
tdl_status tdl_listen(const char *address, uint16_t port, const char *scheme, int *ret_fd,
                      uint16_t *ret_port, char *ret_url, size_t url_size, tdl_report *why);

#endif
