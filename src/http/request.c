#include "http/request.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/timestamp.h"
#include "base/uuid.h"
#include "wire/native/native.h"

enum {
    ARENA_BUDGET = 96 << 20, /* a full batch with all its properties once more */
    OUT_LIMIT = 64 << 20,
    KEEP_BYTES = 64 << 10, /* larger buffers are not kept for the next request */
    RARE_BYTES = 4 << 20,  /* of larger ones the allocator keeps nothing either */
    KEEP_REQUESTS = 256
};

struct tdl_requests {
    pthread_mutex_t lock;
    tdl_request *first;
    size_t n;
};

tdl_requests *tdl_requests_new(void)
{
    tdl_requests *requests = calloc(1, sizeof *requests);

    if (requests)
        pthread_mutex_init(&requests->lock, NULL);
    return requests;
}

static void free_request(tdl_request *request)
{
    tdl_buf_release(&request->body);
    tdl_buf_release(&request->inflated);
    tdl_buf_release(&request->out);
    tdl_arena_free(request->arena);
    free(request);
}

void tdl_requests_free(tdl_requests *requests)
{
    if (!requests)
        return;
    for (tdl_request *r = requests->first, *next; r; r = next) {
        next = r->next;
        free_request(r);
    }
    pthread_mutex_destroy(&requests->lock);
    free(requests);
}

static tdl_request *take_recycled(tdl_requests *requests)
{
    pthread_mutex_lock(&requests->lock);
    tdl_request *request = requests->first;
    if (request) {
        requests->first = request->next;
        requests->n--;
    }
    pthread_mutex_unlock(&requests->lock);
    return request;
}

static tdl_request *make_request(void)
{
    tdl_request *request = calloc(1, sizeof *request);

    if (!request)
        return NULL;
    request->arena = tdl_arena_new(ARENA_BUDGET);
    request->out.limit = OUT_LIMIT;
    if (!request->arena) {
        free(request);
        return NULL;
    }
    return request;
}

tdl_request *tdl_request_take(tdl_http *http)
{
    tdl_request *request = take_recycled(http->requests);

    if (!request && !(request = make_request()))
        return NULL;
    request->http = http;
    request->next = NULL;
    request->http_status = 200;
    request->began_us = tdl_time_monotonic();
    tdl_uuid7(request->id);
    atomic_fetch_add_explicit(&http->in_flight, 1, memory_order_relaxed);
    return request;
}

static void recycle_buf(tdl_buf *buf)
{
    size_t cap = buf->cap;

    if (cap > KEEP_BYTES)
        tdl_buf_release(buf);
    if (cap > RARE_BYTES) // each thread has a heap of its own, which would stay as large
        malloc_trim(0);
    tdl_buf_clear(buf);
}

/* Keeps memory, forgets everything else. */
static void recycle(tdl_request *request)
{
    tdl_request fresh = {.arena = request->arena,
                         .body = request->body,
                         .inflated = request->inflated,
                         .out = request->out};

    tdl_arena_reset(fresh.arena);
    recycle_buf(&fresh.body);
    recycle_buf(&fresh.inflated);
    recycle_buf(&fresh.out);
    *request = fresh;
}

void tdl_request_give_back(tdl_request *request)
{
    tdl_http *http = request->http;
    tdl_requests *requests = http->requests;

    tdl_request_drop_body(request);
    tdl_batch_release(&request->batch);
    recycle(request);
    pthread_mutex_lock(&requests->lock);
    if (requests->n < KEEP_REQUESTS) {
        request->next = requests->first;
        requests->first = request;
        requests->n++;
        request = NULL;
    }
    pthread_mutex_unlock(&requests->lock);
    if (request)
        free_request(request);
    atomic_fetch_sub(&http->in_flight, 1);
}

tdl_status tdl_request_refuse(tdl_request *request, tdl_status status, const tdl_report *why)
{
    request->status = status;
    request->why = *why;
    request->why.status = status;
    request->http_status = tdl_status_http(status);
    if (status == TDL_E_RATE && request->route && request->route->sdk)
        request->http_status = tdl_status_http(TDL_E_FULL);
    return status;
}

void tdl_request_drop_body(tdl_request *request)
{
    atomic_fetch_sub_explicit(&request->http->bodies, request->body.len, memory_order_relaxed);
    recycle_buf(&request->body);
}

tdl_jw tdl_request_writer(tdl_request *request)
{
    return (tdl_jw){.out = &request->out};
}

tdl_status tdl_request_object(const tdl_request *r, const char *const *fields, json_t **ret,
                              tdl_report *why)
{
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, ret, why);

    if (st)
        return st;
    if (!json_is_object(*ret))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                        tdl_json_type_name(*ret));
    return tdl_native_check_fields(*ret, fields, why);
}
