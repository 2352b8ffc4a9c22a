/* Store: events, catalogue, decisions, models and keys; append-only where it matters, durable.
 *
 * Life cycle   tdl_store_open -> append / log / put / get / scan ... -> tdl_store_close
 * Ownership    a store owns its connections. What a call is given is borrowed for the call only,
 *              except where a function says otherwise. What a read gives lives in the arena given
 * Threads      every function may be called from any thread. One writer thread commits everything
 *              in groups; reads run beside it, each on a connection of its own
 * Failure      nothing is half-written: a write is all or nothing, and durable (fsynced) once its
 *              call returned TDL_OK or its `done` was called with TDL_OK
 *
 * A store is named by a URL, "sqlite:PATH" or "postgres://USER@HOST/DATABASE", or by a plain path.
 * Backends are const tables of functions (store/backend.h); everything but sqlite*.c and
 * postgres*.c is the same for all of them. Several processes may share a store on PostgreSQL.
 */
#ifndef TDL_STORE_STORE_H
#define TDL_STORE_STORE_H

#include "base/arena.h"
#include "base/report.h"
#include "base/str.h"
#include "treadle/event.h"

typedef struct tdl_store tdl_store;

typedef struct tdl_store_options {
    bool read_only;       /* open an existing store for reading; writes answer TDL_E_FORBIDDEN */
    bool must_exist;      /* do not create */
    size_t queue_bytes;   /* most bytes waiting for the writer; 0 = 64 MiB. Past it: TDL_E_FULL */
    unsigned group_max;   /* most events in one commit; 0 = 10,000 */
    unsigned readers_max; /* most reader connections kept open; 0 = 16 */
    const char *actor;    /* who changes things, for the audit log: "cli"; NULL = "server" */
    /* Where the paths of models begin. With it a store that several processes share keeps their
     * files too; tdl_store_fetch_model brings one here. May be NULL. */
    const char *files_dir;
    /* The file of the master key (store/vault.h), made when it is needed and missing. With it a new
     * store is sealed: it holds pseudonyms in place of ids, and ids and traits only encrypted. One
     * that knows people already stays plain. A sealed store cannot be opened without. May be NULL.
     */
    const char *master_key_file;
    /* A new store that is sealed gets the root key of this one: pseudonyms stay what they are. */
    const tdl_store *sealed_as;
} tdl_store_options;

/* ret is set on success only. TDL_E_FORBIDDEN, TDL_E_NOT_FOUND: the store is sealed, and the master
 * key is another one or missing. TDL_E_CORRUPT: not a Treadle store, or damaged. TDL_E_INVALID:
 * made by a newer version, or no such kind of store. TDL_E_IO: cannot be opened or created. */
tdl_status tdl_store_open(const char *url, const tdl_store_options *options, tdl_store **ret,
                          tdl_report *why);
/* Commits what is queued, then closes. Accepts NULL. */
void tdl_store_close(tdl_store *store);

/* Called on the writer thread for each event newly stored (never for duplicates), in the order of
 * `seq`, once durable and before the append that brought it is answered. `seq` is the event's
 * position in arrival order, from 1. One observer; NULL takes it off. It must not wait for the
 * store: everything that waits for the writer waits for it.
 *
 * Of a store that several processes share, it is also called, within a second, for each event that
 * another process stored since this one opened it. Those are in order among themselves, have no
 * traits, and an alias only where the two ids were joined.
 *
 * An event that says something on consent is told even when it was dropped: then seq is below 0. */
typedef void tdl_store_observer(void *context, const tdl_event *event, int64_t seq);
void tdl_store_observe(tdl_store *store, tdl_store_observer *observer, void *context);

/* ---- events ---- */

/* Check one event against the limits of treadle/event.h: required fields, lengths, valid UTF-8, no
 * control characters in ids and kind, finite value, time in [1970, now + 24 h], properties a JSON
 * object. The report names the field. */
tdl_status tdl_event_check(const tdl_event *event, int64_t now_us, tdl_report *why);

