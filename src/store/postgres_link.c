/* Connections to PostgreSQL, statements in binary form, errors in our words. */
#include <ctype.h>
#include <endian.h>
#include <string.h>

#include "base/str.h"
#include "store/postgres.h"

/* ---- errors ---- */

/* What the server or libpq said, on one line. */
static void say(PGconn *conn, const PGresult *result, char ret[256])
{
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *message = primary ? primary : PQerrorMessage(conn);
    size_t n = 0;

    for (; *message && n < 255; message++) {
        char c = isspace((unsigned char)*message) ? ' ' : *message;
        if (c != ' ' || (n && ret[n - 1] != ' '))
            ret[n++] = c;
    }
    while (n && ret[n - 1] == ' ')
        n--;
    ret[n] = '\0';
}

static bool is_class(const char *state, const char *class)
{
    return !strncmp(state, class, strlen(class));
}

/* Out of reach, shutting down, out of room, or in another's way: later it may work. */
static bool is_passing(PGconn *conn, const char *state)
{
    return PQstatus(conn) != CONNECTION_OK || is_class(state, "08") || is_class(state, "53") ||
           is_class(state, "57P") || is_class(state, "40") || is_class(state, "55P03") ||
           is_class(state, "25006");
}

tdl_status tdl_pg_fail(PGconn *conn, const PGresult *result, const char *doing, tdl_report *why)
{
    const char *found = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *state = found ? found : "";
    char message[256];

    say(conn, result, message);
    if (is_class(state, "53100"))
        return TDL_FAIL_HINT(why, TDL_E_FULL,
                             "make room, then send it again; nothing stored is lost",
                             "%s: the database's disk is full", doing);
    if (is_passing(conn, state))
        return TDL_FAIL_HINT(why, TDL_E_FULL, "retry in a few seconds; is the database running?",
                             "%s: %s", doing, message);
    if (is_class(state, "22"))
        return TDL_FAIL(why, TDL_E_INVALID, "%s: %s", doing, message);
    if (is_class(state, "23505"))
        return TDL_FAIL(why, TDL_E_CONFLICT, "%s: %s", doing, message);
    if (is_class(state, "42501"))
        return TDL_FAIL_HINT(why, TDL_E_IO,
                             "let this role create in the database: GRANT CREATE ON DATABASE",
                             "%s: %s", doing, message);
    if (is_class(state, "42") || is_class(state, "XX00"))
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore it from a backup", "%s: %s", doing,
                             message);
    return TDL_FAIL_HINT(why, TDL_E_IO, "look at the database's log", "%s: %s", doing, message);
}

/* ---- connecting ---- */

static const char session[] = "SET search_path = treadle; SET synchronous_commit = on;"
                              "SET timezone = 'UTC'; SET client_min_messages = warning;"
                              "SET statement_timeout = 0; SET jit = off";
static const char session_reading[] = "SET default_transaction_read_only = on";
/* Batches arrive as arrays, whose size the planner guesses low: an index is right at any size, also
 * while a table is young and has no statistics. A process that stands still inside a transaction
 * must not stop the others for ever. */
static const char session_writing[] =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;"
    "SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '15s'";

/* libpq would write to stderr; what matters comes back as an error too. */
static void be_silent(void *context, const char *message)
{
    TDL_UNUSED(context);
    TDL_UNUSED(message);
}

tdl_status tdl_pg_connect(const char *url, bool read_only, PGconn **ret, tdl_report *why)
{
    static const char *const names[] = {"dbname",
                                        "connect_timeout",
                                        "application_name",
                                        "client_encoding",
                                        "keepalives_idle",
                                        "tcp_user_timeout",
                                        NULL};
    const char *const values[] = {url, "5", "treadle", "UTF8", "10", "20000", NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    tdl_status st;

    if (!conn)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a connection");
    PQsetNoticeProcessor(conn, be_silent, NULL);
    if (PQstatus(conn) != CONNECTION_OK) {
        st = tdl_pg_fail(conn, NULL, "connecting to the database", why);
        goto out;
    }
    if (PQserverVersion(conn) < 130000) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "use PostgreSQL 13 or newer",
                           "the database is PostgreSQL %d", PQserverVersion(conn) / 10000);
        goto out;
    }
    if ((st = tdl_pg_run(conn, session, "connecting to the database", why)) ||
        (st = tdl_pg_run(conn, read_only ? session_reading : session_writing,
                         "connecting to the database", why)))
        goto out;
    *ret = conn;
    conn = NULL; /* the caller's now */
out:
    PQfinish(conn);
    return st;
}

