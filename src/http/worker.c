#include "http/worker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "http/request.h"

struct tdl_workers {
    tdl_worker_fn *work;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    tdl_request *first, **last;
    size_t queued;
    bool stopping;
    unsigned threads_n;
    pthread_t threads[];
};

static tdl_request *next_request(tdl_workers *workers)
{
    tdl_request *request;

    pthread_mutex_lock(&workers->lock);
    while (!workers->first && !workers->stopping)
        pthread_cond_wait(&workers->wanted, &workers->lock);
    request = workers->first;
    if (request) {
        workers->first = request->next;
        if (!workers->first)
            workers->last = &workers->first;
        request->next = NULL;
        workers->queued--;
    }
    pthread_mutex_unlock(&workers->lock);
    return request;
}

static void *worker_main(void *context)
{
    tdl_workers *workers = context;
    tdl_request *request;

    while ((request = next_request(workers)))
        workers->work(request);
    return NULL;
}

tdl_workers *tdl_workers_new(unsigned threads, tdl_worker_fn *work)
{
    tdl_workers *workers = calloc(1, sizeof *workers + threads * sizeof workers->threads[0]);

    if (!workers)
        return NULL;
    workers->work = work;
    workers->last = &workers->first;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wanted, NULL);
    while (workers->threads_n < threads &&
           !pthread_create(&workers->threads[workers->threads_n], NULL, worker_main, workers))
        workers->threads_n++;
    if (!workers->threads_n) {
        tdl_workers_free(workers);
        return NULL;
    }
    return workers;
}

void tdl_workers_free(tdl_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->wanted);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->threads_n; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->wanted);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

void tdl_workers_submit(tdl_workers *workers, tdl_request *request)
{
    pthread_mutex_lock(&workers->lock);
    request->next = NULL;
    *workers->last = request;
    workers->last = &request->next;
    workers->queued++;
    pthread_cond_signal(&workers->wanted);
    pthread_mutex_unlock(&workers->lock);
}

size_t tdl_workers_queued(tdl_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    size_t queued = workers->queued;
    pthread_mutex_unlock(&workers->lock);
    return queued;
}
