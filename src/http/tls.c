#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

enum { PEM_MAX = 1 << 20, CHAIN_MAX = 16 };

typedef struct credentials {
    gnutls_x509_crt_t chain[CHAIN_MAX]; /* [chain_n], the server's own first */
    unsigned chain_n;
    gnutls_x509_privkey_t key;
} credentials;

struct tdl_tls {
    char *cert_path, *key_path;
    pthread_rwlock_t lock;
    credentials now; /* guarded by lock */
};

/* ---- files ---- */

static tdl_status read_pem(const char *path, bool secret, tdl_buf *ret, tdl_report *why)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char block[4096];
    ssize_t n = -1;
    tdl_status st = TDL_OK;

    ret->limit = PEM_MAX;
    if (fd < 0 || fstat(fd, &about))
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(about.st_mode))
        st = TDL_FAIL(why, TDL_E_INVALID, "%s: not a file", path);
    else if (secret && (about.st_mode & (S_IRWXG | S_IRWXO)))
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "chmod 600 makes it yours alone",
                           "%s: the private key may be read by others (mode %03o)", path,
                           (unsigned)(about.st_mode & 0777));
    while (!st && (n = read(fd, block, sizeof block)) > 0)
        tdl_buf_add(ret, block, (size_t)n);
    if (!st && n < 0)
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    if (!st && ret->failed)
        st = TDL_FAIL(why, TDL_E_INVALID, "%s: too large for a PEM file", path);
    if (fd >= 0)
        close(fd);
    return st;
}

static void wipe(tdl_buf *pem)
{
    if (pem->at)
        explicit_bzero(pem->at, pem->cap);
    tdl_buf_release(pem);
}

static void release(credentials *c)
{
    for (unsigned i = 0; i < c->chain_n; i++)
        gnutls_x509_crt_deinit(c->chain[i]);
    if (c->key)
        gnutls_x509_privkey_deinit(c->key);
    *c = (credentials){0};
}

static gnutls_datum_t datum(const tdl_buf *pem)
{
    return (gnutls_datum_t){(unsigned char *)pem->at, (unsigned)pem->len};
}

static tdl_status load_chain(const char *path, credentials *c, tdl_report *why)
{
    tdl_buf pem = {0};
    tdl_status st = read_pem(path, false, &pem, why);
    unsigned n = CHAIN_MAX;

    if (!st) {
        gnutls_datum_t text = datum(&pem);
        int got = gnutls_x509_crt_list_import(c->chain, &n, &text, GNUTLS_X509_FMT_PEM,
                                              GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
        if (got > 0)
            c->chain_n = (unsigned)got;
        else
            st = TDL_FAIL_HINT(why, TDL_E_INVALID, "give a PEM file, BEGIN CERTIFICATE first",
                               "%s: no certificate: %s", path, gnutls_strerror(got));
    }
    wipe(&pem);
    return st;
}

static tdl_status load_key(const char *path, credentials *c, tdl_report *why)
{
    tdl_buf pem = {0};
    tdl_status st = read_pem(path, true, &pem, why);

    if (!st) {
        gnutls_datum_t text = datum(&pem);
        int failed = gnutls_x509_privkey_init(&c->key);
        if (!failed)
            failed = gnutls_x509_privkey_import2(c->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (failed)
            st = TDL_FAIL_HINT(why, TDL_E_INVALID, "give a PEM file without a pass phrase",
                               "%s: no private key: %s", path, gnutls_strerror(failed));
    }
    wipe(&pem);
    return st;
}

/* Is it the key of the first certificate? */
static bool belong_together(const credentials *c)
{
    unsigned char of_cert[64], of_key[64];
    size_t cert_n = sizeof of_cert, key_n = sizeof of_key;

    return !gnutls_x509_crt_get_key_id(c->chain[0], 0, of_cert, &cert_n) &&
           !gnutls_x509_privkey_get_key_id(c->key, 0, of_key, &key_n) && cert_n == key_n &&
           !memcmp(of_cert, of_key, cert_n);
}

tdl_status tdl_tls_reload(tdl_tls *tls, tdl_report *why)
{
    credentials fresh = {0};
    tdl_status st = load_chain(tls->cert_path, &fresh, why);

    if (!st)
        st = load_key(tls->key_path, &fresh, why);
    if (!st && !belong_together(&fresh))
        st = TDL_FAIL(why, TDL_E_INVALID, "%s is not the private key of %s", tls->key_path,
                      tls->cert_path);
    if (!st) {
        pthread_rwlock_wrlock(&tls->lock);
        credentials former = tls->now;
        tls->now = fresh;
        pthread_rwlock_unlock(&tls->lock);
        fresh = former;
    }
    release(&fresh);
    return st;
}

tdl_status tdl_tls_new(const char *cert_path, const char *key_path, tdl_tls **ret, tdl_report *why)
{
    tdl_tls *tls = calloc(1, sizeof *tls);
    tdl_status st;

    if (!tls)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the certificate");
    pthread_rwlock_init(&tls->lock, NULL);
    tls->cert_path = strdup(cert_path);
    tls->key_path = strdup(key_path);
    if (!tls->cert_path || !tls->key_path)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the certificate");
    else
        st = tdl_tls_reload(tls, why);
    if (st) {
        tdl_tls_free(tls);
        return st;
    }
    *ret = tls;
    return TDL_OK;
}

void tdl_tls_free(tdl_tls *tls)
{
    if (!tls)
        return;
    release(&tls->now);
    pthread_rwlock_destroy(&tls->lock);
    free(tls->cert_path);
    free(tls->key_path);
    free(tls);
}

/* ---- handshakes ---- */

/* A session takes copies along, so that a reload pulls nothing from under it. */
static int give_copies(credentials *c, gnutls_pcert_st **ret_chain, unsigned *ret_n,
                       gnutls_privkey_t *ret_key)
{
    gnutls_pcert_st *chain = gnutls_calloc(c->chain_n, sizeof *chain);
    gnutls_privkey_t key = NULL;
    unsigned n = c->chain_n;
    int failed = chain ? gnutls_privkey_init(&key) : GNUTLS_E_MEMORY_ERROR;

    if (!failed)
        failed = gnutls_privkey_import_x509(key, c->key, GNUTLS_PRIVKEY_IMPORT_COPY);
    if (!failed)
        failed = gnutls_pcert_import_x509_list(chain, c->chain, &n, 0);
    if (failed) {
        if (key)
            gnutls_privkey_deinit(key);
        gnutls_free(chain);
        return -1;
    }
    *ret_chain = chain;
    *ret_n = n;
    *ret_key = key;
    return 0;
}

static int give_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                            gnutls_pcert_st **ret_chain, unsigned *ret_n,
                            gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_ocsp_n,
                            gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
    tdl_tls *tls = gnutls_session_get_ptr(session);

    TDL_UNUSED(info);
    *ret_ocsp = NULL;
    *ret_ocsp_n = 0;
    *ret_flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    pthread_rwlock_rdlock(&tls->lock);
    int failed = give_copies(&tls->now, ret_chain, ret_n, ret_key);
    pthread_rwlock_unlock(&tls->lock);
    return failed;
}

void *tdl_tls_callback(void)
{
    gnutls_certificate_retrieve_function3 *function = give_certificate;
    void *pointer;

    memcpy(&pointer, &function, sizeof pointer); // POSIX: both are of one size
    return pointer;
}

void tdl_tls_attach(tdl_tls *tls, void *session)
{
    gnutls_session_set_ptr(session, tls);
}
