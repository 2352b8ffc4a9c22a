/* treadle privacy consent | consent-default */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"

enum { ARENA_BYTES = 16 << 20 };

#define PURPOSES "analytics, personalisation, pricing, training, sharing"

/* "training,sharing" to bits; "none" is none. */
static tdl_status read_purposes(const char *option, const char *list, unsigned *ret,
                                tdl_report *why)
{
    *ret = 0;
    if (!strcmp(list, "none"))
        return TDL_OK;
    for (const char *at = list; *at;) {
        tdl_str name = {at, strcspn(at, ",")};
        tdl_purpose purpose;
        if (!tdl_purpose_parse(name, &purpose))
            return TDL_FAIL_HINT(why, TDL_E_USAGE, "purposes are " PURPOSES,
                                 "--%s: there is no purpose \"%.*s\"", option, TDL_FMT(name));
        *ret |= purpose;
        at += name.len + (at[name.len] == ',');
    }
    return TDL_OK;
}

/* ---- consent ---- */

typedef struct consent_values {
    tdl_common common;
    const char *grant, *withdraw, *source;
} consent_values;

static const tdl_option consent_options[] = {
    {"grant",
     TDL_OPTION_TEXT,
     offsetof(consent_values, grant),
     "LIST",
     "",
     0,
     0,
     {"what the person allows: " PURPOSES, "该用户允许的用途：" PURPOSES}},
    {"withdraw",
     TDL_OPTION_TEXT,
     offsetof(consent_values, withdraw),
     "LIST",
     "",
     0,
     0,
     {"what the person no longer allows", "该用户不再允许的用途"}},
    {"source",
     TDL_OPTION_TEXT,
     offsetof(consent_values, source),
     "TEXT",
     "cli",
     0,
     0,
     {"where it was said, kept with the word", "表态的来源，随记录保存"}},
};

static tdl_status say(tdl_store *store, const consent_values *v, const char *user, unsigned granted,
                      unsigned denied, tdl_report *why)
{
    int64_t now_us = tdl_time_now();
    tdl_status st = TDL_OK;

    for (int i = 0; !st && i < TDL_PURPOSES_N; i++) {
        tdl_consent word = {.purpose = (tdl_purpose)(1 << i),
                            .granted = granted >> i & 1,
                            .time_us = now_us,
                            .source = tdl_str_of(v->source)};
        if ((granted | denied) >> i & 1)
            st = tdl_store_put_consent(store, tdl_str_of(user), &word, why);
    }
    return st;
}

static void print_json(const char *user, const tdl_consent *words, size_t n, unsigned denied)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "user", user);
    tdl_jw_key(&w, "allowed");
    tdl_jw_object(&w);
    for (int i = 0; i < TDL_PURPOSES_N; i++)
        tdl_jw_kbool(&w, tdl_purpose_name((tdl_purpose)(1 << i)), !(denied >> i & 1));
    tdl_jw_end_object(&w);
    tdl_jw_key(&w, "words");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "purpose", tdl_purpose_name(words[i].purpose));
        tdl_jw_kbool(&w, "granted", words[i].granted);
        tdl_jw_ktime(&w, "time", words[i].time_us);
        tdl_jw_kstr(&w, "source", words[i].source);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at ? out.at : "");
    tdl_buf_release(&out);
}

static void print_table(const tdl_consent *words, size_t n, unsigned denied)
{
    for (int i = 0; i < TDL_PURPOSES_N; i++) {
        tdl_purpose purpose = (tdl_purpose)(1 << i);
        char said[TDL_TIME_TEXT_MAX] = "";
        for (size_t k = 0; k < n; k++)
            if (words[k].purpose == purpose)
                tdl_time_format(words[k].time_us, said);
        printf("%-16s  %-8s  %s\n", tdl_purpose_name(purpose),
               denied & purpose ? tdl_tr("denied", "拒绝") : tdl_tr("allowed", "允许"),
               said[0] ? said : tdl_tr("by default", "默认"));
    }
}

