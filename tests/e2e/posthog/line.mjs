// The line between an SDK and the server: it counts what goes by, and can be cut.
import { once } from 'node:events';
import http from 'node:http';

const CAPTURE = /^\/(batch|e|i\/v0\/e|i\/v1\/analytics\/events|capture|v1\/(batch|[abgipst]))\/?(\?|$)/;

async function bytesOf(stream) {
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
}

export class Line {
    #listener;
    #server;
    /** Answers to captures that came through, as {path, status}. */
    answers = [];
    /** Bodies of captures that were answered with 200, as they were sent. */
    acknowledged = [];
    /** The next so many captures are stored, and then the server stops before its answer is out. */
    lose = 0;
    lost = 0;

    static async to(server) {
        const line = new Line();
        line.#server = server;
        line.#listener = http.createServer((question, answer) => {
            line.#pass(question, answer).catch(() => answer.destroy());
        });
        line.#listener.listen(0, '127.0.0.1');
        await once(line.#listener, 'listening');
        line.url = `http://127.0.0.1:${line.#listener.address().port}`;
        return line;
    }

    async #ask(question, body) {
        const asked = http.request(this.#server.url + question.url, {
            method: question.method,
            headers: { ...question.headers, connection: 'close' },
        });
        asked.end(body);
        const [answer] = await once(asked, 'response');
        return { status: answer.statusCode, headers: answer.headers, body: await bytesOf(answer) };
    }

    async #pass(question, answer) {
        const body = await bytesOf(question);
        const capture = question.method !== 'OPTIONS' && CAPTURE.test(question.url);
        const lose = capture && this.lose > 0;
        if (lose) this.lose -= 1;
        const got = await this.#ask(question, body);
        if (lose) {
            await this.#server.restart();
            this.lost += 1;
            answer.destroy();
            return;
        }
        if (capture) this.answers.push({ path: question.url, status: got.status });
        if (capture && got.status === 200) this.acknowledged.push(body);
        delete got.headers['transfer-encoding'];
        answer.writeHead(got.status, { ...got.headers, connection: 'close' });
        answer.end(got.body);
    }

    /** The statuses of all captures, each once. */
    get statuses() {
        return [...new Set(this.answers.map(({ status }) => status))];
    }

    close() {
        this.#listener.close();
        this.#listener.closeAllConnections();
    }
}
