#include "cli/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "cli/event_json.h"

enum { ANSWER_MAX = 64 << 20, TRIES = 10, WAIT_MAX_S = 5, TIMEOUT_S = 120 };

struct tdl_client {
    CURL *curl;
    struct curl_slist *headers;
    char *base_url;
    tdl_buf url, answer, body;
};

tdl_status tdl_client_new(const char *base_url, const char *key, tdl_client **ret, tdl_report *why)
{
    char authorization[256];
    tdl_client *client = calloc(1, sizeof *client);

    if (!client)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", key) >=
        (int)sizeof authorization) {
        tdl_client_free(client);
        return TDL_FAIL(why, TDL_E_INVALID, "the key is too long to be one of Treadle's");
    }
    client->answer.limit = ANSWER_MAX;
    client->base_url = strdup(base_url);
    client->curl = curl_easy_init();
    client->headers = curl_slist_append(NULL, authorization);
    struct curl_slist *more = curl_slist_append(client->headers, "Content-Type: application/json");
    if (!client->base_url || !client->curl || !client->headers || !more) {
        tdl_client_free(client);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    }
    size_t n = strlen(client->base_url);
    if (n && client->base_url[n - 1] == '/')
        client->base_url[n - 1] = '\0';
    *ret = client;
    return TDL_OK;
}

void tdl_client_free(tdl_client *client)
{
    if (!client)
        return;
    if (client->curl)
        curl_easy_cleanup(client->curl);
    curl_slist_free_all(client->headers);
    free(client->base_url);
    tdl_buf_release(&client->url);
    tdl_buf_release(&client->answer);
    tdl_buf_release(&client->body);
    free(client);
}

static size_t take_answer(char *bytes, size_t size, size_t n, void *context)
{
    tdl_buf *answer = context;

    tdl_buf_add(answer, bytes, size * n);
    return answer->failed ? 0 : size * n;
}

static tdl_status status_of_http(long http)
{
    static const tdl_status same[] = {TDL_E_INVALID,   TDL_E_UNAUTHORIZED, TDL_E_FORBIDDEN,
                                      TDL_E_NOT_FOUND, TDL_E_CONFLICT,     TDL_E_TOO_LARGE,
                                      TDL_E_FULL};

    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (tdl_status_http(same[i]) == http)
            return same[i];
    return TDL_E_INTERNAL;
}

/* The server's words: problem+json of the native routes, {"error":{...}} of foreign ones. */
static tdl_status report_refusal(long http, const char *path, const json_t *answer, tdl_report *why)
{
    const json_t *error = json_object_get(answer, "error");
    const char *hint = json_string_value(json_object_get(answer, "hint"));
    const char *detail = json_string_value(error ? json_object_get(error, "message")
                                                 : json_object_get(answer, "detail"));

    return TDL_FAIL_HINT(why, status_of_http(http), hint ? hint : "", "%s answered %ld: %s", path,
                         http, detail ? detail : "no explanation");
}

static void prepare(tdl_client *client, const char *method, tdl_str body)
{
    CURL *curl = client->curl;

    curl_easy_reset(curl); // keeps the connection
    curl_easy_setopt(curl, CURLOPT_URL, client->url.at);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &client->answer);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    if (strcmp(method, "GET")) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at ? body.at : "");
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
}

tdl_status tdl_client_call(tdl_client *client, const char *method, const char *path, tdl_str body,
                           json_t **ret, tdl_report *why)
{
    json_t *answer = NULL;
    long http = 0;
    tdl_status st;

    tdl_buf_clear(&client->url);
    tdl_buf_clear(&client->answer);
    tdl_buf_printf(&client->url, "%s%s", client->base_url, path);
    if (client->url.failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    prepare(client, method, body);
    CURLcode code = curl_easy_perform(client->curl);
    if (code)
        return TDL_FAIL_HINT(why, TDL_E_IO, "is `treadle serve` running there?", "%s: %s",
                             client->url.at, curl_easy_strerror(code));
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http);
    st = tdl_json_parse(tdl_buf_view(&client->answer), TDL_JSON_LAST_WINS, &answer, why);
    if (http < 200 || http > 299) {
        st = report_refusal(http, path, answer, why);
    } else if (st) {
        tdl_report_prefix(why, "%s answered no JSON", path);
    } else if (ret) {
        *ret = answer;
        return TDL_OK;
    }
    json_decref(answer);
    return st;
}

double tdl_client_seconds(const tdl_client *client)
{
    double seconds = 0;

    curl_easy_getinfo(client->curl, CURLINFO_TOTAL_TIME, &seconds);
    return seconds;
}

