// Builds the console into console/dist: hashed files under assets/, nothing inline, so that it runs under the gateway's
// content security policy. `vite console` serves it while it is changed, and passes API calls on to SIVO_GATEWAY.

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
    // The gateway takes a session only from pages of its own host, so the host stays what the browser sent.
    proxy: Object.fromEntries(
      ['/graphql', '/session', '/dead-letters.json'].map((path) => [
        path,
        { target: gateway, ws: true, changeOrigin: false },
      ]),
    ),
  },
})
