// llama.cpp's greedy continuation of a sequence of tokens, and its embedding of one.
//
//   node greedy.mjs MODEL.gguf COUNT TOKEN...      prints a JSON array of COUNT tokens
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const importLibrary = () => import('node-llama-cpp').catch(() => null);

/** llama.cpp on the processor, as built by npm's package; null when it is not installed. */
export async function openLlama() {
    const library = await importLibrary();
    return library?.getLlama({
        gpu: false, build: 'never', skipDownload: true, progressLogs: false, maxThreads: 1,
        logLevel: library.LlamaLogLevel.error,
    });
}

/** The `count` tokens of highest logit after `tokens`, one after the other. */
export async function greedy(llama, modelPath, tokens, count) {
    const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
    try {
        const context = await model.createContext({ contextSize: 64 });
        const found = [];
        const options = { temperature: 0, yieldEogToken: true };
        for await (const token of context.getSequence().evaluate(tokens, options)) {
            found.push(token);
            if (found.length === count) break;
        }
        return found;
    } finally {
        await model.dispose();
    }
}

/** The pooled vector of each list of tokens, which begins with [CLS] and ends with [SEP]. */
export async function embed(llama, modelPath, texts) {
    const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
    try {
        const context = await model.createEmbeddingContext({ contextSize: 64 });
        const found = [];
        for (const tokens of texts) found.push((await context.getEmbeddingFor([...tokens])).vector);
        return found;
    } finally {
        await model.dispose();
    }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
    const [path, count, ...tokens] = process.argv.slice(2);
    const llama = await openLlama();
    if (!llama) throw new Error('node-llama-cpp is not installed: run npm install --no-save --omit=optional here');
    console.log(JSON.stringify(await greedy(llama, path, tokens.map(Number), Number(count))));
    await llama.dispose();
}
