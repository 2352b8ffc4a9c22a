// Tables scroll sideways inside their own box on a narrow screen; the box can take focus so that
// the arrow keys scroll it.
import type { ComponentChildren } from 'preact';

interface TableProps {
    caption: string;
    /** Show the caption; otherwise only screen readers get it (a heading stands above anyway). */
    captionShown?: boolean;
    head: ComponentChildren;
    children: ComponentChildren;
}

export function Table({ caption, captionShown, head, children }: TableProps) {
    return (
        <div class="table-box" role="region" aria-label={caption} tabIndex={0}>
            <table>
                <caption class={captionShown ? undefined : 'sr-only'}>{caption}</caption>
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{children}</tbody>
            </table>
        </div>
    );
}

/** A column head; `number` aligns it with the figures below. */
export function Head({ number, children }: { number?: boolean; children: ComponentChildren }) {
    return (
        <th scope="col" class={number ? 'number' : undefined}>
            {children}
        </th>
    );
}
