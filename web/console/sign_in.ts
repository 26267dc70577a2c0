/** Signs in and out: the I/O for the decisions of `sign_in_flow.ts`. */

import type { SignInConfig } from '../shared/config.js';
import {
  authorizationUrl,
  base64url,
  challengeOf,
  ENDS_SOON_MS,
  endpointsOf,
  exchangeForm,
  type Pending,
  returnOf,
  type Session,
  type SignInProblem,
  sessionOf,
} from './sign_in_flow.js';

const PENDING = 'rtdts.sign_in';
const SESSION = 'rtdts.session';

/** The functions of a browser that the sign-in uses. */
export interface Browser {
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  readonly fetch: typeof fetch;
  /** The page's URL. */
  url(): URL;
  /** Changes the URL without loading it. */
  replaceUrl(url: string): void;
  navigateTo(url: string): void;
  nowMs(): number;
}

/** This tab. Its storage is not shared with other tabs, and is deleted when the tab is closed. */
export const thisTab = (): Browser => ({
  storage: sessionStorage,
  fetch: (...request) => fetch(...request),
  url: () => new URL(location.href),
  replaceUrl: (url) => history.replaceState(null, '', url),
  navigateTo: (url) => location.assign(url),
  nowMs: () => Date.now(),
});

export type Resumed = { readonly session: Session | null; readonly problem: SignInProblem | null };

export class SignIn {
  readonly #config: SignInConfig;
  readonly #browser: Browser;

  constructor(config: SignInConfig, browser: Browser) {
    this.#config = config;
    this.#browser = browser;
  }

  /** Returns this tab's session, or starts one if the issuer has sent the browser back. */
  async resume(): Promise<Resumed> {
    const url = this.#browser.url();
    const pending = this.#read<Pending>(PENDING);
    const returned = returnOf(url.search, pending, this.#config.issuer);
    if (returned.type === 'none') return { session: this.#current(), problem: null };
    // First remove the code and the state, so that they are never left in the URL or used twice.
    this.#browser.replaceUrl(url.pathname + (pending?.search ?? ''));
    this.#browser.storage.removeItem(PENDING);
    if (returned.type === 'problem' || pending === null) {
      const problem = returned.type === 'problem' ? returned.problem : 'not_ours';
      return { session: this.#current(), problem };
    }
    try {
      const endpoints = await this.#discover();
      const response = await this.#browser.fetch(endpoints.token, {
        method: 'POST',
        body: exchangeForm(this.#config.client_id, pending, returned.code),
        credentials: 'omit',
        cache: 'no-store',
      });
      const body: unknown = response.ok ? await response.json() : null;
      const session = sessionOf(body, this.#config, pending, this.#browser.nowMs());
      if (session === null) return { session: null, problem: 'tokens' };
      this.#browser.storage.setItem(SESSION, JSON.stringify(session));
      return { session, problem: null };
    } catch {
      return { session: null, problem: 'issuer' };
    }
  }

  /**
   * Navigates to the issuer's login page.
   *
   * @throws Error if the issuer can't be reached.
   */
  async start(): Promise<void> {
    const endpoints = await this.#discover();
    const url = this.#browser.url();
    const pending: Pending = {
      state: random(),
      nonce: random(),
      verifier: random(),
      redirectUri: url.origin + url.pathname,
      search: url.search,
    };
    this.#browser.storage.setItem(PENDING, JSON.stringify(pending));
    const challenge = await challengeOf(pending.verifier);
    this.#browser.navigateTo(
      authorizationUrl(endpoints.authorization, this.#config, pending, challenge),
    );
  }

  /** Deletes the session in this tab. The issuer's own session continues. */
  signOut(): void {
    this.#browser.storage.removeItem(SESSION);
  }

  #current(): Session | null {
    const session = this.#read<Session>(SESSION);
    return session && session.endsAtMs - ENDS_SOON_MS > this.#browser.nowMs() ? session : null;
  }

  #read<T>(name: string): T | null {
    try {
      return JSON.parse(this.#browser.storage.getItem(name) ?? 'null');
    } catch {
      return null;
    }
  }

  async #discover() {
    const { issuer } = this.#config;
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await this.#browser.fetch(url, { credentials: 'omit' });
    const endpoints = response.ok ? endpointsOf(await response.json(), issuer) : null;
    if (endpoints === null) throw new Error(`${url} is not the discovery document of ${issuer}`);
    return endpoints;
  }
}

/** Returns 256 random bits, as 43 characters. */
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
