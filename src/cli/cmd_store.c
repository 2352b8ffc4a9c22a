/* treadle migrate, backup, restore: a whole store to another place. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/folder.h"
#include "cli/open_store.h"
#include "cli/progress.h"
#include "loop/lock.h"
#include "store/archive.h"

typedef struct migrate_values {
    tdl_common common;
    const char *from, *to;
    bool plain;
} migrate_values;

static const tdl_option migrate_options[] = {
    {"from",
     TDL_OPTION_TEXT,
     offsetof(migrate_values, from),
     "URL",
     NULL,
     0,
     0,
     {"the store to move; servers may go on using it", "要迁移的存储；服务器可以继续使用它"}},
    {"to",
     TDL_OPTION_TEXT,
     offsetof(migrate_values, to),
     "URL",
     NULL,
     0,
     0,
     {"an empty store, or one this began to move into", "空存储，或上次未迁移完的存储"}},
    {"plain",
     TDL_OPTION_FLAG,
     offsetof(migrate_values, plain),
     NULL,
     NULL,
     0,
     0,
     {"keep ids and traits readable in the other store", "在目标存储中以明文保存用户标识和属性"}},
};

static void show(void *context, const char *stage, int64_t done, int64_t total)
{
    char rate[64];

    snprintf(rate, sizeof rate, "%lld / %lld", (long long)done, (long long)total);
    tdl_progress_draw(context, stage, total > 0 ? (double)done / (double)total : 1, rate);
}

/* ---- where model files are ---- */

static bool is_shared(const char *url)
{
    return !strncmp(url, "postgres", 8) && strstr(url, "://");
}

/* The folder of a store in a file. */
static tdl_status folder_of(const char *url, char ret[PATH_MAX], tdl_report *why)
{
    const char *path = !strncmp(url, "sqlite:", 7) ? url + 7 : url;
    const char *slash = strrchr(path, '/');

    if (snprintf(ret, PATH_MAX, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".") >=
        PATH_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", path);
    return TDL_OK;
}

/* Between two folders, each with its own models. */
static tdl_status copy_models(tdl_store *from, const char *here, const char *there, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new((size_t)16 << 20);
    tdl_model_row *models;
    size_t n = 0;
    tdl_status st = arena ? tdl_store_models(from, (tdl_str){0}, arena, &models, &n, why)
                          : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    for (size_t i = 0; !st && i < n; i++) {
        tdl_buf bytes = {.limit = (size_t)2 << 30}, path = {0}, target = {0};
        tdl_buf_printf(&path, "%s/%.*s", here, TDL_FMT(models[i].path));
        tdl_buf_printf(&target, "%s/models", there);
        st = tdl_file_make_dir(target.at, why);
        tdl_buf_clear(&target);
        tdl_buf_printf(&target, "%s/%.*s", there, TDL_FMT(models[i].path));
        if (!st && !access(path.at, R_OK) && access(target.at, F_OK) &&
            !(st = tdl_file_read(path.at, bytes.limit, &bytes, why)))
            st = tdl_file_write(target.at, tdl_buf_view(&bytes), why);
        tdl_buf_release(&bytes);
        tdl_buf_release(&path);
        tdl_buf_release(&target);
    }
    tdl_arena_free(arena);
    return st;
}

/* ---- migrate ---- */

/* A store, the folder its model files are in, and its master key. */
typedef struct place {
    const char *url;
    char folder[PATH_MAX], key[PATH_MAX];
    bool plain; /* wanted so */
} place;

/* What is sealed does not become plain by chance. */
static tdl_status check_sealed(const tdl_store *from, const tdl_store *to, const place *there,
                               tdl_report *why)
{
    if (!tdl_store_vault(from) || tdl_store_vault(to) || there->plain)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_CONFLICT, "move into an empty store, or say --plain",
                         "the store is sealed, and the other one is not");
}

static tdl_status move_between(const place *here, const place *there, const tdl_common *common,
                               tdl_transfer_counts *ret, tdl_report *why)
{
    tdl_store_options reading = {
        .read_only = true, .files_dir = here->folder, .master_key_file = here->key};
    tdl_store_options writing = {.files_dir = there->folder,
                                 .master_key_file = there->plain ? NULL : there->key};
    tdl_progress progress = tdl_progress_start(common->quiet);
    tdl_store *from = NULL, *to = NULL;
    tdl_transfer_counts moved;
    tdl_status st;

    if ((st = tdl_store_open(here->url, &reading, &from, why)))
        goto out;
    if (!is_shared(there->url) && (st = tdl_file_make_dir(there->folder, why)))
        goto out;
    writing.sealed_as = from;
    if ((st = tdl_store_open(there->url, &writing, &to, why)) ||
        (st = check_sealed(from, to, there, why)))
        goto out;
    if (strcmp(here->folder, there->folder) != 0 &&
        (st = copy_models(from, here->folder, there->folder, why)))
        goto out;
    st = tdl_store_transfer(from, to, show, &progress, ret, &moved, why);
out:
    tdl_progress_finish(&progress);
    if (to)
        tdl_tell_master_key(to, there->key);
    tdl_store_close(to);
    tdl_store_close(from);
    return st;
}

