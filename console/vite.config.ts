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
    proxy: { '/graphql': { target: gateway, ws: true }, '/session': gateway, '/dead-letters.json': gateway },
  },
})
