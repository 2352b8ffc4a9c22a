// A server that comes back on the same port, with the same data.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export class Restartable {
    #folder;
    #process;
    #port = '0';

    static async start() {
        const server = new Restartable();
        server.#folder = await mkdtemp(join(tmpdir(), 'treadle-restart-'));
        await server.up();
        return server;
    }

    async up() {
        const data = join(this.#folder, 'data');
        this.#process = spawn(
            process.env.TREADLE_BIN,
            ['serve', '--data', data, '--port', this.#port, '--json'],
            { stdio: ['ignore', 'pipe', 'ignore'] },
        );
        const [line] = await once(createInterface({ input: this.#process.stdout }), 'line');
        const said = JSON.parse(line);
        this.url = said.url;
        this.key ??= said.admin_key; // told once, at the first start
        this.#port = String(said.port);
    }

    async down() {
        const ended = once(this.#process, 'exit');
        this.#process.kill('SIGTERM');
        const [status] = await ended;
        return status;
    }

    async call(method, path, body) {
        const headers = { Authorization: `Bearer ${this.key}` };
        const answer = await fetch(this.url + path, {
            method,
            headers,
            body: JSON.stringify(body),
        });
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
        return answer.json();
    }

    async remove() {
        if (this.#process.exitCode === null) await this.down();
        await rm(this.#folder, { recursive: true, force: true });
    }
}
