/* Workers: threads for requests that may wait for the disk, so that event threads never do.
 *
 * Life cycle   tdl_workers_new -> submit ... -> tdl_workers_free
 * Order        first come, first served; the queue is bounded by the server's connections
 */
#ifndef TDL_HTTP_WORKER_H
#define TDL_HTTP_WORKER_H

#include <stddef.h>

typedef struct tdl_workers tdl_workers;
struct tdl_request;

typedef void tdl_worker_fn(struct tdl_request *request);

tdl_workers *tdl_workers_new(unsigned threads, tdl_worker_fn *work); /* NULL: no memory */
void tdl_workers_free(tdl_workers *workers); /* works off the queue first; accepts NULL */
void tdl_workers_submit(tdl_workers *workers, struct tdl_request *request);
size_t tdl_workers_queued(tdl_workers *workers);

#endif