/* Append `events` in order; all or nothing. Duplicates by (source, message_id), inside the call
 * and against everything stored, are skipped and counted: the first copy stays.
 *   events   [events_n], already checked with tdl_event_check
 *   ret_new  events stored, without duplicates and those of barred persons; set on success only;
 *            may be NULL
 *   returns  TDL_OK | TDL_E_FULL (queue or disk full: retry later) | TDL_E_IO */
tdl_status tdl_store_append(tdl_store *store, const tdl_event *events, size_t events_n,
                            size_t *ret_new, tdl_report *why);

/* The same without waiting. `events` and all they point to must live until `done` is called, which
 * happens exactly once, on the writer thread, when and only when TDL_OK is returned here. */
typedef void tdl_append_done(void *context, tdl_status status, size_t new_n, const tdl_report *why);
tdl_status tdl_store_append_async(tdl_store *store, const tdl_event *events, size_t events_n,
                                  tdl_append_done *done, void *context, tdl_report *why);

/* Wait until everything queued before this call is durable, or has failed once. */
void tdl_store_flush(tdl_store *store);

/* Scan in (time, arrival) order, in bounded memory whatever the size of the store, over a snapshot
 * taken at open. */
typedef struct tdl_scan tdl_scan;
/* purposes: leaves out everybody who denies one of them; 0 = nobody. */
tdl_status tdl_scan_open(tdl_store *store, int64_t from_us, unsigned purposes, tdl_scan **ret,
                         tdl_report *why);
/* Borrowed until the next call. *ret_more = false at the end. ret_seq may be NULL. */
tdl_status tdl_scan_next(tdl_scan *scan, tdl_event *ret, int64_t *ret_seq, bool *ret_more,
                         tdl_report *why);
void tdl_scan_close(tdl_scan *scan); /* accepts NULL */

/* What a report on many events needs of each: no names, so that a million take a fraction of a
 * second. */
typedef struct tdl_step {
    int64_t time_us, seq;
    int64_t person; /* a number that stands for the person in this walk, > 0 */
    int64_t kind;   /* number of the kind, see tdl_store_kinds */
    double value;   /* meaningful only if has_value */
    bool has_value;
    tdl_str properties; /* empty unless asked for; borrowed for the call */
} tdl_step;

typedef struct tdl_walk {
    int64_t from_us, until_us; /* [from, until) */
    bool properties;
} tdl_walk;

/* Events in (time, arrival) order, but for what groups told of themselves; `fn` returns false to
 * stop. One snapshot, bounded memory but for
 * 16 bytes for each id that is not its person's own. */
tdl_status tdl_store_walk(tdl_store *store, const tdl_walk *walk,
                          bool (*fn)(void *context, const tdl_step *step), void *context,
                          tdl_report *why);

/* Kinds of events there ever were. */
typedef struct tdl_kind_row {
    int64_t number; /* small and dense, from 1 */
    tdl_str name;
} tdl_kind_row;
tdl_status tdl_store_kinds(tdl_store *store, tdl_arena *arena, tdl_kind_row **ret, size_t *ret_n,
                           tdl_report *why);

/* Newest events of one user first, those queued before the call included. ret [*ret_n] in `arena`;
 * an unknown user has none. */
tdl_status tdl_store_user_events(tdl_store *store, tdl_str user, size_t limit, tdl_arena *arena,
                                 tdl_event **ret, size_t *ret_n, tdl_report *why);

/* ---- persons ---- */

/* What a person may deny the use of his data for. */
typedef enum tdl_purpose {
    TDL_PURPOSE_ANALYTICS = 1, /* denied: the person's events are not stored */
    TDL_PURPOSE_PERSONALISATION = 2,
    TDL_PURPOSE_PRICING = 4,
    TDL_PURPOSE_TRAINING = 8,
    TDL_PURPOSE_SHARING = 16
} tdl_purpose;

/* Somebody is *barred* who was erased or denied analytics. Events of a barred person are dropped,
 * and nobody is joined with him. */

