/* What a query of a PostgreSQL database answers, as a frame, row by row as it arrives.
 *
 * Messages     never hold the URL: there may be a password in it
 */
#include <libpq-fe.h>
#include <stdlib.h>

#include "table/read_parts.h"

static const char session[] = "SET default_transaction_read_only = on; SET timezone = 'UTC';"
                              "SET datestyle = 'ISO'; SET extra_float_digits = 1;"
                              "SET client_min_messages = warning";

static void be_silent(void *context, const char *message)
{
    TDL_UNUSED(context);
    TDL_UNUSED(message);
}

static tdl_status fail_postgres(PGconn *conn, const PGresult *result, const char *doing,
                                tdl_report *why)
{
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *message = primary ? primary : PQerrorMessage(conn);
    tdl_status st = PQstatus(conn) == CONNECTION_OK ? TDL_E_INVALID : TDL_E_IO;

    return TDL_FAIL(why, st, "postgres: %s: %.*s", doing, (int)strcspn(message, "\r\n"), message);
}

/* libpq's own message would repeat the part that it cannot read, which may be the password. */
static tdl_status check_url(const char *url, tdl_report *why)
{
    PQconninfoOption *parsed = PQconninfoParse(url, NULL);

    if (!parsed)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "postgres://user@host:5432/database",
                             "postgres: the URL cannot be read");
    PQconninfoFree(parsed);
    return TDL_OK;
}

static tdl_status connect_to(const char *url, PGconn **ret, tdl_report *why)
{
    static const char *const names[] = {"dbname", "connect_timeout", "application_name",
                                        "client_encoding", NULL};
    const char *const values[] = {url, "10", "treadle", "UTF8", NULL};
    PGconn *conn;
    PGresult *result = NULL;
    tdl_status st;

    if ((st = check_url(url, why)))
        return st;
    if (!(conn = PQconnectdbParams(names, values, 1)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a connection");
    PQsetNoticeProcessor(conn, be_silent, NULL);
    if (PQstatus(conn) != CONNECTION_OK)
        st = fail_postgres(conn, NULL, "connecting", why);
    else if (PQresultStatus(result = PQexec(conn, session)) != PGRES_COMMAND_OK)
        st = fail_postgres(conn, result, "connecting", why);
    PQclear(result);
    if (st)
        PQfinish(conn);
    else
        *ret = conn;
    return st;
}

typedef struct answer {
    const tdl_read_options *options;
    tdl_frame_builder *builder; /* from the first result on */
    tdl_str *cell;              /* [columns_n] */
    int columns_n;
    size_t rows;
} answer;

static tdl_status start(answer *a, const PGresult *result, tdl_report *why)
{
    a->columns_n = PQnfields(result);
    a->cell = calloc(a->columns_n > 0 ? (size_t)a->columns_n : 1, sizeof *a->cell);
    if (!a->cell)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row");
    for (int i = 0; i < a->columns_n; i++)
        a->cell[i] = tdl_str_of(PQfname(result, i));
    return tdl_frame_builder_new(a->cell, (size_t)a->columns_n, a->options, &a->builder, why);
}

/* One row, or none at the end. */
static tdl_status take_result(PGconn *conn, answer *a, const PGresult *result, tdl_report *why)
{
    ExecStatusType status = PQresultStatus(result);
    tdl_status st = TDL_OK;

    if (status == PGRES_COMMAND_OK)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "select ... from ...",
                             "postgres: the query answers no rows");
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK)
        return fail_postgres(conn, result, "the query", why);
    if (!a->builder && (st = start(a, result, why)))
        return st;
    for (int row = 0; !st && row < PQntuples(result); row++) {
        if (a->options->rows_max && a->rows == a->options->rows_max)
            return TDL_OK;
        for (int i = 0; i < a->columns_n; i++)
            a->cell[i] = (tdl_str){PQgetvalue(result, row, i), (size_t)PQgetlength(result, row, i)};
        if (!(st = tdl_frame_builder_add(a->builder, a->cell, why)) &&
            ++a->rows % TDL_READ_PROGRESS_ROWS == 0)
            st = tdl_read_tell(a->options, a->rows, 0, why);
    }
    return st;
}

/* The extended protocol takes one statement: none can be hidden behind it that turns writing on. */
static tdl_status run_query(PGconn *conn, answer *a, tdl_report *why)
{
    PGresult *result;
    tdl_status st = TDL_OK;

    if (!PQsendQueryParams(conn, a->options->query, 0, NULL, NULL, NULL, NULL, 0) ||
        !PQsetSingleRowMode(conn))
        return fail_postgres(conn, NULL, "the query", why);
    while (!st && !(a->options->rows_max && a->rows == a->options->rows_max) &&
           (result = PQgetResult(conn))) {
        st = take_result(conn, a, result, why);
        PQclear(result);
    }
    return st;
}

tdl_status tdl_read_postgres(const char *source, const tdl_read_options *options, tdl_frame *ret,
                             tdl_read_counts *counts, tdl_report *why)
{
    answer a = {.options = options};
    PGconn *conn = NULL;
    tdl_status st;

    TDL_UNUSED(counts);
    if (!options->query)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "--query 'select * from TABLE'",
                             "postgres: a database needs a query");
    if ((st = connect_to(source, &conn, why)))
        return st;
    if (!(st = run_query(conn, &a, why)))
        st = a.builder ? tdl_frame_builder_finish(a.builder, ret, why)
                       : TDL_FAIL(why, TDL_E_INVALID, "postgres: the query answers no rows");
    PQfinish(conn); /* also in the middle of an answer */
    tdl_frame_builder_free(a.builder);
    free(a.cell);
    return st;
}
