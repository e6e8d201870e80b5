// A Cloudflare Worker without nodejs_compat.
import { fetchWebhook } from './sivo/fetch.js'

export default {
  fetch: (request, { SECRETS }) => fetchWebhook({ secrets: SECRETS.split(' ') }, () => {})(request),
}
