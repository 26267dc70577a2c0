/** OIDC's authorization code flow with PKCE, without I/O: the requests, and what is accepted. */

import type { SignInConfig } from '../shared/config.js';

/** A sign-in that has been started, stored while the browser is at the issuer's page. */
export interface Pending {
  readonly state: string;
  readonly nonce: string;
  /** The PKCE verifier (RFC 7636), without which the code in the URL can't be used. */
  readonly verifier: string;
  readonly redirectUri: string;
  /** The query of the page's URL before the sign-in, such as `?lang=ko`. */
  readonly search: string;
}

/** A signed-in dispatcher. */
export interface Session {
  readonly accessToken: string;
  /** The dispatcher's name at the issuer. */
  readonly subject: string;
  readonly endsAtMs: number;
}

export interface Endpoints {
  readonly authorization: string;
  readonly token: string;
}

export type SignInProblem = 'issuer' | 'refused' | 'not_ours' | 'tokens';

/** A token that expires sooner than this is no longer used, in ms. */
export const ENDS_SOON_MS = 5_000;

export function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The S256 challenge of a verifier. */
export async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

/**
 * Returns the endpoints of a discovery document; null if it belongs to another issuer, or if an
 * endpoint uses neither HTTPS nor the issuer's own origin.
 */
export function endpointsOf(document: unknown, issuer: string): Endpoints | null {
  if (typeof document !== 'object' || document === null) return null;
  const found = document as Record<string, unknown>;
  if (found['issuer'] !== issuer) return null;
  const authorization = found['authorization_endpoint'];
  const token = found['token_endpoint'];
  if (!isEndpoint(authorization, issuer) || !isEndpoint(token, issuer)) return null;
  return { authorization, token };
}

function isEndpoint(url: unknown, issuer: string): url is string {
  if (typeof url !== 'string' || !URL.canParse(url)) return false;
  const { protocol, origin } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && origin === new URL(issuer).origin);
}

/** Returns the URL of the issuer's login page for this sign-in. */
export function authorizationUrl(
  endpoint: string,
  { client_id, scope }: SignInConfig,
  pending: Pending,
  challenge: string,
): string {
  const url = new URL(endpoint);
  const requested = {
    response_type: 'code',
    client_id,
    redirect_uri: pending.redirectUri,
    scope,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(requested)) url.searchParams.set(name, value);
  return url.href;
}

export type Return =
  | { readonly type: 'none' }
  | { readonly type: 'code'; readonly code: string }
  | { readonly type: 'problem'; readonly problem: SignInProblem };

/** Reads the issuer's response from the URL; accepts it only if this page requested it. */
export function returnOf(search: string, pending: Pending | null, issuer: string): Return {
  const query = new URLSearchParams(search);
  if (!query.has('code') && !query.has('error')) return { type: 'none' };
  if (pending === null || query.get('state') !== pending.state) {
    return { type: 'problem', problem: 'not_ours' };
  }
  const iss = query.get('iss'); // RFC 9207
  if (iss !== null && iss !== issuer) return { type: 'problem', problem: 'not_ours' };
  const code = query.get('code');
  if (code === null || query.has('error')) return { type: 'problem', problem: 'refused' };
  return { type: 'code', code };
}

/** Returns the form that exchanges a code for tokens. */
export function exchangeForm(clientId: string, pending: Pending, code: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    client_id: clientId,
    redirect_uri: pending.redirectUri,
    code_verifier: pending.verifier,
  });
}

/**
 * Returns the session of a token response; null if it is not valid for this request.
 *
 * The ID token comes directly from the issuer, so its signature is not checked (OpenID Connect Core,
 * 3.1.3.7). The service checks the access token's signature.
 */
export function sessionOf(
  response: unknown,
  { issuer, client_id }: SignInConfig,
  pending: Pending,
  nowMs: number,
): Session | null {
  if (typeof response !== 'object' || response === null) return null;
  const { access_token, id_token, token_type, expires_in } = response as Record<string, unknown>;
  if (typeof access_token !== 'string' || typeof id_token !== 'string') return null;
  if (typeof token_type !== 'string' || token_type.toLowerCase() !== 'bearer') return null;
  if (typeof expires_in !== 'number' || !(expires_in > 0)) return null;
  const claims = claimsOf(id_token);
  if (claims === null) return null;
  const { iss, aud, nonce, sub, exp } = claims;
  const isForUs = aud === client_id || (Array.isArray(aud) && aud.includes(client_id));
  if (iss !== issuer || !isForUs || nonce !== pending.nonce) return null;
  if (typeof sub !== 'string' || typeof exp !== 'number') return null;
  return { accessToken: access_token, subject: sub, endsAtMs: nowMs + expires_in * 1000 };
}

function claimsOf(jwt: string): Record<string, unknown> | null {
  const payload = jwt.split('.')[1];
  if (payload === undefined) return null;
  try {
    const binary = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null
      ? (claims as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
