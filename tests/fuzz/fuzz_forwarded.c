/* X-Forwarded-For and lists of networks: the client found is the peer or stands in the list, and a
 * list that is taken holds each of its own addresses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_forwarded(tdl_str list)
{
    tdl_networks trusted;
    tdl_address peer = {0}, client;
    bool found = false;

    if (tdl_networks_parse("10.0.0.0/8,::1", &trusted, NULL) ||
        !tdl_address_parse(TDL_STR("10.0.0.1"), &peer))
        abort();
    client = tdl_address_forwarded(peer, list, &trusted);
    found = tdl_address_eq(client, peer);
    for (size_t from = 0, i = 0; i <= list.len && !found; i++) {
        tdl_address one;
        if (i < list.len && list.at[i] != ',')
            continue;
        found = tdl_address_parse((tdl_str){list.at + from, i - from}, &one) &&
                tdl_address_eq(one, client);
        from = i + 1;
    }
    if (!found)
        abort();
}

static void check_networks(const char *text)
{
    tdl_networks networks;

    if (tdl_networks_parse(text, &networks, NULL))
        return;
    for (size_t i = 0; i < networks.n; i++)
        if (networks.network[i].prefix > 128 ||
            !tdl_networks_hold(&networks, networks.network[i].address))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    check_forwarded((tdl_str){text, size});
    check_networks(text);
    free(text);
    return 0;
}
