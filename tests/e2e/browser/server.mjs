// The real server for one test file: `treadle serve` on a free port with a data folder of its own.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { events, items } from './data.mjs';

const TRAINING_LIMIT_MS = 90_000;
const STOP_LIMIT_MS = 15_000;

export class Server {
    #process;
    #folder;
    #options = [];

    /** `options`: more of `treadle serve`. */
    static async start(options = []) {
        if (!process.env.TREADLE_BIN) throw new Error('TREADLE_BIN must name the treadle program');
        const server = new Server();
        server.#options = options;
        server.#folder = await mkdtemp(join(tmpdir(), 'treadle-browser-'));
        return server.#serve();
    }

    /** Run the program, and wait until it listens. */
    async #serve() {
        this.#process = spawn(
            process.env.TREADLE_BIN,
            ['serve', '--data', this.data, '--port', '0', '--json', ...this.#options],
            { stdio: ['ignore', 'pipe', 'pipe'] },
        );
        let messages = '';
        this.#process.stderr.on('data', (chunk) => (messages += chunk));
        const lines = createInterface({ input: this.#process.stdout });
        const first = await Promise.race([
            once(lines, 'line').then(([line]) => line),
            once(this.#process, 'exit').then(() => null),
        ]).catch((error) => {
            messages += error.message; // the program could not be started at all
            return null;
        });
        if (first === null) {
            await rm(this.#folder, { recursive: true, force: true });
            throw new Error(`treadle serve ended at once: ${messages}`);
        }
        const { url, admin_key: key } = JSON.parse(first);
        return Object.assign(this, { url, key: key ?? this.key }); // the key is told once
    }

    /** Stop it, and start it anew on the same data; its address is another one then. */
    async restart() {
        await this.#end();
        return this.#serve();
    }

    /** As if it crashed, and started anew on the same data. */
    async crash() {
        const ended = once(this.#process, 'exit');
        this.#process.kill('SIGKILL');
        await ended;
        return this.#serve();
    }

    /** Its data folder. */
    get data() {
        return join(this.#folder, 'data');
    }

    async call(method, path, body, key = this.key) {
        const answer = await fetch(this.url + path, {
            method,
            headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
        return JSON.parse(text);
    }

    /** Catalogue and events, through the public API as a product would send them. */
    async fill() {
        const all = events();
        await this.call('PUT', '/v1/catalogue/items', items);
        for (let i = 0; i < all.length; i += 1000)
            await this.call('POST', '/v1/events', all.slice(i, i + 1000));
    }

    async train() {
        await this.call('POST', '/v1/train', { app: 'recommend', seed: 1 });
        await this.trained();
    }

    async trained() {
        const limit = Date.now() + TRAINING_LIMIT_MS;
        while (Date.now() < limit) {
            const { training } = await this.call('GET', '/v1/stats');
            if (training.state === 'done') return;
            if (training.state === 'failed') throw new Error(`training failed: ${training.error}`);
            await sleep(100);
        }
        throw new Error(`training took more than ${TRAINING_LIMIT_MS} ms`);
    }

    /** A new key, made beside the running server as an administrator would. */
    async createKey(right) {
        const make = ['key', 'create', '--right', right, '--data', this.data, '--json'];
        const { stdout } = await promisify(execFile)(process.env.TREADLE_BIN, make);
        return JSON.parse(stdout).key;
    }

    /** `treadle` with these arguments, beside the running server. */
    async run(...arguments_) {
        const { stdout } = await promisify(execFile)(process.env.TREADLE_BIN, [
            ...arguments_,
            '--data',
            this.data,
        ]);
        return stdout;
    }

    async #end() {
        const child = this.#process;
        if (child.exitCode === null && child.signalCode === null) {
            const ended = once(child, 'exit');
            child.kill('SIGTERM');
            const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
            await ended;
            clearTimeout(timer);
        }
    }

    async stop() {
        await this.#end();
        await rm(this.#folder, { recursive: true, force: true });
    }
}
