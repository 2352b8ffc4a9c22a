/* TLS: the server's certificate and its key, from PEM files, replaceable while it runs.
 *
 * Life cycle   tdl_tls_new -> (tdl_tls_reload ...) -> tdl_tls_free, when no handshake is left
 * Threads      all functions from any thread
 * Failure      a reload that fails leaves the former certificate serving
 */
#ifndef TDL_HTTP_TLS_H
#define TDL_HTTP_TLS_H

#include "base/report.h"

typedef struct tdl_tls tdl_tls;

/* Protocols that are offered, as libmicrohttpd wants them told. */
#define TDL_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* cert_path: the certificate, then those between it and the authority. key_path: its private key,
 * unencrypted, and not to be read by group or others.
 * TDL_E_INVALID: no PEM, an open key file, or a key of another certificate. TDL_E_IO: unreadable.
 */
tdl_status tdl_tls_new(const char *cert_path, const char *key_path, tdl_tls **ret, tdl_report *why);
void tdl_tls_free(tdl_tls *tls); /* accepts NULL */

/* Read both files anew; handshakes from here on use them. Errors as above. */
tdl_status tdl_tls_reload(tdl_tls *tls, tdl_report *why);

/* What libmicrohttpd calls at each handshake (MHD_OPTION_HTTPS_CERT_CALLBACK2); tdl_tls_attach has
 * told the session which server it belongs to. */
void *tdl_tls_callback(void);
void tdl_tls_attach(tdl_tls *tls, void *session);

#endif
