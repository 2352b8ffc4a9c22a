// One page, one script, one style sheet: everything else is the server's own /assets folder.
import { defineConfig } from 'vite';

export default defineConfig({
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
    build: {
        target: 'es2022',
        assetsInlineLimit: 0, // data: URLs would need a wider content security policy
        modulePreload: false,
        reportCompressedSize: false,
        emptyOutDir: true,
    },
});
