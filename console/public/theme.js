// Sets the theme before anything is painted; src/theme.ts changes it later.
const stored = localStorage.getItem('sivo.theme')
const isDark = stored === 'dark' || (stored !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
