// Builds the console into console/dist: hashed files under assets/ and nothing inline, so that the content security policy
// of the gateway allows it. `vite console` serves it during development and forwards API calls to SIVO_GATEWAY.

import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const gateway = process.env['SIVO_GATEWAY'] ?? 'http://127.0.0.1:4000'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    // The gateway accepts a session only from pages of its own host, so the proxy keeps the host that the browser sent.
    proxy: Object.fromEntries(
      ['/graphql', '/session', '/dead-letters.json', '^/.+\\.md$', '/docs/index.json', '/llms.txt'].map((path) => [
        path,
        { target: gateway, ws: true, changeOrigin: false },
      ]),
    ),
  },
})
