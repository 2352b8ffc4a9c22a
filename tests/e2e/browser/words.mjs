// The texts of one language, for finding things on the page the way a person does.
import { readFileSync } from 'node:fs';

export const LANGUAGES = ['en', 'zh-CN'];

export function words(language) {
    const file = new URL(`../../../web/locales/${language}.json`, import.meta.url);
    const texts = JSON.parse(readFileSync(file, 'utf8'));
    return (key, values = {}) => {
        if (!(key in texts)) throw new Error(`no text ${key}`);
        return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    };
}
