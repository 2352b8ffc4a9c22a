// What the page runs: window.flags is all that the test asks for.
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature } from '@openfeature/web-sdk';

window.start = async (baseUrl, key) => {
    await OpenFeature.setContext({ targetingKey: 'c' });
    const headers = [['Authorization', `Bearer ${key}`]];
    await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl, headers }));
    const client = OpenFeature.getClient();
    window.flags = { client, changes: [], stale: 0 };
    client.addHandler('PROVIDER_CONFIGURATION_CHANGED', (event) =>
        window.flags.changes.push(event.flagsChanged),
    );
    client.addHandler('PROVIDER_STALE', () => (window.flags.stale += 1));
};

/** GrowthBook's stream, as its SDK opens it. */
window.subscribe = (baseUrl, key) => {
    const source = new EventSource(`${baseUrl}/sub/${key}`);
    window.updates = 0;
    source.addEventListener('features-updated', () => (window.updates += 1));
    return new Promise((resolve, reject) => {
        source.addEventListener('open', () => resolve());
        source.addEventListener('error', () => reject(new Error('no stream')));
    });
};
