// GrowthBook's SDK, if it is installed.
export const sdk = await import('@growthbook/growthbook').catch(() => null);
export const plugins = sdk && (await import('@growthbook/growthbook/plugins'));
export const skip = sdk ? false : '@growthbook/growthbook is not installed: run npm ci in tests/e2e/growthbook';
if (skip) console.log(`skipped: ${skip}`);

/** Everything a payload answers of one flag, and the exposures that this makes the SDK report. */
export function ask(payload, key, options) {
    const seen = [];
    const gb = new sdk.GrowthBook({
        ...options,
        trackingCallback: (experiment, result) => seen.push({ experiment: experiment.key, ...result }),
    });
    gb.initSync({ payload });
    const { value, on, ruleId } = gb.evalFeature(key);
    gb.destroy();
    return { value, on, ruleId, seen };
}
