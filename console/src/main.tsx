import './styles.css'
import { CSPProvider } from '@base-ui/react/csp-provider'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Provider } from 'urql'
import { client } from './api/client.ts'
import { router } from './routes.tsx'
import { beginSession, followLinksInThisTab } from './session/session.ts'

void beginSession()
followLinksInThisTab()

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <Provider value={client}>
        <RouterProvider router={router} />
      </Provider>
    </CSPProvider>
  </StrictMode>,
)
