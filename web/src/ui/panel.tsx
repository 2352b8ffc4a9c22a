// A titled section of a page; the heading names the region for screen readers.
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface PanelProps {
    title: string;
    /** Buttons or a badge on the heading's line. */
    aside?: ComponentChildren;
    children: ComponentChildren;
}

export function Panel({ title, aside, children }: PanelProps) {
    const id = useId();

    return (
        <section class="panel" aria-labelledby={id}>
            <div class="panel-head">
                <h2 id={id}>{title}</h2>
                {aside}
            </div>
            {children}
        </section>
    );
}