void tdl_client_escape(tdl_buf *ret, tdl_str text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] && strchr(plain, text.at[i]))
            tdl_buf_char(ret, text.at[i]);
        else
            tdl_buf_printf(ret, "%%%02X", (unsigned char)text.at[i]);
}

/* ---- sending ---- */

static tdl_status send_with_retry(tdl_client *client, const char *method, const char *path,
                                  tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (int try = 0; try < TRIES; try++) {
        st = tdl_client_call(client, method, path, tdl_buf_view(&client->body), NULL, why);
        if (st != TDL_E_FULL)
            return st;
        curl_off_t wait_s = 0;
        curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &wait_s);
        sleep((unsigned)(wait_s < 1 ? 1 : wait_s > WAIT_MAX_S ? WAIT_MAX_S : wait_s));
    }
    return st;
}

/* The event's own properties with item, value and decision_id beside them, as an SDK would send. */
static void write_properties(tdl_jw *w, const tdl_event *event)
{
    json_t *properties = NULL;
    tdl_buf text = {0};

    if (!event->properties.len ||
        tdl_json_parse(event->properties, TDL_JSON_LAST_WINS, &properties, NULL))
        properties = json_object();
    if (event->item.len)
        json_object_set_new(properties, "item", json_stringn(event->item.at, event->item.len));
    if (event->has_value)
        json_object_set_new(properties, "value", json_real(event->value));
    if (event->decision_id.len)
        json_object_set_new(properties, "decision_id",
                            json_stringn(event->decision_id.at, event->decision_id.len));
    tdl_json_dump(&text, properties);
    tdl_jw_kraw(w, "properties", tdl_buf_view(&text));
    tdl_buf_release(&text);
    json_decref(properties);
}

static void write_track(tdl_jw *w, const tdl_event *event)
{
    tdl_jw_object(w);
    tdl_jw_ktext(w, "type", "track");
    tdl_jw_kstr(w, "messageId", event->message_id);
    tdl_jw_kstr(w, "userId", event->user);
    tdl_jw_kstr(w, "event", event->kind);
    tdl_jw_ktime(w, "timestamp", event->time_us);
    write_properties(w, event);
    tdl_jw_end_object(w);
}

/* What no track call can say. */
static bool tells_of_persons(const tdl_event *events, size_t events_n)
{
    bool tells = false;

    for (size_t i = 0; i < events_n; i++)
        tells |= events[i].alias.len || events[i].traits.len || events[i].traits_once.len ||
                 events[i].group.len;
    return tells;
}

static tdl_status send_natively(tdl_client *client, const tdl_event *events, size_t events_n,
                                tdl_report *why)
{
    tdl_jw w = {.out = &client->body};

    tdl_buf_clear(&client->body);
    tdl_jw_array(&w);
    for (size_t i = 0; i < events_n; i++)
        if (!events[i].unwanted)
            tdl_event_write(&w, &events[i]);
    tdl_jw_end_array(&w);
    return send_with_retry(client, "POST", "/v1/events", why);
}

tdl_status tdl_client_send_events(tdl_client *client, const tdl_event *events, size_t events_n,
                                  tdl_report *why)
{
    tdl_jw w = {.out = &client->body};

    if (tells_of_persons(events, events_n))
        return send_natively(client, events, events_n, why);
    tdl_buf_clear(&client->body);
    tdl_jw_object(&w);
    tdl_jw_key(&w, "batch");
    tdl_jw_array(&w);
    for (size_t i = 0; i < events_n; i++)
        if (!events[i].unwanted)
            write_track(&w, &events[i]);
    tdl_jw_end_array(&w);
    tdl_jw_ktime(&w, "sentAt", tdl_time_now());
    tdl_jw_end_object(&w);
    return send_with_retry(client, "POST", "/v1/batch", why);
}

tdl_status tdl_client_send_items(tdl_client *client, const tdl_item *items, size_t items_n,
                                 tdl_report *why)
{
    tdl_jw w = {.out = &client->body};

    tdl_buf_clear(&client->body);
    tdl_jw_array(&w);
    for (size_t i = 0; i < items_n; i++) {
        tdl_jw_object(&w);
        tdl_jw_kstr(&w, "id", items[i].id);
        tdl_jw_kstr(&w, "title", items[i].title);
        if (items[i].attributes.len)
            tdl_jw_kraw(&w, "attributes", items[i].attributes);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    return send_with_retry(client, "PUT", "/v1/catalogue/items", why);
}
