/* One turn of the wheel against a running server, all of it over HTTP: ratings in, a model trained,
 * recommendations out. The demo shows it, the benchmarks measure it.
 */
#ifndef TDL_CLI_WHEEL_H
#define TDL_CLI_WHEEL_H

#include "cli/client.h"
#include "cli/import.h"

/* Where tools/setup puts the ratings of Debian's r-cran-dslabs. */
#define TDL_WHEEL_RATINGS ".cache/data/movielens.csv"

/* Send the ratings of a MovieLens CSV as a Segment SDK would. TDL_E_NOT_FOUND names the remedy. */
tdl_status tdl_wheel_import(tdl_client *client, const char *csv_path, bool quiet,
                            tdl_import_result *ret, tdl_report *why);

/* A film is not shown to who has seen it, however long ago. */
tdl_status tdl_wheel_settle(tdl_client *client, tdl_report *why);

/* Have the server train and wait for it. ret_report: of the model that now serves, the caller's. */
tdl_status tdl_wheel_train(tdl_client *client, bool quiet, json_t **ret_report, tdl_report *why);

/* GET /v1/recommend; ret may be NULL. */
tdl_status tdl_wheel_recommend(tdl_client *client, const char *user, json_t **ret, tdl_report *why);

/* The most recently active users: a JSON array of objects with "id", never empty; the caller's. */
tdl_status tdl_wheel_users(tdl_client *client, json_t **ret, tdl_report *why);

#endif
