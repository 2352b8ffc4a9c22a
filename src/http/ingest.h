/* Ingest: what the routes of every foreign family do with a decoded batch. */
#ifndef TDL_HTTP_INGEST_H
#define TDL_HTTP_INGEST_H

#include "http/request.h"

/* Check the key that stands in the body, unless one came in the headers, which was checked there.
 * Missing and wrong ones are answered alike. Call it before anything is stored. */
tdl_status tdl_ingest_check_key(tdl_request *request, tdl_str key, tdl_report *why);

/* Mask or drop personal data in the properties of the batch, as the server is told to. Ids and
 * traits stay as they are: the store has pseudonyms and seals for those. */
tdl_status tdl_ingest_personal(tdl_request *request, tdl_report *why);

/* Count the events of the batch that were left out, log why, and keep some: as sent but for keys,
 * masked, or the reason alone, as the server is told to treat personal data. source: the family. */
void tdl_ingest_note_rejected(tdl_request *request, const char *source);

#endif
