/* What was deleted is free space once it is vacuumed, and goes with the next rows that are written
 * there: no query can read it any more. To rewrite whole tables would lock them. The server's own
 * log, and what it archives of that, are not ours to clean. */
#include "store/postgres.h"

tdl_status tdl_pg_clean(tdl_backend *b, tdl_report *why)
{
    PGconn *conn;
    tdl_status st = tdl_pg_connect(b->url, false, &conn, why);

    if (st)
        return st;
    st = tdl_pg_run(conn,
                    "VACUUM events, users, traits, joins, joined_ids, consents, decisions,"
                    " rejects",
                    "vacuuming", why);
    PQfinish(conn);
    return st;
}