/* An event with an alias makes two ids one person, if the rules of treadle/event.h allow it and the
 * person has no more than a thousand ids. From then on every event of either id, earlier and later
 * ones, is the person's: scans and lists name the person. */

/* The id that stands for the person of `id`; `id` itself when it is nobody else's. */
tdl_status tdl_store_person(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_str *ret,
                            tdl_report *why);
/* Every id that another one stands for. */
tdl_status tdl_store_each_alias(tdl_store *store,
                                void (*fn)(void *context, tdl_str alias, tdl_str person),
                                void *context, tdl_report *why);
/* One id of a person, and the event that joined it; without one it stands for the others. */
typedef struct tdl_person_id {
    tdl_str id;
    bool joined;
    int64_t time_us;
    tdl_str kind, source, message_id;
} tdl_person_id;
/* The ids of the person of `id`, who stands for it first. A stranger has none. */
tdl_status tdl_store_person_ids(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_person_id **ret,
                                size_t *ret_n, tdl_report *why);
/* Undo the join that brought `id` into its person: what was that person on its own then is one
 * again, with history and traits, and with what was joined to it since. From then on nothing but a
 * newer "$create_alias" joins the two again.
 *   ret_person   who stands for the part with `id`, in `arena`
 *   returns      TDL_OK | TDL_E_NOT_FOUND | TDL_E_CONFLICT (it stands for its person) */
tdl_status tdl_store_split(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_str *ret_person,
                           tdl_report *why);
/* Persons that were parted, by whomever, since *position; moves it. */
tdl_status tdl_store_splits(tdl_store *store, int64_t *position,
                            void (*fn)(void *context, tdl_str person, tdl_str other), void *context,
                            tdl_report *why);
/* What is known of a person, as one JSON object appended to `ret`: of each trait the newest word.
 * {} for a stranger. */
tdl_status tdl_store_traits(tdl_store *store, tdl_str id, tdl_buf *ret, tdl_report *why);

/* ---- groups ---- */

/* Companies, teams: what an event with a group tells of. They are no persons. */
typedef struct tdl_group_row {
    tdl_str type, name;
    int64_t updated_us; /* of the newest word on it; 0 = none */
} tdl_group_row;
/* By type and name; `type` empty = all. */
tdl_status tdl_store_groups(tdl_store *store, tdl_str type, size_t limit, tdl_arena *arena,
                            tdl_group_row **ret, size_t *ret_n, tdl_report *why);
/* What is known of one, as a JSON object appended to `ret`. ret_updated_us may be NULL.
 * TDL_E_NOT_FOUND. */
tdl_status tdl_store_group_traits(tdl_store *store, tdl_str type, tdl_str name, tdl_buf *ret,
                                  int64_t *ret_updated_us, tdl_report *why);

/* ---- rejects ---- */

/* An event of a good request that could not be taken. The newest 10,000 are kept. */
typedef struct tdl_reject {
    int64_t received_us;
    tdl_str source; /* protocol family */
    tdl_str reason;
    tdl_str raw; /* its first TDL_REJECT_RAW_MAX bytes; may be empty */
} tdl_reject;
enum { TDL_REJECT_RAW_MAX = 4096, TDL_REJECTS_A_SECOND = 20 };

/* Queue one; copies what it needs and never waits. TDL_E_FULL past TDL_REJECTS_A_SECOND: who sends
 * nothing but nonsense shall not wear the disk. */
tdl_status tdl_store_log_reject(tdl_store *store, const tdl_reject *reject, tdl_report *why);
tdl_status tdl_store_rejects(tdl_store *store, size_t limit, tdl_arena *arena, tdl_reject **ret,
                             size_t *ret_n, tdl_report *why); /* newest first */

typedef struct tdl_reject_count {
    tdl_str source, reason;
    int64_t n, newest_us;
} tdl_reject_count;
/* How many of those kept have which reason, most first. */
tdl_status tdl_store_count_rejects(tdl_store *store, size_t limit, tdl_arena *arena,
                                   tdl_reject_count **ret, size_t *ret_n, tdl_report *why);
