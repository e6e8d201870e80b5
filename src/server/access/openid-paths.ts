// Where people sign in with OpenID Connect (openid.ts).

export const OPENID_PATH = '/session/openid'
export const OPENID_CALLBACK_PATH = `${OPENID_PATH}/callback`
