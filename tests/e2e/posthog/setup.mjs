// A fresh server with a line to it and a write key, for one test.
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '../browser/server.mjs';
import { Line } from './line.mjs';

export const load = (name) => import(name).catch(() => null);

/** A write key that the server knows by now: it looks for new ones every tenth of a second. */
async function writeKey(server) {
    const key = await server.createKey('write');
    const body = JSON.stringify({ api_key: key, batch: [] });
    for (let i = 0; i < 100; i += 1) {
        if ((await fetch(`${server.url}/batch/`, { method: 'POST', body })).ok) return key;
        await sleep(20);
    }
    throw new Error('the server does not take the key that was made for it');
}

export async function withServer(run) {
    const server = await Server.start();
    const line = await Line.to(server);
    try {
        await run({ server, line, key: await writeKey(server) });
    } finally {
        line.close();
        await server.stop();
    }
}

/** Events of a person, oldest first. */
export async function eventsOf(server, user) {
    const { events } = await server.call('GET', `/v1/events?user=${encodeURIComponent(user)}`);
    return events.reverse();
}

export const kindsOf = async (server, user) =>
    (await eventsOf(server, user)).map(({ kind }) => kind).sort();

export async function storedIn(server) {
    return (await server.call('GET', '/v1/stats')).events.total;
}