/* ---- consent ---- */

/* What persons said about purposes; words are added and never changed. Of each purpose the newest
 * word of any of the person's ids holds, by its own time and not by its arrival; without a word the
 * store's default. */

enum { TDL_PURPOSES_N = 5, TDL_PURPOSES_ALL = (1 << TDL_PURPOSES_N) - 1 };

const char *tdl_purpose_name(tdl_purpose purpose); /* "analytics", "personalisation", ... */
bool tdl_purpose_parse(tdl_str text, tdl_purpose *ret);

typedef struct tdl_consent {
    tdl_purpose purpose;
    bool granted;
    int64_t time_us;
    tdl_str source; /* where it was said: "api", "segment", ...; up to TDL_ID_MAX bytes */
} tdl_consent;

/* A word of a user, who need not be known yet. The same word twice is one. */
tdl_status tdl_store_put_consent(tdl_store *store, tdl_str user, const tdl_consent *word,
                                 tdl_report *why);
/* Every word of the person, oldest first.
 *   ret_denied  bits of what the person denies now, the default included */
tdl_status tdl_store_consents(tdl_store *store, tdl_str user, tdl_arena *arena, tdl_consent **ret,
                              size_t *ret_n, unsigned *ret_denied, tdl_report *why);

/* The purposes that need a person's word before: bits; 0 in a new store. */
tdl_status tdl_store_put_consent_default(tdl_store *store, unsigned withheld, tdl_report *why);
tdl_status tdl_store_consent_default(tdl_store *store, unsigned *ret_withheld, tdl_report *why);

/* An id of a person who said something. */
typedef struct tdl_consent_said {
    tdl_str id;
    unsigned granted, denied; /* bits */
} tdl_consent_said;
typedef void tdl_consent_fn(void *context, const tdl_consent_said *said);
/* Every such id; of one person with `user`. */
tdl_status tdl_store_each_consent(tdl_store *store, tdl_str user, tdl_consent_fn *fn, void *context,
                                  tdl_report *why);
/* Who said something since *position, by whomever it was stored; moves it. Below 0 it becomes that
 * of now. The id alone is told. */
tdl_status tdl_store_new_consents(tdl_store *store, int64_t *position, tdl_consent_fn *fn,
                                  void *context, tdl_report *why);

/* ---- retention ---- */

/* How long rows of a kind are kept. An event that is older when it comes is dropped; older rows are
 * removed by tdl_store_retain. Kept all the same: events that joined two ids, for the person rests
 * on them. */
typedef struct tdl_retention_rule {
    tdl_str kind; /* of events; empty = all kinds without a rule; TDL_RETAIN_DECISIONS */
    int64_t days; /* 1 .. TDL_RETAIN_DAYS_MAX */
} tdl_retention_rule;

#define TDL_RETAIN_DECISIONS "$decisions" /* the decision log */
enum { TDL_RETENTION_RULES_MAX = 100, TDL_RETAIN_DAYS_MAX = 36500 };

/* These rules and no others. New events follow them within a second. */
tdl_status tdl_store_put_retention(tdl_store *store, const tdl_retention_rule *rules,
                                   size_t rules_n, tdl_report *why);
tdl_status tdl_store_retention(tdl_store *store, tdl_arena *arena, tdl_retention_rule **ret,
                               size_t *ret_n, tdl_report *why); /* by kind */

typedef struct tdl_retained {
    tdl_str kind;
    int64_t rows; /* removed, or to be removed */
} tdl_retained;

typedef struct tdl_retain_options {
    int64_t now_us;
    bool dry_run;                 /* count only */
    bool (*go_on)(void *context); /* asked between two transactions; may be NULL */
    void *context;
} tdl_retain_options;

/* Remove what the rules do not keep, in transactions of at most TDL_RETAIN_CHUNK rows with pauses
 * between them, so that writers wait for none of them long.
 *   ret [*ret_n]  kinds with rows, in `arena`; also after a failure: what was removed until then
 *   returns       TDL_E_STOPPED when go_on says so
 * What a run did is kept in the setting TDL_RETAIN_REPORT, as a JSON object: started, finished,
 * rows by kind, and error, which is null when there was none. */
