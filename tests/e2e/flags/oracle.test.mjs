// posthog-node deciding by itself, and our server, say the same of random definitions and persons.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../browser/server.mjs';
import { generator, randomCohorts, randomDefinition, randomPerson } from './random.mjs';

const sdk = await import('posthog-node').catch(() => null);
const skip = sdk ? false : 'posthog-node is not installed: run npm ci in tests/e2e/flags';
if (skip) console.log(`skipped: ${skip}`);

/** Triples to compare; all of the sheet's with TREADLE_ORACLE_N=10000. */
const WANTED = Number(process.env.TREADLE_ORACLE_N ?? 2000);
const SEED = Number(process.env.TREADLE_ORACLE_SEED ?? 20261128);
const FLAGS = 50;
const PERSONS = 20;

let server;
before(async () => (server = skip ? null : await Server.start()));
after(() => server?.stop());

async function serve(r) {
    const cohorts = randomCohorts(r, 4);
    const definitions = {};
    for (let i = 0; i < FLAGS; i++) {
        definitions[`f${i}`] = randomDefinition(r, i, cohorts);
        await server.call('PUT', `/v1/flags/f${i}`, { family: 'posthog', definition: definitions[`f${i}`] });
    }
    return definitions;
}

async function askServer(person) {
    const body = {
        token: server.key,
        distinct_id: person.id,
        groups: person.groups,
        person_properties: person.properties,
        group_properties: person.groupProperties,
    };
    const { flags, errorsWhileComputingFlags } = await server.call('POST', '/flags/?v=2', body);
    assert.equal(errorsWhileComputingFlags, false);
    return flags;
}

async function askSdk(client, person) {
    const { featureFlags, featureFlagPayloads } = await client.getAllFlagsAndPayloads(person.id, {
        onlyEvaluateLocally: true,
        personProperties: person.properties,
        groups: person.groups,
        groupProperties: person.groupProperties,
    });
    return { featureFlags, featureFlagPayloads };
}

function compare(definitions, person, local, remote, differences) {
    let compared = 0;
    for (const [key, value] of Object.entries(local.featureFlags)) {
        compared++;
        const flag = remote[key];
        const ours = flag.variant ?? flag.enabled;
        const payload = JSON.stringify(local.featureFlagPayloads[key] ?? null);
        const ourPayload = flag.metadata.payload === null ? 'null' : JSON.stringify(JSON.parse(flag.metadata.payload));
        if (ours !== value || payload !== ourPayload)
            differences.push({ key, person, local: value, payload, ours, ourPayload, reason: flag.reason, definition: definitions[key] });
    }
    return compared;
}

test(`${WANTED} random answers of the server are the SDK's own`, { skip, timeout: 1_800_000 }, async () => {
    const r = generator(SEED);
    const differences = [];
    let compared = 0;
    let asked = 0;
    while (compared < WANTED) {
        const definitions = await serve(r);
        const client = new sdk.PostHog(server.key, { host: server.url, personalApiKey: server.key, featureFlagsPollingInterval: 1e9 });
        assert.ok(await client.waitForLocalEvaluationReady(10_000));
        for (let i = 0; i < PERSONS; i++) {
            const person = randomPerson(r);
            const [local, remote] = [await askSdk(client, person), await askServer(person)];
            compared += compare(definitions, person, local, remote, differences);
            asked += FLAGS;
        }
        await client.shutdown();
    }
    console.log(`compared ${compared} of ${asked}, seed ${SEED}, ${differences.length} differences`);
    for (const one of differences.slice(0, 5)) console.log(JSON.stringify(one, null, 1));
    assert.ok(compared > 0.4 * asked, 'most of them the SDK must have decided');
    assert.equal(differences.length, 0);
});
