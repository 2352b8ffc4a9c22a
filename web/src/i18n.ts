// Words, numbers and dates in the chosen language. Every string a person reads comes from
// locales/*.json; `tests/locales.test.mjs` keeps the files in step.
import en from '../locales/en.json';
import zh from '../locales/zh-CN.json';
import { observable, useValue } from './observable';
import { recall, remember } from './remember';

export type Locale = 'en' | 'zh-CN';
export type Key = keyof typeof en;
/** Keys that come as a pair `<stem>.one` / `<stem>.other`. */
export type Stem = { [K in Key]: K extends `${infer S}.other` ? S : never }[Key];
export type Values = Record<string, string | number>;

const texts: Record<Locale, Record<Key, string>> = { en, 'zh-CN': zh };

export interface I18n {
    locale: Locale;
    /** The text of `key`, with {name} replaced by values.name. */
    t(key: Key, values?: Values): string;
    /** The text of `<stem>.one` or `.other` for n; {n} is n, formatted. */
    plural(stem: Stem, n: number, values?: Values): string;
    /** A name the server sent (model, stage, event kind): translated when we know it. */
    name(
        group: 'model' | 'surface' | 'task' | 'because' | 'history' | 'kept' | 'kind' | 'fallback' | 'source' | 'stop' | 'action' | 'measure' | 'verdict',
        value: string,
    ): string;
    number(x: number, digits?: number): string;
    /** A measure: four decimals of what is small, five digits of what is large. */
    measure(x: number): string;
    /** Five digits, wherever they begin. */
    figure(x: number): string;
    percent(share: number): string;
    time(rfc3339: string): string;
    bytes(n: number): string;
    seconds(s: number): string;
}

function fill(text: string, values: Values): string {
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function make(locale: Locale): I18n {
    const words = texts[locale];
    const rules = new Intl.PluralRules(locale);
    const figure = new Intl.NumberFormat(locale, { maximumSignificantDigits: 5 });
    const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
    const share = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
    const number = (x: number, digits?: number) =>
        new Intl.NumberFormat(locale, {
            minimumFractionDigits: digits ?? 0,
            maximumFractionDigits: digits ?? 3,
        }).format(x);
    const t = (key: Key, values: Values = {}) => fill(words[key], values);
    const unit = (x: number, name: string, digits: number) =>
        new Intl.NumberFormat(locale, {
            style: 'unit',
            unit: name,
            unitDisplay: 'short',
            maximumFractionDigits: digits,
        }).format(x);

    return {
        locale,
        t,
        plural(stem, n, values = {}) {
            const form = rules.select(n) === 'one' ? 'one' : 'other';
            return t(`${stem}.${form}` as Key, { n: number(n), ...values });
        },
        name(group, value) {
            return (words as Record<string, string>)[`${group}.${value}`] ?? value;
        },
        number,
        measure: (x) => (Math.abs(x) < 100 ? number(x, 4) : figure.format(x)),
        figure: (x) => figure.format(x),
        percent: (x) => share.format(x),
        time(text) {
            const when = new Date(text);
            return Number.isNaN(when.getTime()) ? text : date.format(when);
        },
        bytes(n) {
            if (n < 1000) return unit(n, 'byte', 0);
            return n < 1e6 ? unit(n / 1e3, 'kilobyte', 1) : unit(n / 1e6, 'megabyte', 1);
        },
        seconds(s) {
            if (s > 0 && s < 1) return unit(s * 1e3, 'millisecond', s < 0.01 ? 2 : 0);
            return unit(s, 'second', s < 10 ? 2 : 0);
        },
    };
}

const made: Record<Locale, I18n> = { en: make('en'), 'zh-CN': make('zh-CN') };

function first(): Locale {
    const wish = recall('language') ?? navigator.language;
    return wish.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

export const locale = observable<Locale>(first());

export function chooseLocale(next: Locale): void {
    remember('language', next);
    locale.set(next);
}

/** Keep <html lang> in step; call once, before the first render. */
export function startI18n(): void {
    const apply = (value: Locale) => {
        document.documentElement.lang = value;
    };
    apply(locale.get());
    locale.watch(apply);
}

export function useI18n(): I18n {
    return made[useValue(locale)];
}