enum { TDL_RETAIN_CHUNK = 2000 };
#define TDL_RETAIN_REPORT "retention.report"
tdl_status tdl_store_retain(tdl_store *store, const tdl_retain_options *options, tdl_arena *arena,
                            tdl_retained **ret, size_t *ret_n, tdl_report *why);
/* Of all processes that ask, one is told to run what is due since `due_us`. */
tdl_status tdl_store_claim_retention(tdl_store *store, int64_t due_us, bool *ret_claimed,
                                     tdl_report *why);

/* What changes flags, models and keys has an entry in the audit log (store/audit.h), in the same
 * commit. On a broken log it is refused: TDL_E_CONFLICT. */

/* ---- flags ---- */

typedef struct tdl_flag_row {
    int64_t id; /* a number of its own, for protocols that want one */
    tdl_str key;
    tdl_str family;     /* whose rules and hash decide: "posthog", "growthbook" */
    tdl_str definition; /* JSON object in that family's form; flags/flags.h checks it */
    int64_t version;    /* from 1, one more with each change */
    int64_t created_us, updated_us;
} tdl_flag_row;
/* Insert or replace by key; id, version and times are the store's. */
tdl_status tdl_store_put_flag(tdl_store *store, const tdl_flag_row *flag, tdl_report *why);
tdl_status tdl_store_drop_flag(tdl_store *store, tdl_str key,
                               tdl_report *why); /* TDL_E_NOT_FOUND */
tdl_status tdl_store_flags(tdl_store *store, tdl_arena *arena, tdl_flag_row **ret, size_t *ret_n,
                           tdl_report *why); /* in order of creation */

/* ---- users and catalogue ---- */

typedef struct tdl_user_row {
    tdl_str id;
    int64_t events_n;
    int64_t last_us; /* time of the newest event */
} tdl_user_row;
/* Users whose id starts with `prefix`, most recently active first. Of a sealed store they are
 * looked for among the 100,000 most recently active; the one whose id it is, everywhere. */
tdl_status tdl_store_users(tdl_store *store, tdl_str prefix, size_t limit, tdl_arena *arena,
                           tdl_user_row **ret, size_t *ret_n, tdl_report *why);

/* Insert or replace by id; all or nothing. An item first seen in an event exists with no title.
 * TDL_E_INVALID names the item and its field. */
tdl_status tdl_store_put_items(tdl_store *store, const tdl_item *items, size_t items_n,
                               tdl_report *why);
tdl_status tdl_store_get_item(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_item *ret,
                              tdl_report *why); /* TDL_E_NOT_FOUND */
/* Every item, in order of first appearance. `fn` borrows for the call. */
tdl_status tdl_store_each_item(tdl_store *store, void (*fn)(void *context, const tdl_item *item),
                               void *context, tdl_report *why);

/* Of a store that several processes share: the items put since *position, by whomever; moves it. A
 * position below 0 becomes that of now, and no item is told. Elsewhere nothing happens. */
tdl_status tdl_store_changed_items(tdl_store *store, int64_t *position,
                                   void (*fn)(void *context, const tdl_item *item), void *context,
                                   tdl_report *why);

/* ---- decisions ---- */

/* Queue one decision row; copies what it needs and never waits for the disk. A row the disk refused
 * stays queued and is tried again each second, until the store is closed. TDL_E_FULL when the queue
 * is past its budget: then the answer must not be given as if it had been logged. Scores and
 * propensities are kept to nine digits, which say a float exactly. A repeated id is skipped. */
tdl_status tdl_store_log_decision(tdl_store *store, const tdl_decision *decision, tdl_report *why);

/* A stored decision with the events that carried its id (its rewards, oldest first). Titles are
 * looked up in the catalogue. Sees decisions logged before the call: waits for the writer if
 * needed. */