/* The key of a store in a file is beside it, unless it was named. */
static tdl_status find_key(const tdl_common *common, place *p, tdl_report *why)
{
    return tdl_master_key_file(common, is_shared(p->url) ? common->data : p->folder, p->key, why);
}

static tdl_status migrate(place *here, place *there, const tdl_common *common,
                          tdl_transfer_counts *ret, tdl_report *why)
{
    char temporary[TDL_FOLDER_MAX] = "";
    tdl_status st;

    if (is_shared(here->url) && is_shared(there->url)) {
        if ((st = tdl_folder_temporary(temporary, why)))
            return st;
        snprintf(here->folder, sizeof here->folder, "%s", temporary);
    }
    // Of a shared store the files pass through the folder of the other one.
    if (is_shared(here->url) && !is_shared(there->url))
        memcpy(here->folder, there->folder, sizeof here->folder);
    if (is_shared(there->url))
        memcpy(there->folder, here->folder, sizeof there->folder);
    st = move_between(here, there, common, ret, why);
    if (temporary[0])
        tdl_folder_remove(temporary);
    return st;
}

static void print_counts(const tdl_common *common, const tdl_transfer_counts *n)
{
    if (common->json)
        printf("{\"events\":%lld,\"items\":%lld,\"decisions\":%lld,\"models\":%lld,\"flags\":%lld,"
               "\"reports\":%lld,\"keys\":%lld,\"rewards\":%lld,\"consents\":%lld,"
               "\"erasures\":%lld,\"retention\":%lld,\"rejects\":%lld}\n",
               (long long)n->events, (long long)n->items, (long long)n->decisions,
               (long long)n->models, (long long)n->flags, (long long)n->reports, (long long)n->keys,
               (long long)n->rewards, (long long)n->consents, (long long)n->erasures,
               (long long)n->retention, (long long)n->rejects);
    else
        printf(tdl_tr("moved, and counted again: %lld events, %lld items, %lld decisions, %lld "
                      "models, %lld flags, %lld reports, %lld keys, %lld consents, %lld "
                      "erasures, %lld rules of retention, %lld rejects\n",
                      "已迁移并核对：%lld 个事件、%lld 个物品、%lld 个决策、%lld 个模型、%lld "
                      "个开关、%lld 个报表、%lld 个密钥、%lld 条同意记录、%lld 次删除、%lld "
                      "条保留规则、%lld 个被拒事件\n"),
               (long long)n->events, (long long)n->items, (long long)n->decisions,
               (long long)n->models, (long long)n->flags, (long long)n->reports, (long long)n->keys,
               (long long)n->consents, (long long)n->erasures, (long long)n->retention,
               (long long)n->rejects);
}

static tdl_status run_migrate(const void *values, char **arguments, tdl_report *why)
{
    const migrate_values *v = values;
    place here = {.url = v->from}, there = {.url = v->to, .plain = v->plain};
    tdl_transfer_counts counts;
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!v->from || !v->to || !*v->from || !*v->to)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle migrate --help shows an example",
                             "--from and --to name the two stores");
    if (!strcmp(v->from, v->to))
        return TDL_FAIL(why, TDL_E_USAGE, "--from and --to are the same store");
    if ((!is_shared(v->from) && (st = folder_of(v->from, here.folder, why))) ||
        (!is_shared(v->to) && (st = folder_of(v->to, there.folder, why))) ||
        (st = find_key(&v->common, &here, why)) || (st = find_key(&v->common, &there, why)) ||
        (st = migrate(&here, &there, &v->common, &counts, why)))
        return st;
    print_counts(&v->common, &counts);
    return TDL_OK;
}

/* ---- backup and restore ---- */

/* A broken audit log, or a master key that is still elsewhere, keeps nobody from saving or
 * restoring what there is. */
static tdl_status note(const tdl_common *common, const char *action, const char *path,
                       tdl_report *why)
{
    tdl_status st = tdl_note_file(common, action, path, why);

    if (st != TDL_E_CONFLICT && st != TDL_E_NOT_FOUND)
        return st;
    fprintf(stderr, "treadle: %s\n", why->message);
    if (*why->hint)
        fprintf(stderr, "  %s\n", why->hint);
    return TDL_OK;
}

