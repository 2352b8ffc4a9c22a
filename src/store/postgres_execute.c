/* Statements of store/execute.h in the PostgreSQL backend. */
#include <stdio.h>
#include <stdlib.h>

#include "store/postgres.h"

enum { INT8_OID = TDL_PG_INT8 };

static tdl_value column(const PGresult *result, int at)
{
    if (PQgetisnull(result, 0, at))
        return (tdl_value){0};
    if (PQftype(result, at) == INT8_OID)
        return tdl_value_number(tdl_pg_get_number(result, 0, at));
    return tdl_value_bytes(tdl_pg_get_text(result, 0, at));
}

tdl_status tdl_pg_execute(tdl_backend *b, tdl_execute which, const tdl_value *in, size_t in_n,
                          tdl_value *ret, size_t ret_n, int64_t *ret_rows, tdl_report *why)
{
    const tdl_execute_text *text = &tdl_execute_text_of[which];
    tdl_pg_parameters p = {.n = (int)in_n};
    PGresult *result = NULL;
    char name[16];
    tdl_status st = tdl_pg_lock(b, why);

    if (st)
        return st;
    for (size_t i = 0; i < in_n; i++) {
        if (in[i].kind == TDL_VALUE_NUMBER)
            tdl_pg_bind_number(&p, (int)i + 1, in[i].number);
        else if (in[i].kind != TDL_VALUE_NULL)
            tdl_pg_bind_text(&p, (int)i + 1, in[i].text);
    }
    snprintf(name, sizeof name, "x%d", (int)which);
    if ((st = tdl_pg_query(b->conn, &b->execute_prepared[which], name,
                           text->postgres ? text->postgres : text->sql, &p, "storing a row",
                           &result, why)))
        return st;
    for (size_t i = 0; PQntuples(result) && i < ret_n; i++)
        ret[i] = column(result, (int)i);
    if (ret_rows)
        *ret_rows = ret ? PQntuples(result) != 0 : strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(b->executed);
    b->executed = result; // whose values were given out
    b->tell = true;
    return TDL_OK;
}