/* ---- parameters ---- */

static void bind(tdl_pg_parameters *p, int at, const char *bytes, size_t len)
{
    p->at[at - 1] = bytes;
    p->len[at - 1] = (int)len;
    p->n = at > p->n ? at : p->n;
}

void tdl_pg_bind_text(tdl_pg_parameters *p, int at, tdl_str text)
{
    bind(p, at, text.at ? text.at : "", text.len);
}

void tdl_pg_bind_text_or_null(tdl_pg_parameters *p, int at, tdl_str text)
{
    bind(p, at, text.len ? text.at : NULL, text.len);
}

void tdl_pg_bind_number(tdl_pg_parameters *p, int at, int64_t value)
{
    p->number[at - 1] = htobe64((uint64_t)value);
    bind(p, at, (const char *)&p->number[at - 1], sizeof p->number[0]);
}

void tdl_pg_bind_buf(tdl_pg_parameters *p, int at, const tdl_buf *buf)
{
    tdl_pg_bind_text(p, at, tdl_buf_view(buf));
}

void tdl_pg_add_16(tdl_buf *out, uint16_t value)
{
    value = htobe16(value);
    tdl_buf_add(out, &value, sizeof value);
}

void tdl_pg_add_32(tdl_buf *out, uint32_t value)
{
    value = htobe32(value);
    tdl_buf_add(out, &value, sizeof value);
}

void tdl_pg_add_64(tdl_buf *out, uint64_t value)
{
    value = htobe64(value);
    tdl_buf_add(out, &value, sizeof value);
}

void tdl_pg_add_text(tdl_buf *out, tdl_str text)
{
    tdl_pg_add_32(out, (uint32_t)text.len);
    tdl_buf_str(out, text);
}

void tdl_pg_add_number(tdl_buf *out, int64_t value)
{
    tdl_pg_add_32(out, sizeof value);
    tdl_pg_add_64(out, (uint64_t)value);
}

void tdl_pg_add_null(tdl_buf *out)
{
    tdl_pg_add_32(out, UINT32_MAX);
}

/* One dimension, with no NULL flag needed, counted from 1. */
void tdl_pg_array(tdl_buf *out, tdl_pg_type type, size_t n)
{
    tdl_buf_clear(out);
    out->limit = (size_t)512 << 20;
    tdl_pg_add_32(out, n ? 1 : 0);
    tdl_pg_add_32(out, 1);
    tdl_pg_add_32(out, type);
    if (n) {
        tdl_pg_add_32(out, (uint32_t)n);
        tdl_pg_add_32(out, 1);
    }
}

/* ---- statements ---- */

tdl_status tdl_pg_run(PGconn *conn, const char *sql, const char *doing, tdl_report *why)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    tdl_status st = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                        ? TDL_OK
                        : tdl_pg_fail(conn, result, doing, why);

    PQclear(result);
    return st;
}

static tdl_status prepare(PGconn *conn, const char *name, const char *sql, const char *doing,
                          tdl_report *why)
{
    PGresult *result = PQprepare(conn, name, sql, 0, NULL);
    tdl_status st =
        PQresultStatus(result) == PGRES_COMMAND_OK ? TDL_OK : tdl_pg_fail(conn, result, doing, why);

    PQclear(result);
    return st;
}

tdl_status tdl_pg_query(PGconn *conn, bool *prepared, const char *name, const char *sql,
                        const tdl_pg_parameters *p, const char *doing, PGresult **ret,
                        tdl_report *why)
{
    static const int binary[TDL_PG_PARAMETERS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    tdl_status st = *prepared ? TDL_OK : prepare(conn, name, sql, doing, why);

    if (st)
        return st;
    *prepared = true;
    PGresult *result = PQexecPrepared(conn, name, p->n, p->at, p->len, binary, 1);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        st = tdl_pg_fail(conn, result, doing, why);
    if (st || !ret)
        PQclear(result);
    else
        *ret = result;
    return st;
}

/* ---- values ---- */

int64_t tdl_pg_get_number(const PGresult *result, int row, int column)
{
    const char *at = PQgetvalue(result, row, column);
    uint64_t value = 0;

    for (int i = 0, n = PQgetlength(result, row, column); i < n && i < 8; i++)
        value = value << 8 | (unsigned char)at[i];
    return (int64_t)value; // of 8 bytes, or of fewer and never negative
}

double tdl_pg_get_real(const PGresult *result, int row, int column)
{
    int64_t bits = tdl_pg_get_number(result, row, column);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

tdl_str tdl_pg_get_text(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return (tdl_str){0};
    return (tdl_str){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}
