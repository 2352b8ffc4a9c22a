// The flags these tests ask for, put through the API as a team would.
const EVERYBODY = [{ properties: [], rollout_percentage: 100 }];

function definition(payload) {
    const payloads = payload === undefined ? {} : { true: JSON.stringify(payload) };
    return { active: true, filters: { groups: EVERYBODY, payloads } };
}

export async function putFlag(server, key, content) {
    await server.call('PUT', `/v1/flags/${encodeURIComponent(key)}`, {
        family: 'posthog',
        definition: content,
    });
}

/** "bool" is answered with `value`. */
export async function putBool(server, value) {
    await putFlag(server, 'bool', { ...definition(), active: value });
}

export async function putFlags(server) {
    await putBool(server, true);
    await putFlag(server, 'str', definition('B'));
    await putFlag(server, 'num', definition(3.5));
    await putFlag(server, 'int', definition(3));
    await putFlag(server, 'obj', definition({ a: 1 }));
    await putFlag(server, 'typemis', definition('str'));
    await putFlag(server, 'shop/100%', definition('slashed'));
    await putFlag(server, 'off', { ...definition(), active: false });
    // "c" is in control: a worked value of PostHog's hash.
    await putFlag(server, 'local-flag', {
        active: true,
        filters: {
            groups: EVERYBODY,
            multivariate: {
                variants: [
                    { key: 'control', rollout_percentage: 50 },
                    { key: 'test', rollout_percentage: 50 },
                ],
            },
        },
    });
}

/** A write key that the server knows by now: it looks for new ones every 100 ms. */
export async function newKey(server) {
    const key = await server.createKey('write');
    const headers = { Authorization: `Bearer ${key}` };
    await until(async () => {
        const answer = await fetch(`${server.url}/ofrep/v1/evaluate/flags`, {
            method: 'POST',
            headers,
            body: '{}',
        });
        return answer.status === 400;
    });
    return key;
}

/** How often the server answered all flags at once with this status. */
export async function bulkAnswers(server, status) {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const line = `treadle_http_requests_total{route="ofrep_flags",status="${status}"} `;
    return Number(text.split(line)[1]?.split('\n')[0] ?? 0);
}

/** Waits until `what` gives something true. */
export async function until(what, limitMs = 15_000) {
    const limit = Date.now() + limitMs;
    for (;;) {
        const value = await what();
        if (value) return value;
        if (Date.now() > limit) throw new Error(`gave up after ${limitMs} ms: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}