/* A store of an older version is backed up as it is: it has no audit log yet. */
static bool has_log(const tdl_common *common)
{
    tdl_store *store = NULL;
    tdl_status st = tdl_open_store(common, true, &store, NULL);

    tdl_store_close(store);
    return !st;
}

static tdl_status run_backup(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    char temporary[TDL_FOLDER_MAX] = "", url[PATH_MAX + 32], key[PATH_MAX];
    tdl_progress progress = tdl_progress_start(common->quiet);
    bool shared = common->store && is_shared(common->store);
    tdl_status st;

    snprintf(url, sizeof url, "sqlite:%s/treadle.db", common->data);
    if ((st = tdl_master_key_file(common, common->data, key, why)) ||
        (has_log(common) && (st = note(common, "backup", arguments[0], why))) ||
        (shared && (st = tdl_folder_temporary(temporary, why))))
        return st;
    st = tdl_archive_write(common->store ? common->store : url, shared ? temporary : common->data,
                           key, arguments[0], show, &progress, why);
    tdl_progress_finish(&progress);
    if (shared)
        tdl_folder_remove(temporary);
    if (!st)
        printf(common->json ? "{\"backup\":\"%s\",\"checksum\":\"%s.sha256\"}\n"
                            : "%s\n%s.sha256\n",
               arguments[0], arguments[0]);
    return st;
}

/* By way of a folder, where an older backup becomes a store of today when it is opened. Both have
 * the master key of whoever restores. */
static tdl_status restore_shared(const char *path, const tdl_common *common, tdl_report *why)
{
    char folder[TDL_FOLDER_MAX], url[TDL_FOLDER_MAX + 32];
    place here = {.url = url}, there = {.url = common->store};
    tdl_store_options options = {.master_key_file = here.key};
    tdl_transfer_counts counts;
    tdl_store *store = NULL;
    tdl_status st;

    if ((st = find_key(common, &there, why)) || (st = tdl_folder_temporary(folder, why)))
        return st;
    snprintf(url, sizeof url, "sqlite:%s/treadle.db", folder);
    snprintf(here.folder, sizeof here.folder, "%s", folder);
    memcpy(here.key, there.key, sizeof here.key);
    if (!(st = tdl_archive_unpack(path, folder, why)) &&
        !(st = tdl_store_open(url, &options, &store, why))) {
        tdl_store_close(store);
        st = migrate(&here, &there, common, &counts, why);
    }
    tdl_folder_remove(folder);
    return st;
}

static tdl_status restore_here(const char *path, const tdl_common *common, tdl_report *why)
{
    int lock = -1;
    tdl_status st;

    if (access(path, R_OK))
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    if ((st = tdl_file_make_dir(common->data, why)) ||
        (st = tdl_lock_take(common->data, &lock, why)))
        return st;
    st = tdl_archive_unpack(path, common->data, why);
    tdl_lock_release(lock);
    return st;
}

static tdl_status run_restore(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_status st;

    if (common->store && !is_shared(common->store))
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "use --data, or --store postgres://...",
                             "a store in a file is restored into its data folder");
    st = common->store ? restore_shared(arguments[0], common, why)
                       : restore_here(arguments[0], common, why);
    if (!st)
        st = note(common, "restore", arguments[0], why);
    if (!st && common->json)
        printf("{\"restored\":\"%s\"}\n", arguments[0]);
    else if (!st)
        printf("%s %s\n", tdl_tr("restored", "已恢复"), arguments[0]);
    return st;
}

const tdl_command tdl_command_migrate = {
    .name = "migrate",
    .values_size = sizeof(migrate_values),
    .options = migrate_options,
    .options_n = sizeof migrate_options / sizeof migrate_options[0],
    .summary = {"move a whole store into another one; can be run again",
                "把整个存储迁移到另一个；可重复运行"},
    .examples = "  treadle migrate --from sqlite:treadle-data/treadle.db \\\n"
                "      --to postgres://treadle@db/treadle\n",
    .run = run_migrate,
};

const tdl_command tdl_command_backup = {
    .name = "backup",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"write store and models into one file, while servers run",
                "在服务器运行时把存储和模型写入一个文件"},
    .examples = "  treadle backup monday.treadle\n"
                "  treadle backup monday.treadle --store postgres://treadle@db/treadle\n"
                "  sha256sum -c monday.treadle.sha256\n",
    .run = run_backup,
};

const tdl_command tdl_command_restore = {
    .name = "restore",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"check a backup and restore it into an empty place", "校验备份并恢复到空位置"},
    .examples = "  treadle restore monday.treadle --data /var/lib/treadle\n"
                "  treadle restore monday.treadle --store postgres://treadle@db/treadle\n",
    .run = run_restore,
};
