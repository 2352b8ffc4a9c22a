/* What a store is made of, shared by store.c (life cycle, events) and records.c (all else). */
#ifndef TDL_STORE_STORE_PARTS_H
#define TDL_STORE_STORE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/backend.h"
#include "store/people.h"
#include "store/writer.h"

enum { TDL_READERS_MAX = 16 };

struct tdl_store {
    const tdl_store_ops *ops;
    tdl_backend *backend;
    tdl_writer *writer;   /* NULL when read-only */
    char *files_dir;      /* may be NULL */
    char actor[16];       /* for the audit log */
    tdl_people *people;   /* NULL: the store is plain */
    bool sealed_now;      /* by this opening */
    pthread_mutex_t lock; /* of the idle readers */
    tdl_reader *idle[TDL_READERS_MAX];
    size_t idle_n, idle_max;
    atomic_int_fast64_t rejects_second; /* the second of rejects_n, monotonic */
    atomic_uint rejects_n;              /* rejects stored in it */
};

/* A connection for one call: an idle one, or one more. */
tdl_status tdl_store_take_reader(tdl_store *store, tdl_reader **ret, tdl_report *why);
void tdl_store_give_back(tdl_store *store, tdl_reader *reader); /* accepts NULL */

/* Run `call` on the writer thread and wait. TDL_E_FORBIDDEN when the store is read-only. */
tdl_status tdl_store_write(tdl_store *store, tdl_writer_call *call, const void *context,
                           tdl_report *why);

/* A model and its file, as tdl_store_put_model does, without an entry in the audit log. */
tdl_status tdl_store_move_model(tdl_store *store, const tdl_model_row *model, tdl_report *why);

/* The store's vault, made when it is new; see tdl_store_options.master_key_file. */
tdl_status tdl_store_open_vault(tdl_store *store, const tdl_store_options *options,
                                tdl_report *why);

/* Queue a decision whose user is an id. */
tdl_status tdl_store_queue_decision(tdl_store *store, tdl_decision_text text, tdl_report *why);

/* On the writer thread: the file of a model, where there is one and the backend keeps files. */
tdl_status tdl_store_send_file(const tdl_store *store, const tdl_store_ops *ops,
                               tdl_backend *backend, tdl_str name, tdl_report *why);

#endif
