/* treadle privacy keys status | rotate */
#include <stdio.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/open_store.h"

typedef struct rotate_values {
    tdl_common common;
    const char *new_file;
} rotate_values;

static const tdl_option rotate_options[] = {
    {"new",
     TDL_OPTION_TEXT,
     offsetof(rotate_values, new_file),
     "FILE",
     NULL,
     0,
     0,
     {"the new master key; made when the file is missing", "新的主密钥；文件不存在时生成"}},
};

static void print_json(bool sealed, const char *file, const tdl_people_counts *n)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_kbool(&w, "sealed", sealed);
    tdl_jw_ktext(&w, "master_key_file", sealed ? file : NULL);
    tdl_jw_kint(&w, "users", n->users);
    tdl_jw_kint(&w, "erased", n->erased);
    tdl_jw_kint(&w, "unreadable", n->unreadable);
    tdl_jw_end_object(&w);
    printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
    tdl_buf_release(&out);
}

static void print_text(bool sealed, const char *file, const tdl_people_counts *n)
{
    if (!sealed) {
        printf("%s\n",
               tdl_tr("The store is plain: ids and traits lie in it as they were sent.\n"
                      "To seal it, move it: treadle migrate --from sqlite:OLD --to sqlite:NEW",
                      "存储未加密：用户标识和属性按原样保存。\n"
                      "要加密，请迁移：treadle migrate --from sqlite:旧文件 --to sqlite:新文件"));
        return;
    }
    printf(tdl_tr("The store is sealed; its master key is %s\n", "存储已加密，主密钥：%s\n"), file);
    printf(tdl_tr("%lld users, of them %lld erased and %lld unreadable\n",
                  "%lld 个用户，其中 %lld 个已擦除，%lld 个无法读取\n"),
           (long long)n->users, (long long)n->erased, (long long)n->unreadable);
}

static tdl_status run_status(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    char file[PATH_MAX];
    tdl_people_counts counts;
    tdl_store *store = NULL;
    tdl_status st;

    TDL_UNUSED(arguments);
    if ((st = tdl_master_key_file(common, common->data, file, why)) ||
        (st = tdl_open_store(common, true, &store, why)))
        return st;
    if (!(st = tdl_store_count_people(store, &counts, why))) {
        bool sealed = tdl_store_vault(store) != NULL;
        common->json ? print_json(sealed, file, &counts) : print_text(sealed, file, &counts);
        if (counts.unreadable)
            st =
                TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore the store from a backup",
                              "keys of %lld users are damaged or lost; nothing of them was deleted",
                              (long long)counts.unreadable);
    }
    tdl_store_close(store);
    return st;
}

static tdl_status run_rotate(const void *values, char **arguments, tdl_report *why)
{
    const rotate_values *v = values;
    tdl_store *store = NULL;
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!v->new_file || !*v->new_file)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle privacy keys rotate --new FILE",
                             "--new names the file of the new master key");
    if ((st = tdl_open_store(&v->common, false, &store, why)))
        return st;
    st = tdl_store_rotate(store, v->new_file, why);
    tdl_store_close(store);
    if (st)
        return st;
    if (v->common.json)
        printf("{\"rotated\":true}\n");
    else
        printf(tdl_tr("From its next start on the store opens with %s only: name that file in"
                      " TREADLE_MASTER_KEY_FILE, or put it in place of the old one.\n"
                      "Backups made until now still need the old file.\n",
                      "下次启动起，存储只能用 %s 打开：请用 TREADLE_MASTER_KEY_FILE "
                      "指定，或用它替换旧文件。\n"
                      "此前的备份仍需要旧文件。\n"),
               v->new_file);
    return TDL_OK;
}

const tdl_command tdl_command_privacy_keys_status = {
    .name = "privacy keys status",
    .values_size = sizeof(tdl_common),
    .summary = {"is the store sealed, and can everybody in it be read?",
                "存储是否加密，其中的用户能否读取"},
    .examples = "  treadle privacy keys status\n  treadle privacy keys status --json\n",
    .run = run_status,
};

const tdl_command tdl_command_privacy_keys_rotate = {
    .name = "privacy keys rotate",
    .values_size = sizeof(rotate_values),
    .options = rotate_options,
    .options_n = sizeof rotate_options / sizeof rotate_options[0],
    .summary = {"open the store with another master key from now on", "更换存储的主密钥"},
    .examples = "  treadle privacy keys rotate --new /etc/treadle/master-2.key\n",
    .run = run_rotate,
};
