/* treadle serve: the server, until SIGINT or SIGTERM. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "cli/serve_options.h"
#include "cli/service.h"
#include "loop/retention.h"
#include "tensor/gemm.h"

static tdl_status set_up_log(const tdl_serve_values *v, tdl_report *why)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (!strcmp(v->log_level, levels[i])) {
            tdl_log_setup((tdl_log_level)i, v->log_json);
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_USAGE, "use debug, info, warn or error",
                         "--log-level: there is no level \"%s\"", v->log_level);
}

static void announce(const tdl_serve_values *v, const tdl_service *service)
{
    if (v->common.json) {
        tdl_buf out = {0};
        tdl_jw w = {.out = &out};
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "url", service->url);
        tdl_jw_kint(&w, "port", tdl_server_port(service->server));
        if (service->admin_key[0])
            tdl_jw_ktext(&w, "admin_key", service->admin_key);
        tdl_jw_end_object(&w);
        printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
        tdl_buf_release(&out);
    } else {
        printf("%s %s\n", tdl_tr("Treadle is listening on", "Treadle 正在监听"), service->url);
        if (service->admin_key[0])
            printf("%s\n  %s\n%s\n  %s/#key=%s\n",
                   tdl_tr("First admin key, shown this once only:", "首个管理员密钥，只显示一次："),
                   service->admin_key, tdl_tr("Dashboard:", "仪表盘："), service->url,
                   service->admin_key);
    }
    fflush(stdout);
}

static const char *given(const char *text)
{
    return text[0] ? text : NULL;
}

static tdl_server_options server_options(const tdl_serve_values *v)
{
    return (tdl_server_options){.address = v->address,
                                .port = (uint16_t)v->port,
                                .threads = (unsigned)v->threads,
                                .connections_max = (unsigned)v->connections_max,
                                .connections_per_address = (unsigned)v->connections_per_address,
                                .head_seconds = (unsigned)v->head_timeout,
                                .body_seconds = (unsigned)v->body_timeout,
                                .idle_seconds = (unsigned)v->idle_timeout,
                                .rate_per_key = (unsigned)v->rate_per_key,
                                .rate_per_address = (unsigned)v->rate_per_address,
                                .rate_burst = (unsigned)v->rate_burst,
                                .trusted_proxies = given(v->trusted_proxy),
                                .sse_origin = given(v->sse_origin),
                                .tls_cert = given(v->tls_cert),
                                .tls_key = given(v->tls_key),
                                .access_log = v->access_log};
}

static tdl_status run_serve(const void *values, char **arguments, tdl_report *why)
{
    const tdl_serve_values *v = values;
    tdl_service service = {0};
    char key[PATH_MAX];
    tdl_service_options options = {.data_dir = v->common.data,
                                   .store = v->common.store,
                                   .master_key_file = key,
                                   .server = server_options(v),
                                   .retain = true,
                                   .ease_max_bytes = (size_t)v->ease_max_bytes,
                                   .take_hangup = given(v->tls_cert) || !isatty(STDIN_FILENO)};
    tdl_status st;

    TDL_UNUSED(arguments);
    if ((st = set_up_log(v, why)) ||
        (st = tdl_personal_policy_named(v->personal, &options.server.personal, why)) ||
        (st = tdl_master_key_file(&v->common, v->common.data, key, why)))
        return st;
    if ((st = tdl_retain_at_parse(v->retain_at, &options.retain_minutes, why))) {
        tdl_report_prefix(why, "--retain-at");
        return st;
    }
    if (!given(v->tls_cert) != !given(v->tls_key))
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "give both for HTTPS, or neither",
                             "--tls-cert and --tls-key belong together");
    if ((st = tdl_isa_check(why)))
        return st;
    if ((st = tdl_service_start(&options, &service, why)))
        return st;
    announce(v, &service);
    tdl_tell_master_key(tdl_loop_store(service.loop), key);
    tdl_log(TDL_LOG_INFO, "listening", "url=%s isa=%s", service.url, tdl_isa_name());
    tdl_service_wait(&service);
    tdl_log(TDL_LOG_INFO, "stopping", "url=%s", service.url);
    tdl_service_stop(&service);
    return TDL_OK;
}

const tdl_command tdl_command_serve = {
    .name = "serve",
    .values_size = sizeof(tdl_serve_values),
    .options = tdl_serve_options,
    .options_n = TDL_SERVE_OPTIONS_N,
    .summary = {"run the server and its dashboard", "运行服务器和仪表盘"},
    .examples = "  treadle serve\n"
                "  treadle serve --data /var/lib/treadle --port 9000\n"
                "  treadle serve --address 0.0.0.0 --tls-cert cert.pem --tls-key key.pem\n"
                "  treadle serve --personal mask\n"
                "  TREADLE_STORE=postgres://treadle@db/treadle treadle serve\n"
                "  TREADLE_PORT=0 treadle serve --json\n",
    .run = run_serve,
};