typedef struct tdl_decision_row {
    tdl_decision decision;
    tdl_event *rewards; /* [rewards_n] */
    size_t rewards_n;
} tdl_decision_row;
tdl_status tdl_store_get_decision(tdl_store *store, tdl_str id, tdl_arena *arena,
                                  tdl_decision_row *ret, tdl_report *why); /* TDL_E_NOT_FOUND */
/* Newest first; `user` empty = all users. Rewards are given in full. */
tdl_status tdl_store_decisions(tdl_store *store, tdl_str user, size_t limit, tdl_arena *arena,
                               tdl_decision_row **ret, size_t *ret_n, tdl_report *why);

/* The decision log piece by piece, in the order in which it was written: that of time but for what
 * was asked at the same moment, and for clocks that were set back. Rewards are given, titles are
 * not. Sees decisions that were logged before tdl_store_log_begin.
 *   from_us   decisions of that time or later come behind ret_position, unless a clock was set back
 *             by more than TDL_LOG_DISORDER_US
 *   position  of the last decision read; moved
 *   ret       [*ret_n <= limit] in `arena`; none: the end */
#define TDL_LOG_DISORDER_US INT64_C(60000000)
tdl_status tdl_store_log_begin(tdl_store *store, int64_t from_us, int64_t *ret_position,
                               tdl_report *why);
tdl_status tdl_store_log_read(tdl_store *store, int64_t *position, size_t limit, tdl_arena *arena,
                              tdl_decision_row **ret, size_t *ret_n, tdl_report *why);

/* ---- models ---- */

typedef struct tdl_model_row {
    tdl_str version; /* unique: "recommend-0192..." */
    tdl_str app;     /* "recommend" */
    tdl_str path;    /* relative to the data folder: "models/recommend-….safetensors" */
    tdl_str report;  /* JSON object: what was trained on what, evaluation, what was promoted */
    int64_t created_us;
    int64_t bytes;    /* size of the file */
    char hash[65];    /* BLAKE2b-256 of the file, hexadecimal */
    bool active;      /* serves; at most one per app */
    int64_t stale_us; /* since when it may have seen somebody who was erased; 0 = it has not */
    int64_t read_us;  /* when reading what it was trained on began; 0 = not said; not stored */
} tdl_model_row;
/* Insert; it is stale at once when somebody was erased since it was read. `active` also switches
 * off the app's former one in the same commit. */
tdl_status tdl_store_put_model(tdl_store *store, const tdl_model_row *model, tdl_report *why);
/* Make a stored version the active one (promotion by hand, roll-back). TDL_E_NOT_FOUND. */
tdl_status tdl_store_activate_model(tdl_store *store, tdl_str version, tdl_report *why);
/* Make sure that the model's file is in the folder; at once where it is. TDL_E_NOT_FOUND: the store
 * does not hold it. */
tdl_status tdl_store_fetch_model(tdl_store *store, const tdl_model_row *model, tdl_report *why);
/* Newest first; `app` empty = all. */
tdl_status tdl_store_models(tdl_store *store, tdl_str app, tdl_arena *arena, tdl_model_row **ret,
                            size_t *ret_n, tdl_report *why);

/* ---- keys ---- */

/* Each includes those before it. */
typedef enum tdl_right {
    TDL_RIGHT_WRITE = 1, /* send events and items */
    TDL_RIGHT_DECIDE,    /* also ask for answers and read */
    TDL_RIGHT_ADMIN      /* everything */
} tdl_right;

/* Keys are 256 random bits, "tdl_" + right letter (w, d, a) + "_" + 43 characters of base64url.
 * Only BLAKE2b-256 of the text is stored: with 256 bits of entropy no slow hash is needed. */
typedef struct tdl_key_row {
    char id[17]; /* first 16 hexadecimal digits of the hash: names the key, reveals nothing */
    tdl_right right;
    tdl_str label;
    int64_t created_us;
    int64_t revoked_us; /* 0 = valid */
    uint8_t hash[32];
} tdl_key_row;

enum { TDL_KEY_TEXT_MAX = 64 };