static tdl_status run_consent(const void *values, char **arguments, tdl_report *why)
{
    const consent_values *v = values;
    tdl_arena *arena = tdl_arena_new(ARENA_BYTES);
    tdl_store *store = NULL;
    tdl_consent *words;
    unsigned granted, withdrawn, denied;
    size_t n;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = read_purposes("grant", v->grant, &granted, why)) ||
        (st = read_purposes("withdraw", v->withdraw, &withdrawn, why)))
        goto out;
    if (granted & withdrawn) {
        st = TDL_FAIL(why, TDL_E_USAGE, "a purpose is both granted and withdrawn");
        goto out;
    }
    if ((st = tdl_open_store(&v->common, !(granted | withdrawn), &store, why)) ||
        (st = say(store, v, arguments[0], granted, withdrawn, why)) ||
        (st = tdl_store_consents(store, tdl_str_of(arguments[0]), arena, &words, &n, &denied, why)))
        goto out;
    if (v->common.json)
        print_json(arguments[0], words, n, denied);
    else
        print_table(words, n, denied);
out:
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

const tdl_command tdl_command_privacy_consent = {
    .name = "privacy consent",
    .arguments = "USER",
    .arguments_n = 1,
    .values_size = sizeof(consent_values),
    .options = consent_options,
    .options_n = sizeof consent_options / sizeof consent_options[0],
    .summary = {"what a person allows, shown or changed", "查看或修改某用户允许的数据用途"},
    .examples = "  treadle privacy consent ann\n"
                "  treadle privacy consent ann --withdraw training,sharing --source \"form 17\"\n"
                "  treadle privacy consent ann --grant personalisation --json\n",
    .run = run_consent,
};

/* ---- consent-default ---- */

typedef struct default_values {
    tdl_common common;
    const char *withhold;
} default_values;

static const tdl_option default_options[] = {
    {"withhold",
     TDL_OPTION_TEXT,
     offsetof(default_values, withhold),
     "LIST",
     "",
     0,
     0,
     {"purposes that need the person's word before (opt-in), or none",
      "须事先征得用户同意的用途（opt-in），或 none"}},
};

static void print_default(bool json, unsigned withheld)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    for (int i = 0; i < TDL_PURPOSES_N; i++) {
        const char *name = tdl_purpose_name((tdl_purpose)(1 << i));
        bool needs = withheld >> i & 1;
        if (json)
            tdl_jw_ktext(&w, name, needs ? "withheld" : "granted");
        else
            printf("%-16s  %s\n", name,
                   needs ? tdl_tr("needs a word", "须事先同意") : tdl_tr("allowed", "允许"));
    }
    tdl_jw_end_object(&w);
    if (json)
        printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
    tdl_buf_release(&out);
}

static tdl_status run_default(const void *values, char **arguments, tdl_report *why)
{
    const default_values *v = values;
    bool change = *v->withhold != '\0';
    tdl_store *store = NULL;
    unsigned withheld;
    tdl_status st = read_purposes("withhold", v->withhold, &withheld, why);

    TDL_UNUSED(arguments);
    if (st || (st = tdl_open_store(&v->common, !change, &store, why)))
        return st;
    st = change ? tdl_store_put_consent_default(store, withheld, why)
                : tdl_store_consent_default(store, &withheld, why);
    tdl_store_close(store);
    if (!st)
        print_default(v->common.json, withheld);
    return st;
}

const tdl_command tdl_command_privacy_consent_default = {
    .name = "privacy consent-default",
    .values_size = sizeof(default_values),
    .options = default_options,
    .options_n = sizeof default_options / sizeof default_options[0],
    .summary = {"what holds for persons who said nothing", "未表态用户的默认规则"},
    .examples = "  treadle privacy consent-default\n"
                "  treadle privacy consent-default --withhold training,sharing\n"
                "  treadle privacy consent-default --withhold none\n",
    .run = run_default,
};
