// Every chart gives its data away: as CSV, and as a Vega-Lite specification with the data inside.
import { useI18n } from '../i18n';
import { csv, type Exported, vegaLite } from './formats';
import { save } from './save';

/** `what()` is asked when a button is pressed, so a live chart saves what it shows then. */
export function ExportButtons({ title, what }: { title: string; what: () => Exported }) {
    const { t } = useI18n();

    return (
        <div class="exports" role="group" aria-label={t('chart.export', { title })}>
            <button
                type="button"
                class="quiet"
                onClick={() => {
                    const chart = what();
                    save(`${chart.name}.csv`, 'text/csv;charset=utf-8', csv(chart.rows));
                }}
            >
                {t('chart.csv')}
            </button>
            <button
                type="button"
                class="quiet"
                onClick={() => {
                    const chart = what();
                    save(`${chart.name}.vl.json`, 'application/json', vegaLite(chart));
                }}
            >
                {t('chart.vegaLite')}
            </button>
        </div>
    );
}
