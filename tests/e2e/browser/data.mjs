// A small product with a pattern to learn: 80 users walk along a ring of 60 films, mostly one to
// three films ahead. Made from a fixed seed, so every run sees the same events.

const USERS = 80;
const FILMS = 60;
const STEPS = 14;
const START_MS = Date.UTC(2024, 0, 1);
const HOUR_MS = 3_600_000;

/** Numbers in [0, 1): a linear congruential generator with the constants of Numerical Recipes. */
function generator(seed) {
    let state = seed >>> 0;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
    };
}

export const items = Array.from({ length: FILMS }, (_, i) => ({
    id: `film-${i + 1}`,
    title: i === 0 ? 'Film 1, "the <b>first</b>" & 织机' : `Film ${i + 1}`,
    attributes: { genre: ['drama', 'comedy', 'crime'][i % 3] },
}));

export function events() {
    const random = generator(20240101);
    const made = [];

    for (let user = 0; user < USERS; user += 1) {
        const seen = new Set();
        let at = Math.floor(random() * FILMS);
        for (let step = 0; step < STEPS; step += 1) {
            while (seen.has(at)) at = (at + 1) % FILMS;
            seen.add(at);
            made.push({
                user: `u${user + 1}`,
                kind: 'rating',
                item: items[at].id,
                value: 1 + Math.floor(random() * 9) / 2,
                time: new Date(START_MS + (user + step * USERS) * HOUR_MS).toISOString(),
                message_id: `seed-${user}-${step}`,
            });
            at = (at + 1 + Math.floor(random() * 3)) % FILMS;
        }
    }
    return made.sort((a, b) => a.time.localeCompare(b.time));
}