/* Make and store a key. ret_text: the only time its text is ever seen; NUL-terminated. */
tdl_status tdl_store_create_key(tdl_store *store, tdl_right right, tdl_str label,
                                char ret_text[TDL_KEY_TEXT_MAX], tdl_report *why);
tdl_status tdl_store_keys(tdl_store *store, tdl_arena *arena, tdl_key_row **ret, size_t *ret_n,
                          tdl_report *why); /* oldest first, revoked ones too */
tdl_status tdl_store_revoke_key(tdl_store *store, tdl_str id, tdl_report *why);
void tdl_key_hash(tdl_str text, uint8_t ret[32]);
const char *tdl_right_name(tdl_right right); /* "write", "decide", "admin" */
bool tdl_right_parse(tdl_str text, tdl_right *ret);

/* ---- settings ---- */

/* Texts of the store's own, by name; the last value put holds. */
tdl_status tdl_store_put_setting(tdl_store *store, tdl_str name, tdl_str value, tdl_report *why);
/* Appends the value to `ret`; *ret_found = false when there is none. */
tdl_status tdl_store_setting(tdl_store *store, tdl_str name, tdl_buf *ret, bool *ret_found,
                             tdl_report *why);

/* ---- reports ---- */

/* A question that was saved; insight/insight.h knows what it asks. */
typedef struct tdl_saved_report {
    tdl_str id;    /* a UUID */
    tdl_str name;  /* for people; need not be unique */
    tdl_str query; /* a JSON object */
    int64_t created_us, updated_us;
} tdl_saved_report;

/* Insert, or replace by id all but when it was created. */
tdl_status tdl_store_put_report(tdl_store *store, const tdl_saved_report *report, tdl_report *why);
/* The same of one that is there: name, query and updated_us. TDL_E_NOT_FOUND. */
tdl_status tdl_store_change_report(tdl_store *store, const tdl_saved_report *report,
                                   tdl_report *why);
tdl_status tdl_store_drop_report(tdl_store *store, tdl_str id,
                                 tdl_report *why); /* TDL_E_NOT_FOUND */
tdl_status tdl_store_get_report(tdl_store *store, tdl_str id, tdl_arena *arena,
                                tdl_saved_report *ret, tdl_report *why); /* TDL_E_NOT_FOUND */
tdl_status tdl_store_reports(tdl_store *store, tdl_arena *arena, tdl_saved_report **ret,
                             size_t *ret_n, tdl_report *why); /* oldest first */

/* ---- sealing ---- */

typedef struct tdl_vault tdl_vault;
/* NULL: the store is plain. */
const tdl_vault *tdl_store_vault(const tdl_store *store);
/* Was the store's vault made by this opening? */
bool tdl_store_sealed_now(const tdl_store *store);
/* From now on the store opens with the master key in this file only, which is made when it is
 * missing. Whoever has it open keeps it open. TDL_E_INVALID: the store is plain. */
tdl_status tdl_store_rotate(tdl_store *store, const char *master_key_file, tdl_report *why);

typedef struct tdl_people_counts {
    int64_t users, erased;
    int64_t unreadable; /* of a sealed store: whose key or id is damaged or lost */
} tdl_people_counts;
/* Looks at every user: some microseconds each. */
tdl_status tdl_store_count_people(tdl_store *store, tdl_people_counts *ret, tdl_report *why);

/* ---- the whole ---- */

typedef struct tdl_store_counts {
    int64_t events, users, items, decisions, rewards; /* rewards: events that carry a decision id */
    int64_t duplicates;                               /* skipped since open */
    int64_t dropped;                                  /* of barred persons, since open */
    int64_t commits;                                  /* since open */
} tdl_store_counts;
/* Kept in memory by the writer, and costs nothing; in a store opened for reading the rows are
 * counted, and all are 0 when that fails. */
void tdl_store_count(tdl_store *store, tdl_store_counts *ret);

/* A number that changes whenever another process wrote to the store (or this one did); on
 * PostgreSQL some milliseconds later. */
int64_t tdl_store_data_version(tdl_store *store);

#endif
