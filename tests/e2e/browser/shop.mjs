// A small table with a known direction: the chance that somebody bought rises with `visits`, and is
// lower in the south.
import { setTimeout as sleep } from 'node:timers/promises';

/** CSV; always the same. The generator is MINSTD (Park and Miller, 1988). */
export function shop(rows = 400) {
    let state = 7;
    const draw = (n) => (state = (state * 48271) % 2147483647) % n;
    const lines = ['visits,region,age,bought'];
    for (let i = 0; i < rows; i += 1) {
        const visits = draw(1000) / 100;
        const south = draw(2) === 0;
        const age = 20 + draw(50);
        const chance = 1 / (1 + Math.exp(-(visits - 5 - (south ? 1.5 : 0))));
        lines.push(
            [visits, south ? 'south' : 'north', age, draw(10000) / 10000 < chance ? 'yes' : 'no'].join(','),
        );
    }
    return `${lines.join('\n')}\n`;
}

/** Fits it through the API, as model "shop". */
export async function fitShop(server) {
    const query = 'name=shop&target=bought&model=logistic&fairness=region&source=shop.csv';
    const answer = await fetch(`${server.url}/v1/predict/fit?${query}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${server.key}`, 'Content-Type': 'text/csv' },
        body: shop(),
    });
    if (answer.status !== 202) throw new Error(await answer.text());
    await sleep(50);
    await server.trained();
}
