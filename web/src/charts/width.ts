// The width a chart may take, in CSS pixels, followed as the window changes.
import { useEffect, useRef, useState } from 'preact/hooks';

export function useWidth<E extends HTMLElement>(): [{ current: E | null }, number] {
    const box = useRef<E>(null);
    const [width, setWidth] = useState(0);

    useEffect(() => {
        const element = box.current;
        if (!element) return undefined;
        const watcher = new ResizeObserver(([entry]) => {
            if (entry) setWidth(Math.floor(entry.contentRect.width));
        });
        watcher.observe(element);
        return () => watcher.disconnect();
    }, []);
    return [box, width];
}
